r"""The log of a container, written in docker's json-file format, one object a line:

    {"log":"what it wrote\n","stream":"stdout","time":"2024-05-01T12:00:00.123456789Z"}

A line without its newline is a part of a line, cut at 16 KiB or at the end of the stream, and goes on in the next
record of its stream. A flood must be cheap, so a chunk of output becomes one write: its lines are escaped all at once,
with a character that cannot be in them standing for the newlines.
"""

from __future__ import annotations

import os
import time

from dockview.engine.runtime.codec import quote

LINE_LIMIT = 16384
"""Bytes of a record, as in docker."""
_MARK = "\ud800"
"""A lone surrogate: decoding UTF-8 never makes one."""
_PLAIN = b"\n" + bytes(c for c in range(0x20, 0x7F) if c not in b'"\\')
"""What JSON writes as it is, and the newline."""


class LogWriter:
    """Appends the output of one container to its log."""

    def __init__(self, path: str, max_bytes: int = 0, max_files: int = 1) -> None:
        self._path = path
        self._max_bytes, self._max_files = max_bytes, max_files
        self._fd = _open(path)
        self.size = os.fstat(self._fd).st_size
        """The place in the log where the next record goes (rotation.py)."""
        self.start = 0
        """The place where the newest file begins."""
        self.pending: dict[str, bytes] = {}
        """What each stream wrote after its last newline; it is not in the file yet."""
        self.lost_bytes = 0
        """What could not be written, for lack of space for one."""
        self._second = (0, "")

    def write(self, stream: str, data: bytes) -> None:
        """Take a piece of output."""
        before = self.pending.get(stream, b"")
        end = data.rfind(b"\n") + 1
        if end == 0 and len(before) + len(data) < LINE_LIMIT:
            self.pending[stream] = before + data
            return
        complete = before + data[:end]
        rest = data[end:] if end else b""
        if not end:
            complete, rest = b"", before + data
        cut = len(rest) // LINE_LIMIT * LINE_LIMIT
        self._write_records(stream, complete, rest[:cut])
        self.pending[stream] = rest[cut:]
        if not self.pending[stream]:
            del self.pending[stream]

    def finish(self, stream: str) -> None:
        """The stream has ended: what is pending is its last record."""
        if rest := self.pending.pop(stream, b""):
            self._write_records(stream, b"", rest)

    def _write_records(self, stream: str, complete: bytes, partial: bytes) -> None:
        """Write lines that end in a newline, then parts of one that has not ended."""
        tail = f'","stream":"{stream}","time":"{self._now()}"}}\n'
        if len(complete) <= LINE_LIMIT or max(map(len, complete.split(b"\n"))) < LINE_LIMIT:
            records = _joined(complete, tail) if complete else b""
        else:
            records = b"".join(_cut(line + b"\n", tail) for line in complete.split(b"\n")[:-1])
        self._append(records + _cut(partial, tail))

    def anchor(self) -> dict[str, list[int]]:
        """What a reader needs to find places in a log that is rotated; empty for one that is not."""
        return {"anchor": [os.fstat(self._fd).st_ino, self.start]} if self._max_bytes else {}

    def _append(self, data: bytes) -> None:
        try:
            if self._max_bytes and data and self.size - self.start >= self._max_bytes:
                self._rotate()
            while data:
                written = os.write(self._fd, data)
                self.size += written
                data = data[written:]
        except OSError:
            self.lost_bytes += len(data)

    def _rotate(self) -> None:
        from dockview.engine.runtime import rotation  # noqa: PLC0415  most logs are not rotated

        rotation.shift(self._path, self._max_files)
        new = _open(self._path)
        os.close(self._fd)
        self._fd, self.start = new, self.size

    def _now(self) -> str:
        now = time.time_ns()
        second, rest = divmod(now, 1_000_000_000)
        if second != self._second[0]:
            self._second = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
        return f"{self._second[1]}.{rest:09d}Z"


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def _joined(complete: bytes, tail: str) -> bytes:
    """The records of complete lines, escaped in one go."""
    if not complete.translate(None, _PLAIN):
        end = b"\\n" + tail.encode()
        return b'{"log":"' + complete[:-1].replace(b"\n", end + b'{"log":"') + end
    text = complete[:-1].decode("utf-8", "replace")
    escaped = quote(text.replace("\n", _MARK))[1:-1]
    return ('{"log":"' + escaped.replace(_MARK, f'\\n{tail}{{"log":"') + "\\n" + tail).encode()


def _cut(line: bytes, tail: str) -> bytes:
    """The records of one line, or of a part of one, cut at the limit."""
    pieces = [line[start : start + LINE_LIMIT] for start in range(0, len(line), LINE_LIMIT)]
    return "".join(f'{{"log":{quote(p.decode("utf-8", "replace"))[:-1]}{tail}' for p in pieces).encode()
