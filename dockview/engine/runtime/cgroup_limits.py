"""The limits of a container's control groups: written, and read back (cgroups(7), the kernel's cgroup documentation).

Everywhere but in the file names of v1 they go by the names of v2.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from dockview.engine.runtime.cgroups import Cgroup

_UNLIMITED_V1 = 1 << 62
_PERIOD_US = 100_000


def set_limits(cgroup: Cgroup, resources: Mapping[str, Any]) -> None:
    """Set the limits of an OCI `linux.resources`; what cannot be set goes to `cgroup.discarded`, with the reason."""
    memory, cpu = resources.get("memory", {}), resources.get("cpu", {})
    folders = cgroup.folders
    if memory.get("limit") is not None:
        _attempt(cgroup, "memory", lambda: _set_memory(folders, memory["limit"], memory.get("swap")))
    if cpu.get("quota") is not None:
        _attempt(cgroup, "cpu", lambda: _set_quota(folders, cpu["quota"], cpu.get("period", _PERIOD_US)))
    if cpu.get("shares") is not None:
        _attempt(cgroup, "cpu shares", lambda: _set_shares(folders, cpu["shares"]))
    if cpu.get("cpus"):
        _attempt(cgroup, "cpuset", lambda: _set(folders, "cpuset", "cpuset.cpus", "cpuset.cpus", cpu["cpus"]))
    limit = resources.get("pids", {}).get("limit")
    if limit is not None:
        text = "max" if limit < 0 else str(limit)
        _attempt(cgroup, "pids", lambda: _set(folders, "pids", "pids.max", "pids.max", text))


def _attempt(cgroup: Cgroup, name: str, write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as error:
        cgroup.discarded[name] = error.strerror or str(error)


def _set(folders: Mapping[str, str], controller: str, v1_file: str, v2_file: str, value: str) -> None:
    if controller in folders:
        _write(f"{folders[controller]}/{v1_file}", value)
    elif "unified" in folders:
        _write(f"{folders['unified']}/{v2_file}", value)
    else:
        raise OSError(f"there is no {controller} controller")


def _set_quota(folders: Mapping[str, str], quota: int, period: int) -> None:
    if "cpu" in folders:
        _write(f"{folders['cpu']}/cpu.cfs_period_us", str(period))
    v2 = f"{'max' if quota < 0 else quota} {period}"
    _set(folders, "cpu", "cpu.cfs_quota_us", "cpu.max", str(quota) if "cpu" in folders else v2)


def _set_shares(folders: Mapping[str, str], shares: int) -> None:
    """v1's 2 to 262144 (1024 is the default) stand for v2's weights 1 to 10000, as runc maps them."""
    weight = 1 + (max(shares, 2) - 2) * 9999 // 262142
    _set(folders, "cpu", "cpu.shares", "cpu.weight", str(shares if "cpu" in folders else weight))


def _set_memory(folders: Mapping[str, str], memory: int, swap: int | None) -> None:
    """`swap` is memory and swap together, -1 without a bound, as docker has it; v1 wants it never below memory."""
    if "memory" not in folders:
        _set(folders, "memory", "", "memory.max", "max" if memory < 0 else str(memory))
        if swap is not None:
            _set_swap(f"{folders['unified']}/memory.swap.max", "max" if swap < 0 else str(swap - memory), memory, swap)
        return
    folder = folders["memory"]
    both = f"{folder}/memory.memsw.limit_in_bytes"
    is_raised = swap is not None and (swap < 0 or swap >= int(_read(both) or 0))
    if swap is not None and is_raised:
        _set_swap(both, str(swap), memory, swap)
    _write(f"{folder}/memory.limit_in_bytes", str(memory))
    if swap is not None and not is_raised:
        _set_swap(both, str(swap), memory, swap)


def _set_swap(path: str, value: str, memory: int, swap: int) -> None:
    """A kernel that does not account swap is at fault only where the user has asked for a limit of it."""
    try:
        _write(path, value)
    except FileNotFoundError:
        if swap != 2 * memory:
            raise


def read_limits(folders: Mapping[str, str]) -> dict[str, str | int]:
    """The limits in force: memory.max, cpu.max and pids.max where they can be read; the others where they are set."""
    unified = folders.get("unified", "")
    found: dict[str, str | int] = {}
    memory = _read(f"{folders.get('memory', '')}/memory.limit_in_bytes") or _read(f"{unified}/memory.max")
    if memory:
        found["memory.max"] = _bounded(memory)
        _read_swap(folders, found)
    if text := _read(f"{folders.get('cpu', '')}/cpu.cfs_quota_us"):
        period = _read(f"{folders['cpu']}/cpu.cfs_period_us")
        found["cpu.max"] = "max" if int(text) < 0 else f"{text} {period}"
    elif text := _read(f"{unified}/cpu.max"):
        found["cpu.max"] = "max" if text.startswith("max") else text
    if (text := _read(f"{folders.get('cpu', '')}/cpu.shares")) and text != "1024":
        found["cpu.shares"] = int(text)
    elif (text := _read(f"{unified}/cpu.weight")) and text != "100":
        found["cpu.weight"] = int(text)
    if text := _read(f"{folders.get('cpuset', '')}/cpuset.cpus") or _read(f"{unified}/cpuset.cpus"):
        found["cpuset.cpus"] = text
    if text := _read(f"{folders.get('pids', '')}/pids.max") or _read(f"{unified}/pids.max"):
        found["pids.max"] = "max" if text == "max" else int(text)
    return found


def _read_swap(folders: Mapping[str, str], found: dict[str, str | int]) -> None:
    memory = found["memory.max"]
    if not isinstance(memory, int):
        return
    if text := _read(f"{folders.get('memory', '')}/memory.memsw.limit_in_bytes"):
        both = _bounded(text)
        found["memory.swap.max"] = both - memory if isinstance(both, int) else both
    elif text := _read(f"{folders.get('unified', '')}/memory.swap.max"):
        found["memory.swap.max"] = _bounded(text)


def _bounded(text: str) -> int | str:
    return "max" if text == "max" or int(text) >= _UNLIMITED_V1 else int(text)


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""


def _write(path: str, value: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)
