"""The control group of a container: created, limited, read back, watched for out-of-memory kills, removed.

Knows cgroup v1, v2 and the hybrid of both from what is mounted (cgroups(7)). As root a container's group is
`/dockview/<id>` in every hierarchy, as docker does it; rootless it is a child of the engine's own group, where that was
delegated. Nothing here moves a process: init joins by writing "0" to descriptors that the shim has opened, which on v1
avoids the wait for a grace period that moving another process costs.
"""

from __future__ import annotations

import errno
import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_V1_CONTROLLERS = ("memory", "cpu", "cpuacct", "pids", "freezer", "blkio", "cpuset")
_V2_CONTROLLERS = ("memory", "cpu", "pids", "io", "cpuset")


class Hierarchies:
    """Which control groups this machine has: `v1` controller to mount point, `v2` the unified mount point or None."""

    def __init__(self, v1: dict[str, str], v2: str | None) -> None:
        self.v1 = v1
        self.v2 = v2

    @property
    def version(self) -> str:
        """`1`, `2`, `hybrid`, or empty where nothing is mounted."""
        if self.v1:
            return "hybrid" if self.v2 else "1"
        return "2" if self.v2 else ""


def hierarchies(mountinfo: str = "/proc/self/mountinfo") -> Hierarchies:
    """Read the mounted hierarchies (proc_pid_mountinfo(5))."""
    v1: dict[str, str] = {}
    v2: str | None = None
    with open(mountinfo) as file:
        for line in file:
            if " cgroup" not in line:
                continue
            before, _, after = line.partition(" - ")
            kind, _source, options = after.split(None, 2)
            point = before.split()[4]
            if kind == "cgroup2":
                v2 = point
            elif kind == "cgroup":
                v1.update({name: point for name in options.strip().split(",") if name in _V1_CONTROLLERS})
    return Hierarchies(v1, v2)


def version() -> str:
    """Which control groups this machine has: `1`, `2`, `hybrid`, or empty."""
    try:
        return hierarchies().version
    except OSError:
        return ""


class Cgroup:
    """The groups of one container, one a hierarchy; `path` is relative to each hierarchy's base."""

    def __init__(self, path: str, *, rootless: bool = False, have: Hierarchies | None = None) -> None:
        self.path = path.strip("/")
        self.have = have or hierarchies()
        self.folders: dict[str, str] = {}
        """Controller (or `unified`) to folder, of what could be created."""
        self.discarded: dict[str, str] = {}
        """Limit to the reason why it is not in force."""
        self.wants_cpuset = False
        """Whether to make a group of v1's cpuset, too, which costs an empty one more than it is worth."""
        self._own = _own_groups() if rootless else {}

    def create(self) -> None:
        """Make the folders. Raises: OSError where not even one could be made."""
        trouble: OSError | None = None
        for controller, base in self._bases().items():
            folder = f"{base}/{self.path}"
            try:
                if controller == "unified" and self.have.version == "2":
                    self._delegate(base, os.path.dirname(self.path))
                os.makedirs(folder, exist_ok=True)
                if controller == "cpuset":
                    inherit_cpuset(base, self.path)
            except OSError as error:
                trouble = error
            else:
                self.folders[controller] = folder
        if trouble is not None and not self.folders:
            raise trouble

    def find(self) -> None:
        """Take note of the folders that are there, without making any."""
        self.wants_cpuset = True
        found = {controller: f"{base}/{self.path}" for controller, base in self._bases().items()}
        self.folders = {controller: folder for controller, folder in found.items() if os.path.isdir(folder)}

    def _find_cpuset(self) -> None:
        """An update may have made a group that this object does not know."""
        folder = f"{self.have.v1['cpuset']}{self._own.get('cpuset', '').rstrip('/')}/{self.path}"
        if os.path.isdir(folder):
            self.folders["cpuset"] = folder

    def _bases(self) -> dict[str, str]:
        if self.have.version == "2" and self.have.v2:
            return {"unified": self.have.v2 + self._own.get("", "").rstrip("/")}
        return {
            name: point + self._own.get(name, "").rstrip("/")
            for name, point in self.have.v1.items() if name != "cpuset" or self.wants_cpuset
        }  # fmt: skip

    @staticmethod
    def _delegate(base: str, parent: str) -> None:
        """Let the controllers reach down to the container's group (v2: cgroup.subtree_control of each parent)."""
        folder = base
        for part in ("", *parent.split("/")) if parent else ("",):
            folder = f"{folder}/{part}" if part else folder
            os.makedirs(folder, exist_ok=True)
            for controller in _V2_CONTROLLERS:
                try:
                    _write(f"{folder}/cgroup.subtree_control", f"+{controller}")
                except OSError:
                    continue  # what is missing in the end shows where a limit is set

    def limit(self, resources: dict[str, Any]) -> None:
        """Set the limits of an OCI `linux.resources`; what cannot be set goes to `discarded`."""
        from dockview.engine.runtime.cgroup_limits import set_limits  # noqa: PLC0415  most containers have none

        if resources:
            set_limits(self, resources)

    def open_members(self) -> list[int]:
        """Descriptors to write "0" to, which moves the writer into the groups. Raises: OSError."""
        fds: list[int] = []
        try:
            for controller, folder in self.folders.items():
                name = "cgroup.procs" if controller == "unified" else "tasks"
                fds.append(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CLOEXEC))
        except OSError:
            for fd in fds:
                os.close(fd)
            raise
        return fds

    def limits(self) -> dict[str, str | int]:
        """The limits in force, read back, by their v2 names: memory.max, cpu.max, pids.max; others if they are set."""
        from dockview.engine.runtime.cgroup_limits import read_limits  # noqa: PLC0415

        return read_limits(self.folders)

    def joined(self, pid: int) -> list[str]:
        """The hierarchies in which a process is in this container's group, from /proc/PID/cgroup."""
        found: list[str] = []
        for line in (_read(f"/proc/{pid}/cgroup") or "").splitlines():
            _number, controllers, path = line.split(":", 2)
            if path.endswith("/" + self.path):
                found += controllers.split(",") if controllers else ["unified"]
        return found

    def oom_kills(self) -> int | None:
        """How often the kernel's OOM killer struck in this group; None where it does not count."""
        folder = self.folders.get("memory")
        text = _read(f"{folder}/memory.oom_control") if folder else None
        if text is None and "unified" in self.folders:
            text = _read(f"{self.folders['unified']}/memory.events")
        for line in (text or "").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
        return None

    def memory_peak(self) -> int | None:
        """The most memory in use at once, in bytes; None where the kernel does not say."""
        names = (("memory", "memory.max_usage_in_bytes"), ("unified", "memory.peak"))
        texts = [_read(f"{self.folders[c]}/{name}") for c, name in names if c in self.folders]
        return next((int(text) for text in texts if text), None)

    def remove(self, timeout_s: float = 2.0) -> bool:
        """Remove the folders, which must be empty of processes or become so; whether all are gone."""
        deadline = time.monotonic() + timeout_s
        if "cpuset" in self.have.v1 and "cpuset" not in self.folders:
            self._find_cpuset()
        for controller, folder in list(self.folders.items()):
            if _remove(folder, deadline):
                del self.folders[controller]
        return not self.folders


def _remove(folder: str, deadline: float) -> bool:
    pause_s = 0.0005
    while True:
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                return False
            _wait_until_empty(folder, pause_s)
            pause_s = min(pause_s * 2, 0.05)
        else:
            return True


def _wait_until_empty(folder: str, pause_s: float) -> None:
    """Wait for a change of cgroup.events, which v2 announces; v1 announces nothing, so there the pause is all."""
    try:
        fd = os.open(f"{folder}/cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        time.sleep(pause_s)
        return
    try:
        if b"populated 0" in os.read(fd, 4096):
            time.sleep(pause_s)
            return
        poll = select.poll()
        poll.register(fd, select.POLLPRI | select.POLLERR)
        poll.poll(50)
    finally:
        os.close(fd)


def _own_groups() -> dict[str, str]:
    """Controller to this process's own group; the unified one under the empty name."""
    groups: dict[str, str] = {}
    for line in (_read("/proc/self/cgroup") or "").splitlines():
        _number, controllers, path = line.split(":", 2)
        groups.update(dict.fromkeys(controllers.split(","), path))
    return groups


def _read(path: str) -> str | None:
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return None


def inherit_cpuset(base: str, path: str) -> None:
    """Give each new group of v1's cpuset its parent's CPUs and memory nodes: empty ones take no process (cpuset(7))."""
    folder = base
    for part in path.split("/"):
        for name in ("cpuset.cpus", "cpuset.mems"):
            if not _read(f"{folder}/{part}/{name}"):
                _write(f"{folder}/{part}/{name}", _read(f"{folder}/{name}") or "")
        folder = f"{folder}/{part}"


def _write(path: str, value: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)
