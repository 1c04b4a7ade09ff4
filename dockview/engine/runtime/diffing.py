"""What a writable layer adds to, changes in and hides of the layers below it, as `docker diff` tells it.

`/` is the merged view of the layers below, the working directory the writable layer.
"""

from __future__ import annotations

import os
import stat

from dockview.engine.runtime.tarring import is_opaque, is_whiteout

_PLACES = {
    "/dev", "/dev/console", "/dev/pts", "/dev/shm", "/dev/mqueue", "/proc", "/sys", "/etc/hosts", "/etc/hostname",
    "/etc/resolv.conf", "/etc/mtab",
}  # fmt: skip
"""Mount points that a start makes where the image has none: docker keeps them in a layer of their own."""


def add_places(paths: list[str]) -> None:
    """Name further mount points of every container, such as those of the hub's base."""
    _PLACES.update(paths)


def is_place(path: str) -> bool:
    """Whether this is an empty mount point of every container, by its path inside; it is nobody's change."""
    if path not in _PLACES:
        return False
    try:
        status = os.lstat(f".{path}")
        os.lstat(path)
    except FileNotFoundError:
        return (status.st_size == 0 and stat.S_ISREG(status.st_mode)) or (
            stat.S_ISDIR(status.st_mode) and not any(not is_place(f"{path}/{n}") for n in os.listdir(f".{path}"))
        )
    return False


def changes() -> list[tuple[str, str]]:
    """(A, C or D, path), sorted by path."""
    found: dict[str, str] = {}
    _folder("", found, has_lower=True)
    return [(kind, path) for path, kind in sorted(found.items())]


def _folder(folder: str, found: dict[str, str], *, has_lower: bool) -> None:
    """Compare one folder; `has_lower` says that the layers below have a folder there, too."""
    is_new = not has_lower
    if has_lower and is_opaque(f".{folder or '/'}"):
        below = os.listdir(folder or "/")
        for name in below:
            if not os.path.lexists(f".{folder}/{name}"):
                found[f"{folder}/{name}"] = "D"
    for name in os.listdir(f".{folder or '/'}"):
        path = f"{folder}/{name}"
        if is_place(path):
            continue
        status = os.lstat(f".{path}")
        lower = None if is_new else _lstat(path)
        if is_whiteout(f".{path}", status):
            if lower is not None:
                found[path] = "D"
            continue
        if not stat.S_ISDIR(status.st_mode):
            found[path] = "A" if lower is None else "C"
            continue
        has_folder = lower is not None and stat.S_ISDIR(lower.st_mode)
        before = len(found)
        _folder(path, found, has_lower=has_folder)
        if lower is None:
            found[path] = "A"
        elif not has_folder or len(found) > before or _differs(path, status, lower):
            found[path] = "C"


def _lstat(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


def _differs(path: str, status: os.stat_result, lower: os.stat_result) -> bool:
    if (status.st_mode, status.st_uid, status.st_gid) != (lower.st_mode, lower.st_uid, lower.st_gid):
        return True
    # A mount point that a start has made in it changes a folder's time, and nothing that anybody did.
    has_places = any(is_place(f"{path}/{name}") for name in os.listdir(f".{path}"))
    return not has_places and status.st_mtime_ns != lower.st_mtime_ns
