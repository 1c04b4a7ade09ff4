"""`run`: a container is born; detached its ID is printed, else it lives in the foreground."""

from __future__ import annotations

import contextlib
import time

from dockview.commands.cancellable import call_cancellable
from dockview.commands.cidfile import CidFile
from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.ending import finish
from dockview.commands.foreground import Foreground
from dockview.commands.progress import PullProgress
from dockview.commands.signals import SignalQueue
from dockview.commands.terminal import parse_detach_keys
from dockview.engine.api import Attachment, Engine
from dockview.engine.errors import DockviewError, EngineBug, InvalidRequest
from dockview.engine.model import Container, RunRequest

_ENGINE_FAILED = 125
"""Docker's exit code for a run that failed before the container's command could."""


def run(engine: Engine, command: Command, console: Console) -> int:
    """Create and start a container; the exit code is the container's own, 0 when it is detached."""
    request = command.request
    if request is None:
        raise EngineBug("run without a request")
    keys = detach_keys(command)
    check_tty(is_tty=request.tty and not request.detach, wants_stdin=request.open_stdin, console=console)
    since_ns = time.time_ns()
    attached: list[Attachment] = []
    with SignalQueue() as signals:
        container = _born(engine, command, request, console, signals, attached=attached)
        if request.detach:
            console.print(container.id)
            return 0
        with contextlib.closing(Foreground(
            engine, container.id, attached[0], console, signals, wants_stdin=request.open_stdin,
            forwards_signals=command.is_on("sig-proxy"), detach_keys=keys,
        )) as foreground:  # fmt: skip
            if not foreground.stay():
                return 0
            return finish(
                engine, container.id, since_ns, console, known=foreground.exit_code, is_removed=request.auto_remove
            )


def _born(
    engine: Engine,
    command: Command,
    request: RunRequest,
    console: Console,
    signals: SignalQueue,
    *,
    attached: list[Attachment],
) -> Container:
    """Run; in the foreground `attached` gets the container's streams, from before its first word."""
    progress = None if command.is_on("quiet") else PullProgress(console, request.image, to_out=False)

    def join(attachment: Attachment) -> None:
        attached.append(attachment)
        if request.auto_remove:
            attachment.promise_removal()

    on_attach = None if request.detach else join
    try:
        with CidFile(command.text("cidfile")) as cidfile:
            on_record = cidfile.hearing(progress.on_record if progress else None)
            return call_cancellable(
                lambda cancel: engine.run(request, cancel=cancel, on_record=on_record, on_attach=on_attach), signals
            )
    except BaseException as error:
        for attachment in attached:
            attachment.close()
        if isinstance(error, DockviewError) and error.exit_code == 1:
            error.exit_code = _ENGINE_FAILED
        raise
    finally:
        if progress:
            progress.close()


def detach_keys(command: Command) -> bytes:
    """The keys that let go of a container. Raises: InvalidRequest."""
    try:
        return parse_detach_keys(command.text("detach-keys"))
    except ValueError as error:
        raise InvalidRequest(
            f"invalid detach keys: {error}", hint="single keys or ctrl-<key>, with commas between: ctrl-p,ctrl-q"
        ) from None


def check_tty(*, is_tty: bool, wants_stdin: bool, console: Console) -> None:
    """Raises: InvalidRequest for `-it` where the input is no terminal, as docker does."""
    if is_tty and wants_stdin and not console.in_is_tty:
        raise InvalidRequest("the input device is not a TTY", hint="leave out -t to feed a pipe to the container")
