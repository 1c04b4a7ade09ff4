"""The shim's life after the birth: one poll loop over the container's streams, its exit, and those who attach."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C half of signal, which loads no enum
import fcntl
import os
import select
import struct
import termios
import time

from dockview.engine.runtime.door import Client, Door, serve
from dockview.engine.runtime.logfile import LogWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from dockview.engine.runtime.birth import Birth

_CHUNK = 16384
_EOT = b"\x04"
_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR


class Supervisor:
    """Owns init, the log and the door from the start to the exit."""

    def __init__(self, birth: Birth, log: LogWriter, door: Door) -> None:
        self.log = log
        self.door = door
        self.is_tty = birth.pty >= 0
        self.sent: dict[str, Any] | None = None
        """The last signal that went through this shim: signal, why, pid, uid, time_ns."""
        self.on_first_output: Callable[[], None] | None = None
        self._pidfd = birth.pidfd
        self._stdin = birth.pty if self.is_tty else birth.stdin
        self._feed = b""
        self._ends_stdin = False
        outputs = {birth.pty: "stdout"} if self.is_tty else {birth.stdout: "stdout", birth.stderr: "stderr"}
        self._outputs: dict[int, str] = outputs
        self._poll = select.poll()
        for fd in (self._pidfd, door.socket.fileno(), *outputs):
            self._poll.register(fd, select.POLLIN)
        for fd in {*outputs, self._stdin} - {-1}:
            os.set_blocking(fd, False)

    # The loop

    def run(self) -> None:
        """Serve until init has ended and its output is read."""
        self.welcome()
        listener = self.door.socket.fileno()
        while True:
            ready = dict(self._poll.poll())
            if listener in ready:
                self.welcome()
            for fd, mask in ready.items():
                if fd in self._outputs and mask & _READABLE:
                    self._read(fd)
                elif fd in self.door.clients:
                    serve(self, self.door.clients[fd])
            if self._stdin in ready and ready[self._stdin] & (select.POLLOUT | select.POLLERR):
                self._push()
            if self._pidfd in ready:
                self._drain()
                return

    def welcome(self) -> None:
        """Take new clients, and read what they have said: it precedes the output that is read next."""
        for client in self.door.accept():
            fd = client.socket.fileno()
            self._poll.register(fd, self._mask(client))
            said = select.poll()
            said.register(fd, select.POLLIN)
            while client is self.door.clients.get(fd) and not self._feed and said.poll(0):
                serve(self, client)

    def _mask(self, client: Client) -> int:
        """What to wait for: no more input from a client while the command does not read what there is."""
        return 0 if self._feed and client.has_stdin else select.POLLIN

    def forget(self, client: Client) -> None:
        """A client has left."""
        self._poll.unregister(client.socket.fileno())
        self.door.drop(client)

    # Output

    def _read(self, fd: int) -> bool:
        """Read one piece; whether there may be more."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""  # EIO: nobody has the pty open any more
        stream = self._outputs[fd]
        if not data:
            self._end_output(fd, stream)
            return False
        if self.on_first_output is not None:
            self.on_first_output()
            self.on_first_output = None
        size, pending = self.log.size, dict(self.log.pending)
        self.log.write(stream, data)
        self.door.broadcast(stream, data, size, pending)
        return True

    def _end_output(self, fd: int, stream: str) -> None:
        self._poll.unregister(fd)
        del self._outputs[fd]
        self.log.finish(stream)
        if self.is_tty:
            self._stdin = -1
        os.close(fd)

    def _drain(self) -> None:
        """Init is dead, and with it everybody in its pid namespace: read what is left in the pipes."""
        for fd in list(self._outputs):
            while self._read(fd):
                pass
        for stream in self._outputs.values():
            self.log.finish(stream)

    # Input

    def feed(self, data: bytes) -> None:
        """Write to the command's standard input, as it takes it."""
        if self._stdin >= 0 and not self._ends_stdin:
            self._feed += data
            self._push()

    def end_stdin(self) -> None:
        """Let the command read end-of-file once it has read everything."""
        if self.is_tty:
            self.feed(_EOT)
            return
        self._ends_stdin = True
        self._push()

    def _push(self) -> None:
        if self._stdin < 0:
            return
        try:
            while self._feed:
                self._feed = self._feed[os.write(self._stdin, self._feed) :]
        except BlockingIOError:
            self._watch_stdin(select.POLLOUT)
            return
        except OSError:
            self._feed, self._ends_stdin = b"", True  # EPIPE: the command has closed its input
        self._watch_stdin(0)
        if self._ends_stdin and not self.is_tty:
            os.close(self._stdin)
            self._stdin = -1

    def _watch_stdin(self, mask: int) -> None:
        if self.is_tty:
            self._poll.register(self._stdin, select.POLLIN | mask)
        elif mask:
            self._poll.register(self._stdin, mask)
        else:
            try:
                self._poll.unregister(self._stdin)
            except KeyError:
                pass
        for client in self.door.clients.values():
            if client.has_stdin:
                self._poll.modify(client.socket.fileno(), self._mask(client))

    def resize(self, rows: int, columns: int) -> None:
        """Tell the pty its size; its foreground processes get SIGWINCH."""
        if self.is_tty and self._stdin >= 0:
            fcntl.ioctl(self._stdin, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # Signals

    def signal(self, number: int, sender: dict[str, Any]) -> int:
        """Send a signal to the command; 0, or the errno. Who asked is kept as evidence."""
        try:
            _signal.pidfd_send_signal(self._pidfd, number)
        except OSError as error:
            return error.errno or 0
        if number:
            self.sent = {"signal": number, "time_ns": time.time_ns(), **sender}
        return 0
