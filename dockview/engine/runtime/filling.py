"""The content of an image at a path, copied into a new volume with owners, modes, links, attributes and times.

`/` is the merged view of the image's layers, the working directory the volume, which nobody uses yet.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PIECE_BYTES = 1 << 20


def fill(path: str) -> dict[str, Any]:
    """Copy the folder at a path; nothing where the image has none there, or the volume has something in it."""
    if os.listdir(".") or not os.path.isdir(path):
        return {"files": None, "bytes": None}
    source = os.path.realpath(path)
    links: dict[tuple[int, int], str] = {}
    files = size = 0
    folders = [("", os.lstat(source))]
    stack = [""]
    while stack:
        folder = stack.pop()
        for name in os.listdir(f"{source}{folder}"):
            path = f"{folder}/{name}"
            status = os.lstat(f"{source}{path}")
            files += 1
            if stat.S_ISDIR(status.st_mode):
                os.mkdir(f".{path}", 0o700)
                folders.append((path, status))
                stack.append(path)
                continue
            key = (status.st_dev, status.st_ino)
            if status.st_nlink > 1 and key in links:
                os.link(f".{links[key]}", f".{path}", follow_symlinks=False)
                continue
            links[key] = path
            size += _one(f"{source}{path}", f".{path}", status)
            _dress(f"{source}{path}", f".{path}", status)
    for path, status in reversed(folders):
        _dress(f"{source}{path}", f".{path or '/.'}", status)
    return {"files": files, "bytes": size}


def _one(source: str, target: str, status: os.stat_result) -> int:
    """Make what is no folder; the bytes that were copied."""
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(source), target)
    elif stat.S_ISREG(status.st_mode):
        with open(source, "rb", buffering=0) as reader, open(target, "xb", buffering=0) as writer:
            while piece := reader.read(_PIECE_BYTES):
                writer.write(piece)
        return status.st_size
    elif not stat.S_ISSOCK(status.st_mode):
        os.mknod(target, status.st_mode, status.st_rdev)
    return 0


def _dress(source: str, target: str, status: os.stat_result) -> None:
    """Owner, mode, attributes, times: in this order, since a change of owner clears setuid bits."""
    if not os.path.lexists(target):
        return  # a socket
    os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(target, stat.S_IMODE(status.st_mode))
    for name in os.listxattr(source, follow_symlinks=False):
        if name == "security.capability" or (name.startswith("user.") and ".overlay." not in name):
            try:
                os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=False), follow_symlinks=False)
            except OSError:
                continue  # the volume's file system has none
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)
