"""The content store: blobs under their own digests, written aside, verified while they stream, then named.

A blob that can be seen under its digest is whole and verified; half of one lies in the store's tmp folder, under the
name of the process that writes it, and goes when that process fails or is gone.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Self

from dockview.engine.errors import Cancelled, DataError, DigestMismatch, OutOfSpace, Unavailable
from dockview.engine.images.descriptor import Descriptor
from dockview.engine.processes import process_start_ticks
from dockview.engine.state.layout import Layout

_CHUNK_BYTES = 1 << 20


def half_path(layout: Layout, what: str) -> str:
    """A path for something half-made, which names this process as its owner."""
    pid = os.getpid()
    return f"{layout.tmp}/{pid}.{process_start_ticks(pid) or 0}.{what}-{os.urandom(4).hex()}"


@contextlib.contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn a full disk into OutOfSpace, saying what could not be written."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise out_of_space(what) from error
        raise


def out_of_space(what: str) -> OutOfSpace:
    """The error of a full disk."""
    return OutOfSpace(f"{what} cannot be written: the disk is full", hint="free some space, or `dockview system prune`")


class Ingest:
    """A blob being written. Leaving the block without commit() removes it.

    With `is_resumable`, what was written before the registry was lost, or the user lost patience, stays: the next
    Ingest of the same blob begins with it (kept()).
    """

    def __init__(
        self, layout: Layout, descriptor: Descriptor | None = None, *, is_resumable: bool = False, path: str = ""
    ) -> None:
        """Begin a new half file, or with a `path` take that one over: all of it is then kept()."""
        self._layout = layout
        self._descriptor = descriptor
        self._name = descriptor.digest if descriptor else "a blob"
        self._hash = hashlib.sha256()
        self.size = 0
        self._is_named = False
        taken = _take_partial(layout, descriptor) if is_resumable and descriptor else None
        self._is_partial = taken is not None
        if taken is not None:
            self._file, self._path = taken
        elif path:
            self._path = path
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        else:
            self._path = half_path(layout, "blob")
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        is_kept = self._is_partial and self.size and kind and issubclass(kind, _BROKEN_OFF)
        # Once it has its name, whatever lies under the old one is somebody else's.
        if not (is_kept or self._is_named):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
        os.close(self._file)

    @property
    def path(self) -> str:
        """The half file."""
        return self._path

    def kept(self) -> Generator[bytes]:
        """The bytes that an earlier try has left; to be read to the end before anything is written."""
        while chunk := os.read(self._file, _CHUNK_BYTES):
            self.size += len(chunk)
            self._hash.update(chunk)
            yield chunk

    def write(self, chunk: bytes) -> None:
        """Append bytes. Raises: OutOfSpace, DataError once there are more than the descriptor says."""
        self.size += len(chunk)
        if self._descriptor and self.size > self._descriptor.size:
            raise DataError(f"{self._name} is longer than its {self._descriptor.size} bytes")
        self._hash.update(chunk)
        with disk_errors(f"blob {self._name}"):
            view = memoryview(chunk)
            while view:
                view = view[os.write(self._file, view) :]

    def verify(self) -> str:
        """The digest that was computed. Raises: DigestMismatch, DataError where bytes are missing."""
        computed = f"sha256:{self._hash.hexdigest()}"
        if self._descriptor is None:
            return computed
        if self.size != self._descriptor.size:
            raise DataError(f"{self._name} has {self.size} bytes instead of {self._descriptor.size}")
        if computed != self._descriptor.digest:
            raise mismatch(self._name, computed)
        return computed

    def commit(self) -> None:
        """Name the blob.

        It is not flushed to the disk on its own: whoever reads it later verifies it again, and a damaged one is
        fetched anew (`discard`).
        """
        with disk_errors(f"blob {self._name}"):
            os.rename(self._path, self._layout.blob(f"sha256:{self._hash.hexdigest()}"))
        self._is_named = True


_BROKEN_OFF = (Cancelled, Unavailable, KeyboardInterrupt)
"""What says nothing about the bytes that came so far."""


def _take_partial(layout: Layout, descriptor: Descriptor) -> tuple[int, str] | None:
    """The file that keeps the beginning of a blob, for this process alone; None where another has it."""
    path = layout.partial_blob(descriptor.digest)
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            about = os.fstat(file)
            # Whoever had it may have named or removed it between open and lock.
            if os.path.samestat(about, os.stat(path)):
                if about.st_size > descriptor.size:
                    os.ftruncate(file, 0)
                return file, path
        except BlockingIOError:
            os.close(file)
            return None
        except FileNotFoundError:
            pass
        os.close(file)


def partial_blobs(layout: Layout) -> dict[str, int]:
    """The digests of blobs of which only the beginning is here, and how many bytes; not those being written now."""
    found = {}
    folder = os.path.dirname(layout.partial_blob("sha256:x"))
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            file = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                found[f"sha256:{name}"] = os.fstat(file).st_size
            finally:
                os.close(file)
    return found


def mismatch(expected: str, computed: str) -> DigestMismatch:
    """The error of bytes that are not the ones that were asked for."""
    return DigestMismatch(
        f"{expected} was asked for, but the bytes that came are {computed}",
        hint="the registry, or something between it and here, is broken or lies",
    )


def verified(body: bytes, expected: str) -> str:
    """The digest of a document, which must be the expected one unless that is empty. Raises: DigestMismatch."""
    computed = f"sha256:{hashlib.sha256(body).hexdigest()}"
    if expected and computed != expected:
        raise mismatch(expected, computed)
    return computed


def has(layout: Layout, descriptor: Descriptor) -> bool:
    """Whether the blob is here (its size is compared; its bytes are verified again by whoever reads it)."""
    try:
        return os.stat(layout.blob(descriptor.digest)).st_size == descriptor.size
    except FileNotFoundError:
        return False


def store(layout: Layout, media_type: str, body: bytes) -> Descriptor:
    """Keep a small document; its descriptor."""
    descriptor = Descriptor(media_type, verified(body, ""), len(body))
    if not has(layout, descriptor):
        with Ingest(layout, descriptor) as ingest:
            ingest.write(body)
            ingest.commit()
    return descriptor


def discard(layout: Layout, digest: str) -> None:
    """Remove a blob that turned out to be damaged."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(layout.blob(digest))


def read(layout: Layout, digest: str) -> Generator[bytes]:
    """The bytes of a blob that is here."""
    with open(layout.blob(digest), "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
