"""`exec`: one more command in a running container."""

from __future__ import annotations

import contextlib

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.execute_run import check_tty, detach_keys
from dockview.commands.foreground import Foreground
from dockview.commands.signals import SignalQueue
from dockview.commands.terminal import window_size
from dockview.commands.values import environment, environment_file
from dockview.engine.api import Engine
from dockview.engine.model import ExecRequest

_UNKNOWN_CODE = 125


def execute(engine: Engine, command: Command, console: Console) -> int:
    """Execute a command; its exit code, 0 when it is detached or let go."""
    keys = detach_keys(command)
    request = request_from(command)
    check_tty(is_tty=request.tty and not request.detach, wants_stdin=request.open_stdin, console=console)
    with SignalQueue() as signals:
        attachment = engine.exec(command.refs[0], request)
        if request.detach:
            return 0
        foreground = Foreground(
            engine, command.refs[0], attachment, console, signals, wants_stdin=request.open_stdin,
            forwards_signals=False, detach_keys=keys,
        )  # fmt: skip
        with contextlib.closing(foreground):
            is_over = foreground.stay()
        if not is_over:
            return 0
        if foreground.exit_code is None:
            console.note("dockview: the exit code of the command is unknown: its container went away.")
            return _UNKNOWN_CODE
        return foreground.exit_code


def request_from(command: Command) -> ExecRequest:
    """The request of an exec line. Raises: UsageError for an env-file that cannot be read."""
    files = [entry for path in command.texts("env-file") for entry in environment_file(path)]
    is_detached = command.is_on("detach")
    is_tty = command.is_on("tty")
    return ExecRequest(
        command=command.refs[1:], line=command.line, env=(*files, *environment(command.texts("env"))),
        user=command.text("user"), workdir=command.text("workdir"), tty=is_tty, size=_size() if is_tty else None,
        open_stdin=command.is_on("interactive") and not is_detached, detach=is_detached,
        privileged=command.is_on("privileged"),
    )  # fmt: skip


def _size() -> tuple[int, int] | None:
    return next((size for fd in (1, 0) if (size := window_size(fd))), None)
