"""Asking an engine for streams that want the whole terminal: in a thread, as for every verb; a screen then lends it."""

from __future__ import annotations

from collections.abc import Callable

from textual.message import Message

from dockview.engine.api import Attachment, Engine, OnRecord
from dockview.engine.cancel import CancelToken
from dockview.engine.model import Container, ExecRequest, RunRequest

SHELL = ("/bin/sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi")
"""The best shell that the container has."""
Send = Callable[[Message], object]


class TerminalReady(Message):
    """The streams of a container have come, and want the terminal."""

    def __init__(self, attachment: Attachment, line: str, *, has_stdin: bool) -> None:
        self.attachment = attachment
        self.line = line
        self.has_stdin = has_stdin
        super().__init__()


def exec_shell(container: Container, send: Send) -> Callable[[Engine], None]:
    """What a thread does to open a shell; `send` posts a message to the screen."""
    line = f"docker exec -it {container.name} sh"
    return exec_request(container, ExecRequest(command=SHELL, line=line, tty=True, open_stdin=True), send)


def exec_request(container: Container, request: ExecRequest, send: Send) -> Callable[[Engine], None]:
    """What a thread does to execute a command; one that is detached wants no terminal."""

    def do(engine: Engine) -> None:
        attachment = engine.exec(container.id, request)
        if not request.detach:
            send(TerminalReady(attachment, request.line, has_stdin=request.open_stdin))

    return do


def attach(container: Container, send: Send) -> Callable[[Engine], None]:
    """What a thread does to join a container's own streams."""

    def do(engine: Engine) -> None:
        attachment = engine.attach(container.id, stdin=True)
        send(TerminalReady(attachment, f"docker attach {container.name}", has_stdin=True))

    return do


def run(request: RunRequest, cancel: CancelToken, on_record: OnRecord, send: Send) -> Callable[[Engine], None]:
    """What a thread does to run a container that is to have the terminal; it gets it once its command is executed."""

    def do(engine: Engine) -> None:
        kept: list[Attachment] = []
        engine.run(request, cancel=cancel, on_record=on_record, on_attach=kept.append)
        for attachment in kept:
            send(TerminalReady(attachment, request.line, has_stdin=request.open_stdin))

    return do
