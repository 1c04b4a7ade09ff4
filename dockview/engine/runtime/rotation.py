"""The files of a log that is rotated, as docker's json-file driver names them: `X` is the newest, then `X.1`, `X.2`, …

A place in the log is counted from the log's beginning, across its files. Who reads is told one file's inode with the
place where that file begins, which is true for ever, and finds the places of the others by their sizes.
"""

from __future__ import annotations

import os


def shift(path: str, files: int) -> None:
    """Make room for a new newest file: the oldest goes, where there would be more than `files`."""
    if files < 2:
        os.unlink(path)
        return
    for number in range(files - 1, 1, -1):
        try:
            os.rename(f"{path}.{number - 1}", f"{path}.{number}")
        except FileNotFoundError:
            continue
    os.rename(path, f"{path}.1")


def files_of(path: str) -> list[str]:
    """The files that there are, the oldest first."""
    found = [path]
    while os.path.exists(f"{path}.{len(found)}"):
        found.append(f"{path}.{len(found)}")
    return found[::-1]


def remove(path: str) -> None:
    """Remove the files before the newest."""
    for old in files_of(path)[:-1]:
        os.unlink(old)


def places(path: str, inode: int, start: int) -> list[tuple[int, int, int]]:
    """(descriptor, first place, size) of each file, the oldest first; the caller closes them.

    `start` is the first place of the file with this inode; where that is gone, so is everything before the others.
    """
    while True:
        fds = [os.open(name, os.O_RDONLY | os.O_CLOEXEC) for name in files_of(path)]
        stats = [os.fstat(fd) for fd in fds]
        if stats[-1].st_ino == _inode(path):
            break
        for fd in fds:
            os.close(fd)  # it was rotated meanwhile
    known = next((i for i, found in enumerate(stats) if found.st_ino == inode), None)
    first = start if known is None else start - sum(found.st_size for found in stats[:known])
    told: list[tuple[int, int, int]] = []
    for fd, found in zip(fds, stats, strict=True):
        told.append((fd, first, found.st_size))
        first += found.st_size
    return told


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return -1
