"""The life of an exec's helper: it bears the command, copies its streams, reaps it, tells how it ended.

It is a fork of the shim and stays outside the container, like the shim. Its client may leave at any time; the command
goes on, and what it writes is then nobody's. A client that reads slowly makes the command wait, as a pipe would.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C half of signal, which loads no enum
import _socket
import fcntl
import os
import select
import struct
import termios
import time

from dockview.engine.runtime import exec_join, linux, sync
from dockview.engine.runtime.codec import dumps, loads
from dockview.engine.runtime.door import LARGEST
from dockview.engine.runtime.spans import Span
from dockview.engine.runtime.sync import Channel, Gone, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from dockview.engine.runtime.birth import Birth
    from dockview.engine.runtime.story import Story

_EOT = b"\x04"
_LETTERS = {"stdout": b"1", "stderr": b"2"}
_POLLHUP_OR_ERR = select.POLLHUP | select.POLLERR


def run(fds: tuple[int, int], members: list[int], birth: Birth, story: Story, wish: dict[str, Any]) -> NoReturn:
    """Live, and exit. Called in a fork of the shim; `fds` are the client's and the pipe to the shim."""
    client, tell = fds
    for number in (_signal.SIGTERM, _signal.SIGHUP, _signal.SIGINT, _signal.SIGPIPE):
        _signal.signal(number, _signal.SIG_IGN)  # it ends when its command does
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    _let_go({client, tell, birth.pidfd, *members})
    helper = Helper(client, tell, birth, story, wish)
    try:
        helper.bear(members)
        helper.serve()
    except BaseException as error:  # noqa: BLE001  a fork must not return into its parent's code
        helper.send_last(b"F", sync.failure(error))
        os._exit(1)
    os._exit(0)


def _let_go(kept: set[int]) -> None:
    """Close what belongs to the shim: its door, its other clients, the container's streams, the proxy's lifeline."""
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2 and fd not in kept:
            try:
                os.close(fd)
            except OSError:
                continue  # the folder's own descriptor


class Failed(Exception):
    """The command could not be executed: `message` is the `failed` that its own side sent."""

    def __init__(self, message: dict[str, Any]) -> None:
        super().__init__(message.get("message", ""))
        self.message = message


class Helper:
    """One command."""

    def __init__(self, client: int, tell: int, birth: Birth, story: Story, wish: dict[str, Any]) -> None:
        self._client: _socket.socket | None = _socket.socket(fileno=client)
        self._client.setblocking(False)
        self._tell = tell
        self._birth = birth
        self._story = story
        self._wish = wish
        self._id: str = wish["id"]
        self._is_tty = bool(wish.get("tty"))
        self._pid = 0
        self._pidfd = -1
        self._stdin = -1
        self._feed = b""
        self._ends_stdin = False
        self._outputs: dict[int, str] = {}
        self._unsent = b""
        """A message that the client has no room for yet; nothing is read from the command meanwhile."""
        self._code: int | None = None
        self._began_ns = 0

    # Birth

    def bear(self, members: list[int]) -> None:
        """Everything up to the command's execve, and say so. Raises: Failed, Refused, OSError."""
        self._event("exec_create")
        inner, theirs = sync.pair()
        birth = self._birth
        join = exec_join.Join(birth.pid, birth.pidfd, birth.plan.spec, self._wish)
        join.members, join.stdio = members, self._make_streams()
        joiner = os.fork()
        if joiner == 0:
            inner.close()
            exec_join.run(join, theirs)
        theirs.close()
        for fd in (*members, *join.stdio):
            os.close(fd)
        try:
            self._pid = int(_expect(inner, "forked")["pid"])
            self._pidfd = os.pidfd_open(self._pid)
            os.write(self._tell, b"%d " % self._pid)
            os.waitpid(joiner, 0)
            inner.send({"m": "adopted"})
            facts = self._hear_ready(inner)
            inner.send({"m": "go"})
            self._await_execve(inner)
        except Failed as error:
            self._take_back(inner)
            self.send_last(b"F", error.message)
            os._exit(0)
        except BaseException:
            self._take_back(inner)
            raise
        inner.close()
        self._began_ns = time.monotonic_ns()
        self._event("exec_start")
        self._send(b"B", dumps({"pid": self._pid, "facts": facts}).encode())

    def _make_streams(self) -> list[int]:
        if self._is_tty:
            return []
        if self._wish.get("stdin"):
            stdin, self._stdin = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(self._stdin, False)
        else:
            stdin = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        if self._wish.get("detach"):
            return [stdin, *(os.open("/dev/null", os.O_WRONLY | os.O_CLOEXEC) for _ in range(2))]
        ends = [stdin]
        for stream in _LETTERS:
            reader, writer = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(reader, False)
            self._outputs[reader] = stream
            ends.append(writer)
        return ends

    def _hear_ready(self, inner: Channel) -> list[tuple[str, Any]]:
        message, fds = _expect_with_fds(inner, "ready")
        if fds:
            self._stdin = fds[0]
            os.set_blocking(fds[0], False)
            self._outputs[fds[0]] = "stdout"
        status = _table(f"/proc/{self._pid}/status")
        facts: list[tuple[str, Any]] = [("pid", self._pid)]
        inside = status.get("NSpid", "").split()
        facts.append(("pid inside", int(inside[-1]) if inside else None))
        facts.append(("executable", message["executable"]))
        facts += [tuple(entry) for entry in message["facts"]]
        cgroup = self._birth.cgroup
        facts.append(("control group", ", ".join(cgroup.joined(self._pid)) if cgroup is not None else None))
        return facts

    def _await_execve(self, inner: Channel) -> None:
        try:
            message, _fds = inner.receive()
        except Gone:
            return  # execve closed its end
        raise Failed(message)

    def _take_back(self, inner: Channel) -> None:
        inner.close()
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return

    # Life

    def serve(self) -> None:
        """Copy until the command has ended and its output is with the client, or the client is gone."""
        while True:
            for fd, mask in self._poll().poll():
                if fd == self._pidfd:
                    self._end()
                elif self._client is not None and fd == self._client.fileno():
                    self._hear(mask)
                elif fd in self._outputs and mask & (select.POLLIN | _POLLHUP_OR_ERR):
                    self._read(fd)
                if fd == self._stdin and mask & (select.POLLOUT | select.POLLERR):
                    self._push()
            if self._code is not None and self._has_told_everything():
                self.send_last(b"X", {"exit_code": self._code, "signal": None, "oom_killed": None})
                return

    def _poll(self) -> select.poll:
        poll = select.poll()
        if self._pidfd >= 0:
            poll.register(self._pidfd, select.POLLIN)
        if self._client is not None:
            wants = 0 if self._feed else select.POLLIN
            poll.register(self._client.fileno(), wants | (select.POLLOUT if self._unsent else 0))
        masks = dict.fromkeys(self._outputs, 0 if self._unsent else select.POLLIN)
        if self._feed and self._stdin >= 0:
            masks[self._stdin] = masks.get(self._stdin, 0) | select.POLLOUT
        for fd, mask in masks.items():
            if mask:
                poll.register(fd, mask)
        return poll

    def _has_told_everything(self) -> bool:
        """Whether what the ended command has written is sent; a child of it that holds a pipe open is not awaited."""
        while not self._unsent and self._outputs:
            if not any(self._read(fd) for fd in list(self._outputs)):
                return True
        return not self._unsent

    def _read(self, fd: int) -> bool:
        """Read one piece, unless the last one is still unsent; whether there was any."""
        if self._unsent:
            return False
        try:
            data = os.read(fd, LARGEST)
        except BlockingIOError:
            return False
        except OSError:
            data = b""  # EIO: nobody has the pty open any more
        stream = self._outputs[fd]
        if not data:
            del self._outputs[fd]
            if fd != self._stdin:
                os.close(fd)
            return False
        self._send(_LETTERS[stream], data)
        return True

    def _send(self, letter: bytes, content: bytes) -> None:
        message = letter + content
        if self._client is None:
            return
        try:
            self._client.send(message, _socket.MSG_NOSIGNAL)
        except BlockingIOError:
            self._unsent = message
        except OSError:
            self._leave()
        else:
            self._unsent = b""

    def send_last(self, letter: bytes, message: dict[str, Any]) -> None:
        """Send the last message, waiting for room; then nothing is left to do."""
        if self._client is None:
            return
        self._client.setblocking(True)
        try:
            self._client.send(letter + dumps(message).encode(), _socket.MSG_NOSIGNAL)
        except OSError:
            pass  # the client has left

    def _hear(self, mask: int) -> None:
        if mask & select.POLLOUT and self._unsent:
            self._send(self._unsent[:1], self._unsent[1:])
        if self._client is None or not mask & (select.POLLIN | _POLLHUP_OR_ERR):
            return
        try:
            data = self._client.recv(LARGEST + 1, _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        letter, content = data[:1], data[1:]
        if not letter:
            self._leave()
        elif letter == b"I" and self._stdin >= 0:
            self._feed += content
            self._push()
        elif letter == b"C":
            self._end_stdin()
        elif letter == b"R" and self._is_tty and self._stdin >= 0:
            size = loads(content.decode())
            sizes = struct.pack("HHHH", int(size["rows"]), int(size["cols"]), 0, 0)
            fcntl.ioctl(self._stdin, termios.TIOCSWINSZ, sizes)

    def _leave(self) -> None:
        """The client has gone: its input ends, and output is read for nobody."""
        if self._client is not None:
            self._client.close()
        self._client, self._unsent = None, b""
        if not self._is_tty:
            self._end_stdin()

    def _end_stdin(self) -> None:
        if self._is_tty:
            self._feed += _EOT
        self._ends_stdin = not self._is_tty
        self._push()

    def _push(self) -> None:
        if self._stdin < 0:
            return
        try:
            while self._feed:
                self._feed = self._feed[os.write(self._stdin, self._feed) :]
        except BlockingIOError:
            return
        except OSError:
            self._feed, self._ends_stdin = b"", not self._is_tty  # EPIPE: the command has closed its input
        if self._ends_stdin:
            os.close(self._stdin)
            self._stdin = -1

    # End

    def _end(self) -> None:
        """Reap the command at once, and tell its end where it is kept."""
        _pid, status = os.waitpid(self._pid, 0)
        code = os.waitstatus_to_exitcode(status)
        self._code = 128 - code if code < 0 else code
        os.close(self._pidfd)
        self._pidfd = -1
        self._feed = b""
        lived_s = (time.monotonic_ns() - self._began_ns) / 1e9
        with Span(self._tell_trace, "exec", "exit") as span:
            span.fact("exit code", self._code)
            span.fact("signal", -code if code < 0 else None)
            span.fact("lived", f"{lived_s:.3f} s")
        self._event("exec_die", exitCode=str(self._code))
        os.close(self._tell)

    def _tell_trace(self, records: list[dict[str, Any]]) -> None:
        path = self._wish.get("trace_path")
        if path:
            self._story.append(path, [{**record, "span": f"{record['span']}.{self._id[:8]}"} for record in records])

    def _event(self, action: str, **more: str) -> None:
        shown = f"{action}: {' '.join(self._wish['args'])}" if action != "exec_die" else action
        self._story.event(shown, {"execID": self._id, **more})


def _expect(inner: Channel, kind: str) -> dict[str, Any]:
    return _expect_with_fds(inner, kind)[0]


def _expect_with_fds(inner: Channel, kind: str) -> tuple[dict[str, Any], list[int]]:
    try:
        message, fds = inner.receive()
    except Gone:
        raise Refused("conflict", "the container ended while the command was about to join it") from None
    if message["m"] == "failed":
        raise Failed(message)
    if message["m"] != kind:
        raise Refused("bug", f"{message['m']!r} came where {kind!r} was expected")
    return message, fds


def _table(path: str) -> dict[str, str]:
    try:
        with open(path) as file:
            return {name: value.strip() for name, _, value in (line.partition(":") for line in file)}
    except OSError:
        return {}
