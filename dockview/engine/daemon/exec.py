"""`exec` on a daemon: create, start over a connection that becomes the command's streams, inspect what came of it."""

from __future__ import annotations

import os
import threading
import time

from dockview.engine.daemon import mapping
from dockview.engine.daemon.client import Daemon
from dockview.engine.daemon.containers import inspect
from dockview.engine.daemon.errors import from_answer
from dockview.engine.daemon.observe import why_hidden
from dockview.engine.daemon.streams import DaemonAttachment
from dockview.engine.errors import Conflict, DockviewError, InvalidRequest, StartFailed
from dockview.engine.lifecycle import NAMESPACES, Origin, Phase
from dockview.engine.model import ExecRequest
from dockview.engine.recorder import Recorder, SpanRecorder

_STARTED_WITHIN_S = 30
_ENDED_WITHIN_S = 2


class DaemonExec(DaemonAttachment):
    """The streams of one command in a container."""

    def __init__(self, daemon: Daemon, exec_id: str, request: ExecRequest) -> None:
        self._ask_exit_code = self._code
        self._has_ended = False
        self._daemon = daemon
        self._id = exec_id
        self._is_tty = request.tty
        self._is_closed = False
        self._reading = threading.Lock()
        self._line = daemon.open_line(is_exact=True)
        try:
            with daemon.mapped("cannot execute the command"):
                self._upgraded = self._line.api.exec_start(exec_id, tty=request.tty, socket=True)
                self._socket = self._line.sockets.last
        except BaseException:
            daemon.close_line(self._line)
            raise

    def _code(self) -> int | None:
        """A daemon says the code a moment after it has closed the streams."""
        deadline = time.monotonic() + _ENDED_WITHIN_S
        while True:
            try:
                with self._daemon.mapped("cannot ask for the exit code"):
                    found = self._daemon.api.exec_inspect(self._id)
            except DockviewError:
                return None
            code = found.get("ExitCode")
            if isinstance(code, int) and not found.get("Running"):
                return code
            if time.monotonic() > deadline:
                return None
            time.sleep(0.01)

    def promise_removal(self) -> None:
        """Nothing is removed with a further command."""

    def resize(self, rows: int, columns: int) -> None:
        """Tell the pseudo-terminal its size."""
        with self._daemon.mapped("cannot resize the terminal"):
            self._daemon.api.exec_resize(self._id, height=rows, width=columns)


class Detached:
    """What a detached command has of streams: none."""

    def __init__(self, *, is_tty: bool) -> None:
        self.is_tty = is_tty
        self.exit_code: int | None = None

    def read(self) -> tuple[str, bytes] | None:
        """There is nothing to read."""
        return None

    def write(self, _data: bytes) -> None:
        """Raises: Conflict."""
        raise Conflict("the command is detached: it has no input")

    def close_stdin(self) -> None:
        """There is none."""

    def promise_removal(self) -> None:
        """Nothing is removed with a further command."""

    def resize(self, rows: int, columns: int) -> None:
        """There is no terminal of ours."""

    def close(self) -> None:
        """There is nothing to let go of."""


def execute(daemon: Daemon, trace: Recorder, ref: str, request: ExecRequest) -> DaemonExec | Detached:
    """Phase EXEC. Raises: NotFound, Conflict, StartFailed (126, 127)."""
    if not request.command:
        raise InvalidRequest("no command specified")
    found = inspect(daemon, ref)
    with trace.phase(Phase.EXEC) as span:
        span.fact("argv", " ".join(request.command))
        with daemon.mapped(f"cannot execute in container {ref}"):
            answer = daemon.api.exec_create(
                found["Id"], list(request.command), stdin=request.open_stdin, tty=request.tty, user=request.user,
                privileged=request.privileged, environment=list(request.env), workdir=request.workdir or None,
                stdout=not request.detach, stderr=not request.detach,
            )  # fmt: skip
        exec_id = str(answer["Id"])
        span.fact("exec ID", exec_id, Origin.REPORTED)
        if request.detach:
            with daemon.mapped(f"cannot execute in container {ref}"):
                daemon.api.exec_start(exec_id, detach=True, tty=request.tty)
            _evidence(daemon, span, found, exec_id)
            return Detached(is_tty=request.tty)
        attachment = DaemonExec(daemon, exec_id, request)
        try:
            _await_start(daemon, attachment, exec_id)
            _evidence(daemon, span, found, exec_id)
            if request.tty and request.size:
                _set_size(attachment, request.size)
        except BaseException:
            attachment.close()
            raise
    return attachment


def _set_size(attachment: DaemonExec, size: tuple[int, int]) -> None:
    try:
        attachment.resize(*size)
    except DockviewError:
        pass  # it has ended already


def _await_start(daemon: Daemon, attachment: DaemonExec, exec_id: str) -> None:
    """A daemon gives up the connection before it starts the command: a failure is told in the stream."""
    deadline = time.monotonic() + _STARTED_WITHIN_S
    while time.monotonic() < deadline:
        with daemon.mapped("cannot inspect the command"):
            state = daemon.api.exec_inspect(exec_id)
        code = state.get("ExitCode")
        # "Running" is said before it is tried; a command that has ended already had a pid, or another code.
        if state.get("Pid") or (code is not None and code not in (126, 127)):
            return
        if code is not None and not state.get("Running"):
            said = bytearray()
            while (piece := attachment.read()) is not None:
                said += piece[1]
            error = from_answer(said.decode(errors="replace").strip(), "cannot execute the command")
            if isinstance(error, StartFailed):
                raise error  # older daemons say 126 for everything: the sentence is more exact
            raise StartFailed(error.message, exit_code=code, hint=error.hint)
        time.sleep(0.005)


def _evidence(daemon: Daemon, span: SpanRecorder, found: mapping.Json, exec_id: str) -> None:
    with daemon.mapped("cannot inspect the command"):
        pid = int(daemon.api.exec_inspect(exec_id).get("Pid") or 0)
    span.fact("pid", pid or None, Origin.REPORTED)
    init = int((found.get("State") or {}).get("Pid") or 0)
    if why_hidden(daemon.endpoint, init, str(found["Id"])) or not pid:
        return
    span.check(f"ls -l /proc/{pid}/ns /proc/{init}/ns")
    alike = 0
    for name in NAMESPACES:
        try:
            link = os.readlink(f"/proc/{pid}/ns/{name}")
            alike += link == os.readlink(f"/proc/{init}/ns/{name}")
        except OSError:
            return  # it has ended
        span.fact(f"{name} namespace", link)
    span.fact("namespaces as init's", alike)
