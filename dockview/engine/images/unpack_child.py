"""The process that unpacks one layer: a tar stream on standard input, files in a folder that is its root.

Run as `python -I -S -X utf8 unpack_child.py MODE FOLDER`, with the standard library alone. Modes:

    root      chroot into the folder, unpack
    user      first enter a new user namespace, whose ID maps the parent writes
    remove    enter a user namespace and remove the folder (files of mapped IDs are not ours to remove outside)

It reads one byte before anything else (the parent's "the maps are written"), and in the modes `user` and `remove` it
prints the line `mapped?` to ask for it. Its last line is JSON: {"files", "bytes", "notes"} or {"error", "errno"}.

After chroot(2) no path in a hostile archive leads anywhere else, whatever it spells; the modules that are needed later
are imported before.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import sys
import tarfile
from typing import Any

# At the end of the path: a neighbour is called as a module of the standard library is.
sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from trees import remove_tree  # type: ignore[import-not-found]

_CLONE_NEWUSER = 0x10000000
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_PIECE_BYTES = 1 << 20
_SPLICE_BYTES = 1 << 16
_HEADER_LIMIT_BYTES = 1 << 24
"""Extended headers are held in memory: no honest one comes near this."""
_XATTR_PREFIXES = ("SCHILY.xattr.", "LIBARCHIVE.xattr.")


class BadArchive(Exception):
    """The stream is not a tar archive, or a damaged one."""


class Pipe:
    """A pipe read as a file that only moves forward, which is all that tarfile needs of one."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._buffer = b""
        self._start = 0
        self._position = 0

    def read(self, size: int) -> bytes:
        """As many bytes as asked for, fewer only at the end."""
        if not 0 <= size <= _HEADER_LIMIT_BYTES:
            raise BadArchive(f"the archive has a header of {size} bytes")
        while len(self._buffer) - self._start < size:
            chunk = os.read(self._fd, max(_PIECE_BYTES, size))
            if not chunk:
                break
            self._buffer, self._start = self._buffer[self._start :] + chunk, 0
        found = self._buffer[self._start : self._start + size]
        self._start += len(found)
        self._position += len(found)
        return found

    def tell(self) -> int:
        """How many bytes were read."""
        return self._position

    def seek(self, position: int) -> int:
        """Skip forward."""
        while self._position < position:
            if not self.read(min(position - self._position, _PIECE_BYTES)):
                raise BadArchive("the archive ends in the middle")
        return self._position

    def copy(self, size: int, target: int) -> None:
        """Write the next bytes to a file."""
        while size:
            if self._start == len(self._buffer) and size >= _SPLICE_BYTES:
                # From pipe to file inside the kernel: the bytes are not looked at here.
                moved = os.splice(self._fd, target, size)
                self._position += moved
            else:
                piece = self.read(min(size, len(self._buffer) - self._start or _SPLICE_BYTES))
                moved = len(piece)
                write_all(target, piece)
            if not moved:
                raise BadArchive("the archive ends in the middle of a file")
            size -= moved

    def drain(self) -> None:
        """Read to the end: what follows the archive's end belongs to its digest."""
        self._buffer, self._start = b"", 0
        while os.read(self._fd, _PIECE_BYTES):
            pass


def write_all(fd: int, data: bytes) -> None:
    """write(2) until all is written."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class Member(tarfile.TarInfo):
    """A header; a damaged one is an error, where tarfile would take it for the archive's end."""

    @classmethod
    def fromtarfile(cls, tar: Any) -> Any:
        """The next header."""
        try:
            return super().fromtarfile(tar)
        except (tarfile.EOFHeaderError, tarfile.EmptyHeaderError):  # type: ignore[attr-defined]  # not in typeshed
            raise  # the two honest ends
        except tarfile.HeaderError as error:
            raise BadArchive(f"the archive is damaged: {error}") from error


class Unpacker:
    """Puts the members of an archive below /, in the form that overlayfs wants whiteouts in."""

    def __init__(self, is_user: bool) -> None:
        self._is_user = is_user
        self._opaque_xattr = "user.overlay.opaque" if is_user else "trusted.overlay.opaque"
        self._folder_times: dict[str, int] = {}
        self._hidden: set[str] = set()
        self._parents: set[str] = {"/"}
        self.files = 0
        self.bytes = 0
        self.notes: dict[str, int] = {}

    def unpack(self, pipe: Pipe) -> None:
        """Everything in the stream."""
        try:
            tar = tarfile.TarFile(
                fileobj=pipe,  # type: ignore[arg-type]  # read, tell and seek are all that reading needs
                tarinfo=Member,
                encoding="utf-8",
                errors="surrogateescape",
            )
        except tarfile.ReadError as error:
            raise BadArchive(str(error)) from error
        member = tar.next()
        while member is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # tarfile keeps every header that it has seen
            self._member(tar, pipe, member)
            member = tar.next()
        pipe.drain()
        for path, mtime_ns in reversed(self._folder_times.items()):
            with contextlib.suppress(FileNotFoundError):
                os.utime(path, ns=(mtime_ns, mtime_ns), follow_symlinks=False)

    def _member(self, tar: tarfile.TarFile, pipe: Pipe, member: tarfile.TarInfo) -> None:
        if member.size < 0:
            raise BadArchive("the archive has a member of a negative size")
        path = _inside(member.name)
        folder, name = os.path.split(path)
        if name.startswith(_WHITEOUT):
            self._whiteout(folder, name)
            return
        if path != "/":
            self._make_parents(folder)
            self._clear(path, member.isdir())
        is_made = self._make(tar, pipe, member, path)
        if not is_made:
            return
        self.files += 1
        if not member.islnk():
            self._dress(member, path)

    def _make(self, tar: tarfile.TarFile, pipe: Pipe, member: tarfile.TarInfo, path: str) -> bool:
        if member.isdir():
            self._make_folder(path)
        elif member.issym():
            os.symlink(member.linkname, path)
        elif member.islnk():
            os.link(_inside(member.linkname), path, follow_symlinks=False)
        elif member.isfifo():
            os.mkfifo(path)
        elif member.ischr() or member.isblk():
            return self._make_device(member, path)
        elif member.isreg():
            self._make_file(tar, pipe, member, path)
        else:
            self._note("members of unknown types were passed over")
            return False
        return True

    def _make_folder(self, path: str) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)
        self._parents.add(path)
        if path in self._hidden:
            # The layer hides a folder of the layers below and has one of the same name: the new one starts empty.
            os.setxattr(path, self._opaque_xattr, b"y")

    def _make_file(self, tar: tarfile.TarFile, pipe: Pipe, member: tarfile.TarInfo, path: str) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if member.issparse():
                body = tar.extractfile(member)
                while body and (piece := body.read(_PIECE_BYTES)):
                    write_all(fd, piece)
            else:
                pipe.copy(member.size, fd)
        finally:
            os.close(fd)
        self.bytes += member.size

    def _make_device(self, member: tarfile.TarInfo, path: str) -> bool:
        kind = stat.S_IFCHR if member.ischr() else stat.S_IFBLK
        try:
            os.mknod(path, kind | 0o600, os.makedev(member.devmajor, member.devminor))
        except PermissionError:
            self._note("device nodes were left out: only root may make them")
            return False
        return True

    def _whiteout(self, folder: str, name: str) -> None:
        if name == _OPAQUE:
            self._make_parents(folder)
            os.setxattr(folder, self._opaque_xattr, b"y")
        elif not name.startswith(_WHITEOUT * 2):  # what else begins so is aufs's own
            path = os.path.join(folder, name.removeprefix(_WHITEOUT))
            self._make_parents(folder)
            self._hidden.add(path)
            if not os.path.lexists(path):
                os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))
            elif os.path.isdir(path) and not os.path.islink(path):
                os.setxattr(path, self._opaque_xattr, b"y")

    def _make_parents(self, folder: str) -> None:
        missing = []
        while folder not in self._parents:
            missing.append(folder)
            folder = os.path.dirname(folder)
        for path in reversed(missing):
            if not os.path.isdir(path):
                if os.path.lexists(path):
                    os.unlink(path)
                os.mkdir(path, 0o755)
                if path in self._hidden:
                    os.setxattr(path, self._opaque_xattr, b"y")
            self._parents.add(path)

    def _clear(self, path: str, is_folder: bool) -> None:
        """Make room: a later member replaces an earlier one of the same name; folders merge."""
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(mode):
            os.unlink(path)
            self._parents.discard(path)  # it may have been a link to a folder
        elif not is_folder:
            remove_tree(path)
            self._parents = {"/"}
            self._folder_times = {p: t for p, t in self._folder_times.items() if not f"{p}/".startswith(f"{path}/")}

    def _dress(self, member: tarfile.TarInfo, path: str) -> None:
        """Owner, mode, extended attributes, times: in this order, since a change of owner clears setuid bits."""
        try:
            os.chown(path, member.uid, member.gid, follow_symlinks=False)
        except OSError as error:
            if not self._is_user or error.errno not in (errno.EPERM, errno.EINVAL):
                raise
            self._note("owners were left out: this user has no IDs for them (see newuidmap)")
        if not member.issym():
            os.chmod(path, member.mode & 0o7777)
        for name, value in _xattrs(member):
            self._set_xattr(path, name, value)
        mtime_ns = _mtime_ns(member)
        if member.isdir():
            self._folder_times.pop(path, None)
            self._folder_times[path] = mtime_ns
        else:
            os.utime(path, ns=(mtime_ns, mtime_ns), follow_symlinks=False)

    def _set_xattr(self, path: str, name: str, value: bytes) -> None:
        if ".overlay." in name:
            # Overlayfs's own marks say where a layer's files come from; an archive has no say in that.
            self._note("overlayfs attributes in the archive were left out")
            return
        try:
            os.setxattr(path, name, value, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EINVAL):
                raise
            self._note(f"attribute {name.partition('.')[0]}.* was left out: {os.strerror(error.errno)}")

    def _note(self, text: str) -> None:
        self.notes[text] = self.notes.get(text, 0) + 1


def _inside(name: str) -> str:
    """A member's name as a path from the root; `..` cannot climb above it."""
    return os.path.normpath("/" + name.lstrip("/"))


def _mtime_ns(member: tarfile.TarInfo) -> int:
    text = member.pax_headers.get("mtime", "")
    whole, _, fraction = text.partition(".")
    if whole.isdigit() and (fraction.isdigit() or not fraction):
        ns = int(whole) * 1_000_000_000 + int((fraction + "0" * 9)[:9])
    else:
        ns = int(member.mtime * 1_000_000_000)
    return max(-(2**63), min(ns, 2**63 - 1))


def _xattrs(member: tarfile.TarInfo) -> list[tuple[str, bytes]]:
    found = []
    for key, value in member.pax_headers.items():
        if key.startswith(_XATTR_PREFIXES[0]):
            found.append((key.removeprefix(_XATTR_PREFIXES[0]), value.encode("utf-8", "surrogateescape")))
        elif key.startswith(_XATTR_PREFIXES[1]):
            import base64  # noqa: PLC0415  rare; found again after chroot because main() imports it

            found.append((key.removeprefix(_XATTR_PREFIXES[1]), base64.b64decode(value)))
    return found


def _enter_user_namespace() -> None:
    import ctypes  # noqa: PLC0415  os.unshare() came with Python 3.12

    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"unshare(CLONE_NEWUSER): {os.strerror(code)}")
    sys.stdout.write("mapped?\n")
    sys.stdout.flush()


def _perform(mode: str, folder: str) -> dict[str, Any]:
    if mode != "root":
        _enter_user_namespace()
    if not os.read(0, 1):
        raise BadArchive("the parent went away")
    if mode != "root":
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    if mode == "remove":
        remove_tree(folder)
        return {}
    os.umask(0)
    os.chroot(folder)
    os.chdir("/")
    unpacker = Unpacker(is_user=mode == "user")
    unpacker.unpack(Pipe(0))
    return {"files": unpacker.files, "bytes": unpacker.bytes, "notes": unpacker.notes}


def main() -> int:
    """Do it, and say what came of it."""
    import base64  # noqa: F401, PLC0415  a module cannot be imported once the root is another one

    try:
        answer = _perform(sys.argv[1], sys.argv[2])
    except BadArchive as error:
        answer = {"error": str(error), "errno": 0}
    except OSError as error:
        path = f": {os.fsencode(error.filename).decode('utf-8', 'backslashreplace')[:200]}" if error.filename else ""
        answer = {"error": f"{error.strerror}{path}", "errno": error.errno or errno.EIO}
    except Exception as error:  # noqa: BLE001  whatever a hostile archive makes of tarfile is the archive's fault
        answer = {"error": f"the archive is damaged ({type(error).__name__}: {str(error)[:200]})", "errno": 0}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    return "error" in answer


if __name__ == "__main__":
    sys.exit(main())
