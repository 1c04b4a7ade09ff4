"""The writing side of a trace: phases as blocks of code, with undo (lifecycle.py describes the records)."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from dockview.engine.cancel import CancelToken
from dockview.engine.errors import Cancelled, DockviewError
from dockview.engine.lifecycle import Origin, Phase, Record, Scalar, Sink, Status
from dockview.engine.processes import boot_id, process_start_ticks


@dataclass
class SpanRecorder:
    """What the code of a phase writes its evidence to."""

    recorder: Recorder
    id: str
    is_ended: bool = field(default=False)

    def fact(self, name: str, value: Scalar, origin: Origin = Origin.MEASURED) -> None:
        """Record one piece of evidence; a later value under the same name replaces it."""
        self.recorder.emit({"t": "fact", "span": self.id, "name": name, "value": value, "origin": str(origin)})

    def check(self, command: str) -> None:
        """Name the read-only shell command that shows the same."""
        self.recorder.emit({"t": "check", "span": self.id, "check": command})

    def progress(self, current: int, total: int | None, *, unit: str = "B", stage: str = "") -> None:
        """Report how far the phase is."""
        self.recorder.emit(
            {"t": "progress", "span": self.id, "current": current, "total": total, "unit": unit, "stage": stage}
        )

    def skip(self, why: str) -> None:
        """End the span as not done, with the reason."""
        self._end(Status.SKIPPED, why)

    def _end(self, status: Status, why: str = "") -> None:
        if not self.is_ended:
            self.is_ended = True
            self.recorder.emit(
                {"t": "end", "span": self.id, "clock_ns": time.monotonic_ns(), "status": str(status), "why": why}
            )


class Recorder:
    """Writes the trace of one operation, and takes back what its phases did if the operation fails.

    Use it as a context manager. Each phase may name its undo, which is registered on entry, so that a phase that
    fails half-way is cleaned too; undos must be idempotent. Leaving the block by an exception runs them, newest
    first, each as a span of its own, and the exception goes on. `commit()` is the point after which nothing is undone.

    Phases may run in several threads; sinks are called under one lock, in order, and may neither block nor raise.
    """

    def __init__(
        self,
        verb: str,
        target: str,
        *,
        line: str,
        engine: str,
        sinks: Sequence[Sink],
        cancel: CancelToken | None = None,
    ) -> None:
        self.id = f"{time.time_ns():016x}-{os.urandom(4).hex()}"
        self.cancel = cancel or CancelToken()
        self._lock = threading.RLock()
        self._sinks = list(sinks)
        self._spans = 0
        self._open: dict[str, None] = {}
        self._undos: list[tuple[Phase, str, Callable[[], None]]] = []
        self._header = {
            "t": "trace", "id": self.id, "verb": verb, "target": target, "line": line, "engine": engine,
            "wall_ns": time.time_ns(), "clock_ns": time.monotonic_ns(), "boot": boot_id(),
            "pid": os.getpid(), "pid_start": process_start_ticks(os.getpid()) or 0,
        }  # fmt: skip

    def __enter__(self) -> Self:
        self.emit(self._header)
        return self

    def __exit__(self, _type: object, error: BaseException | None, _tb: object) -> None:
        if error is None:
            self._done(Status.OK, "")
            return
        for phase, part, undo in self._take_undos():
            self._run_undo(phase, part, undo, error)
        # The undo has ended whoever performed these (a container that was being built), without a last word.
        for span_id in list(self._open):
            SpanRecorder(self, span_id)._end(Status.CANCELLED, "taken back before it was done")  # noqa: SLF001
        self._done(*_verdict(error))

    def _done(self, status: Status, why: str) -> None:
        self.emit({"t": "done", "clock_ns": time.monotonic_ns(), "status": str(status), "why": why})

    def emit(self, record: Record) -> None:
        """Hand one record to every sink."""
        with self._lock:
            if record["t"] == "start":
                self._open[record["span"]] = None
            elif record["t"] == "end":
                self._open.pop(record["span"], None)
            for sink in self._sinks:
                sink(record)

    def add_sink(self, sink: Sink) -> None:
        """Send every later record to one more place."""
        self._sinks.append(sink)

    adopt = emit
    """Take over a record that another process of this operation wrote."""

    def subject(self, **names: str) -> None:
        """Say what the trace is about: `container` (full ID), `name`, `image`."""
        self.emit({"t": "subject", **names})

    @contextlib.contextmanager
    def phase(
        self, phase: Phase, part: str = "", *, check: str = "", undo: Callable[[], None] | None = None
    ) -> Iterator[SpanRecorder]:
        """Perform one phase: the block is the phase."""
        self.cancel.raise_if_set()
        with self._lock:
            self._spans += 1
            span = SpanRecorder(self, f"e{self._spans}")
            if undo is not None:
                self._undos.append((phase, part, undo))
        self.emit(
            {"t": "start", "span": span.id, "phase": str(phase), "part": part, "clock_ns": time.monotonic_ns(),
             "check": check}
        )  # fmt: skip
        try:
            yield span
        except BaseException as error:
            span._end(*_verdict(error))  # noqa: SLF001
            error.add_note(f"in phase {phase} {part}".rstrip())
            raise
        span._end(Status.OK)  # noqa: SLF001

    def skip(self, phase: Phase, part: str = "", *, why: str) -> None:
        """Record that a phase is not done, and why."""
        with self.phase(phase, part) as span:
            span.skip(why)

    def on_failure(self, phase: Phase, part: str, undo: Callable[[], None]) -> None:
        """Register an undo for something done inside a phase, once it is known what there is to undo."""
        with self._lock:
            self._undos.append((phase, part, undo))

    def commit(self) -> None:
        """From here on nothing is undone."""
        self._take_undos()

    def _take_undos(self) -> list[tuple[Phase, str, Callable[[], None]]]:
        with self._lock:
            undos, self._undos = self._undos, []
        return undos[::-1]

    def _run_undo(self, phase: Phase, part: str, undo: Callable[[], None], error: BaseException) -> None:
        with self._lock:
            self._spans += 1
            span = SpanRecorder(self, f"e{self._spans}")
        self.emit(
            {"t": "start", "span": span.id, "phase": str(phase), "part": part, "clock_ns": time.monotonic_ns(),
             "undo": True}
        )  # fmt: skip
        try:
            _insist(undo)
        except Exception as trouble:  # noqa: BLE001  the first error is the one that is raised; this one is shown
            span._end(Status.FAILED, str(trouble))  # noqa: SLF001
            error.add_note(f"undo of {phase} {part}: {trouble}")
        else:
            span._end(Status.OK)  # noqa: SLF001


def _insist(undo: Callable[[], None]) -> None:
    """Run an undo to its end: an impatient second ctrl-c starts it again, which it must bear anyway."""
    while True:
        try:
            return undo()
        except KeyboardInterrupt:
            continue


def _verdict(error: BaseException) -> tuple[Status, str]:
    if isinstance(error, Cancelled | KeyboardInterrupt):
        return Status.CANCELLED, str(error) or "interrupted"
    if isinstance(error, DockviewError | OSError):
        return Status.FAILED, str(error)
    return Status.FAILED, f"{type(error).__name__}: {error}"
