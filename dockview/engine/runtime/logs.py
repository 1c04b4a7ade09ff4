"""Reading a container's log: from the end or the beginning, once or as it grows (logfile.py describes the file)."""

from __future__ import annotations

import calendar
import json
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, Any, Self

from dockview.engine.model import LogRecord
from dockview.engine.runtime import linux, rotation

_BLOCK = 1 << 16
_LOOK_AGAIN_MS = 1000
"""How often an idle follower asks whether the container lives, beside being woken by changes."""
_POLLING_MS = 100
"""The pace of a follower where the kernel grants no inotify watch."""
_NS_PER_S = 1_000_000_000


def open_logs(
    path: str,
    *,
    is_alive: Callable[[], bool],
    follow: bool = False,
    tail: int | None = None,
    since_ns: int | None = None,
    until_ns: int | None = None,
) -> LogStream:
    """What a container wrote, oldest first.

    Args:
        path: the log.
        is_alive: whether more may come; asked when a follower has read everything.
        follow: go on until the container has ended or close() is called.
        tail: begin at the last so many records; None begins at the first.
        since_ns: leave out what is older.
        until_ns: end at the first that is younger; a follower ends at this time.

    Raises: FileNotFoundError, where there is no log.
    """
    return LogStream(path, is_alive if follow else None, tail, since_ns or 0, until_ns)


class LogStream:
    """An iterator over LogRecords; close() ends it from any thread, also while it blocks."""

    def __init__(
        self, path: str, is_alive: Callable[[], bool] | None, tail: int | None, since_ns: int, until_ns: int | None
    ) -> None:
        self._path = path
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115  closed by close()
        self._is_alive = is_alive
        self._since_ns, self._until_ns = since_ns, until_ns
        self._rest = b""
        self._records: Iterator[LogRecord] = iter(())
        self._lock = threading.Lock()
        self._is_closed = False
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._watch = -1
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)
        if os.path.exists(f"{path}.1"):
            left = self._begin_rotated(tail)
        else:
            start = 0 if tail is None else _start_of_last(self._file, tail)
            self._file.seek(start)
            left = os.fstat(self._file.fileno()).st_size - start
        # Who does not follow reads what is there now: a container may write faster than anybody reads.
        self._left = None if is_alive is not None else left

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> LogRecord:
        with self._lock:
            while not self._is_closed:
                record = next(self._records, None)
                if record is None:
                    if not self._fetch():
                        break
                elif self._until_ns is not None and record.time_ns > self._until_ns:
                    break
                elif record.time_ns >= self._since_ns:
                    return record
            self._free()
            raise StopIteration

    def close(self) -> None:
        """End the iteration; may be called more than once."""
        if not self._is_closed:
            self._is_closed = True
            os.eventfd_write(self._wake, 1)
        with self._lock:
            self._free()

    def _free(self) -> None:
        self._is_closed = True
        self._records = iter(())
        self._file.close()
        for fd in (self._wake, self._watch):
            if fd >= 0:
                os.close(fd)
        # The waking descriptor stays open until here, under the lock, so that close() never writes to a stranger's.
        self._wake = self._watch = -1

    def _fetch(self) -> bool:
        """Read what there is, waiting for it as a follower; False at the end."""
        is_last_look = self._is_alive is None
        while not self._is_closed:
            if data := self._read():
                complete, newline, self._rest = (self._rest + data).rpartition(b"\n")
                if newline:
                    self._records = parse(complete)
                    return True
                continue
            if self._left != 0 and self._advance():
                continue
            if is_last_look or self._is_over():
                return False
            # What is written before its end is there when the container is found dead, so one look more suffices.
            is_last_look = self._is_alive is not None and not self._is_alive()
            if not is_last_look:
                self._wait()
        return False

    def _read(self) -> bytes:
        if self._left is None:
            return self._file.read(_BLOCK)
        data = self._file.read(min(_BLOCK, self._left))
        self._left -= len(data)
        return data

    def _begin_rotated(self, tail: int | None) -> int:
        """Begin in the oldest file, or in the one where the last `tail` lines begin; how many bytes follow now."""
        left = 0
        for name in reversed(rotation.files_of(self._path)):
            self._file.close()
            self._file = open(name, "rb", buffering=0)  # noqa: SIM115  closed by close()
            size = os.fstat(self._file.fileno()).st_size
            lines = 0 if tail is None else _lines(self._file)
            if tail is not None and lines >= tail:
                start = _start_of_last(self._file, tail)
                self._file.seek(start)
                return left + size - start
            tail = None if tail is None else tail - lines
            left += size
            self._file.seek(0)
        return left

    def _advance(self) -> bool:
        """Go on with the next file, if the one that is read to its end has been rotated; its inode is held."""
        inode = os.fstat(self._file.fileno()).st_ino
        try:
            if os.stat(self._path).st_ino == inode:
                return False
            names = rotation.files_of(self._path)
            inodes = [os.stat(name).st_ino for name in names]
            following = names[inodes.index(inode) + 1] if inode in inodes[:-1] else names[0]
            if inode == inodes[-1]:
                return False
            # What was written between the last look and the rotation is still to be read.
            if data := self._file.read(_BLOCK):
                self._file.seek(-len(data), os.SEEK_CUR)
                return True
            file = open(following, "rb", buffering=0)  # noqa: SIM115  closed by close()
        except OSError:
            return False  # removed, or rotated just now: the next look finds it
        self._file.close()
        self._file = file
        return True

    def _is_over(self) -> bool:
        return self._until_ns is not None and time.time_ns() > self._until_ns

    def _wait(self) -> None:
        """Wait for a change of the log or of the state beside it."""
        timeout_ms = _LOOK_AGAIN_MS
        if self._watch < 0:
            try:
                mask = linux.IN_MODIFY | linux.IN_MOVED_TO | linux.IN_DELETE_SELF
                self._watch = linux.inotify((self._path, os.path.dirname(self._path) or "."), mask)
            except OSError:
                timeout_ms = _POLLING_MS
            else:
                self._poll.register(self._watch, select.POLLIN)
                return  # something may have been written before the watch stood: look first
        if self._until_ns is not None:
            timeout_ms = max(0, min(timeout_ms, (self._until_ns - time.time_ns()) // 1_000_000 + 1))
        for fd, _mask in self._poll.poll(timeout_ms):
            if fd == self._watch:
                try:
                    os.read(fd, _BLOCK)
                except BlockingIOError:
                    continue


def parse(data: bytes) -> Iterator[LogRecord]:
    """The records of complete lines; a line that is no record (a full disk cut it) is passed over."""
    for line in data.split(b"\n"):
        if not line:
            continue
        try:
            entry: dict[str, Any] = json.loads(line)
            text, stream, when = entry["log"], entry["stream"], entry["time"]
            time_ns = parse_time(when)
        except (ValueError, KeyError, TypeError):
            continue
        is_partial = not text.endswith("\n")
        yield LogRecord(time_ns, stream, text if is_partial else text[:-1], is_partial)


_seconds: dict[str, int] = {}


def parse_time(text: str) -> int:
    """RFC 3339 in UTC, with up to nine decimals, as nanoseconds since the epoch. Raises: ValueError."""
    whole, _, decimals = text.rstrip("Z").partition(".")
    second = _seconds.get(whole)
    if second is None:
        second = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
        if len(_seconds) > 1000:
            _seconds.clear()
        _seconds[whole] = second
    return second * _NS_PER_S + int(decimals[:9].ljust(9, "0") or 0)


def _lines(file: IO[bytes]) -> int:
    """How many lines a file has."""
    file.seek(0)
    count = 0
    while block := file.read(_BLOCK):
        count += block.count(b"\n")
    return count


def _start_of_last(file: IO[bytes], count: int) -> int:
    """Where the last `count` lines begin, reading from the end."""
    end = file.seek(0, os.SEEK_END)
    if count <= 0:
        return end
    position, found = end, 0
    while position > 0:
        size = min(_BLOCK, position)
        position -= size
        block = os.pread(file.fileno(), size, position)
        searched = len(block)
        while (at := block.rfind(b"\n", 0, searched)) >= 0:
            # The newline that ends the file ends its last line and begins none.
            if position + at + 1 != end:
                found += 1
                if found == count:
                    return position + at + 1
            searched = at
    return 0
