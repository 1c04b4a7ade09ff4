"""The standard streams of a running container, from the engine's side (door.py draws the protocol)."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

from dockview.engine.errors import Conflict
from dockview.engine.runtime.codec import dumps, loads
from dockview.engine.runtime.door import LARGEST
from dockview.engine.runtime.doorbell import connect
from dockview.engine.runtime.state import read_state

_STREAMS = {b"1": "stdout", b"2": "stderr"}
_BLOCK = 1 << 16


class ShimAttachment:
    """Attached to a container's streams; satisfies api.Attachment.

    Made between `Launch.build` and `Launch.go`, it misses nothing that the container writes; made later with `logs`, it
    begins with what was written before, without a gap or a repetition. A reader that is slow holds nothing up: what its
    socket did not take it reads from the log.

    Args:
        folder: the container's bundle.
        stdin: whether write() may be used.
        stdin_once: the container's input ends when this attachment goes, as with `docker run -i`.
        logs: begin with what was written before.

    With `logs`, a container that has exited is read from its log.

    Raises: Conflict, when it does not run and `logs` is not wanted.
    """

    def __init__(self, folder: str, *, stdin: bool = False, stdin_once: bool = False, logs: bool = False) -> None:
        with open(f"{folder}/shim.json", encoding="utf-8") as file:
            settings = json.load(file)
        self._folder = folder
        self._is_tty: bool = settings["tty"]
        self._wants_logs = logs
        self._log_path: str = settings["log_path"]
        self._is_rotated = bool(settings.get("log_max_bytes"))
        self._anchor: tuple[int, int] | None = None
        """The inode of the log's file that is held open, and its first place (rotation.py)."""
        self._written: Iterator[tuple[str, bytes]] = iter(())
        """Output that is read from the log instead of the socket."""
        self._missed: tuple[int, dict[str, int]] | None = None
        self._is_over = False
        self._writing = threading.Lock()
        self.exit: dict[str, Any] | None = None
        """Once read() has returned None: exit_code, signal and oom_killed; None where they are not known."""
        self._log = open(settings["log_path"], "rb")  # noqa: SIM115  held, as it may be needed after its removal
        self._endpoint: socket.socket | None = None
        try:
            self._endpoint = connect(folder)
        except OSError as error:
            if not logs:
                self._log.close()
                raise Conflict("the container is not running: nobody serves its streams") from error
            self._written = self._from_log(0, None, {})
            self._end(None)
        else:
            try:
                self._send(b"A", dumps({"stdin": stdin, "stdin_once": stdin_once, "logs": logs}).encode())
            except Conflict:
                # It ends just now: what it wrote is in the log, and whoever did not want that has missed it.
                self._written = self._from_log(0, None, {}) if logs else iter(())
                self._end(None)

    @property
    def is_tty(self) -> bool:
        """Whether the container has a pseudo-terminal."""
        return self._is_tty

    def read(self) -> tuple[str, bytes] | None:
        """Block for the next piece of output; None at the end."""
        while True:
            if (piece := next(self._written, None)) is not None:
                return piece
            if self._is_over or self._endpoint is None:
                return None
            try:
                data = self._endpoint.recv(LARGEST + 1)
            except ConnectionResetError:
                continue  # the shim went with a message of ours unread; its own last ones are still to come
            except OSError:
                data = b""
            letter, content = data[:1], data[1:]
            if letter in _STREAMS:
                return _STREAMS[letter], content
            self._take(letter, content)

    def _take(self, letter: bytes, content: bytes) -> None:
        """A message that is not output."""
        if not letter:
            self._end(None)
            return
        message = loads(content.decode())
        if letter == b"H" and "anchor" in message:
            self._hold(*message["anchor"])
        if letter == b"H" and self._wants_logs:
            self._written = self._from_log(0, message["log_size"], {})
        elif letter == b"G":
            self._missed = message["from"], message["skip"]
            try:
                self._send(b"N", b"")
            except Conflict:
                pass  # it has exited: the rest is in the log
        elif letter == b"J" and self._missed is not None:
            self._written = self._from_log(self._missed[0], message["to"], self._missed[1])
            self._missed = None
        elif letter == b"X":
            self._end(message)

    def _end(self, exit_: dict[str, Any] | None) -> None:
        """The shim has gone, with its last message or without."""
        self._is_over = True
        if self._missed is not None:
            self._written = self._from_log(self._missed[0], None, self._missed[1])
        state = read_state(self._folder) if exit_ is None else None
        if state is not None and state.status == "exited":
            exit_ = {"exit_code": state.exit_code, "signal": state.signal, "oom_killed": state.oom_killed}
        self.exit = exit_

    def _from_log(self, start: int, end: int | None, skip: dict[str, int]) -> Iterator[tuple[str, bytes]]:
        """A range of whole records of the log; the first `skip` bytes of each stream there were read already."""
        skip, rest = dict(skip), b""
        try:
            for block in self._rotated(start, end, skip) if self._is_rotated else self._blocks(start, end):
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    entry = json.loads(line)
                    stream, data = entry["stream"], entry["log"].encode()
                    seen = min(skip.get(stream, 0), len(data))
                    skip[stream] = skip.get(stream, 0) - seen
                    if data[seen:]:
                        yield stream, data[seen:]
        except ValueError:
            return  # closed meanwhile

    def _blocks(self, start: int, end: int | None) -> Iterator[bytes]:
        while block := os.pread(self._log.fileno(), _BLOCK if end is None else min(_BLOCK, end - start), start):
            start += len(block)
            yield block

    def _hold(self, inode: int, start: int) -> None:
        """Hold open the file that was the newest when the shim said so: its inode is then nobody else's."""
        from dockview.engine.runtime import rotation  # noqa: PLC0415  most logs are not rotated

        for name in reversed(rotation.files_of(self._log_path)):
            if os.fstat(self._log.fileno()).st_ino == inode:
                break
            self._log.close()
            self._log = open(name, "rb")  # noqa: SIM115  held
        self._anchor = inode, start

    def _rotated(self, start: int, end: int | None, skip: dict[str, int]) -> Iterator[bytes]:
        """A range of a log that is rotated, as far as it is still there; what is lost was not seen, either."""
        from dockview.engine.runtime import rotation  # noqa: PLC0415

        files = rotation.places(self._log_path, *(self._anchor or (0, 0)))
        try:
            if start < files[0][1]:
                skip.clear()
            for fd, first, _size in files:
                place = max(start - first, 0)
                while end is None or first + place < end:
                    block = os.pread(fd, _BLOCK if end is None else min(_BLOCK, end - first - place), place)
                    if not block:
                        break
                    place += len(block)
                    yield block
        finally:
            for fd, _first, _size in files:
                os.close(fd)

    @property
    def exit_code(self) -> int | None:
        """Once read() has returned None: the container's, None when only the attachment has ended."""
        return None if self.exit is None else self.exit["exit_code"]

    def write(self, data: bytes) -> None:
        """Write to the container's standard input; blocks while it does not read. Raises: Conflict at its end."""
        for start in range(0, len(data), LARGEST):
            self._send(b"I", data[start : start + LARGEST])

    def close_stdin(self) -> None:
        """Let the container read end-of-file."""
        self._send(b"C", b"")

    def promise_removal(self) -> None:
        """Take on the removal of a --rm container: its shim waits for close() before it looks whether that was done."""
        try:
            self._send(b"V", b"")
        except Conflict:
            pass  # it has ended: its shim is at it

    def resize(self, rows: int, columns: int) -> None:
        """Tell the pseudo-terminal its size."""
        self._send(b"R", dumps({"rows": rows, "cols": columns}).encode())

    def close(self) -> None:
        """Let go, which ends a blocked read(); the container goes on."""
        self._is_over = True
        if self._endpoint is not None:
            try:
                self._endpoint.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended
            self._endpoint.close()
        self._log.close()

    def _send(self, letter: bytes, content: bytes) -> None:
        try:
            with self._writing:
                if self._endpoint is None:
                    raise BrokenPipeError
                self._endpoint.send(letter + content)
        except OSError as error:
            raise Conflict("the container does not take input any more: it has exited") from error
