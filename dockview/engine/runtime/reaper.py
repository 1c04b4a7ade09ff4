"""`--init`: the first process stays and is the parent of everybody; the command is its child.

It passes every signal on, reaps whom nobody else reaps, and ends with the command's exit code (or, as a shell does,
128 and the number of the signal that killed it). With its end the kernel ends the whole pid namespace.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C half of signal, which loads no enum
import fcntl
import os
import struct
import termios

from dockview.engine.runtime import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from dockview.engine.runtime.plan import Plan

_KEPT = (_signal.SIGKILL, _signal.SIGSTOP, _signal.SIGCHLD)
_FAULTS = (
    _signal.SIGFPE, _signal.SIGILL, _signal.SIGSEGV, _signal.SIGBUS, _signal.SIGABRT, _signal.SIGTRAP, _signal.SIGSYS,
)  # fmt: skip


def split(plan: Plan) -> None:
    """Fork; returns in the child, which is to become the command. The parent never returns."""
    # Its program is the host's: nobody inside may look into it. Without root nobody outside could either then, not even
    # to join its namespaces; and the program is one that this user may not write to, or that is his own.
    if not plan.settings["rootless"]:
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
    blocked = _signal.valid_signals() - set(_FAULTS) - {_signal.SIGKILL, _signal.SIGSTOP}
    _signal.pthread_sigmask(_signal.SIG_SETMASK, blocked)
    child = os.fork()
    if child == 0:
        _lead(plan)
        return
    for channel in (plan.inner, plan.control):
        channel.close()
    linux.prctl(linux.PR_SET_NAME, _name(b"docker-init"))
    for fd in (0, 1, 2):
        os.close(fd)
    _watch(child, blocked)


def _name(text: bytes) -> int:
    import ctypes  # noqa: PLC0415  loaded already, by linux.py

    global _kept_name  # noqa: PLW0603  the kernel reads it during the call
    _kept_name = ctypes.create_string_buffer(text)
    return ctypes.addressof(_kept_name)


_kept_name: object = None


def _lead(plan: Plan) -> None:
    """The command leads a process group of its own, in the foreground of the terminal, if there is one."""
    os.setpgid(0, 0)
    if not plan.settings["tty"]:
        return
    # A process of the background that changes the foreground would be stopped, were the signal not blocked.
    fcntl.ioctl(0, termios.TIOCSPGRP, struct.pack("i", os.getpid()))


def _watch(child: int, signals: set[int]) -> NoReturn:
    while True:
        number = _signal.sigwait(signals)
        if number == _signal.SIGCHLD:
            _reap(child)
        elif number not in _KEPT:
            try:
                os.kill(child, number)
            except OSError:
                continue  # it is gone, or another user's by now


def _reap(child: int) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
