"""`top`, `pause`, `unpause` and `update`."""

from __future__ import annotations

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.each import for_each
from dockview.commands.listing import clean_cell
from dockview.engine.api import Engine
from dockview.engine.errors import InvalidRequest
from dockview.engine.model import RestartPolicy, UpdateRequest

_LEAST, _GAP = 20, 3
"""Docker's columns of processes."""


def top(engine: Engine, command: Command, console: Console) -> int:
    """List the processes of a container."""
    table = engine.top(command.refs[0], " ".join(command.refs[1:]) or "-ef")
    rows = [table.titles, *(tuple(map(clean_cell, row)) for row in table.rows)]
    widths = [max(_LEAST, max(len(row[at]) for row in rows) + _GAP) for at in range(len(table.titles) - 1)]
    for row in rows:
        console.print("".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) + row[-1])
    return 0


def pause(engine: Engine, command: Command, console: Console) -> int:
    """Freeze containers."""

    def act(ref: str) -> str:
        engine.pause(ref)
        return ref

    return for_each(command.refs, act, console)


def unpause(engine: Engine, command: Command, console: Console) -> int:
    """Let paused containers go on."""

    def act(ref: str) -> str:
        engine.unpause(ref)
        return ref

    return for_each(command.refs, act, console)


def update(engine: Engine, command: Command, console: Console) -> int:
    """Change limits of containers."""
    restart = command.options.get("restart")
    request = UpdateRequest(
        memory_bytes=command.number("memory"), memory_swap_bytes=command.number("memory-swap"),
        nano_cpus=command.number("cpus"), cpu_shares=command.number("cpu-shares"),
        cpuset_cpus=command.text("cpuset-cpus") or None, pids_limit=command.number("pids-limit"),
        restart=restart if isinstance(restart, RestartPolicy) else None,
    )  # fmt: skip
    if request == UpdateRequest():
        raise InvalidRequest("you must provide one or more flags when using this command")

    def act(ref: str) -> str:
        engine.update(ref, request)
        return ref

    return for_each(command.refs, act, console)
