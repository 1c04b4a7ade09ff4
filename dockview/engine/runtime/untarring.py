"""Unpacking a tar archive into a folder of a container, for cp; `/` is the container's root.

A member's name cannot climb above the folder, and links on the way resolve inside the container, whatever they say.
"""

from __future__ import annotations

import errno
import os
import stat
import tarfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PIECE_BYTES = 1 << 20
_XATTR = "SCHILY.xattr."


class BadArchive(Exception):
    """The stream is not a tar archive, or is damaged, or does not fit what is there."""


class Unpacker:
    """Puts members below the working directory. `owner` is whose everything becomes; None leaves it to the archive."""

    def __init__(self, owner: tuple[int, int] | None) -> None:
        self._owner = owner
        self._folder_times: dict[str, float] = {}
        self.files = 0
        self.bytes = 0

    def unpack(self, fd: int) -> None:
        """Everything in the stream. Raises: BadArchive, OSError."""
        try:
            with tarfile.open(
                fileobj=os.fdopen(fd, "rb", buffering=_PIECE_BYTES, closefd=False), mode="r|*",
                bufsize=_PIECE_BYTES, encoding="utf-8", errors="surrogateescape",
            ) as tar:  # fmt: skip
                for member in tar:
                    tar.members.clear()  # type: ignore[attr-defined]  # tarfile keeps every header
                    self._member(tar, member)
        except tarfile.TarError as error:
            raise BadArchive(f"the archive is damaged: {error}") from error
        for path, time in reversed(self._folder_times.items()):
            os.utime(path, (time, time), follow_symlinks=False)

    def _member(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = _below(member.name)
        if path != ".":
            _make_parents(path)
            self._clear(path, member)
        if member.isdir():
            try:
                os.mkdir(path)
            except FileExistsError:
                pass
        elif member.issym():
            os.symlink(member.linkname, path)
        elif member.islnk():
            os.link(_below(member.linkname), path, follow_symlinks=False)
        elif member.isfifo():
            os.mkfifo(path)
        elif member.ischr() or member.isblk():
            kind = stat.S_IFCHR if member.ischr() else stat.S_IFBLK
            os.mknod(path, kind | 0o600, os.makedev(member.devmajor, member.devminor))
        elif member.isreg():
            self._file(tar, member, path)
        else:
            return
        self.files += 1
        if not member.islnk():
            self._dress(member, path)

    def _clear(self, path: str, member: tarfile.TarInfo) -> None:
        try:
            is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
        except FileNotFoundError:
            return
        if is_folder and not member.isdir():
            raise BadArchive(f'cannot overwrite directory "{path}" with non-directory')
        if member.isdir() and not is_folder:
            raise BadArchive(f'cannot overwrite non-directory "{path}" with directory')
        if not is_folder:
            os.unlink(path)

    def _file(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        body: Any = tar.extractfile(member)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb", buffering=0) as file:
            while piece := body.read(_PIECE_BYTES):
                view = memoryview(piece)
                while view:
                    view = view[file.write(view) or 0 :]
        self.bytes += member.size

    def _dress(self, member: tarfile.TarInfo, path: str) -> None:
        """Owner, mode, attributes, times: in this order, since a change of owner clears setuid bits."""
        uid, gid = self._owner or (member.uid, member.gid)
        try:
            os.chown(path, uid, gid, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EPERM):
                raise  # else: an owner that this user namespace has no ID for; root's it stays
        if not member.issym():
            os.chmod(path, member.mode & 0o7777)
        for key, value in member.pax_headers.items():
            name = key.removeprefix(_XATTR)
            if key.startswith(_XATTR) and (name == "security.capability" or name.startswith("user.")):
                try:
                    os.setxattr(path, name, value.encode("utf-8", "surrogateescape"), follow_symlinks=False)
                except OSError:
                    pass  # a file system without them
        if member.isdir():
            self._folder_times.pop(path, None)
            self._folder_times[path] = member.mtime
        else:
            os.utime(path, (member.mtime, member.mtime), follow_symlinks=False)


def _below(name: str) -> str:
    """A member's name as a path from the working directory; `..` cannot climb above it."""
    return os.path.normpath("/" + name.lstrip("/")).lstrip("/") or "."


def _make_parents(path: str) -> None:
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        os.makedirs(folder, 0o755, exist_ok=True)
