"""`start` and `attach`."""

from __future__ import annotations

import contextlib
import time

from dockview.commands.cancellable import call_cancellable
from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.each import for_each
from dockview.commands.ending import finish
from dockview.commands.execute_run import check_tty, detach_keys
from dockview.commands.foreground import Foreground
from dockview.commands.signals import SignalQueue
from dockview.engine.api import Attachment, Engine
from dockview.engine.errors import Conflict, InvalidRequest


def start(engine: Engine, command: Command, console: Console) -> int:
    """Start containers; with --attach or --interactive one, in the foreground."""
    if command.is_on("attach") or command.is_on("interactive"):
        if len(command.refs) > 1:
            raise InvalidRequest("you cannot start and attach multiple containers at once")
        return _start_attached(engine, command, console)

    def act(ref: str) -> str:
        call_cancellable(lambda cancel: engine.start(ref, cancel=cancel))
        return ref

    return for_each(command.refs, act, console)


def _start_attached(engine: Engine, command: Command, console: Console) -> int:
    ref = command.refs[0]
    keys = detach_keys(command)
    wants_stdin = command.is_on("interactive")
    check_tty(is_tty=engine.container(ref).tty, wants_stdin=wants_stdin, console=console)
    since_ns = time.time_ns()
    attached: list[Attachment] = []
    with SignalQueue() as signals:
        try:
            container = call_cancellable(
                lambda cancel: engine.start(ref, cancel=cancel, on_attach=attached.append), signals
            )
        except BaseException:
            for attachment in attached:
                attachment.close()
            raise
        if not attached:
            # It ran already, so nothing was started: its streams are joined where they are.
            attached.append(engine.attach(container.id, stdin=wants_stdin))
        with contextlib.closing(Foreground(
            engine, container.id, attached[0], console, signals, wants_stdin=wants_stdin, detach_keys=keys
        )) as foreground:  # fmt: skip
            if not foreground.stay():
                return 0
            return finish(
                engine, container.id, since_ns, console, known=foreground.exit_code, is_removed=container.auto_remove
            )


def attach(engine: Engine, command: Command, console: Console) -> int:
    """Join the streams of a running container; its exit code, or 0 when the user lets go."""
    keys = detach_keys(command)
    container = engine.container(command.refs[0])
    if not container.status.is_alive:
        raise Conflict("you cannot attach to a stopped container, start it first",
                       hint=f"dockview start -a {container.name}")  # fmt: skip
    wants_stdin = not command.is_on("no-stdin")
    check_tty(is_tty=container.tty, wants_stdin=wants_stdin, console=console)
    since_ns = time.time_ns()
    with SignalQueue() as signals, contextlib.closing(Foreground(
        engine, container.id, engine.attach(container.id, stdin=wants_stdin), console, signals,
        wants_stdin=wants_stdin, forwards_signals=command.is_on("sig-proxy"), detach_keys=keys,
    )) as foreground:  # fmt: skip
        if not foreground.stay():
            return 0
        return finish(
            engine, container.id, since_ns, console, known=foreground.exit_code, is_removed=container.auto_remove
        )
