"""The standard streams of a running container, from the engine's side (door.py draws the protocol)."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from typing import Any

from dockview.engine.errors import Conflict
from dockview.engine.runtime.codec import dumps, loads
from dockview.engine.runtime.door import LARGEST
from dockview.engine.runtime.doorbell import connect

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

    Raises: Conflict, when no shim listens there.
    """

    def __init__(self, folder: str, *, stdin: bool = False, stdin_once: bool = False, logs: bool = False) -> None:
        with open(f"{folder}/shim.json", encoding="utf-8") as file:
            settings = json.load(file)
        self._is_tty: bool = settings["tty"]
        self._log_path: str = settings["log_path"]
        self._wants_logs = logs
        self._queue: deque[tuple[str, bytes]] = deque()
        self._writing = threading.Lock()
        self.exit: dict[str, Any] | None = None
        """Once read() has returned None: exit_code, signal and oom_killed, None when only the attachment has ended."""
        try:
            self._endpoint = connect(folder)
        except OSError as error:
            raise Conflict("the container is not running: nobody serves its streams") from error
        self._send(b"A", dumps({"stdin": stdin, "stdin_once": stdin_once, "logs": logs}).encode())

    @property
    def is_tty(self) -> bool:
        """Whether the container has a pseudo-terminal."""
        return self._is_tty

    def read(self) -> tuple[str, bytes] | None:
        """Block for the next piece of output; None at the end."""
        while not self._queue:
            try:
                data = self._endpoint.recv(LARGEST + 1)
            except OSError:
                return None
            letter, content = data[:1], data[1:]
            if letter in _STREAMS:
                return _STREAMS[letter], content
            if letter == b"H":
                if self._wants_logs:
                    self._read_log(0, loads(content.decode())["log_size"], {})
            elif letter == b"G":
                missed = loads(content.decode())
                self._read_log(missed["from"], missed["to"], missed["skip"])
            elif letter == b"X":
                self.exit = loads(content.decode())
                return None
            elif not letter:
                return None
        return self._queue.popleft()

    def _read_log(self, start: int, end: int, skip: dict[str, int]) -> None:
        """Take a range of whole records of the log; `skip` bytes of each stream there were read already."""
        skip = dict(skip)
        with open(self._log_path, "rb") as file:
            file.seek(start)
            rest = b""
            while start < end and (block := file.read(min(_BLOCK, end - start))):
                start += len(block)
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    entry = json.loads(line)
                    stream, data = entry["stream"], entry["log"].encode()
                    seen = min(skip.get(stream, 0), len(data))
                    skip[stream] = skip.get(stream, 0) - seen
                    if data[seen:]:
                        self._queue.append((stream, data[seen:]))

    def write(self, data: bytes) -> None:
        """Write to the container's standard input; blocks while it does not read. Raises: Conflict at its end."""
        for start in range(0, len(data), LARGEST):
            self._send(b"I", data[start : start + LARGEST])

    def close_stdin(self) -> None:
        """Let the container read end-of-file."""
        self._send(b"C", b"")

    def resize(self, rows: int, columns: int) -> None:
        """Tell the pseudo-terminal its size."""
        self._send(b"R", dumps({"rows": rows, "cols": columns}).encode())

    def close(self) -> None:
        """Let go, which ends a blocked read(); the container goes on."""
        try:
            self._endpoint.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended
        self._endpoint.close()

    def _send(self, letter: bytes, content: bytes) -> None:
        try:
            with self._writing:
                self._endpoint.send(letter + content)
        except OSError as error:
            raise Conflict("the container does not take input any more: it has exited") from error
