"""Layers come as plain tar, gzip or zstd; what they are is told by their first bytes, as docker does.

(Media types are not reliable: there are registries with zstd layers that are called gzip, and the other way round.)
"""

from __future__ import annotations

from typing import Any, Protocol

from dockview.engine.errors import DataError, NotSupported

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"
_WINDOW_BYTES = 1 << 27
"""How much memory a zstd frame may ask for: what the zstd program itself allows unless told otherwise."""
_BITE_BYTES = 512
"""How much zstd gets at once: it cannot be told how much to give, and four bytes may stand for 128 KiB."""
_PIECE_BYTES = 1 << 20
"""How much comes out of one step: a small chunk may hold gigabytes of zeros."""


_GZIP_WINDOW = 15 | 16
"""zlib's words for: any window, and a gzip header."""


def _inflater() -> Any:
    """ISA-L's inflate, which is twice as fast as zlib's, where its package is installed; the two have one interface."""
    try:
        from isal import isal_zlib  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415  only for gzip layers
    except ImportError:
        import zlib  # noqa: PLC0415

        return zlib
    return isal_zlib


class Decompressor(Protocol):
    """Takes compressed bytes as they come and gives pieces of what they hold."""

    def feed(self, chunk: bytes) -> Any:
        """An iterator over the uncompressed pieces. Raises: DataError."""
        ...

    def finish(self) -> None:
        """The input has ended. Raises: DataError where it ended in the middle."""
        ...


class Plain:
    """No compression."""

    def feed(self, chunk: bytes) -> Any:
        """The chunk itself."""
        yield chunk

    def finish(self) -> None:
        """Nothing to check."""


class Gzip:
    """One or more gzip members (RFC 1952), as pigz and estargz write them; zeros after the last are padding."""

    def __init__(self) -> None:
        module = _inflater()
        self._make, self._error = module.decompressobj, module.error
        self._member = self._make(_GZIP_WINDOW)
        self._is_between = False

    def feed(self, chunk: bytes) -> Any:
        """The uncompressed pieces."""
        while chunk:
            if self._is_between:
                chunk = chunk.lstrip(b"\0")
                if not chunk:
                    return
                self._member, self._is_between = self._make(_GZIP_WINDOW), False
            try:
                piece = self._member.decompress(chunk, _PIECE_BYTES)
            except self._error as error:
                raise DataError(f"the layer's gzip stream is damaged: {error}") from error
            if piece:
                yield piece
            self._is_between = self._member.eof
            chunk = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def finish(self) -> None:
        """The last member must be complete."""
        if not self._is_between:
            raise DataError("the layer's gzip stream ends in the middle")


class Zstd:
    """One or more zstd frames (RFC 8878); skippable frames, as zstd:chunked has them, are passed over."""

    def __init__(self) -> None:
        try:
            import zstandard  # noqa: PLC0415  most layers are gzip
        except ImportError as error:
            raise NotSupported("zstd layers need the zstandard package", hint="pip install zstandard") from error
        self._error = zstandard.ZstdError
        self._make = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).decompressobj
        self._frame: Any = None

    def feed(self, chunk: bytes) -> Any:
        """The uncompressed pieces."""
        view = memoryview(chunk)
        while view:
            bite, view = view[:_BITE_BYTES], view[_BITE_BYTES:]
            while bite:
                self._frame = self._frame or self._make()
                try:
                    piece = self._frame.decompress(bite)
                except self._error as error:
                    raise DataError(f"the layer's zstd stream is damaged: {error}") from error
                if piece:
                    yield piece
                bite = memoryview(b"")
                if self._frame.eof:
                    bite = memoryview(self._frame.unused_data)
                    self._frame = None

    def finish(self) -> None:
        """The last frame must be complete."""
        if self._frame is not None:
            raise DataError("the layer's zstd stream ends in the middle")


class Detect:
    """Waits for the first bytes, then is one of the others."""

    def __init__(self) -> None:
        self._head = b""
        self._inner: Decompressor | None = None

    @property
    def name(self) -> str:
        """What it turned out to be: gzip, zstd, or empty for none."""
        return "gzip" if isinstance(self._inner, Gzip) else "zstd" if isinstance(self._inner, Zstd) else ""

    def feed(self, chunk: bytes) -> Any:
        """The uncompressed pieces."""
        if self._inner is None:
            self._head += chunk
            if len(self._head) < 4:
                return
            chunk, self._inner = self._head, _for(self._head)
        yield from self._inner.feed(chunk)

    def finish(self) -> None:
        """The input has ended."""
        if self._inner is None:
            raise DataError("the layer is empty: not even a tar archive's end is there")
        self._inner.finish()


def _for(head: bytes) -> Decompressor:
    if head.startswith(_GZIP):
        return Gzip()
    if head.startswith(_ZSTD) or (head[1:4] == _ZSTD_SKIPPABLE and head[0] >> 4 == 5):
        return Zstd()
    return Plain()
