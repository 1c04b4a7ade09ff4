"""Room put aside in a store, so that what frees a full disk can be written down.

Removing a container or an image is itself a few writes: a transaction, a trace, an event. On a full disk they would
fail, and nothing could ever be removed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

_SIZE = 512 * 1024


def keep(root: str) -> None:
    """Put the room aside, if it is not, and the disk has it to spare."""
    path = _path(root)
    if os.path.exists(path):
        return
    with contextlib.suppress(OSError):
        if _free(root) < 2 * _SIZE:
            return
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, _SIZE)
        except OSError:
            os.unlink(path)
        finally:
            os.close(fd)


def release(root: str) -> bool:
    """Give the room back to the file system; whether there was any."""
    try:
        os.unlink(_path(root))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def spend(root: str) -> Iterator[None]:
    """While entered, the room is there to be used if the disk is full; afterwards it is put aside again."""
    with contextlib.suppress(OSError):
        if _free(root) < _SIZE:
            release(root)
    try:
        yield
    finally:
        keep(root)


def _path(root: str) -> str:
    return f"{root}/reserve"


def _free(root: str) -> int:
    room = os.statvfs(root)
    return room.f_bavail * room.f_frsize
