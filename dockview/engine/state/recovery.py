"""After a crash: what belongs to nobody goes. Ownership decides, not a memory of what was being done.

A container that is being made or removed names the process that does it (pid and start time). When that process is
gone, the container either lives (its shim says so: then it is taken over) or it goes, with everything that carries
its ID. Folders without a record, and half files of dead processes, go too.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping

from dockview.engine.errors import DockviewError
from dockview.engine.processes import is_alive
from dockview.engine.state import containers
from dockview.engine.state.database import Database
from dockview.engine.state.intents import SUFFIX, read_intent
from dockview.engine.state.layout import Layout

_PATIENCE_S = 2.0


def sweep(
    layout: Layout, database: Database, *, is_running: Callable[[str], bool], discard: Callable[[str], None],
    turn: Callable[[str], contextlib.AbstractContextManager[bool]] = lambda _id: contextlib.nullcontext(True),
    is_over: Callable[[str], bool] = lambda _id: False,
) -> list[str]:  # fmt: skip
    """Take over or clear what dead processes left; the IDs of the containers that went.

    `turn` waits until no shim has yet to decide whether a container lives; one for which that takes too long is left.
    `is_over` says of a container with --rm whether the shim that was to remove it was killed before it could.

    One process sweeps at a time; one that comes meanwhile waits, and if that takes too long goes on without.
    """
    gone: list[str] = []
    with _alone(f"{layout.root}/sweep.lock") as is_alone:
        if not is_alone:
            return gone
        records = containers.everything(database)
        for record in records:
            is_half = (record.is_building or record.is_removing) and not record.is_owned
            if not is_half and not (record.request.auto_remove and is_over(record.id)):
                continue
            with turn(record.id) as is_ours:
                if record.is_building and is_running(record.id):
                    containers.commit(database, record.id)
                elif is_ours and (is_half or is_over(record.id)):
                    discard(record.id)
                    gone.append(record.id)
        # A record is written before its folder is made and deleted after it, so a folder seen first and without a
        # record afterwards belongs to nobody.
        names = os.listdir(layout.containers)
        known = {record.id for record in containers.everything(database)}
        for name in names:
            if name not in known:
                discard(name)
                gone.append(name)
    return gone


@contextlib.contextmanager
def _alone(path: str) -> Iterator[bool]:
    fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        yield _is_locked(fd)
    finally:
        os.close(fd)


def _is_locked(fd: int) -> bool:
    """Wait a while for the lock: who sweeps just now may have looked before the last process was killed."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        else:
            return True


def owner_of(name: str) -> tuple[int, int] | None:
    """The process that a half file's name gives (`<pid>.<start time>.<anything>`), None where it gives none."""
    pid, _, rest = name.partition(".")
    start, _, _ = rest.partition(".")
    return (int(pid), int(start)) if pid.isdigit() and start.isdigit() else None


def sweep_half_files(folder: str, remove: Callable[[str], None]) -> None:
    """Remove the half files whose process is gone; `remove` takes away a folder with all that is in it."""
    for name in os.listdir(folder):
        owner = owner_of(name)
        if owner is None or name.endswith(SUFFIX) or is_alive(*owner):
            continue
        path = f"{folder}/{name}"
        if os.path.isdir(path) and not os.path.islink(path):
            remove(path)
        else:
            with contextlib.suppress(FileNotFoundError):  # another process may sweep too
                os.unlink(path)


def sweep_intents(layout: Layout, take_back: Callable[[Mapping[str, str]], None]) -> None:
    """Take back what dead processes had begun; what cannot be taken back now stays for the next time."""
    if not _left_intents(layout):
        return
    with _alone(f"{layout.root}/sweep.lock") as is_alone:
        # What was taken back before we were alone may have been done again since, for good.
        for path in _left_intents(layout) if is_alone else ():
            with contextlib.suppress(DockviewError, OSError):
                take_back(read_intent(path))
                os.unlink(path)


def _left_intents(layout: Layout) -> list[str]:
    names = [name for name in os.listdir(layout.tmp) if name.endswith(SUFFIX)]
    return [f"{layout.tmp}/{name}" for name in names if (owner := owner_of(name)) and not is_alive(*owner)]
