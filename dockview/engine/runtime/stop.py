"""Waiting for a container's end, and bringing it about: the stop signal, a grace, SIGKILL."""

from __future__ import annotations

import select
import socket
import time

from dockview.engine.cancel import CancelToken
from dockview.engine.errors import Conflict
from dockview.engine.runtime.codec import loads
from dockview.engine.runtime.doorbell import connect
from dockview.engine.runtime.signals import send_signal, signal_number
from dockview.engine.runtime.state import read_state

_MESSAGE = 65536


class Waiter:
    """A wait that begins now: what ends from here on is not missed, even if the container's folder goes with it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._endpoint: socket.socket | None = None
        try:
            self._endpoint = connect(folder)
            self._endpoint.send(b"W")
        except OSError:
            pass  # no shim listens: it has ended, or ends just now; the state says how
        self.exit_code: int | None = None
        """After wait(): by docker's convention; None where it is unknown."""

    def wait(self, timeout_s: float | None = None, *, cancel: CancelToken | None = None) -> bool:
        """Block until the container has exited; False when the time is over first.

        Raises: Cancelled.
        """
        token = cancel or CancelToken()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        endpoint = self._endpoint
        if endpoint is None:
            self._from_state()
            return True
        with token.closing(lambda: endpoint.shutdown(socket.SHUT_RDWR)):
            data = self._receive(endpoint, deadline)
        token.raise_if_set()
        if data is None:
            return False
        if data[:1] == b"X":
            self.exit_code = loads(data[1:].decode())["exit_code"]
        else:
            self._from_state()
        return True

    @staticmethod
    def _receive(endpoint: socket.socket, deadline: float | None) -> bytes | None:
        poll = select.poll()
        poll.register(endpoint, select.POLLIN)
        timeout_ms = None if deadline is None else max(0, int((deadline - time.monotonic()) * 1000))
        if not poll.poll(timeout_ms):
            return None
        for _attempt in range(2):
            try:
                return endpoint.recv(_MESSAGE)
            except OSError:
                continue  # a reset is said before the messages that came before it
        return b""

    def _from_state(self) -> None:
        state = read_state(self._folder)
        self.exit_code = state.exit_code if state is not None and state.status == "exited" else None

    def close(self) -> None:
        """Give the wait up."""
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None


def wait(folder: str, *, cancel: CancelToken | None = None) -> int | None:
    """Block until the container whose bundle this is has exited; its exit code, None where that is unknown.

    Raises: Cancelled.
    """
    waiter = Waiter(folder)
    try:
        waiter.wait(cancel=cancel)
    finally:
        waiter.close()
    return waiter.exit_code


def stop(folder: str, signal: str, timeout_s: float, *, why: str = "stop", keeps: bool = False,
         cancel: CancelToken | None = None) -> bool:  # fmt: skip
    """Send a signal, wait, and send SIGKILL when the time is over; whether SIGKILL was needed.

    A container that does not run is left as it is. A negative `timeout_s` waits for ever, as docker's does.

    Raises: InvalidRequest for an unknown signal, SyscallError, Cancelled.
    """
    signal_number(signal)
    waiter = Waiter(folder)
    try:
        try:
            send_signal(folder, signal, why=why, keeps=keeps)
        except Conflict:
            return False
        if waiter.wait(None if timeout_s < 0 else timeout_s, cancel=cancel):
            return False
        try:
            send_signal(folder, "SIGKILL", why=f"{why}, {timeout_s:g} s after {signal}", keeps=keeps)
        except Conflict:
            return False  # it has ended in the last moment
        waiter.wait(cancel=cancel)
    finally:
        waiter.close()
    return True
