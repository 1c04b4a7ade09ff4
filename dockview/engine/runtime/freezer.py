"""Freezing all processes of a control group: the freezer controller of cgroup v1, cgroup.freeze of v2 (cgroups(7))."""

from __future__ import annotations

import errno
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_WITHIN_S = 3.0


def freeze(folders: Mapping[str, str], *, is_frozen: bool) -> None:
    """Freeze the processes of a group, or let them go on, and wait until the kernel says that it is so.

    `folders` is Cgroup.folders. Raises: OSError (ENOTSUP without a freezer).
    """
    _set(folders, is_frozen=is_frozen)
    deadline = time.monotonic() + _WITHIN_S
    while frozen(folders) is not is_frozen:
        # A process in the middle of a system call freezes when that is over; the kernel announces nothing on v1.
        if time.monotonic() > deadline:
            _set(folders, is_frozen=not is_frozen)
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        time.sleep(0.001)


def _set(folders: Mapping[str, str], *, is_frozen: bool) -> None:
    if "freezer" in folders:
        _write(f"{folders['freezer']}/freezer.state", "FROZEN" if is_frozen else "THAWED")
    elif "unified" in folders:
        _write(f"{folders['unified']}/cgroup.freeze", "1" if is_frozen else "0")
    else:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))


def frozen(folders: Mapping[str, str]) -> bool | None:
    """Whether all processes of a group are frozen; None in between, or where it cannot be known."""
    if "freezer" in folders:
        return {"FROZEN": True, "THAWED": False}.get(_read(f"{folders['freezer']}/freezer.state"))
    for line in _read(f"{folders.get('unified', '')}/cgroup.events").splitlines():
        if line.startswith("frozen "):
            return line.endswith("1")
    return None


def thaw(folders: Mapping[str, str]) -> None:
    """Let the processes of a group go on, if there are any; nobody waits for it."""
    try:
        _set(folders, is_frozen=False)
    except OSError:
        pass  # there is no freezer, or the group has gone


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
