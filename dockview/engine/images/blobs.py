"""The content store: blobs under their own digests, written aside, verified while they stream, then named.

A blob that can be seen under its digest is whole and verified; half of one lies in the store's tmp folder, under the
name of the process that writes it, and goes when that process fails or is gone.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Self

from dockview.engine.errors import DataError, DigestMismatch, OutOfSpace
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
    """A blob being written. Leaving the block without commit() removes it."""

    def __init__(self, layout: Layout, descriptor: Descriptor) -> None:
        self._layout = layout
        self._descriptor = descriptor
        self._hash = hashlib.sha256()
        self._path = half_path(layout, "blob")
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        os.close(self._file)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)

    def write(self, chunk: bytes) -> None:
        """Append bytes. Raises: OutOfSpace, DataError once there are more than the descriptor says."""
        self.size += len(chunk)
        if self.size > self._descriptor.size:
            raise DataError(f"{self._descriptor.digest} is longer than its {self._descriptor.size} bytes")
        self._hash.update(chunk)
        with disk_errors(f"blob {self._descriptor.digest}"):
            view = memoryview(chunk)
            while view:
                view = view[os.write(self._file, view) :]

    def verify(self) -> str:
        """The digest that was computed. Raises: DigestMismatch, DataError where bytes are missing."""
        computed = f"sha256:{self._hash.hexdigest()}"
        if self.size != self._descriptor.size:
            raise DataError(f"{self._descriptor.digest} has {self.size} bytes instead of {self._descriptor.size}")
        if computed != self._descriptor.digest:
            raise mismatch(self._descriptor.digest, computed)
        return computed

    def commit(self) -> None:
        """Name the blob.

        It is not flushed to the disk on its own: whoever reads it later verifies it again, and a damaged one is
        fetched anew (`discard`).
        """
        with disk_errors(f"blob {self._descriptor.digest}"):
            os.rename(self._path, self._layout.blob(self._descriptor.digest))


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
