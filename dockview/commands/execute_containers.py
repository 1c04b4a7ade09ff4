"""`create`, `stop`, `restart`, `rename`, `kill`, `rm` and `wait`."""

from __future__ import annotations

from dockview.commands.cancellable import call_cancellable
from dockview.commands.cidfile import CidFile
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
    from dockview.commands.progress import PullProgress  # noqa: PLC0415  the other verbs here show none

    progress = None if command.is_on("quiet") else PullProgress(console, request.image, to_out=False)
    try:
        with CidFile(command.text("cidfile")) as cidfile:
            on_record = cidfile.hearing(progress.on_record if progress else None)
            made = call_cancellable(lambda cancel: engine.create(request, cancel=cancel, on_record=on_record))
    finally:
        if progress:
            progress.close()
    console.print(made.id)
    return 0


def stop(engine: Engine, command: Command, console: Console) -> int:
    """Stop containers."""
    timeout_s, signal = command.number("timeout"), command.text("signal")

    def act(ref: str) -> str:
        engine.stop(ref, timeout_s=timeout_s, signal=signal)
        return ref

    return for_each(command.refs, act, console)


def restart(engine: Engine, command: Command, console: Console) -> int:
    """Stop containers and start them again."""
    timeout_s, signal = command.number("timeout"), command.text("signal") or ""

    def act(ref: str) -> str:
        call_cancellable(lambda cancel: engine.restart(ref, timeout_s=timeout_s, signal=signal, cancel=cancel))
        return ref

    return for_each(command.refs, act, console)


def rename(engine: Engine, command: Command, _console: Console) -> int:
    """Give a container another name; nothing is printed."""
    ref, name = command.refs
    engine.rename(ref, name)
    return 0


def kill(engine: Engine, command: Command, console: Console) -> int:
    """Send a signal to containers."""
    signal = command.text("signal") or "SIGKILL"

    def act(ref: str) -> str:
        engine.kill(ref, signal)
        return ref

    return for_each(command.refs, act, console)


def rm(engine: Engine, command: Command, console: Console) -> int:
    """Remove containers."""
    force, volumes = command.is_on("force"), command.is_on("volumes")

    def act(ref: str) -> str:
        engine.remove(ref, force=force, volumes=volumes)
        return ref

    return for_each(command.refs, act, console)


def wait(engine: Engine, command: Command, console: Console) -> int:
    """Print the exit code of each container once it has ended; a code that nobody knows is `unknown`."""

    def act(ref: str) -> str:
        code = engine.wait(ref)
        return "unknown" if code is None else str(code)

    return for_each(command.refs, act, console)
