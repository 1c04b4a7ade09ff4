"""The journal of events: one JSON object a line, in docker's shape, appended by whoever makes the event happen.

Engine processes and shims append with single O_APPEND writes, so lines of several writers never mix. When the file
has grown past its bound it becomes `events.1.jsonl`, and a new one begins.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Generator, Iterator, Mapping
from typing import Any, Self

from dockview.engine.model import Event
from dockview.engine.state.watch import Watch

_MAX_BYTES = 8 << 20


class Journal:
    """Append and read events."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._previous = path.removesuffix(".jsonl") + ".1.jsonl"

    def append(self, type: str, action: str, actor_id: str, attributes: Mapping[str, str]) -> None:  # noqa: A002  docker's key
        """Write an event that has just happened."""
        event = Event(time.time_ns(), type, action, actor_id, attributes)
        line = json.dumps(event.to_docker(), separators=(",", ":")).encode() + b"\n"
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.write(fd, line)
            size = os.fstat(fd).st_size
        finally:
            os.close(fd)
        if size > _MAX_BYTES:
            with contextlib.suppress(OSError):
                os.replace(self.path, self._previous)

    def read(self, *, since_ns: int | None = None, until_ns: int | None = None) -> Generator[Event, None, None]:
        """The events so far, oldest first."""
        for path in (self._previous, self.path):
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
                for line in file:
                    if (event := parse_event(line)) and _is_within(event, since_ns, until_ns):
                        yield event

    def follow(self, *, since_ns: int | None = None, until_ns: int | None = None) -> EventStream:
        """Past events from `since_ns` (none if None), then new ones as they come, until `until_ns`."""
        return EventStream(self, since_ns, until_ns)


class EventStream:
    """Events as they happen (api.Stream)."""

    def __init__(self, journal: Journal, since_ns: int | None, until_ns: int | None) -> None:
        self._since_ns, self._until_ns = since_ns, until_ns
        # The watch exists before the end of the file is looked up, so no event falls between the two.
        self._watch = Watch(os.path.dirname(journal.path))
        self._tail = Tail(journal.path, from_end=True)
        self._past = journal.read(since_ns=since_ns, until_ns=until_ns) if since_ns is not None else None
        self._events = self._generate()

    def _generate(self) -> Generator[Event, None, None]:
        seen_until = 0
        try:
            for event in self._past or ():
                seen_until = event.time_ns
                yield event
            while True:
                for line in self._tail.lines():
                    event_or_none = parse_event(line)
                    if event_or_none is None or (self._since_ns is not None and event_or_none.time_ns <= seen_until):
                        continue
                    if self._until_ns is not None and event_or_none.time_ns > self._until_ns:
                        return
                    yield event_or_none
                timeout_s = None
                if self._until_ns is not None:
                    timeout_s = (self._until_ns - time.time_ns()) / 1e9
                    if timeout_s <= 0:
                        return
                if self._watch.wait(timeout_s) is None:
                    return
        finally:
            self._release()

    def _release(self) -> None:
        self._watch.close()
        if self._past is not None:
            self._past.close()
        self._tail.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        return next(self._events)

    def close(self) -> None:
        """End the iteration."""
        self._watch.close()
        # A thread that is inside (ValueError) leaves when it sees the watch closed, and lets go of the files.
        with contextlib.suppress(ValueError):
            self._events.close()
            self._release()


class Tail:
    """Reads the complete lines that were appended to a file since the last look, also across its replacement."""

    def __init__(self, path: str, *, from_end: bool = False) -> None:
        self._path = path
        self._file: Any = None
        self._rest = b""
        self._open(os.SEEK_END if from_end else os.SEEK_SET)

    def _open(self, whence: int) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._file = open(self._path, "rb", buffering=0)  # noqa: SIM115  closed by close()
            self._file.seek(0, whence)

    def lines(self) -> Iterator[bytes]:
        """The new complete lines, without their newline."""
        while True:
            if self._file is None:
                self._open(os.SEEK_SET)
                if self._file is None:
                    return
            yield from self._drain()
            if not self._is_replaced():
                return
            yield from self._drain()
            self._file.close()
            self._file = None

    def _drain(self) -> Iterator[bytes]:
        while chunk := self._file.read(1 << 16):
            *complete, self._rest = (self._rest + chunk).split(b"\n")
            yield from complete

    def _is_replaced(self) -> bool:
        try:
            return os.stat(self._path).st_ino != os.fstat(self._file.fileno()).st_ino
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def parse_event(line: bytes) -> Event | None:
    """An event from its line; None for a line that is not whole (a power cut) or not an event."""
    try:
        data = json.loads(line)
        actor = data["Actor"]
        return Event(data["timeNano"], data["Type"], data["Action"], actor["ID"], actor["Attributes"])
    except (ValueError, KeyError, TypeError):
        return None


def _is_within(event: Event, since_ns: int | None, until_ns: int | None) -> bool:
    return (since_ns is None or event.time_ns >= since_ns) and (until_ns is None or event.time_ns <= until_ns)
