"""The endless reads of a daemon: logs, events, and the standard streams of a container.

Each has a line of its own. close() from another thread wakes the reader; whoever leaves last gives the file
descriptors back, so that none is closed under a read(2).
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any, Generic, Self, TypeVar

from dockview.engine.daemon import mapping
from dockview.engine.daemon.client import Daemon
from dockview.engine.errors import Cancelled, DataError, DockviewError, NotSupported, Unavailable
from dockview.engine.model import Event, LogRecord

Item = TypeVar("Item")

_STREAMS = {0: "stdin", 1: "stdout", 2: "stderr"}
_HEADER = struct.Struct(">BxxxL")
_CHUNK = 1 << 16
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) ")
_PART = 1 << 14
"""Docker cuts lines into parts of this size, and stamps each part."""


class ResponseStream(Generic[Item]):
    """A GET whose body is read piece by piece."""

    def __init__(
        self,
        daemon: Daemon,
        what: str,
        path: str,
        params: dict[str, Any],
        decode: Callable[[Iterator[bytes]], Iterator[Item]],
    ) -> None:
        self._daemon = daemon
        self._what = what
        self._is_closed = False
        self._lock = threading.Lock()
        self._line = daemon.open_line()
        try:
            with daemon.mapped(what):
                self._response = self._line.get(path, params)
                self._line.api._raise_for_status(self._response)  # noqa: SLF001  the SDK's one way to its APIError
        except BaseException:
            daemon.close_line(self._line)
            raise
        self._items = decode(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        while True:
            with self._daemon.mapped(self._what):
                chunk = self._response.raw.read1(_CHUNK)
            if not chunk:
                return
            yield chunk

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Item:
        try:
            with self._lock:
                return next(iter(()) if self._is_closed else self._items)
        except (StopIteration, DockviewError):
            is_ours, self._is_closed = self._is_closed, True
            if self._daemon.closing.is_set:
                raise Cancelled("the engine was closed") from None
            if is_ours:
                raise StopIteration from None
            raise
        finally:
            if self._is_closed:
                self._release()

    def close(self) -> None:
        """End the iteration, also while another thread waits in it."""
        self._is_closed = True
        self._line.shut()
        if self._lock.acquire(blocking=False):
            self._lock.release()
            self._release()

    def _release(self) -> None:
        self._response.close()
        self._daemon.close_line(self._line)


def open_logs(daemon: Daemon, container_id: str, params: dict[str, Any], *, is_tty: bool) -> ResponseStream[LogRecord]:
    """The log of a container with docker's own time of every line."""
    query = {"stdout": 1, "stderr": 1, "timestamps": 1, **params}
    return ResponseStream(
        daemon, "cannot read the log", f"/containers/{container_id}/logs", query, _raw_log if is_tty else _framed_log
    )


def open_events(daemon: Daemon, params: dict[str, Any]) -> ResponseStream[Event]:
    """The events of a daemon; subscribed when this returns."""
    return ResponseStream(daemon, "cannot follow the events", "/events", params, _events)


def _events(chunks: Iterator[bytes]) -> Iterator[Event]:
    for line in _lines(chunks):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
        except ValueError as error:  # The daemon was killed in the middle of a line.
            raise DataError(f"the daemon sent an event that is no JSON: {error}") from error
        yield mapping.event(said)


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest


def frames(chunks: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """Take apart docker's multiplexed stream: eight bytes of header (stream, length), then the payload."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        position = 0
        while len(buffer) - position >= _HEADER.size:
            number, length = _HEADER.unpack_from(buffer, position)
            end = position + _HEADER.size + length
            if len(buffer) < end:
                break
            yield _STREAMS.get(number, "stdout"), bytes(buffer[position + _HEADER.size : end])
            position = end
        del buffer[:position]


def _framed_log(chunks: Iterator[bytes]) -> Iterator[LogRecord]:
    for stream, payload in frames(chunks):
        *whole, rest = payload.split(b"\n")
        for line in whole:
            yield _record(stream, line)
        if rest:
            yield _record(stream, rest, is_partial=True)


def _raw_log(chunks: Iterator[bytes]) -> Iterator[LogRecord]:
    for line in _lines(chunks):
        while (stamp := _STAMP.match(line)) and (again := _STAMP.match(line, stamp.end() + _PART)):
            yield _record("stdout", line[: again.start()], is_partial=True)
            line = line[again.start() :]  # noqa: PLW2901
        yield _record("stdout", line)


def _record(stream: str, line: bytes, *, is_partial: bool = False) -> LogRecord:
    stamp, _, text = line.partition(b" ")
    time_ns = mapping.nanoseconds(stamp.decode("ascii", "replace"))
    if time_ns is None:
        time_ns, text = 0, line
    return LogRecord(time_ns, stream, text.decode("utf-8", "replace"), is_partial)


class DaemonAttachment:
    """The standard streams of a container, over a connection that the daemon has given up to them."""

    def __init__(
        self,
        daemon: Daemon,
        container_id: str,
        *,
        is_tty: bool,
        stdin: bool,
        logs: bool,
        ask_exit_code: Callable[[], int | None],
    ) -> None:
        self._ask_exit_code = ask_exit_code
        self._has_ended = False
        self._daemon = daemon
        self._id = container_id
        self._is_tty = is_tty
        self._is_closed = False
        self._reading = threading.Lock()
        self._line = daemon.open_line(is_exact=True)
        params = {"stdin": int(stdin), "stdout": 1, "stderr": 1, "stream": 1, "logs": int(logs)}
        try:
            with daemon.mapped("cannot attach"):
                self._upgraded = self._line.api.attach_socket(container_id, params=params)
                self._socket = self._line.sockets.last
        except BaseException:
            daemon.close_line(self._line)
            raise

    @property
    def is_tty(self) -> bool:
        """Whether the container has a pseudo-terminal."""
        return self._is_tty

    def read(self) -> tuple[str, bytes] | None:
        """Block for the next piece of output; None at the end."""
        try:
            with self._reading, self._daemon.mapped("cannot read from the container"):
                return None if self._is_closed else self._next()
        except Unavailable:
            if self._is_closed:
                return None
            raise
        finally:
            if self._is_closed:
                self._release()

    def _next(self) -> tuple[str, bytes] | None:
        if self._is_tty:
            piece = ("stdout", self._socket.recv(_CHUNK))
        else:
            header = self._exactly(_HEADER.size)
            if not header:
                piece = ("", b"")
            else:
                number, length = _HEADER.unpack(header)
                piece = (_STREAMS.get(number, "stdout"), self._exactly(length))
        if not piece[1] and self._daemon.closing.is_set:
            raise Cancelled("the engine was closed")
        self._has_ended = not piece[1]
        return piece if piece[1] else None

    def _exactly(self, count: int) -> bytes:
        """So many bytes, or none at the end of the stream."""
        taken = bytearray()
        while len(taken) < count:
            piece = self._socket.recv(count - len(taken))
            if not piece:
                return b""
            taken += piece
        return bytes(taken)

    def write(self, data: bytes) -> None:
        """Write to the container's standard input."""
        with self._daemon.mapped("cannot write to the container"):
            self._socket.sendall(data)

    def close_stdin(self) -> None:
        """Let the container read end-of-file. Raises: NotSupported over TLS, which has no half-closed connections."""
        if self._daemon.endpoint.has_tls:
            raise NotSupported("standard input cannot be closed alone over TLS", hint="detach instead")
        with self._daemon.mapped("cannot close standard input"):
            self._socket.shutdown(socket.SHUT_WR)

    def promise_removal(self) -> None:
        """A daemon removes a --rm container by itself."""

    def resize(self, rows: int, columns: int) -> None:
        """Tell the pseudo-terminal its size."""
        with self._daemon.mapped("cannot resize the terminal"):
            self._daemon.api.resize(self._id, height=rows, width=columns)

    @property
    def exit_code(self) -> int | None:
        """Once read() has returned None: the container's, None where only the attachment has ended.

        The end of the streams says nothing about the container, so the daemon is asked.
        """
        return self._ask_exit_code() if self._has_ended else None

    def close(self) -> None:
        """Let go; the container goes on."""
        self._is_closed = True
        self._line.shut()
        if self._reading.acquire(blocking=False):
            self._reading.release()
            self._release()

    def _release(self) -> None:
        self._upgraded.close()
        self._daemon.close_line(self._line)
