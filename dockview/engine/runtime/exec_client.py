"""One more command in a running container, from the engine's side (door.py and exec_door.py draw the protocol)."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from typing import Any

from dockview.engine.errors import Conflict, EngineBug
from dockview.engine.runtime.codec import dumps, loads
from dockview.engine.runtime.door import LARGEST
from dockview.engine.runtime.doorbell import connect
from dockview.engine.runtime.launch import as_error

_STREAMS = {b"1": "stdout", b"2": "stderr"}
_ENDED = "the container ended while the command was about to join it"


class ExecAttachment:
    """The streams of one command; satisfies api.Attachment. Made, the command was executed.

    Args:
        folder: the container's bundle.
        wish: what exec_helper.py and exec_join.py read: id, args, env, user, cwd, tty, stdin, detach, privileged, size,
            trace_path.

    Raises: StartFailed (126, 127), Conflict where the container does not run, NotSupported, SyscallError.
    """

    def __init__(self, folder: str, wish: Mapping[str, Any]) -> None:
        self._is_tty = bool(wish.get("tty"))
        self._writing = threading.Lock()
        self._is_over = False
        self._exit_code: int | None = None
        try:
            self._endpoint = connect(folder)
        except OSError as error:
            raise Conflict("the container is not running") from error
        try:
            self.pid, self.facts = self._begin(dumps(dict(wish)).encode())
        except BaseException:
            self.close()
            raise

    def _begin(self, wish: bytes) -> tuple[int, list[tuple[str, Any]]]:
        """Say what is wanted, and hear how it went: the pid on the host, and the evidence."""
        *pieces, last = [wish[i : i + LARGEST] for i in range(0, len(wish), LARGEST)]
        for piece in pieces:
            self._send(b"e", piece)
        self._send(b"E", last)
        data = self._receive()
        message = loads(data[1:].decode()) if data[:1] in (b"B", b"F") else {}
        if data[:1] == b"F":
            raise as_error(message)
        if data[:1] == b"X" or not data:
            raise Conflict(_ENDED)
        if not message:
            raise EngineBug(f"the shim answered {data[:1]!r} to an exec")
        return int(message["pid"]), [(str(name), value) for name, value in message["facts"]]

    @property
    def is_tty(self) -> bool:
        """Whether the command has a pseudo-terminal."""
        return self._is_tty

    def read(self) -> tuple[str, bytes] | None:
        """Block for the next piece of output; None at the end."""
        while not self._is_over:
            data = self._receive()
            letter, content = data[:1], data[1:]
            if letter in _STREAMS:
                return _STREAMS[letter], content
            if letter == b"X":
                self._exit_code = loads(content.decode())["exit_code"]
            if letter in (b"X", b""):
                self._is_over = True
        return None

    def _receive(self) -> bytes:
        for _attempt in range(2):
            try:
                return self._endpoint.recv(LARGEST + 1)
            except ConnectionResetError:
                continue  # said before the messages that came before it
            except OSError:
                break
        return b""

    @property
    def exit_code(self) -> int | None:
        """Once read() has returned None: the command's; None where only the attachment has ended."""
        return self._exit_code

    def write(self, data: bytes) -> None:
        """Write to the command's standard input; blocks while it does not read. Raises: Conflict at its end."""
        for start in range(0, len(data), LARGEST):
            self._send(b"I", data[start : start + LARGEST])

    def close_stdin(self) -> None:
        """Let the command read end-of-file."""
        self._send(b"C", b"")

    def promise_removal(self) -> None:
        """Nothing is removed with a further command."""

    def resize(self, rows: int, columns: int) -> None:
        """Tell the pseudo-terminal its size."""
        self._send(b"R", dumps({"rows": rows, "cols": columns}).encode())

    def close(self) -> None:
        """Let go, which ends a blocked read(); the command goes on."""
        self._is_over = True
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
            raise Conflict("the command has ended") from error


def new_id() -> str:
    """An exec's ID, as docker makes them."""
    return os.urandom(32).hex()
