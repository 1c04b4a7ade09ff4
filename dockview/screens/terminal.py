"""A command in a container, or a container's own streams, on the whole terminal, while the app steps aside.

The engine is asked in a thread, as for every verb; once the streams are there, the app is suspended and its own thread
copies keys to the container until the streams end or the user lets go. Nothing else of the app runs meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from collections.abc import Callable

from textual.message import Message

from dockview.commands.terminal import DETACH_KEYS, DetachScanner, RawTerminal, StreamCleaner, window_size
from dockview.engine.api import Attachment, Engine
from dockview.engine.errors import DockviewError
from dockview.engine.model import Container, ExecRequest
from dockview.text import clean_line

SHELL = ("/bin/sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi")
"""The best shell that the container has."""
_CHUNK = 1 << 14


class TerminalReady(Message):
    """The streams of a container have come, and want the terminal."""

    def __init__(self, attachment: Attachment, title: str) -> None:
        self.attachment = attachment
        self.title = title
        super().__init__()


def exec_shell(container: Container, send: Callable[[Message], object]) -> Callable[[Engine], None]:
    """What a thread does to open a shell; `send` posts a message to the screen."""
    line = f"docker exec -it {container.name} sh"
    return exec_request(container, ExecRequest(command=SHELL, line=line, tty=True, open_stdin=True), send)


def exec_request(
    container: Container, request: ExecRequest, send: Callable[[Message], object]
) -> Callable[[Engine], None]:
    """What a thread does to execute a command whose streams want the terminal."""

    def do(engine: Engine) -> None:
        attachment = engine.exec(container.id, request)
        if not request.detach:
            send(TerminalReady(attachment, f"{request.line}   (ctrl-p ctrl-q lets go)"))

    return do


def attach(container: Container, send: Callable[[Message], object]) -> Callable[[Engine], None]:
    """What a thread does to join a container's own streams."""
    leave = "ctrl-p ctrl-q" if container.tty else "ctrl-c"

    def do(engine: Engine) -> None:
        attachment = engine.attach(container.id, stdin=True)
        send(TerminalReady(attachment, f"docker attach {container.name}   ({leave} lets go, the container goes on)"))

    return do


def join(attachment: Attachment, title: str) -> str:
    """Give this process's terminal to the streams until they end or the user lets go; how it went, in words."""
    wake, waker = os.pipe()
    earlier = signal.signal(signal.SIGWINCH, lambda *_: os.write(waker, b"w"))
    copier = threading.Thread(target=_copy_output, args=(attachment, waker), name="terminal", daemon=True)
    try:
        os.write(1, f"\x1b[2m{clean_line(title)}\x1b[0m\r\n".encode())
        with contextlib.ExitStack() as stack:
            if attachment.is_tty:
                stack.enter_context(RawTerminal(0))
            _resize(attachment)
            copier.start()
            has_ended = _copy_input(attachment, wake)
        if has_ended and not attachment.is_tty:
            copier.join(1)
            os.write(1, b"\n\x1b[2menter goes back\x1b[0m ")
            os.read(0, _CHUNK)
    except KeyboardInterrupt:
        has_ended = False
    finally:
        signal.signal(signal.SIGWINCH, earlier)
        attachment.close()
        copier.join(1)
        os.close(wake)
        os.close(waker)
    if not has_ended:
        return "let go"
    code = attachment.exit_code
    return "ended" if code is None else f"exit code {code}"


def _copy_output(attachment: Attachment, waker: int) -> None:
    cleaner = None if attachment.is_tty else StreamCleaner()
    with contextlib.suppress(DockviewError, OSError, ValueError):
        while (piece := attachment.read()) is not None:
            data = cleaner.feed(piece[1]) if cleaner else piece[1]
            while data:
                data = data[os.write(1, data) :]
    with contextlib.suppress(OSError):
        os.write(waker, b"e")


def _copy_input(attachment: Attachment, wake: int) -> bool:
    """Copy what is typed until the output has ended; False when the user lets go before."""
    scanner = DetachScanner(DETACH_KEYS) if attachment.is_tty else None
    poll = select.poll()
    for fd in (0, wake):
        poll.register(fd, select.POLLIN)
    while True:
        ready = {fd for fd, _mask in poll.poll()}
        if wake in ready:
            if b"e" in os.read(wake, 64):
                return True
            _resize(attachment)
        if 0 in ready:
            data, is_detached = os.read(0, _CHUNK), False
            if not data:
                return False
            if scanner:
                data, is_detached = scanner.feed(data)
            with contextlib.suppress(DockviewError):  # it ends just now, which the other thread will tell
                if data:
                    attachment.write(data)
            if is_detached:
                return False


def _resize(attachment: Attachment) -> None:
    size = window_size(0)
    if attachment.is_tty and size:
        with contextlib.suppress(DockviewError, OSError):
            attachment.resize(*size)
