"""Traces on disk: a file of records for each operation, written as it happens, read back at any time by anybody.

The engine process appends the records of its verb; the container's shim goes on appending to the same file after the
verb has returned (running, exited). A row in the database finds the traces of a container, also of one that is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Self

from dockview.engine.cancel import CancelToken
from dockview.engine.errors import DockviewError
from dockview.engine.lifecycle import Record, Sink, Status, Trace, TraceBuilder
from dockview.engine.processes import is_alive
from dockview.engine.recorder import Recorder
from dockview.engine.state.database import Database
from dockview.engine.state.journal import Tail
from dockview.engine.state.layout import Layout
from dockview.engine.state.watch import Watch

_LOOK_S = 1.0
_WHY_LOST = "the process that did this ended without a word"
_KEPT = 500
"""How many traces are kept; those of containers that still exist always are."""


class Traces:
    """The traces of one store."""

    def __init__(self, layout: Layout, database: Database) -> None:
        self._layout = layout
        self._database = database

    @contextlib.contextmanager
    def record(
        self, verb: str, target: str, *, line: str, cancel: CancelToken | None = None,
        on_record: Callable[[Record], None] | None = None,
    ) -> Iterator[Recorder]:  # fmt: skip
        """Perform a verb under a trace that is kept."""
        sinks: list[Sink] = [] if on_record is None else [on_record]
        recorder = Recorder(verb, target, line=line, engine="embedded", sinks=sinks, cancel=cancel)
        self._database.execute("INSERT INTO traces (id, verb, target) VALUES (?, ?, ?)", recorder.id, verb, target)
        fd = os.open(self._layout.trace(recorder.id), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        recorder.add_sink(lambda record: self._write(fd, recorder.id, record))
        try:
            with recorder:
                yield recorder
        finally:
            os.close(fd)

    def _write(self, fd: int, trace_id: str, record: Record) -> None:
        # A sink never raises: a full disk must not turn a clear failure into another one.
        with contextlib.suppress(OSError):
            os.write(fd, json.dumps(record, separators=(",", ":")).encode() + b"\n")
        if record["t"] == "subject" and "container" in record:
            with contextlib.suppress(DockviewError):
                self._database.execute(
                    "UPDATE traces SET container_id = ?, container_name = ? WHERE id = ?",
                    record["container"], record.get("name", ""), trace_id,
                )  # fmt: skip

    def load(self, trace_id: str) -> Trace | None:
        """One trace as far as it has come; None when there is no such trace."""
        trace = self._read(trace_id)
        return None if trace is None else _with_lost(trace)

    def bury(self, trace_id: str) -> None:
        """Write down that a verb is lost whose process ended without a word, so that those who follow it know, too."""
        trace = self._read(trace_id)
        if trace is None or trace.status is not Status.RUNNING or is_alive(*trace.owner):
            return
        now = time.monotonic_ns()
        records: list[Record] = [
            {"t": "end", "span": span.id, "clock_ns": now, "status": str(Status.LOST), "why": _WHY_LOST}
            for span in trace.spans
            if span.status is Status.RUNNING
        ]
        records.append({"t": "done", "clock_ns": now, "status": str(Status.LOST), "why": _WHY_LOST})
        with contextlib.suppress(OSError), open(self._layout.trace(trace_id), "ab") as file:
            file.write("".join(f"{json.dumps(record)}\n" for record in records).encode())

    def _read(self, trace_id: str) -> Trace | None:
        builder = TraceBuilder()
        try:
            with open(self._layout.trace(trace_id), "rb") as file:
                for line in file:
                    if (record := parse_record(line)) is not None:
                        builder.apply(record)
        except FileNotFoundError:
            return None
        return builder.trace

    def find(self, ref: str, *, limit: int) -> Sequence[Trace]:
        """The newest traces of a container, by its ID, the beginning of its ID, or its name; all where ref is empty."""
        if ref:
            rows = self._database.query(
                "SELECT id FROM traces WHERE id = ?1 OR container_name = ?1 OR substr(container_id, 1, length(?1)) = ?1"
                " OR target = ?1 ORDER BY id DESC LIMIT ?2", ref, limit,
            )  # fmt: skip
        else:
            rows = self._database.query("SELECT id FROM traces ORDER BY id DESC LIMIT ?", limit)
        return [trace for row in rows if (trace := self.load(row["id"])) is not None]

    def follow(self) -> TraceStream:
        """Records of the verbs now at work, and of every trace that grows from now on."""
        at_work = [trace.id for trace in self.find("", limit=10) if trace.status is Status.RUNNING]
        return TraceStream(self, self._layout, at_work)

    def trim(self) -> None:
        """Drop the oldest traces beyond the bound, except those of containers that still exist."""
        rows = self._database.query(
            "SELECT id FROM traces WHERE container_id NOT IN (SELECT id FROM containers)"
            " ORDER BY id DESC LIMIT -1 OFFSET ?", _KEPT,
        )  # fmt: skip
        for row in rows:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._layout.trace(row["id"]))
            self._database.execute("DELETE FROM traces WHERE id = ?", row["id"])


class TraceStream:
    """(trace ID, record) as they are written, by whichever process (api.Stream)."""

    def __init__(self, traces: Traces, layout: Layout, at_work: Sequence[str]) -> None:
        self._traces = traces
        self._owners: dict[str, tuple[int, int]] = {}
        self._layout = layout
        self._watch = Watch(layout.traces)
        self._tails: dict[str, Tail] = {}
        self._pending = [f"{trace_id}.jsonl" for trace_id in at_work]
        self._records = self._generate()

    def _generate(self) -> Generator[tuple[str, Record], None, None]:
        try:
            names: set[str] | None = set(self._pending)
            while names is not None:
                for name in sorted(names or self._candidates()):
                    yield from self._new_records(name)
                names = self._watch.wait(_LOOK_S if self._owners else None)
                self._bury_dead()
        finally:
            self._watch.close()
            for tail in self._tails.values():
                tail.close()

    def _note_owner(self, trace_id: str, record: Record) -> None:
        if record["t"] == "trace":
            self._owners[trace_id] = (record.get("pid", 0), record.get("pid_start", 0))
        elif record["t"] == "done":
            self._owners.pop(trace_id, None)

    def _bury_dead(self) -> None:
        """The kernel tells nobody that a stranger's process has died; while verbs are at work, it is asked."""
        for trace_id, owner in list(self._owners.items()):
            if not is_alive(*owner):
                del self._owners[trace_id]
                self._traces.bury(trace_id)

    def _candidates(self) -> set[str]:
        """Where the kernel does not say which file grew: the ones in hand and the newest."""
        newest = sorted(os.listdir(self._layout.traces))[-8:]
        return {f"{trace_id}.jsonl" for trace_id in self._tails} | set(newest)

    def _new_records(self, name: str) -> Iterator[tuple[str, Record]]:
        trace_id, _, suffix = name.rpartition(".")
        if suffix != "jsonl":
            return
        tail = self._tails.pop(trace_id, None) or Tail(self._layout.trace(trace_id))
        self._tails[trace_id] = tail
        for line in tail.lines():
            if (record := parse_record(line)) is not None:
                self._note_owner(trace_id, record)
                yield trace_id, record
        # Files stay open only for the traces that grew last: many containers may live at once.
        while len(self._tails) > 32:
            oldest = next(iter(self._tails))
            self._tails.pop(oldest).close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[str, Record]:
        return next(self._records)

    def close(self) -> None:
        """End the iteration."""
        self._watch.close()
        # A thread that is inside (ValueError) leaves when it sees the watch closed, and lets go of the files.
        with contextlib.suppress(ValueError):
            self._records.close()


def parse_record(line: bytes) -> Record | None:
    """A record from its line; None for a line that is not whole."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "t" in record else None


def _with_lost(trace: Trace) -> Trace:
    """Say so where the process that performed the verb is gone without a word (kill -9, power cut)."""
    if trace.status is not Status.RUNNING or is_alive(*trace.owner):
        return trace
    spans = tuple(replace(s, status=Status.LOST) if s.status is Status.RUNNING else s for s in trace.spans)
    return replace(trace, status=Status.LOST, why=_WHY_LOST, spans=spans)
