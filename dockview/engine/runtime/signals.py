"""Sending signals to a container's first process, by way of its shim, which keeps who asked as evidence."""

from __future__ import annotations

import errno
import os
import signal as signals

from dockview.engine.errors import Conflict, InvalidRequest, SyscallError
from dockview.engine.runtime.codec import dumps, loads
from dockview.engine.runtime.doorbell import connect
from dockview.engine.runtime.state import ALIVE, ShimState, is_process, read_state

_TIMEOUT_S = 2.0


def signal_number(text: str) -> int:
    """The number of a signal named as docker takes it: `SIGTERM`, `term`, `15`, `RTMIN+3`.

    Raises: InvalidRequest.
    """
    name = text.strip().upper()
    if name.isdigit() and 0 < int(name) < signals.NSIG:
        return int(name)
    name = name.removeprefix("SIG")
    if name.startswith("RTMIN+") and name[6:].isdigit() and signals.SIGRTMIN + int(name[6:]) <= signals.SIGRTMAX:
        return signals.SIGRTMIN + int(name[6:])
    try:
        return int(signals.Signals[f"SIG{name}"])
    except KeyError:
        raise InvalidRequest(f"unknown signal: {text}", hint="such as SIGTERM, TERM or 15") from None


def send_signal(folder: str, signal: str, *, why: str = "kill", keeps: bool = False) -> None:
    """Send a signal to the first process of the container whose bundle this is.

    `why` is the verb that wants it; it is shown when the container's end is explained. With `keeps` a --rm container
    stays, as it is to be started again.

    Raises: Conflict when it does not run, InvalidRequest for an unknown signal, SyscallError.
    """
    number = signal_number(signal)
    state = read_state(folder)
    if state is None or state.status not in ALIVE:
        raise _not_running()
    try:
        answer = _ask_shim(folder, number, why, keeps=keeps)
    except OSError:
        answer = _send_directly(state, number)
    if answer == errno.ESRCH:
        raise _not_running()
    if answer:
        raise SyscallError("pidfd_send_signal", answer, f"pid {state.pid}")


def _ask_shim(folder: str, number: int, why: str, *, keeps: bool) -> int:
    with connect(folder) as endpoint:
        endpoint.settimeout(_TIMEOUT_S)
        endpoint.send(b"S" + dumps({"signal": number, "why": why, "keeps": keeps}).encode())
        while data := endpoint.recv(4096):
            if data[:1] == b"K":
                return int(loads(data[1:].decode())["errno"])
            if data[:1] == b"X":
                return errno.ESRCH
    return errno.ESRCH


def _send_directly(state: ShimState, number: int) -> int:
    """Where the shim does not answer (it is stopped, or ends just now): 0, or the errno."""
    if state.pid is None:
        return errno.ESRCH  # between two lives there is no process, and the shim that would make one is gone
    try:
        fd = os.pidfd_open(state.pid)
    except OSError as error:
        return error.errno or errno.ESRCH
    try:
        # The descriptor is held now, so the process behind it cannot become another one any more.
        if not is_process(state.pid, state.pid_start):
            return errno.ESRCH
        signals.pidfd_send_signal(fd, number)
    except OSError as error:
        return error.errno or errno.ESRCH
    finally:
        os.close(fd)
    return 0


def _not_running() -> Conflict:
    return Conflict("the container is not running")
