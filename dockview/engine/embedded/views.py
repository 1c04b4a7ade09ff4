"""Work on the files of containers and images, done by a helper process that sees them as a container does.

The helper (runtime/files_child.py) has the container's root as its own, so that no link and no name in an archive leads
out of it, and as an ordinary user it works in a user namespace, with the IDs of the image.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Self

from dockview.engine.cancel import CancelToken
from dockview.engine.embedded.house import House
from dockview.engine.embedded.mounts import entries
from dockview.engine.embedded.pull import lower_dirs
from dockview.engine.embedded.query import image_of, is_running
from dockview.engine.errors import DataError, DockviewError, EngineBug, InvalidRequest, NotFound, NotSupported
from dockview.engine.idmap import write_id_maps
from dockview.engine.images.blobs import out_of_space
from dockview.engine.images.unpack import remove_tree
from dockview.engine.runtime import files_child
from dockview.engine.runtime.state import read_state
from dockview.engine.state import volumes
from dockview.engine.state.containers import ContainerRecord
from dockview.engine.state.images import ImageRecord

_CHILD = os.path.abspath(files_child.__file__)
_PIECE_BYTES = 1 << 18
_ASKS_FOR_MAPS = b"mapped?\n"


class Work:
    """One helper process at its job. Leaving the block ends it, and so does closing the engine."""

    def __init__(self, house: House, job: dict[str, Any], cancel: CancelToken | None = None) -> None:
        import subprocess  # noqa: PLC0415  slow to import

        self._cancels = (house.closing, cancel or house.closing)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-X", "utf8", _CHILD, json.dumps({"rootless": house.is_rootless, **job})],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,  # a ctrl-c is the engine's to handle
            env={},
        )  # fmt: skip
        process = self._process
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise EngineBug("a helper without pipes")
        self._in, self.out, self._err = process.stdin, process.stdout, process.stderr
        self._said = b""
        self._stack = contextlib.ExitStack()
        try:
            for token in self._cancels:
                self._stack.enter_context(token.closing(process.kill))
            if house.is_rootless and job["view"] in ("image", "stopped"):
                self._said = self._err.readline()
                if self._said == _ASKS_FOR_MAPS:
                    write_id_maps(process.pid)
                    os.write(self._in.fileno(), b"\n")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def feed(self, pieces: Iterable[bytes]) -> None:
        """Give it its input, as far as it reads."""
        with contextlib.suppress(BrokenPipeError):
            for piece in pieces:
                self._raise_if_cancelled()
                view = memoryview(piece)
                while view:
                    view = view[os.write(self._in.fileno(), view) :]

    def _raise_if_cancelled(self) -> None:
        for token in self._cancels:
            token.raise_if_set()

    def finish(self) -> dict[str, Any]:
        """Close its input, wait for its end, and give its answer. Raises: what the answer says."""
        with contextlib.suppress(OSError):
            self._in.close()
        lines = (self._said + self._err.read()).splitlines()
        self._process.wait()
        self._raise_if_cancelled()
        try:
            answer = dict(json.loads(lines[-1]))
        except (IndexError, ValueError):
            answer = {"error": f"the helper ended with status {self._process.returncode}", "errno": 0, "kind": "bug"}
        if "error" in answer:
            raise _trouble(answer)
        return answer

    def close(self) -> None:
        """End it if it is still there, and let go of its pipes."""
        self._stack.close()
        if self._process.poll() is None:
            self._process.kill()
        for stream in (self._in, self.out, self._err):
            with contextlib.suppress(OSError):
                stream.close()
        self._process.wait()


class Archive:
    """What a helper writes, as a stream of bytes (api.Stream). Raises, in the iteration, what went wrong."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._pieces = self._read()

    def _read(self) -> Iterator[bytes]:
        with self._work:
            while piece := os.read(self._work.out.fileno(), _PIECE_BYTES):
                yield piece
            self._work.finish()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """End the helper."""
        self._work.close()


def do(house: House, job: dict[str, Any], cancel: CancelToken | None = None) -> dict[str, Any]:
    """Let a helper do a job without input and output; its answer. Raises: Cancelled, and what the answer says."""
    with Work(house, job, cancel) as work:
        return work.finish()


def layers_job(house: House, image: ImageRecord, point: str) -> dict[str, Any]:
    """The view of an image's layers, mounted (for the helper alone) at `point`."""
    lower = lower_dirs(house, image)
    if len(lower) == 1:
        # overlayfs without a writable layer wants two; what the lowest hides must not be seen as a device.
        empty = f"{house.layout.layers}/none/diff"
        os.makedirs(empty, mode=0o755, exist_ok=True)
        lower = [*lower, empty] if lower != [empty] else lower
    return {"view": "image", "lower_dirs": lower, "point": point}


def container_job(house: House, record: ContainerRecord, *, is_bare: bool = False) -> dict[str, Any]:
    """The view of a container's files, as it runs or as it would start; `is_bare` leaves volumes and binds out."""
    folder = house.layout.container(record.id)
    state = read_state(folder)
    if state is not None and state.pid is not None and is_running(house, record.id):
        return {"view": "bare" if is_bare else "running", "pid": state.pid}
    mounts = () if is_bare else volumes.mounts_of(house.database, record.id)
    for name in ("upper", "work"):
        os.makedirs(f"{folder}/{name}", mode=0o755, exist_ok=True)
    return {
        "view": "stopped", "point": f"{folder}/rootfs",
        "lower_dirs": lower_dirs(house, image_of(house, record.image_id)),
        "upper_dir": f"{folder}/upper", "work_dir": f"{folder}/work", "read_only": record.request.read_only,
        "mounts": [entry for entry in entries(house, mounts) if entry["type"] == "bind"],
    }  # fmt: skip


def upper_job(house: House, record: ContainerRecord) -> dict[str, Any]:
    """The view of a container's layers with its writable layer beside them, to compare the two."""
    folder = house.layout.container(record.id)
    places: list[str] = []
    with contextlib.suppress(OSError, ValueError, KeyError), open(f"{folder}/shim.json", encoding="utf-8") as file:
        places = [destination for _source, destination in json.load(file)["base_mounts"]]
    job = layers_job(house, image_of(house, record.image_id), f"{folder}/rootfs")
    return {**job, "beside": f"{folder}/upper", "places": places}


def copy_up(house: House, image: ImageRecord, path: str, folder: str, cancel: CancelToken) -> dict[str, Any] | None:
    """Fill a new volume with what the image has at a path; how much, None where that is nothing.

    Where two containers have the same new volume, the one that comes first fills it, and the other waits. It gets its
    place by rename, so that a copy that was broken off is never taken for the whole.
    """
    home = os.path.dirname(folder)
    point, half = f"{home}/image", f"{home}/_filling"
    job = layers_job(house, image, point)
    fd = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.listdir(folder):
            return None
        remove_tree(half)
        os.mkdir(half, 0o755)
        answer = do(house, {**job, "action": "fill", "path": path, "beside": half}, cancel)
        if answer["files"] is None:
            return None
        os.rename(half, folder)
        return answer
    finally:
        remove_tree(half)
        with contextlib.suppress(OSError):
            os.rmdir(point)
        os.close(fd)


def _trouble(answer: dict[str, Any]) -> DockviewError | EngineBug:
    text, code, kind = answer["error"], answer["errno"], answer["kind"]
    if kind == "bug":
        return EngineBug(text)
    if kind == "data":
        return DataError(text)
    if kind == "unsupported":
        return NotSupported(text)
    if code in (errno.ENOSPC, errno.EDQUOT):
        return out_of_space("the copy")
    if code == errno.ENOENT:
        return NotFound(f"Could not find the file {text}")
    if code == errno.EROFS:
        return InvalidRequest(f"container rootfs is marked read-only: {text}", hint="a volume can be written to")
    if code in (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.EINVAL):
        return InvalidRequest(text)
    return NotSupported(text, hint="`dockview doctor` says what this machine lacks")
