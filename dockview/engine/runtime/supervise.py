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
    from dockview.engine.runtime.control import Control
    from dockview.engine.runtime.health import Health
    from dockview.engine.runtime.story import Story

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
        self.control: Control | None = None
        """What may be done to the container while it runs (control.py), from its start on."""
        self.health: Health | None = None
        """Asks the container how it is (health.py), where that is wanted."""
        self.is_stopped = False
        """Whether somebody has asked the container to stop, so that no restart policy brings it back."""
        self.is_kept = False
        """Whether a --rm container is about to be started again, and must not be removed by the shim."""
        self.stop_signal = birth.plan.settings.get("stop_signal", 0)
        """The only signal besides SIGKILL that asks so; 0 is any, as in docker."""
        self.poll = select.poll()
        self.poll.register(door.socket.fileno(), select.POLLIN)
        self.take(birth)

    def take(self, birth: Birth) -> None:
        """A life begins: its streams and its end are this supervisor's."""
        self.sent = None
        self._pidfd = birth.pidfd
        self._stdin = birth.pty if self.is_tty else birth.stdin
        self._feed = b""
        self._ends_stdin = False
        outputs = {birth.pty: "stdout"} if self.is_tty else {birth.stdout: "stdout", birth.stderr: "stderr"}
        self._outputs: dict[int, str] = outputs
        for fd in (self._pidfd, *outputs):
            self.poll.register(fd, select.POLLIN)
        for fd in {*outputs, self._stdin} - {-1}:
            os.set_blocking(fd, False)

    def ask(self, birth: Birth, story: Story) -> None:
        """Begin to ask the container how it is, where that is wanted."""
        if wish := birth.plan.settings.get("health"):
            from dockview.engine.runtime.health import Health  # noqa: PLC0415  most containers are not asked

            self.health = Health(birth.plan.bundle, wish, self, story)

    def part(self, last: dict[str, Any]) -> None:
        """A life has ended and another one follows: let go of its streams, and of those who waited for its end."""
        self.poll.unregister(self._pidfd)
        for fd in self._outputs:
            self.poll.unregister(fd)
        if not self.is_tty and self._stdin >= 0 and self._feed:
            self.poll.unregister(self._stdin)
        for fd in {*self._outputs, self._stdin} - {-1}:
            os.close(fd)
        self._outputs, self._pidfd, self._stdin, self._feed = {}, -1, -1, b""
        if self.health is not None:
            self.health.close()
        self.control = self.health = None
        self.welcome()
        for client in self.door.part(last):
            self.forget(client)

    def rest(self, seconds: float) -> bool:
        """Wait between two lives, and serve who comes; False as soon as somebody asks to stop."""
        deadline_s = time.monotonic() + seconds
        while not self.is_stopped and (left_s := deadline_s - time.monotonic()) > 0:
            # A signal to the shim, which asks to stop, too, does not end a poll: so look at least once a second.
            for fd, _mask in self.poll.poll(min(left_s * 1000 + 1, 1000)):
                if fd == self.door.socket.fileno():
                    self.welcome()
                elif fd in self.door.clients:
                    serve(self, self.door.clients[fd])
        return not self.is_stopped

    # The loop

    def run(self) -> None:
        """Serve until init has ended and its output is read."""
        self.welcome()
        listener = self.door.socket.fileno()
        while True:
            ready = dict(self.poll.poll(None if self.health is None else self.health.timeout_ms()))
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
            if self.health is not None:
                self.health.look(ready)

    def welcome(self) -> None:
        """Take new clients, and read what they have said: it precedes the output that is read next."""
        for client in self.door.accept():
            fd = client.socket.fileno()
            self.poll.register(fd, self._mask(client))
            said = select.poll()
            said.register(fd, select.POLLIN)
            while client is self.door.clients.get(fd) and not self._feed and said.poll(0):
                serve(self, client)

    def _mask(self, client: Client) -> int:
        """What to wait for: no more input from a client while the command does not read what there is."""
        return 0 if self._feed and client.has_stdin else select.POLLIN

    def forget(self, client: Client) -> None:
        """A client has left."""
        self.poll.unregister(client.socket.fileno())
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
        self.poll.unregister(fd)
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
            self.poll.register(self._stdin, select.POLLIN | mask)
        elif mask:
            self.poll.register(self._stdin, mask)
        else:
            try:
                self.poll.unregister(self._stdin)
            except KeyError:
                pass
        for client in self.door.clients.values():
            if client.has_stdin:
                self.poll.modify(client.socket.fileno(), self._mask(client))

    def resize(self, rows: int, columns: int) -> None:
        """Tell the pty its size; its foreground processes get SIGWINCH."""
        if self.is_tty and self._stdin >= 0:
            fcntl.ioctl(self._stdin, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # Signals

    def signal(self, number: int, sender: dict[str, Any]) -> int:
        """Send a signal to the command; 0, or the errno. Who asked is kept as evidence."""
        if number and (not self.stop_signal or number in (self.stop_signal, int(_signal.SIGKILL))):
            self.is_stopped = True
        try:
            if self._pidfd >= 0:
                _signal.pidfd_send_signal(self._pidfd, number)
        except OSError as error:
            return error.errno or 0
        if number:
            self.sent = {"signal": number, "time_ns": time.time_ns(), **sender}
            if self.control is not None:
                self.control.signalled()
        return 0
