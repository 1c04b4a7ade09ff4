"""A scripted engine for the tests of the command line: attachments of queues, and consoles of byte buffers."""

from __future__ import annotations

import io
import queue
from collections.abc import Callable, Sequence
from typing import Any

from dockview.commands.console import Console
from dockview.commands.execute import execute
from dockview.commands.parse import parse_line
from dockview.engine.api import OnAttach
from dockview.engine.cancel import CancelToken
from dockview.engine.errors import NotFound
from dockview.engine.lifecycle import Record, Trace
from dockview.engine.model import Container, ContainerStatus, Event, RunRequest
from tests.fakes import FakeEngine, FakeStream


class FakeAttachment:
    """Streams of a container that a test feeds: pieces to read, None at the end; what is written is kept."""

    def __init__(self, *pieces: tuple[str, bytes], is_tty: bool = False, is_endless: bool = False) -> None:
        self.is_tty = is_tty
        self.pieces: queue.SimpleQueue[tuple[str, bytes] | None] = queue.SimpleQueue()
        for piece in pieces:
            self.pieces.put(piece)
        if not is_endless:
            self.pieces.put(None)
        self.written: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.sizes: list[tuple[int, int]] = []
        self.is_closed = False
        self.exit_code: int | None = None

    def read(self) -> tuple[str, bytes] | None:
        return self.pieces.get()

    def write(self, data: bytes) -> None:
        self.written.put(data)

    def close_stdin(self) -> None:
        self.written.put(None)

    def promise_removal(self) -> None:
        self.promised = True

    def resize(self, rows: int, columns: int) -> None:
        self.sizes.append((rows, columns))

    def close(self) -> None:
        self.is_closed = True
        self.pieces.put(None)


class ScriptedEngine(FakeEngine):
    """The fake of the screens, with attachments, exit codes and calls that block as a test says."""

    def __init__(self, containers: Sequence[Container] | None = None) -> None:
        super().__init__(containers=containers)
        self.attachment = FakeAttachment()
        self.code: int | None = 0
        self.is_gone = False
        """Whether wait() finds that the container was removed by itself."""
        self.past_events: list[Event] = []
        self.requests: list[RunRequest] = []
        self.signals: list[str] = []
        self.on_kill: Callable[[str], None] = lambda _signal: None
        self.on_run: Callable[[CancelToken], None] = lambda _cancel: None

    def create(self, request: RunRequest, **_: Any) -> Container:
        self.requests.append(request)
        return self.list[0]

    def run(
        self,
        request: RunRequest,
        *,
        cancel: CancelToken | None = None,
        on_record: Callable[[Record], None] | None = None,
        on_attach: OnAttach | None = None,
    ) -> Container:
        self.requests.append(request)
        self.on_run(cancel or CancelToken())
        if on_attach:
            on_attach(self.attachment)
        return super().run(request, cancel=cancel, on_record=on_record)

    def start(self, ref: str, *, cancel: CancelToken | None = None, on_attach: OnAttach | None = None) -> Container:
        if on_attach:
            on_attach(self.attachment)
        return super().start(ref, cancel=cancel)

    def attach(self, ref: str, *, stdin: bool = False, logs: bool = False) -> FakeAttachment:
        self._note(f"attach{' stdin' if stdin else ''}{' logs' if logs else ''}")
        return self.attachment

    def kill(self, ref: str, signal: str = "SIGKILL") -> None:
        self.signals.append(signal)
        self.on_kill(signal)

    def wait(self, ref: str) -> int | None:
        if self.is_gone:
            raise NotFound(f"no such container: {ref}")
        if any(c.id == ref for c in self.list):
            self._change(ref, status=ContainerStatus.EXITED, exit_code=self.code, pid=None)
        return self.code

    def events(self, *, since_ns: int | None = None, until_ns: int | None = None) -> FakeStream[Event]:
        return FakeStream(self.past_events, is_endless=False)

    def traces(self, ref: str = "", *, limit: int = 50) -> Sequence[Trace]:
        if not ref:
            return self.trace_list[:limit]
        return [t for t in self.trace_list if ref in (t.container_name, t.id) or t.container_id.startswith(ref)]


class Captured:
    """A console over buffers, and what it was written."""

    def __init__(self, *, is_tty: bool = False, in_fd: int | None = None) -> None:
        self.out_file, self.err_file = io.BytesIO(), io.BytesIO()
        self.console = Console(self.out_file, self.err_file, in_fd, out_is_tty=is_tty, err_is_tty=is_tty)

    @property
    def out(self) -> str:
        return self.out_file.getvalue().decode()

    @property
    def err(self) -> str:
        return self.err_file.getvalue().decode()


def dockview(engine: ScriptedEngine, line: str, captured: Captured | None = None) -> tuple[int, Captured]:
    """Carry out a line; the exit code and what was printed."""
    captured = captured or Captured()
    return execute(parse_line(line), lambda: engine, captured.console), captured
