"""`pause` and `unpause`: all processes of a container are frozen by its control group, or go on."""

from __future__ import annotations

import errno

from dockview.engine.embedded.house import House
from dockview.engine.embedded.query import is_running, refuse_restarting
from dockview.engine.errors import Conflict, NotSupported, SyscallError
from dockview.engine.lifecycle import Phase
from dockview.engine.recorder import SpanRecorder
from dockview.engine.runtime.freezer import frozen
from dockview.engine.runtime.groups import group_of
from dockview.engine.runtime.pause import ask_pause
from dockview.engine.runtime.state import read_state
from dockview.engine.state import containers


def pause(house: House, ref: str, *, is_paused: bool) -> None:
    """Freeze a container, or let it go on. Raises: NotFound, Conflict, NotSupported without a freezer."""
    record = containers.find(house.database, ref)
    folder = house.layout.container(record.id)
    if not is_running(house, record.id):
        raise Conflict(f'container "{record.name}" is not running', hint=f"start it: dockview start {record.name}")
    refuse_restarting(house, record)
    verb = "pause" if is_paused else "unpause"
    with house.traces.record(verb, record.name, line=f"docker {verb} {record.name}") as trace:
        trace.subject(container=record.id, name=record.name, image=record.image)
        with trace.phase(Phase.PAUSE) as span:
            number = ask_pause(folder, is_paused=is_paused)
            if number == errno.EALREADY:
                raise Conflict(f"container {record.name} is {'already' if is_paused else 'not'} paused")
            if number in (errno.ENOTSUP, errno.EACCES, errno.EPERM):
                raise NotSupported(
                    f"container {record.name} cannot be paused: dockview has no control group of its own to freeze",
                    hint="run it as root, or where control groups are delegated to you",
                )
            if number == errno.ESRCH:
                raise Conflict(f'container "{record.name}" is not running')
            if number:
                raise SyscallError("freeze", number, f"container {record.name}")
            _facts(folder, span)


def _facts(folder: str, span: SpanRecorder) -> None:
    folders = group_of(folder).folders
    place = folders.get("freezer") or folders.get("unified")
    name = "freezer.state" if "freezer" in folders else "cgroup.events"
    if place is not None:
        span.fact("control group", place)
        span.check(f"cat {place}/{name}")
    span.fact("frozen", frozen(folders))
    state = read_state(folder)
    if state is not None and state.pid is not None:
        span.fact("pid", state.pid)
        span.fact("processes", _count(f"{place}/cgroup.procs"))


def _count(path: str) -> int | None:
    try:
        with open(path) as file:
            return sum(1 for _ in file)
    except OSError:
        return None
