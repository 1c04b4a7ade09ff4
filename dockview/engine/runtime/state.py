"""`state.json` in the bundle: what the shim says of its container, and what the kernel says of the shim.

    {"status": "running"|"restarting"|"exited", "pid", "pid_start", "shim_pid", "shim_start", "started_ns",
     "finished_ns", "exit_code", "signal", "oom_killed", "sent_signal", "ended_by", "restart_count", "paused"?,
     "error"?}

The shim writes it atomically when the command was executed and when it has ended. On disk it is a claim: `read_state`
holds it against the kernel, by pid and start time.
"""

from __future__ import annotations

import errno
import os

from dockview.engine.runtime.codec import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_NAME = "state.json"
ALIVE = ("running", "restarting")
"""What needs a shim; docker takes a container that is about to be restarted for a running one, too."""


class ShimState:
    """What is known of a container that was started once; every unknown is None."""

    __slots__ = (
        "ended_by", "error", "exit_code", "finished_ns", "oom_killed", "paused", "pid", "pid_start", "restart_count",
        "sent_signal", "shim_pid", "shim_start", "signal", "started_ns", "status",
    )  # fmt: skip

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.status: str = values["status"]
        """running, restarting, exited or dead (the shim is gone and left no exit code)."""
        self.pid: int | None = values.get("pid")
        """Of the command, on the host."""
        self.pid_start: int | None = values.get("pid_start")
        """Its start time in clock ticks since boot."""
        self.shim_pid: int | None = values.get("shim_pid")
        self.shim_start: int | None = values.get("shim_start")
        self.started_ns: int | None = values.get("started_ns")
        self.finished_ns: int | None = values.get("finished_ns")
        self.exit_code: int | None = values.get("exit_code")
        self.signal: int | None = values.get("signal")
        """The signal that ended it, None when it ended by itself."""
        self.oom_killed: bool | None = values.get("oom_killed")
        self.sent_signal: dict[str, Any] | None = values.get("sent_signal")
        """The last signal that dockview sent: signal, why, pid, uid, time_ns."""
        self.restart_count: int = values.get("restart_count", 0)
        """How often the restart policy has begun a new life."""
        self.error: str = values.get("error", "")
        """Why the last of these could not begin."""
        self.ended_by: str = values.get("ended_by", "")
        """Who ended it, in words."""
        self.paused: bool = self.status == "running" and bool(values.get("paused"))
        """Whether all its processes are frozen; they exist, so it is running, too."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ShimState) and all(getattr(self, n) == getattr(other, n) for n in self.__slots__)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"ShimState({', '.join(f'{n}={getattr(self, n)!r}' for n in self.__slots__)})"


def read_state(folder: str) -> ShimState | None:
    """The state of the container whose bundle this is; None when it was never started (or the bundle is gone)."""
    values = _load(folder)
    if values is None:
        return None
    if values["status"] in ALIVE and not is_process(values.get("shim_pid"), values.get("shim_start")):
        # The shim may have written the exit between our reading and its end.
        values = _load(folder) or values
        if values["status"] in ALIVE:
            values = {**values, "status": "dead", "exit_code": None}
    return ShimState(values)


def _load(folder: str) -> dict[str, Any] | None:
    try:
        with open(f"{folder}/{_NAME}", encoding="utf-8") as file:
            values: dict[str, Any] = loads(file.read())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return values


def write_state(folder: str, values: Mapping[str, Any]) -> None:
    """Replace the state atomically; on a full disk overwrite it, in the block that it has."""
    path = f"{folder}/{_NAME}"
    data = dumps(values).encode()
    try:
        fd = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            if os.write(fd, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(fd)
        os.rename(f"{path}.new", path)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not os.path.exists(path):
            raise
        _overwrite(path, data)


def _overwrite(path: str, data: bytes) -> None:
    """One write over the whole of it, filled up with blanks: no moment in which half of it is gone."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(fd, data.ljust(os.fstat(fd).st_size), 0)
    finally:
        os.close(fd)


def is_process(pid: int | None, start: int | None) -> bool:
    """Whether the very process with this pid and start time still runs (a zombie does not)."""
    if pid is None or start is None:
        return False
    fields = _stat(pid)
    return fields is not None and int(fields[19]) == start and fields[0] not in "ZX"


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot (proc_pid_stat(5)); None when there is none."""
    fields = _stat(pid)
    return int(fields[19]) if fields is not None else None


def _stat(pid: int) -> list[str] | None:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None
