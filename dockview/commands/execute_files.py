"""`volume create|rm`, `diff`, `export` and `commit`."""

from __future__ import annotations

import contextlib
import os

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.each import for_each
from dockview.commands.listing import clean_cell
from dockview.commands.usage import UsageError
from dockview.engine.api import Engine
from dockview.engine.errors import InvalidRequest


def volume_create(engine: Engine, command: Command, console: Console) -> int:
    """Make a volume and print its name."""
    named, old = (command.refs or ("",))[0], command.text("name")
    if named and old:
        raise UsageError(
            "conflicting options: cannot specify a volume name through both --name and as a positional arg"
        )
    labels = dict(text.partition("=")[::2] for text in command.texts("label"))
    options = dict(text.partition("=")[::2] for text in command.texts("opt"))
    volume = engine.create_volume(
        named or old, driver=command.text("driver") or "local", labels=labels, options=options
    )
    console.print(volume.name)
    return 0


def volume_rm(engine: Engine, command: Command, console: Console) -> int:
    """Remove volumes."""

    def act(name: str) -> str:
        engine.remove_volume(name, force=command.is_on("force"))
        return name

    return for_each(command.refs, act, console)


def diff(engine: Engine, command: Command, console: Console) -> int:
    """Print what a container has added, changed and deleted."""
    lines = [f"{change.kind} {clean_cell(change.path)}" for change in engine.diff(command.refs[0])]
    if lines:
        console.print("\n".join(lines))
    return 0


def export(engine: Engine, command: Command, console: Console) -> int:
    """Write a container's file system to a file or to standard output."""
    path = command.text("output")
    if not path:
        if console.out_is_tty:
            raise InvalidRequest(
                "cowardly refusing to save to a terminal", hint="use the -o flag or redirect: dockview export c > c.tar"
            )
        with contextlib.closing(engine.export(command.refs[0])) as stream:
            for piece in stream:
                console.out.write(piece)
        return 0
    half = f"{path}.{os.getpid()}.part"
    try:
        with contextlib.closing(engine.export(command.refs[0])) as stream, open(half, "xb") as file:
            for piece in stream:
                file.write(piece)
        os.replace(half, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(half)
    return 0


def commit(engine: Engine, command: Command, console: Console) -> int:
    """Make an image of a container and print its ID."""
    ref, reference = (*command.refs, "")[:2]
    console.print(
        engine.commit(
            ref, reference, author=command.text("author"), message=command.text("message"),
            changes=command.texts("change"), pause=command.is_on("pause"),
        )
    )  # fmt: skip
    return 0
