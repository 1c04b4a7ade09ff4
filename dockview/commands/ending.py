"""How a container ended: its exit code, also when it was removed before anybody could ask."""

from __future__ import annotations

import contextlib
import time

from dockview.commands.console import Console
from dockview.engine.api import Engine
from dockview.engine.errors import Conflict, DockviewError, NotFound

UNKNOWN_CODE = 125
"""What the command line returns when nobody knows the exit code."""


def exit_code(engine: Engine, container_id: str, since_ns: int) -> int | None:
    """Wait for the end of a container that was started after `since_ns`; its exit code, None when unknown."""
    try:
        code = engine.wait(container_id)
    except NotFound:
        code = None
    return _code_of_event(engine, container_id, since_ns) if code is None else code


def _code_of_event(engine: Engine, container_id: str, since_ns: int) -> int | None:
    """What the event of its end said, for a container that is removed by itself."""
    stream = engine.events(since_ns=since_ns, until_ns=time.time_ns())
    code = None
    try:
        for event in stream:
            if event.type == "container" and event.action == "die" and event.actor_id == container_id:
                text = event.attributes.get("exitCode", "")
                code = int(text) if text.isdecimal() else None
    finally:
        stream.close()
    return code


def finish(
    engine: Engine, container_id: str, since_ns: int, console: Console, *, known: int | None, is_removed: bool
) -> int:
    """The end of a container in the foreground: its code for the shell; one that was run with --rm is gone.

    Args:
        engine: where it runs.
        container_id: its full ID.
        since_ns: a moment before its start.
        console: where an unknown code is said.
        known: the code that its attachment has told, None when it has not.
        is_removed: whether it is to be gone when this returns.
    """
    code = exit_code(engine, container_id, since_ns) if known is None else known
    if is_removed:
        _remove(engine, container_id)
    if code is None:
        console.note(f"dockview: the exit code of {container_id[:12]} is unknown: its shim ended without a word.")
        return UNKNOWN_CODE
    return code


def _remove(engine: Engine, container_id: str) -> None:
    """Remove what removes itself: whoever comes first does it, and when this returns it is done."""
    with contextlib.suppress(NotFound):
        try:
            engine.remove(container_id)
        except Conflict:
            # Its last word was heard before it was recorded as ended, or its own shim is at it.
            engine.wait(container_id)
            with contextlib.suppress(DockviewError):
                engine.remove(container_id)
