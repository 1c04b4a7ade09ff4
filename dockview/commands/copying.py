"""The ends of `cp` on this machine: files packed into a tar stream, and a stranger's tar stream unpacked safely.

An archive that comes out of a container is its owner's word: a name in it may try to climb out of the folder, or go
through a link that the archive itself has made. Every folder on the way is therefore opened from the one above it,
without following links (openat(2)).
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dockview.engine.errors import DataError, InvalidRequest

_PIECE_BYTES = 1 << 18


@dataclass(frozen=True)
class Landing:
    """Where an archive goes: into `folder`, where what is called `first` in it becomes `name`."""

    folder: str
    first: str
    name: str


class _Chunks(io.RawIOBase):
    """What tarfile writes, taken away in pieces."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.pieces.append(bytes(data))
        return len(data)

    def taken(self) -> Iterator[bytes]:
        pieces, self.pieces = self.pieces, []
        return iter(pieces)


def pack(source: str, name: str, *, follows: bool) -> Iterator[bytes]:
    """An archive of a path of this machine, in which it is called `name`. Raises: OSError."""
    chunks = _Chunks()
    tar = tarfile.open(fileobj=chunks, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_PIECE_BYTES)  # noqa: SIM115
    top = os.path.realpath(source) if follows or source.endswith(("/", "/.")) else source
    for path in _walk(top):
        status = os.lstat(path)
        if stat.S_ISSOCK(status.st_mode):
            continue
        inner = os.path.relpath(path, top)
        entry = tar.gettarinfo(path, name if inner == "." else f"{name}/{inner}")
        entry.uname = entry.gname = ""
        entry.mtime = int(entry.mtime)
        if not entry.isreg():
            tar.addfile(entry)
            yield from chunks.taken()
            continue
        yield from _file(tar, entry, path, chunks)
    # Two empty blocks end an archive; tarfile would fill it up to a tape's record.
    stream: Any = tar.fileobj
    stream.write(bytes(1024))
    stream.close()
    yield from chunks.taken()


def _file(tar: tarfile.TarFile, entry: tarfile.TarInfo, path: str, chunks: _Chunks) -> Iterator[bytes]:
    """A file piece by piece, so that a large one is never in memory as a whole."""
    left = entry.size
    with open(path, "rb") as file:
        header: Any = tar
        head = entry.tobuf(header.format, header.encoding, header.errors)
        header.fileobj.write(head)
        header.offset += len(head)
        while left:
            piece = file.read(min(left, _PIECE_BYTES)).ljust(min(left, _PIECE_BYTES), b"\0")
            left -= len(piece)
            header.fileobj.write(piece)
            yield from chunks.taken()
        header.fileobj.write(b"\0" * (-entry.size % 512))
        header.offset += entry.size + -entry.size % 512


def _walk(top: str) -> Iterator[str]:
    yield top
    if os.path.isdir(top) and not os.path.islink(top):
        for folder, names, leaves in os.walk(top):
            names.sort()
            yield from (os.path.join(folder, name) for name in sorted(names + leaves))


class _Reader(io.RawIOBase):
    """Pieces, read as a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def unpack(pieces: Iterable[bytes], landing: Landing, *, keeps_owners: bool = False) -> None:
    """Unpack an archive of a container where it lands. Raises: DataError, InvalidRequest, OSError."""
    top = os.open(landing.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    folders: list[tuple[list[str], tarfile.TarInfo]] = []
    try:
        with tarfile.open(fileobj=io.BufferedReader(_Reader(pieces), _PIECE_BYTES), mode="r|") as tar:
            for member in tar:
                parts = _renamed(member.name, landing)
                if parts:
                    _one(tar, member, parts, top, landing)
                    if member.isdir():
                        folders.append((parts, member))
                    elif not member.islnk():
                        _dress(top, parts, member, keeps_owners=keeps_owners)
        for parts, member in reversed(folders):
            _dress(top, parts, member, keeps_owners=keeps_owners)
    except tarfile.TarError as error:
        raise DataError(f"the archive is damaged: {error}") from error
    finally:
        os.close(top)


def _renamed(name: str, landing: Landing) -> list[str]:
    """A member's name as parts below the landing's folder; empty for the folder itself."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise DataError(f"the archive has a name that climbs: {name!r}")
    if landing.first == ".":
        return parts if landing.name == "." else [landing.name, *parts]
    if parts and parts[0] == landing.first:
        parts[0] = landing.name
    return parts


def _parent(top: int, parts: list[str]) -> int:
    """A descriptor of the folder that a member lies in, made where it is missing; no link is followed."""
    fd = os.dup(top)
    for part in parts[:-1]:
        try:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        except FileNotFoundError:
            os.mkdir(part, 0o755, dir_fd=fd)
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        except OSError as error:
            os.close(fd)
            raise DataError(f"{'/'.join(parts)} leads through what is no folder") from error
        os.close(fd)
        fd = below
    return fd


def _one(tar: tarfile.TarFile, member: tarfile.TarInfo, parts: list[str], top: int, landing: Landing) -> None:
    fd, name = _parent(top, parts), parts[-1]
    try:
        try:
            is_folder = stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            pass
        else:
            if member.isdir() and is_folder:
                return
            if member.isdir() or is_folder:
                kinds = "non-directory", "directory"
                raise InvalidRequest(
                    f'cannot overwrite {kinds[is_folder]} "{"/".join(parts)}" with {kinds[not is_folder]}'
                )
            os.unlink(name, dir_fd=fd)
        _make(tar, member, (fd, name), top, landing)
    finally:
        os.close(fd)


def _make(tar: tarfile.TarFile, member: tarfile.TarInfo, place: tuple[int, str], top: int, landing: Landing) -> None:
    fd, name = place
    if member.isdir():
        os.mkdir(name, 0o700, dir_fd=fd)
    elif member.issym():
        os.symlink(member.linkname, name, dir_fd=fd)
    elif member.islnk():
        parts = _renamed(member.linkname, landing)
        source = _parent(top, parts)
        try:
            os.link(parts[-1], name, src_dir_fd=source, dst_dir_fd=fd, follow_symlinks=False)
        finally:
            os.close(source)
    elif member.isreg():
        body: Any = tar.extractfile(member)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(name, flags, 0o600, dir_fd=fd), "wb") as file:
            while piece := body.read(_PIECE_BYTES):
                file.write(piece)
    elif member.isfifo():
        os.mkfifo(name, 0o600, dir_fd=fd)
    elif os.geteuid() == 0 and (member.ischr() or member.isblk()):
        kind = stat.S_IFCHR if member.ischr() else stat.S_IFBLK
        os.mknod(name, kind | 0o600, os.makedev(member.devmajor, member.devminor), dir_fd=fd)


def _dress(top: int, parts: list[str], member: tarfile.TarInfo, *, keeps_owners: bool) -> None:
    fd, name = _parent(top, parts), parts[-1]
    try:
        if keeps_owners:
            os.chown(name, member.uid, member.gid, dir_fd=fd, follow_symlinks=False)
        if not member.issym():
            # Linux has no fchmodat() that leaves links alone; what lies here was made by us, and is no link.
            os.chmod(name, member.mode & (0o7777 if keeps_owners else 0o777), dir_fd=fd)
        os.utime(name, (member.mtime, member.mtime), dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        pass  # a kind of file that is not made here
    finally:
        os.close(fd)
