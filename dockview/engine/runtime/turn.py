"""Whose turn it is with a container's bundle: one process starts or removes it at a time.

The lock is flock(2) on the bundle's folder. Whoever starts the container takes it and hands it to the shim (sync.py),
which keeps it until the command runs and `state.json` says so, or everything is taken back; so it also holds when the
starter is killed in between. Who finds the lock free therefore finds a container that runs or one that does not, and
no shim that has yet to decide.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator

TURN_TIMEOUT_S = 10.0
_PAUSE_S = 0.005


def take_turn(folder: str, timeout_s: float, is_cancelled: Callable[[], bool] = lambda: False) -> int | None:
    """The descriptor that holds the lock; closing it ends the turn. None where another one keeps it for so long.

    Raises: FileNotFoundError, where there is no such bundle, or no longer.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(fd).st_nlink:
                return fd
            os.close(fd)
            raise FileNotFoundError(folder)
        except BlockingIOError:
            os.close(fd)
        if time.monotonic() > deadline or is_cancelled():
            return None
        time.sleep(_PAUSE_S)


@contextlib.contextmanager
def turn(folder: str, timeout_s: float) -> Iterator[bool]:
    """Hold the lock; False where it could not be had. Without a bundle there is nothing to wait for."""
    try:
        fd = take_turn(folder, timeout_s)
    except FileNotFoundError:
        yield True
        return
    try:
        yield fd is not None
    finally:
        if fd is not None:
            os.close(fd)
