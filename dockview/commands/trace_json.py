"""A trace as one JSON object, for programs."""

from __future__ import annotations

from typing import Any

from dockview.commands.times import rfc3339
from dockview.engine.lifecycle import Origin, Span, Trace

_WEAKEST_FIRST = (Origin.INFERRED, Origin.REPORTED, Origin.MEASURED)


def trace_object(trace: Trace) -> dict[str, Any]:
    """`{"trace": {…}, "spans": […]}`: wall-clock times in RFC 3339, `…_ns` in nanoseconds since the trace began."""
    return {
        "trace": {
            "id": trace.id,
            "verb": trace.verb,
            "target": trace.target,
            "line": trace.line,
            "engine": trace.engine,
            "container": trace.container_id,
            "name": trace.container_name,
            "image": trace.image,
            "start": rfc3339(trace.started_ns),
            "end": _moment(trace, trace.done_ns),
            "end_ns": trace.done_ns,
            "status": str(trace.status),
            "why": trace.why,
        },
        "spans": [_span_object(trace, span) for span in trace.spans],
    }


def _span_object(trace: Trace, span: Span) -> dict[str, Any]:
    progress = span.progress
    return {
        "phase": str(span.phase),
        "part": span.part,
        "start": _moment(trace, span.start_ns),
        "end": _moment(trace, span.end_ns),
        "start_ns": span.start_ns,
        "end_ns": span.end_ns,
        "duration_ns": span.duration_ns,
        "status": str(span.status),
        "why": span.why,
        "is_undo": span.is_undo,
        "origin": _origin(span),
        "evidence": [{"name": fact.name, "value": fact.value, "origin": str(fact.origin)} for fact in span.facts],
        "check": span.check,
        "progress": None
        if progress is None
        else {
            "current": progress.current, "total": progress.total, "unit": progress.unit, "stage": progress.stage,
        },
    }  # fmt: skip


def _origin(span: Span) -> str:
    """How well the span is known: as its least certain fact. One without facts was timed, so it is measured."""
    origins = {fact.origin for fact in span.facts}
    return str(next((origin for origin in _WEAKEST_FIRST if origin in origins), Origin.MEASURED))


def _moment(trace: Trace, ns: int | None) -> str | None:
    return None if ns is None else rfc3339(trace.started_ns + ns)
