"""`create`, `stop`, `kill`, `rm` and `wait`."""

from __future__ import annotations

from dockview.commands.cancellable import call_cancellable
from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.each import for_each
from dockview.engine.api import Engine
from dockview.engine.errors import EngineBug


def create(engine: Engine, command: Command, console: Console) -> int:
    """Create a container and print its ID."""
    request = command.request
    if request is None:
        raise EngineBug("create without a request")
    console.print(call_cancellable(lambda cancel: engine.create(request, cancel=cancel)).id)
    return 0


def stop(engine: Engine, command: Command, console: Console) -> int:
    """Stop containers."""
    timeout_s = command.number("timeout")

    def act(ref: str) -> str:
        engine.stop(ref, timeout_s=timeout_s)
        return ref

    return for_each(command.refs, act, console)


def kill(engine: Engine, command: Command, console: Console) -> int:
    """Send a signal to containers."""
    signal = command.text("signal") or "SIGKILL"

    def act(ref: str) -> str:
        engine.kill(ref, signal)
        return ref

    return for_each(command.refs, act, console)


def rm(engine: Engine, command: Command, console: Console) -> int:
    """Remove containers."""
    force = command.is_on("force")

    def act(ref: str) -> str:
        engine.remove(ref, force=force)
        return ref

    return for_each(command.refs, act, console)


def wait(engine: Engine, command: Command, console: Console) -> int:
    """Print the exit code of each container once it has ended; a code that nobody knows is `unknown`."""

    def act(ref: str) -> str:
        code = engine.wait(ref)
        return "unknown" if code is None else str(code)

    return for_each(command.refs, act, console)
