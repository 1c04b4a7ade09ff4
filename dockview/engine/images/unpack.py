"""Unpacking a layer: the parent's side. The child (unpack_child.py) is chrooted into the layer's folder.

A layer's bytes are pushed as they come; its folder gets its name by rename, after all of it is on the disk, so a
layer that can be seen is whole. Who unpacks a layer holds a lock on it; others wait and then share it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from dockview.engine.errors import DataError, DockviewError, EngineBug, NotSupported
from dockview.engine.idmap import write_id_maps
from dockview.engine.images import trees
from dockview.engine.images.blobs import half_path, out_of_space
from dockview.engine.state.layout import Layout

_CHILD = os.path.join(os.path.dirname(__file__), "unpack_child.py")
_PIPE_BYTES = 1 << 20
_ASKS_FOR_MAPS = b"mapped?\n"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a layer holds: how many files, how many bytes in them, and what had to be left out (how often)."""

    files: int
    size_bytes: int
    notes: Mapping[str, int]


class Unpacking:
    """One child at work. Leaving the block kills it if it has not finished."""

    def __init__(self, folder: str, what: str) -> None:
        self._what = what
        self._child = _Child("root" if os.geteuid() == 0 else "user", folder)
        self._input = self._child.stdin
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._input, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.end()

    def feed(self, piece: bytes) -> None:
        """Push uncompressed bytes. Raises what finish() raises, when the child has given up."""
        view = memoryview(piece)
        try:
            while view:
                view = view[os.write(self._input, view) :]
        except BrokenPipeError:
            self.finish()
            raise DataError(f"{self._what} cannot be unpacked: the child went away") from None

    def finish(self) -> Unpacked:
        """Wait for the end. Raises: OutOfSpace, DataError, NotSupported."""
        answer = self._child.answer()
        if "error" in answer:
            raise _trouble(answer, self._what)
        return Unpacked(answer["files"], answer["bytes"], answer["notes"])


def remove_tree(path: str) -> None:
    """Remove a folder with files of any owner that this user has IDs for; nothing there is fine.

    Raises: OSError where something cannot go.
    """
    try:
        trees.remove_tree(path)
    except PermissionError:
        if os.geteuid() == 0:
            raise
        child = _Child("remove", path)
        answer = child.answer()
        child.end()
        if "error" in answer:
            raise OSError(answer["errno"], answer["error"], path) from None


@contextlib.contextmanager
def layer_lock(layout: Layout, diff_id: str, waiting: threading.Event) -> Iterator[bool]:
    """Hold the lock of a layer; whether the layer is there already.

    `waiting` ends the wait for another process when it is set; the block is then entered without the lock, so whoever
    sets it checks for cancellation first.
    """
    home = os.path.dirname(layout.layer(diff_id))
    while True:
        os.makedirs(home, mode=0o700, exist_ok=True)
        try:
            fd = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            if not _locked(fd, waiting):
                yield False
                return
            # A prune may have removed the folder between open and lock: then the lock is on nothing.
            if _is_same(fd, home):
                try:
                    yield os.path.isdir(layout.layer(diff_id))
                finally:
                    with contextlib.suppress(OSError):
                        os.rmdir(home)  # which fails unless nothing came of it
                return
        finally:
            os.close(fd)


def _locked(fd: int, waiting: threading.Event) -> bool:
    while not waiting.is_set():
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting.wait(0.05)
        else:
            return True
    return False


def _is_same(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def half_layer(layout: Layout) -> Iterator[str]:
    """A folder to unpack into, which goes unless it was renamed."""
    path = half_path(layout, "layer")
    os.mkdir(path, 0o755)
    try:
        yield path
    finally:
        remove_tree(path)


def commit_layer(layout: Layout, half: str, diff_id: str, digest: str, unpacked: Unpacked) -> None:
    """Give a layer its name; it was flushed before (sync_filesystem)."""
    final = layout.layer(diff_id)
    about = f"{os.path.dirname(final)}/layer.json"
    try:
        with open(about, "w", encoding="utf-8") as file:
            json.dump({"digest": digest, "files": unpacked.files, "size_bytes": unpacked.size_bytes}, file)
        os.rename(half, final)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(about)
        raise


def sync_filesystem(path: str) -> None:
    """Put everything on the disk that was written to a file system: syncfs(2).

    One call instead of an fsync for each of thousands of files. Raises: OutOfSpace where a late write found no room.
    """
    import ctypes  # noqa: PLC0415

    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syncfs(fd) != 0 and ctypes.get_errno() in (errno.ENOSPC, errno.EDQUOT):
            raise out_of_space("the layer")
    finally:
        os.close(fd)


def layer_size(layout: Layout, diff_id: str) -> int | None:
    """The bytes in a layer's files, as counted when it was unpacked; None where nobody wrote that down."""
    found = _about(layout, diff_id).get("size_bytes")
    return found if isinstance(found, int) else None


def layer_blob(layout: Layout, diff_id: str) -> str:
    """The digest of the blob that a layer was unpacked from; empty where nobody wrote that down."""
    return str(_about(layout, diff_id).get("digest") or "")


def _about(layout: Layout, diff_id: str) -> dict[str, Any]:
    try:
        with open(f"{os.path.dirname(layout.layer(diff_id))}/layer.json", encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class _Child:
    """The process: its standard input, and what it says at the end."""

    def __init__(self, mode: str, folder: str) -> None:
        import subprocess  # noqa: PLC0415  slow to import

        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-X", "utf8", _CHILD, mode, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it says all it has to say on standard output
            start_new_session=True,  # a ctrl-c is the parent's to handle
            env={},
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise EngineBug("a child without pipes")
        self._in, self._out = self._process.stdin, self._process.stdout
        self._said = b""
        try:
            if mode != "root":
                self._said = self._out.readline()
                if self._said == _ASKS_FOR_MAPS:
                    write_id_maps(self._process.pid)
            with contextlib.suppress(BrokenPipeError):
                os.write(self._in.fileno(), b"\n")
        except BaseException:
            self.end()
            raise

    @property
    def stdin(self) -> int:
        """The descriptor to write to."""
        return self._in.fileno()

    def answer(self) -> dict[str, Any]:
        """Close its input, wait for it, and read its last word."""
        with contextlib.suppress(OSError):
            self._in.close()
        lines = (self._said + self._out.read()).splitlines()
        self._process.wait()
        try:
            return dict(json.loads(lines[-1]))
        except (IndexError, ValueError):
            return {"error": f"the unpacking process ended with status {self._process.returncode}", "errno": 0}

    def end(self) -> None:
        """Kill it if it is still there, and let go of its pipes."""
        if self._process.poll() is None:
            self._process.kill()
        for stream in (self._in, self._out):
            with contextlib.suppress(OSError):
                stream.close()
        self._process.wait()


def _trouble(answer: Mapping[str, Any], what: str) -> DockviewError:
    code, text = answer["errno"], answer["error"]
    if code in (errno.ENOSPC, errno.EDQUOT):
        return out_of_space(what)
    if code in (errno.EPERM, errno.ENOSYS) and "unshare" in text:
        return NotSupported(
            f"{what} cannot be unpacked: {text}", hint="user namespaces are forbidden here; `dockview doctor` says more"
        )
    return DataError(f"{what} cannot be unpacked: {text}")
