"""The shim's whole life in order: birth, the engine's go, the commit, the loop, the end."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C half of signal, which loads no enum
import _socket
import fcntl
import gc
import os
import select
import sys

from dockview.engine.runtime import linux, story, sync
from dockview.engine.runtime.birth import Aborted, Birth, ChildFailed, start_facts
from dockview.engine.runtime.control import Control
from dockview.engine.runtime.door import Door, await_removers
from dockview.engine.runtime.leave import end_helper, read_leave
from dockview.engine.runtime.logfile import LogWriter
from dockview.engine.runtime.policy import has_policy
from dockview.engine.runtime.supervise import Supervisor
from dockview.engine.runtime.sync import Channel, Gone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from dockview.engine.runtime.lives import Lives

_ACK_TIMEOUT_MS = 2000


def run(bundle: str) -> NoReturn:
    """Live, and exit."""
    control = Channel(_socket.socket(fileno=sync.CONTROL_FD))
    os.set_inheritable(sync.CONTROL_FD, False)
    os.set_inheritable(sync.TURN_FD, False)
    linux.close_range(sync.TURN_FD + 1)
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    for number in (_signal.SIGHUP, _signal.SIGINT, _signal.SIGPIPE):
        _signal.signal(number, _signal.SIG_IGN)
    birth: Birth | None = None
    try:
        control.send({"m": "hello", "pid": os.getpid()})
        birth = Birth(bundle, control)
        supervisor, tale = _bear(birth)
    except BaseException as error:  # noqa: BLE001  whatever it is, what was made is taken back and the engine told
        if birth is not None:
            birth.undo()
        _remove_door(bundle)
        _report(control, error)
        os._exit(1)
    _live(birth, supervisor, tale)


def _bear(birth: Birth) -> tuple[Supervisor, story.Story]:
    """The birth up to the commit. Raises: whatever ends it."""
    settings = birth.plan.settings
    birth.build()
    log = LogWriter(settings["log_path"], settings.get("log_max_bytes", 0), settings.get("log_max_files", 1))
    door = Door(birth.plan.bundle, log)
    birth.control.send({"m": "open"})
    proxy, listeners = _await_go(birth.control)
    supervisor = Supervisor(birth, log, door)
    supervisor.welcome()  # whoever has attached before may have said how large his terminal is
    birth.go(proxy, listeners)
    tale = story.Story(birth.plan, birth.pid)
    tale.started()
    fcntl.flock(sync.TURN_FD, fcntl.LOCK_UN)  # the others that have the descriptor let go of the lock by this, too
    os.close(sync.TURN_FD)
    return supervisor, tale


def _await_go(control: Channel) -> tuple[list[str], list[int]]:
    """The engine's `go`, with the listeners that came before and with it. Raises: Aborted."""
    listeners: list[int] = []
    while True:
        try:
            message, fds = control.receive()
        except Gone:
            raise Aborted from None
        listeners += fds
        if message["m"] == "go":
            return message["proxy"], listeners
        if message["m"] != "listeners":
            raise Aborted


def _report(control: Channel, error: BaseException) -> None:
    if isinstance(error, Aborted | Gone):
        return
    message = error.message if isinstance(error, ChildFailed) else sync.failure(error)
    if message.get("kind") == "bug" and not isinstance(error, ChildFailed):
        sys.excepthook(type(error), error, error.__traceback__)
    try:
        control.send(message)
    except Gone:
        pass


def _live(birth: Birth, supervisor: Supervisor, tale: story.Story) -> NoReturn:
    _say_started(birth)
    tale.running()
    supervisor.control = Control(birth, tale)
    supervisor.on_first_output = tale.first_output
    supervisor.ask(birth, tale)
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    os.dup2(null, 2, inheritable=True)
    os.close(null)
    _signal.signal(_signal.SIGTERM, lambda *_: _pass_on(supervisor))
    gc.collect()
    gc.freeze()
    lives: Lives | None = None
    while True:
        supervisor.run()
        ended = _reap(birth.pid)
        if supervisor.control is not None:
            supervisor.control.settle()
        if not supervisor.is_stopped and has_policy(birth.plan.bundle, birth.plan.settings):
            if lives is None:
                from dockview.engine.runtime.lives import Lives  # noqa: PLC0415  most containers have one life

                lives = Lives()
            if (following := lives.next(birth, supervisor, tale, ended)) is not None:
                birth, tale = following
                continue
        _end(birth, supervisor, tale, ended)


def _say_started(birth: Birth) -> None:
    """Tell the engine, and let it write its part of the trace before the shim goes on with it."""
    try:
        start_facts(birth)
        birth.control.send({"m": "started", "pid": birth.pid})
        poll = select.poll()
        poll.register(birth.control.fileno(), select.POLLIN)
        poll.poll(_ACK_TIMEOUT_MS)
    except Gone:
        pass  # the engine died after the commit: the container lives on
    birth.inner.close()
    birth.control.close()


def _pass_on(supervisor: Supervisor) -> None:
    """SIGTERM for the shim (a machine that shuts down) is meant for the container."""
    supervisor.signal(int(_signal.SIGTERM), {"why": "SIGTERM to the shim", "pid": 0, "uid": 0})


def _end(birth: Birth, supervisor: Supervisor, tale: story.Story, ended: tuple[int, int | None]) -> NoReturn:
    code, signal = ended
    birth.close_namespaces()
    if birth.proxy_stdin >= 0:
        os.close(birth.proxy_stdin)
    if tale.values["status"] == "running":
        tale.exited(code, signal, supervisor.sent, birth.cgroup)
    if birth.cgroup is not None:
        birth.cgroup.remove()
    last: dict[str, Any] = {name: tale.values[name] for name in ("exit_code", "signal", "oom_killed")}
    removers = supervisor.door.close(last)
    if birth.proxy_pid:
        os.waitpid(birth.proxy_pid, 0)
    end_helper(birth.plan.bundle)
    farewell, leave = read_leave(birth.plan.bundle, birth.plan.settings["id"])
    tale.said(farewell)
    on_exit = birth.plan.settings.get("on_exit") if not supervisor.is_kept else ()
    if on_exit and removers:
        await_removers(removers)
        on_exit = on_exit if os.path.isdir(birth.plan.bundle) else ()
    argv = on_exit or leave
    if argv:
        for number in (_signal.SIGHUP, _signal.SIGINT, _signal.SIGPIPE, _signal.SIGTERM):
            _signal.signal(number, _signal.SIG_DFL)
        os.execv(argv[0], argv)
    os._exit(0)


def _reap(pid: int) -> tuple[int, int | None]:
    """(exit code by docker's convention, signal or None)."""
    _pid, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return (128 - code, -code) if code < 0 else (code, None)


def _remove_door(bundle: str) -> None:
    try:
        os.unlink(f"{bundle}/attach.sock")
    except OSError:
        pass
