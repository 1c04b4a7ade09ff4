"""The engine's side of a container's birth: spawn the shim, adopt its spans, hand over ports, commit (see sync.py)."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from dockview.engine.cancel import CancelToken
from dockview.engine.errors import (
    Conflict,
    DockviewError,
    EngineBug,
    NotSupported,
    StartFailed,
    SyscallError,
    Unavailable,
)
from dockview.engine.lifecycle import Record
from dockview.engine.runtime.sync import CONTROL_FD, FDS_PER_MESSAGE, TURN_FD, Channel, Gone

_SHIM = f"{os.path.dirname(os.path.abspath(__file__))}/shim.py"
_ABORT_TIMEOUT_MS = 10_000
_STDERR_LIMIT = 4000


@dataclass
class Born:
    """A container that exists in its namespaces and waits to be started. Whoever gets it closes what it holds."""

    pid: int
    """Of its first process, on the host."""
    shim_pid: int
    netlink: socket.socket | None
    """A NETLINK_ROUTE socket of the container's network namespace, None where that is the host's."""
    netns_fd: int
    userns_fd: int | None
    """None as root, where the user namespace is the host's."""

    def close(self) -> None:
        """Close the descriptors; may be called more than once."""
        if self.netlink is not None:
            self.netlink.close()
        for fd in (self.netns_fd, self.userns_fd):
            if fd is not None and fd >= 0:
                os.close(fd)
        self.netns_fd, self.userns_fd = -1, None


class Launch:
    """One birth: `build()`, then `go()`; `abort()` at any point takes everything back.

    `emit` gets the trace records of the shim and of the container's own processes, in order, from the calling thread.
    Cancelling unblocks both calls, which then raise Cancelled; the caller aborts.
    """

    def __init__(
        self, bundle: str, *, emit: Callable[[Record], None], cancel: CancelToken, turn: int | None = None
    ) -> None:
        """With the descriptor of a lock on the bundle (turn.py), the shim keeps that until the command runs."""
        self._turn = turn
        self._bundle = os.path.abspath(bundle)
        self._emit = emit
        self._cancel = cancel
        self._control: Channel | None = None
        self._endpoint: socket.socket | None = None
        self._stderr = -1
        self._shim_pid = 0
        self._pidfd = -1
        self._init_pidfd = -1
        self._born: Born | None = None

    def build(self) -> Born:
        """Spawn the shim and let it build everything up to a first process that waits.

        Raises: NotSupported, SyscallError, Conflict, Cancelled; EngineBug when the shim crashed.
        """
        self._cancel.raise_if_set()
        self._spawn()
        message, _fds = self._expect("hello")
        self._shim_pid = message["pid"]
        self._pidfd = os.pidfd_open(self._shim_pid)
        message, fds = self._expect("born")
        named = dict(zip(message["fds"], fds, strict=True))
        self._init_pidfd = os.pidfd_open(message["pid"])
        netlink = socket.socket(fileno=named["netlink"]) if "netlink" in named else None
        self._born = Born(message["pid"], self._shim_pid, netlink, named["netns"], named.get("userns"))
        self._expect("open")  # its door stands: whoever attaches now misses nothing
        return self._born

    def go(self, listeners: Sequence[socket.socket], proxy: Sequence[str]) -> int:
        """Hand over the bound ports with their proxy's command line and let the command be executed; its host pid.

        `proxy` may contain `{fds}`, `{netns}` and `{userns}`, which the shim replaces by descriptor numbers.

        Raises: StartFailed, NotSupported, SyscallError, Cancelled.
        """
        self._cancel.raise_if_set()
        control = self._connected()
        fds = [listener.fileno() for listener in listeners]
        while len(fds) > FDS_PER_MESSAGE:
            control.send({"m": "listeners"}, fds[:FDS_PER_MESSAGE])
            fds = fds[FDS_PER_MESSAGE:]
        try:
            control.send({"m": "go", "proxy": list(proxy)}, fds)
        except Gone:
            self._crashed()
        message, _fds = self._expect("started")
        try:
            control.send({"m": "ack"})
        except Gone:
            pass  # it did not wait for it
        self._close()
        return int(message["pid"])

    def abort(self) -> None:
        """Kill the container and the shim and wait until both and the cgroup are gone. Idempotent.

        After `go` has returned there is nothing to abort: the container has a life of its own.
        """
        if self._control is None:
            return
        if self._endpoint is not None:
            self._endpoint.close()  # the shim sees the end of file, takes everything back and exits
        if self._init_pidfd >= 0:
            # Once the command is executed, the shim takes nothing back; it ends, as ever, with its first process.
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._init_pidfd, signal.SIGKILL)
        if self._pidfd >= 0 and not _wait(self._pidfd, _ABORT_TIMEOUT_MS):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)  # its container dies with it
            _wait(self._pidfd, _ABORT_TIMEOUT_MS)
        self._close()

    # The shim

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._endpoint, self._control = ours, Channel(ours)
        self._stderr = os.memfd_create("shim-stderr")
        # Descriptors are inherited by these actions alone, so threads that open or spawn meanwhile do not matter.
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, self._stderr, 2),
            (os.POSIX_SPAWN_DUP2, theirs.fileno(), CONTROL_FD),
            (os.POSIX_SPAWN_OPEN, TURN_FD, self._bundle, os.O_RDONLY | os.O_DIRECTORY, 0)
            if self._turn is None else (os.POSIX_SPAWN_DUP2, self._turn, TURN_FD),
        ]  # fmt: skip
        argv = [sys.executable, "-I", "-S", _SHIM, self._bundle]
        try:
            pid = os.posix_spawn(
                sys.executable, argv, os.environ, file_actions=actions, setsid=True, setsigmask=(),
            )  # fmt: skip
        except OSError as error:
            raise SyscallError("posix_spawn", error.errno or 0, sys.executable) from error
        finally:
            theirs.close()
        # It forks at once, so that the shim is nobody's child, and ends.
        os.waitpid(pid, 0)

    def _connected(self) -> Channel:
        if self._control is None:
            raise EngineBug("go() without build(), or after its end")
        return self._control

    def _expect(self, kind: str) -> tuple[dict[str, Any], list[int]]:
        """Receive until a message of this kind, adopting trace records on the way."""
        control = self._connected()
        endpoint = control.socket
        with self._cancel.closing(lambda: _stop_reading(endpoint)):
            while True:
                try:
                    message, fds = control.receive()
                except Gone:
                    self._cancel.raise_if_set()
                    self._crashed()
                if message["m"] == "records":
                    for record in message["records"]:
                        self._emit(record)
                elif message["m"] == kind:
                    return message, fds
                else:
                    self._ended()
                    raise as_error(message)

    def _ended(self) -> None:
        """The shim has reported its failure and cleaned up; it exits."""
        if self._pidfd >= 0:
            _wait(self._pidfd, _ABORT_TIMEOUT_MS)

    def _crashed(self) -> NoReturn:
        size = os.fstat(self._stderr).st_size
        said = os.pread(self._stderr, _STDERR_LIMIT, max(0, size - _STDERR_LIMIT)).decode(errors="replace").strip()
        if not said:  # a shim with a bug prints it
            raise Unavailable("the container's shim was killed before the container ran", hint="try again")
        raise EngineBug(f"the container's shim ended without a word; it last said: {said}")

    def _close(self) -> None:
        if self._endpoint is not None:
            self._endpoint.close()
        if self._born is not None:
            self._born.close()
        for fd in (self._pidfd, self._init_pidfd, self._stderr):
            if fd >= 0:
                os.close(fd)
        self._control = self._endpoint = self._born = None
        self._pidfd = self._init_pidfd = self._stderr = -1


def _wait(pidfd: int, timeout_ms: int) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(timeout_ms))


def _stop_reading(endpoint: Any) -> None:
    try:
        endpoint.shutdown(socket.SHUT_RD)
    except OSError:
        pass  # it is closed already


def as_error(message: Mapping[str, Any]) -> DockviewError | EngineBug:
    """The error that a `failed` message stands for."""
    kind, text, hint = message.get("kind"), str(message["message"]), str(message.get("hint", ""))
    if kind == "start":
        return StartFailed(text, exit_code=int(message["exit_code"]), hint=hint)
    if kind == "unsupported":
        return NotSupported(text, hint=hint)
    if kind == "conflict":
        return Conflict(text, hint=hint)
    if kind == "syscall":
        number = int(message["errno"])
        return SyscallError(str(message["syscall"]), number, str(message.get("path", "")), hint=_advice(number))
    return EngineBug(f"the container's shim: {text}")


def _advice(number: int) -> str:
    if number in (errno.EPERM, errno.EACCES):
        return "dockview lacks the right: run it as root, or see `dockview doctor` for what rootless containers need"
    if number == errno.ENOSPC:
        return "free some space, or `dockview system prune`; for namespaces, raise /proc/sys/user/max_*_namespaces"
    return ""
