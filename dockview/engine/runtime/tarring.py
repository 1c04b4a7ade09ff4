"""Tar archives of what lies below a folder, written to a pipe: for export, cp and commit.

Owners are numbers, as inside the container. Sockets are left out, as docker does; a file that shrinks or goes while it
is read is padded or passed over, because a container may be running. For a layer, what overlayfs marks in a writable
layer (whiteouts, opaque folders) becomes what images use for it (OCI image-spec, layer.md).
"""

from __future__ import annotations

import os
import stat
import tarfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_PIECE_BYTES = 1 << 20
_OVERLAY = ("trusted.overlay.", "user.overlay.")
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"


class Renamed(Exception):
    """A folder was renamed by reference (overlayfs redirect_dir): its content is not in this layer."""


class Writer:
    """One archive. `is_layer` writes the writable layer that it is given as a layer of an image."""

    def __init__(self, fd: int, *, is_layer: bool = False, skip: Callable[[str], bool] | None = None) -> None:
        self._tar = tarfile.open(  # noqa: SIM115  closed by close()
            fileobj=os.fdopen(fd, "wb", buffering=0, closefd=False), mode="w|", format=tarfile.PAX_FORMAT,
            bufsize=_PIECE_BYTES, encoding="utf-8", errors="surrogateescape",
        )  # fmt: skip
        self._is_layer = is_layer
        self._skip = skip or (lambda _path: False)
        self._links: dict[tuple[int, int], str] = {}
        self.files = 0

    def close(self) -> None:
        """Write the end of the archive: two empty blocks, without tarfile's padding to a tape's record."""
        stream: Any = self._tar.fileobj
        stream.write(bytes(1024))
        stream.close()

    def add(self, path: str, name: str) -> None:
        """Add what is at a path, with all that is below it, under a name."""
        stack = [(path, name)]
        while stack:
            path, name = stack.pop()
            try:
                status = os.lstat(path)
            except FileNotFoundError:
                continue
            if self._skip(path) or stat.S_ISSOCK(status.st_mode):
                continue
            self._one(path, name, status)
            if stat.S_ISDIR(status.st_mode):
                if self._is_layer and is_opaque(path):
                    self._empty(f"{name}/{_OPAQUE}")
                try:
                    below = sorted(os.listdir(path), reverse=True)
                except FileNotFoundError:
                    continue
                stack += [
                    (f"{path.rstrip('/')}/{child}", f"{name}/{child}" if name != "" else child) for child in below
                ]

    def _one(self, path: str, name: str, status: os.stat_result) -> None:
        if self._is_layer and is_whiteout(path, status):
            folder, _, leaf = name.rpartition("/")
            self._empty(f"{folder}/{_WHITEOUT}{leaf}".lstrip("/"))
            return
        if name == "":
            return  # the root of a layer has no entry of its own
        entry = _entry(name, status)
        kind = stat.S_IFMT(status.st_mode)
        if kind != stat.S_IFDIR and status.st_nlink > 1:
            key = (status.st_dev, status.st_ino)
            if key in self._links:
                entry.type, entry.linkname, entry.size = tarfile.LNKTYPE, self._links[key], 0
                self._tar.addfile(entry)
                return
            self._links[key] = name
        _add_attributes(entry, path)
        self.files += 1
        if kind == stat.S_IFLNK:
            entry.linkname = os.readlink(path)
        if kind == stat.S_IFREG:
            self._file(entry, path)
        else:
            self._tar.addfile(entry)

    def _file(self, entry: tarfile.TarInfo, path: str) -> None:
        try:
            # A path that became a fifo meanwhile must not block, and one that became a link not lead away.
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return
        with os.fdopen(fd, "rb", buffering=0) as file:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                self._tar.addfile(entry, _Exactly(file, entry.size))  # type: ignore[arg-type]  # it only reads

    def _empty(self, name: str) -> None:
        entry = tarfile.TarInfo(name.lstrip("/"))
        entry.mode = 0o600
        self._tar.addfile(entry)


class _Exactly:
    """A file that has the length it had at first: longer ones are cut, shorter ones filled with zeros."""

    def __init__(self, file: object, size: int) -> None:
        self._read = file.read  # type: ignore[attr-defined]
        self._left = size

    def read(self, size: int) -> bytes:
        size = min(size, self._left)
        piece: bytes = self._read(size)
        self._left -= size
        return piece if len(piece) == size else piece + self._rest(size - len(piece))

    def _rest(self, size: int) -> bytes:
        found = b""
        while len(found) < size and (piece := self._read(size - len(found))):
            found += piece
        return found.ljust(size, b"\0")


_TYPES = {
    stat.S_IFREG: tarfile.REGTYPE, stat.S_IFDIR: tarfile.DIRTYPE, stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE, stat.S_IFBLK: tarfile.BLKTYPE, stat.S_IFIFO: tarfile.FIFOTYPE,
}  # fmt: skip


def _entry(name: str, status: os.stat_result) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    kind = stat.S_IFMT(status.st_mode)
    entry.type = _TYPES[kind]
    entry.mode = stat.S_IMODE(status.st_mode)
    entry.uid, entry.gid = status.st_uid, status.st_gid
    entry.mtime = int(status.st_mtime)
    if kind == stat.S_IFREG:
        entry.size = status.st_size
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        entry.devmajor, entry.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
    return entry


def _add_attributes(entry: tarfile.TarInfo, path: str) -> None:
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return
    for name in names:
        if name == "security.capability" or (name.startswith("user.") and not name.startswith(_OVERLAY)):
            value = os.getxattr(path, name, follow_symlinks=False)
            entry.pax_headers = {
                **entry.pax_headers, f"SCHILY.xattr.{name}": value.decode("utf-8", "surrogateescape")
            }  # fmt: skip
        elif name in ("trusted.overlay.redirect", "user.overlay.redirect"):
            raise Renamed(path)


def is_whiteout(path: str, status: os.stat_result) -> bool:
    """Whether overlayfs hides here what a lower layer has: a device 0/0, or an empty file with a mark."""
    if stat.S_ISCHR(status.st_mode):
        return status.st_rdev == 0
    if not stat.S_ISREG(status.st_mode) or status.st_size:
        return False
    return any(_attribute(path, f"{prefix}whiteout") is not None for prefix in _OVERLAY)


def is_opaque(path: str) -> bool:
    """Whether a folder of a writable layer hides everything that the lower layers have in it."""
    return any(_attribute(path, f"{prefix}opaque") == b"y" for prefix in _OVERLAY)


def _attribute(path: str, name: str) -> bytes | None:
    try:
        return os.getxattr(path, name, follow_symlinks=False)
    except OSError:
        return None
