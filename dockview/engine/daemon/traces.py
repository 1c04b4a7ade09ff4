"""The traces of this process, kept in memory: a daemon keeps none, so they end with the program.

Whoever performs an operation writes to `Journal.sink()`; readers take whole traces, or follow the records.
"""

from __future__ import annotations

import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from dockview.engine.errors import Cancelled
from dockview.engine.lifecycle import Record, Sink, Trace, TraceBuilder

_KEPT = 300


@dataclass
class _Entry:
    builder: TraceBuilder = field(default_factory=TraceBuilder)
    records: list[Record] = field(default_factory=list)
    progress: dict[str, int] = field(default_factory=dict)
    """Where a span's last progress stands among the records: only the newest is worth keeping."""

    def apply(self, record: Record) -> None:
        self.builder.apply(record)
        if record["t"] != "progress":
            self.records.append(record)
        elif (at := self.progress.get(record["span"])) is not None:
            self.records[at] = record
        else:
            self.progress[record["span"]] = len(self.records)
            self.records.append(record)


class Journal:
    """The newest traces of one engine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._followers: list[TraceStream] = []
        self._is_closed = False

    def sink(self) -> Sink:
        """A sink for one trace; its header, the first record, says which."""
        trace_id = ""

        def take(record: Record) -> None:
            nonlocal trace_id
            if record["t"] == "trace":
                trace_id = record["id"]
            with self._lock:
                self._entries.setdefault(trace_id, _Entry()).apply(record)
                if len(self._entries) > _KEPT:
                    self._entries.popitem(last=False)
                for follower in self._followers:
                    follower.put((trace_id, record))

        return take

    def traces(self, is_wanted: Callable[[Trace], bool], limit: int) -> Sequence[Trace]:
        """The newest traces that are wanted, newest first."""
        with self._lock:
            found = [trace for e in reversed(self._entries.values()) if (trace := e.builder.trace) and is_wanted(trace)]
        return found[:limit]

    def follow(self) -> TraceStream:
        """A stream that begins with the records so far of every trace that is live."""
        stream = TraceStream(self._forget)
        with self._lock:
            for trace_id, entry in self._entries.items():
                if (trace := entry.builder.trace) is not None and trace.is_live:
                    for record in entry.records:
                        stream.put((trace_id, record))
            self._followers.append(stream)
            is_closed = self._is_closed
        if is_closed:
            stream.cancel()
        return stream

    def _forget(self, stream: TraceStream) -> None:
        with self._lock:
            if stream in self._followers:
                self._followers.remove(stream)

    def close(self) -> None:
        """End every stream of followers with Cancelled."""
        with self._lock:
            self._is_closed = True
            followers, self._followers = self._followers, []
        for follower in followers:
            follower.cancel()


class TraceStream:
    """What a follower reads."""

    def __init__(self, forget: Callable[[TraceStream], None]) -> None:
        self._forget = forget
        self._queue: queue.SimpleQueue[tuple[str, Record] | None] = queue.SimpleQueue()
        self._is_closed = False
        self._is_cancelled = False

    def put(self, item: tuple[str, Record]) -> None:
        """Hand over a record; never blocks."""
        self._queue.put(item)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[str, Record]:
        if not self._is_closed and (item := self._queue.get()) is not None:
            return item
        if self._is_cancelled:
            raise Cancelled("the engine was closed")
        raise StopIteration

    def cancel(self) -> None:
        """End the iteration because the engine closes."""
        self._is_cancelled = True
        self.close()

    def close(self) -> None:
        """End the iteration."""
        self._is_closed = True
        self._forget(self)
        self._queue.put(None)
