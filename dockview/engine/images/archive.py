"""Image archives: one tar that docker's `load` and OCI tools read, and what of the two kinds is understood.

What is written is an OCI image layout (oci-layout, index.json, blobs/sha256/…) with docker's manifest.json beside it,
as docker itself has done since version 25. What is read is that, docker's older form (manifest.json, a config, and
folders with a layer.tar each), and a bare OCI layout; each also gzip- or zstd-compressed.
"""

from __future__ import annotations

import contextlib
import json
import os
import posixpath
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dockview.engine.errors import DataError, DockviewError
from dockview.engine.images.blobs import disk_errors
from dockview.engine.images.compression import Detect
from dockview.engine.images.descriptor import CONFIG_LIMIT_BYTES

IMAGE_NAME = "io.containerd.image.name"
REF_NAME = "org.opencontainers.image.ref.name"

_PIECE_BYTES = 1 << 20
_MEMBERS = 100_000
"""More files than any honest archive of images has."""
_BLOCK = 512
_RECORD = 20 * _BLOCK

Write = Callable[[bytes], object]


# Writing


class TarWriter:
    """A tar archive handed to `write`; its times are zero, so the same images give the same bytes."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._size = 0

    def folder(self, name: str) -> None:
        """A folder."""
        info = tarfile.TarInfo(name)
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        self._put(info.tobuf(tarfile.USTAR_FORMAT))

    def file(self, name: str, size: int, chunks: Iterable[bytes]) -> None:
        """A file; the chunks make up its size."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o644
        # Beyond 8 GiB a size no longer fits into the oldest form.
        self._put(info.tobuf(tarfile.USTAR_FORMAT if size < 8 << 30 else tarfile.GNU_FORMAT))
        for chunk in chunks:
            self._put(chunk)
        self._put(b"\0" * (-size % _BLOCK))

    def document(self, name: str, value: Any) -> None:
        """A JSON file."""
        body = json.dumps(value, separators=(",", ":")).encode()
        self.file(name, len(body), [body])

    def finish(self) -> None:
        """The end of the archive."""
        self._put(b"\0" * (2 * _BLOCK))
        self._put(b"\0" * (-self._size % _RECORD))

    def _put(self, data: bytes) -> None:
        if data:
            self._write(data)
            self._size += len(data)


# Reading


@dataclass
class Spool:
    """The files of an archive, each in a file of its own below one folder, under no name of the archive's choice."""

    files: dict[str, str] = field(default_factory=dict)
    """Name in the archive to path."""
    links: dict[str, str] = field(default_factory=dict)
    """Name to the name that a link leads to; docker's older archives have such for layers that occur twice."""

    def path(self, name: str) -> str | None:
        """The file behind a name, through links; None where there is none."""
        name = _plain(name)
        for _ in range(8):
            if name in self.files:
                return self.files[name]
            if name not in self.links:
                return None
            name = self.links[name]
        return None

    def needed(self, name: str) -> str:
        """The file behind a name. Raises: DataError where there is none."""
        if (path := self.path(name)) is None:
            raise DataError(f"the archive names {_shown(name)}, which is not in it")
        return path

    def body(self, name: str) -> bytes:
        """A small file. Raises: DataError where it is not there, or too long."""
        path = self.needed(name)
        if os.path.getsize(path) > CONFIG_LIMIT_BYTES:
            raise DataError(f"{_shown(name)} in the archive is longer than {CONFIG_LIMIT_BYTES >> 20} MiB")
        with open(path, "rb") as file:
            return file.read()


def spool_archive(chunks: Iterable[bytes], folder: str, progress: Callable[[int], None]) -> Spool:
    """Take an archive apart into a folder; `progress` gets the number of bytes of each chunk.

    Raises: DataError, OutOfSpace.
    """
    spool = Spool()
    with _damage():
        source = _Source(chunks, progress)
        with tarfile.open(fileobj=source, mode="r|", errors="surrogateescape") as tar:  # type: ignore[call-overload]
            for count, member in enumerate(tar):
                tar.members.clear()  # tarfile keeps every header that it has seen
                if count >= _MEMBERS:
                    raise DataError(f"the archive has more than {_MEMBERS} members")
                _take(tar, member, spool, f"{folder}/{count}")
        source.finish()
    return spool


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, spool: Spool, path: str) -> None:
    name = _plain(member.name)
    if member.issym():
        spool.links[name] = _plain(posixpath.join(posixpath.dirname(name), member.linkname))
    elif member.islnk():
        spool.links[name] = _plain(member.linkname)
    elif member.isreg() and (body := tar.extractfile(member)) is not None:
        with disk_errors("the archive"), open(path, "xb", buffering=0) as file:
            while piece := body.read(_PIECE_BYTES):
                view = memoryview(piece)
                while view:
                    view = view[file.write(view) :]
        spool.links.pop(name, None)
        spool.files[name] = path


class _Source:
    """The uncompressed bytes of an archive, as a file that is only read forward."""

    def __init__(self, chunks: Iterable[bytes], progress: Callable[[int], None]) -> None:
        self._detect = Detect()
        self._progress = progress
        self._pieces = self._inflated(chunks)
        self._rest = memoryview(b"")

    def _inflated(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._progress(len(chunk))
            yield from self._detect.feed(chunk)
        self._detect.finish()

    def read(self, size: int) -> bytes:
        """As many bytes as asked for, fewer only at the end."""
        found = bytearray()
        while len(found) < size:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._rest = memoryview(piece)
            part = self._rest[: size - len(found)]
            found += part
            self._rest = self._rest[len(part) :]
        return bytes(found)

    def finish(self) -> None:
        """Read what follows the archive's end, so that its writer is not left with a broken pipe."""
        for _ in self._pieces:
            pass


@contextlib.contextmanager
def _damage() -> Iterator[None]:
    """Whatever a damaged archive makes of tarfile is the archive's fault."""
    try:
        yield
    except (DockviewError, OSError):
        raise
    except (tarfile.TarError, ValueError, EOFError, OverflowError, TypeError, AttributeError) as error:
        raise DataError(f"this is no tar archive, or a damaged one: {str(error)[:200]}") from error


def _plain(name: str) -> str:
    """A name without `./` and the like; what leads above the archive's root leads to nothing."""
    return posixpath.normpath("/" + name).lstrip("/")


def _shown(name: str) -> str:
    return repr(name[:120])


def json_list(body: bytes, what: str) -> Sequence[Any]:
    """A JSON array. Raises: DataError."""
    try:
        found = json.loads(body)
    except ValueError as error:
        raise DataError(f"{what} is not JSON") from error
    if not isinstance(found, list):
        raise DataError(f"{what} is not a JSON array")
    return found
