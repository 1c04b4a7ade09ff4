"""A trace is what the code did: its phases, its evidence, and what it took back."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from dockview.engine.cancel import CancelToken
from dockview.engine.errors import Cancelled, Conflict
from dockview.engine.lifecycle import Origin, Phase, Record, Status, Trace, TraceBuilder
from dockview.engine.recorder import Recorder


def recorder(records: list[Record], cancel: CancelToken | None = None) -> Recorder:
    return Recorder("run", "web", line="docker run web", engine="test", sinks=[records.append], cancel=cancel)


def fold(records: list[Record]) -> Trace:
    builder = TraceBuilder()
    for record in records:
        builder.apply(record)
    assert builder.trace is not None
    return builder.trace


def test_phases_are_recorded_in_order_with_their_facts() -> None:
    records: list[Record] = []
    with recorder(records) as trace:
        with trace.phase(Phase.PARSE, check="true") as span:
            span.fact("body", "{}")
            span.fact("body", "{...}", Origin.REPORTED)
        with trace.phase(Phase.LAYER, "1/2") as span:
            span.progress(5, 10, stage="download")
        trace.skip(Phase.CGROUP, why="no right to")
    read = fold(records)
    assert [(s.label, s.status) for s in read.spans] == [("parse", "ok"), ("layer 1/2", "ok"), ("cgroup", "skipped")]
    assert read.spans[0].fact("body") == "{...}"
    assert read.spans[0].facts[0].origin is Origin.REPORTED
    assert read.spans[0].check == "true"
    assert read.spans[1].progress is not None
    assert read.spans[1].progress.total == 10
    assert read.spans[2].why == "no right to"
    assert read.status is Status.OK
    assert not read.is_live


def test_failure_undoes_newest_first_and_the_first_error_goes_on() -> None:
    records: list[Record] = []
    undone: list[str] = []
    with pytest.raises(Conflict, match="no") as caught, recorder(records) as trace:  # noqa: PT012
        with trace.phase(Phase.CREATE, undo=lambda: undone.append("create")):
            pass
        with trace.phase(Phase.WRITABLE, undo=lambda: undone.append("layer")):
            raise Conflict("no")
    assert undone == ["layer", "create"]
    assert "in phase layer(rw)" in caught.value.__notes__
    read = fold(records)
    assert [(s.label, s.status, s.is_undo) for s in read.spans] == [
        ("create", "ok", False), ("layer(rw)", "failed", False), ("layer(rw)", "ok", True), ("create", "ok", True),
    ]  # fmt: skip
    assert (read.status, read.why) == (Status.FAILED, "no")


def test_an_undo_that_fails_is_shown_and_hides_nothing() -> None:
    records: list[Record] = []

    def undo() -> None:
        raise OSError(16, "Device or resource busy")

    with pytest.raises(Conflict) as caught, recorder(records) as trace, trace.phase(Phase.CREATE, undo=undo):
        raise Conflict("first")
    assert any("busy" in note for note in caught.value.__notes__)
    assert fold(records).spans[-1].status is Status.FAILED


def test_an_impatient_interrupt_does_not_stop_the_undo() -> None:
    undone: list[str] = []

    def undo() -> None:
        undone.append("begun")
        if len(undone) == 1:
            raise KeyboardInterrupt
        undone.append("done")

    with pytest.raises(Conflict), recorder([]) as trace, trace.phase(Phase.CREATE, undo=undo):
        raise Conflict("first")
    assert undone == ["begun", "begun", "done"]


def test_after_commit_nothing_is_undone() -> None:
    undone: list[str] = []
    with pytest.raises(Conflict), recorder([]) as trace:  # noqa: PT012
        with trace.phase(Phase.CREATE, undo=lambda: undone.append("create")):
            pass
        trace.commit()
        raise Conflict("later")
    assert undone == []


def test_a_cancelled_operation_stops_at_the_next_phase_and_undoes() -> None:
    records: list[Record] = []
    undone: list[str] = []
    token = CancelToken()
    with pytest.raises(Cancelled), recorder(records, token) as trace:  # noqa: PT012
        with trace.phase(Phase.CREATE, undo=lambda: undone.append("create")):
            token.cancel()
        with trace.phase(Phase.START):
            undone.append("never")
    assert undone == ["create"]
    assert fold(records).status is Status.CANCELLED


def test_cancel_unblocks_what_registered_a_closer() -> None:
    token = CancelToken()
    gate = threading.Event()
    entered = threading.Event()
    outcome: list[Any] = []

    def blocked() -> None:
        with token.closing(gate.set):
            entered.set()
            outcome.append(gate.wait(20))

    thread = threading.Thread(target=blocked)
    thread.start()
    entered.wait(20)
    token.cancel()
    thread.join(20)
    assert outcome == [True]
    with pytest.raises(Cancelled), token.closing(gate.clear):
        pass


def test_records_of_another_process_join_the_trace() -> None:
    records: list[Record] = []
    with recorder(records) as trace:
        trace.adopt({"t": "start", "span": "c1", "phase": "namespaces", "part": "pid", "clock_ns": 1})
        trace.adopt({"t": "fact", "span": "c1", "name": "container", "value": "pid:[1]", "origin": "measured"})
        trace.adopt({"t": "end", "span": "c1", "clock_ns": 2, "status": "ok"})
    span = fold(records).find(Phase.NAMESPACES, "pid")
    assert span is not None
    assert (span.fact("container"), span.duration_ns) == ("pid:[1]", 1)


def test_records_of_a_newer_version_are_passed_over() -> None:
    records: list[Record] = []
    with recorder(records) as trace, trace.phase(Phase.PARSE):
        trace.emit({"t": "hologram", "span": "e1"})
        trace.emit({"t": "fact", "span": "nobody's", "name": "a", "value": 1, "origin": "measured"})
    assert [s.label for s in fold(records).spans] == ["parse"]
