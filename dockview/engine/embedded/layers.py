"""One layer taken into the store: its bytes are hashed, kept, inflated, hashed and unpacked as one stream."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dockview.engine.cancel import CancelToken
from dockview.engine.errors import Cancelled
from dockview.engine.images import blobs
from dockview.engine.images.compression import Detect
from dockview.engine.images.descriptor import layer_type
from dockview.engine.images.unpack import (
    Unpacked,
    Unpacking,
    commit_layer,
    half_layer,
    layer_lock,
    sync_filesystem,
)
from dockview.engine.recorder import SpanRecorder
from dockview.engine.state.layout import Layout

_PROGRESS_S = 0.08


@dataclass(frozen=True, slots=True)
class Taken:
    """A layer that is in the store now."""

    digest: str
    diff_id: str
    media_type: str
    """By what its first bytes say."""
    blob_bytes: int
    unpacked: Unpacked


def take_layer(
    layout: Layout,
    span: SpanRecorder,
    ingest: blobs.Ingest,
    chunks: Iterable[bytes],
    *,
    what: str,
    diff_id: str,
    stopped: threading.Event,
) -> Taken:
    """Put a layer into the store; the blob's own length is in the ingest, its chunks are already written to it.

    With a `diff_id` the caller holds that layer's lock; without one, it is what comes out.

    Raises: DigestMismatch, DataError, OutOfSpace, NotSupported, Cancelled.
    """
    inflate, plain = Detect(), hashlib.sha256()
    with half_layer(layout) as half, Unpacking(half, what) as child:
        for chunk in chunks:
            raise_if_set(stopped)
            for piece in inflate.feed(chunk):
                plain.update(piece)
                child.feed(piece)
        span.progress(ingest.size, ingest.size, stage="verify")
        digest = ingest.verify()
        span.fact("computed", digest)
        inflate.finish()
        computed = f"sha256:{plain.hexdigest()}"
        if diff_id and computed != diff_id:
            raise blobs.mismatch(diff_id, computed)
        span.fact("diff ID", computed)
        span.progress(ingest.size, ingest.size, stage="unpack")
        unpacked = child.finish()
        sync_filesystem(half)
        raise_if_set(stopped)
        ingest.commit()
        if diff_id:
            commit_layer(layout, half, diff_id, digest, unpacked)
        else:
            with layer_lock(layout, computed, stopped) as is_here:
                raise_if_set(stopped)
                if not is_here:
                    commit_layer(layout, half, computed, digest, unpacked)
    tell(span, unpacked)
    return Taken(digest, computed, layer_type(inflate.name), ingest.size, unpacked)


def tell(span: SpanRecorder, unpacked: Unpacked) -> None:
    """What came out of it."""
    span.fact("files", unpacked.files)
    span.fact("unpacked", unpacked.size_bytes)
    for note, count in unpacked.notes.items():
        span.fact("left out", f"{note} ({count})")


@contextlib.contextmanager
def stopping(*tokens: CancelToken) -> Iterator[threading.Event]:
    """An event that is set when one of the tokens is."""
    stopped = threading.Event()
    with contextlib.ExitStack() as stack:
        for token in tokens:
            stack.enter_context(token.closing(stopped.set))
        yield stopped


def raise_if_set(stopped: threading.Event) -> None:
    """Raises: Cancelled, once the event is set."""
    if stopped.is_set():
        raise Cancelled("cancelled")


class Meter:
    """Progress as often as an eye can follow, and the speed at the end; `done` is where it begins."""

    def __init__(self, span: SpanRecorder, total: int | None, stage: str, done: int = 0) -> None:
        self._span, self._total, self._stage = span, total, stage
        self._began = time.monotonic()
        self._next = 0.0
        self._start = self._done = done

    def add(self, size: int) -> None:
        """More bytes have come."""
        self._done += size
        now = time.monotonic()
        if now >= self._next or self._done == self._total:
            self._next = now + _PROGRESS_S
            self._span.progress(self._done, self._total, stage=self._stage)

    @property
    def speed(self) -> str:
        """Of what has come since it began."""
        elapsed = max(time.monotonic() - self._began, 1e-6)
        return f"{(self._done - self._start) / elapsed / 1e6:.1f} MB/s"
