"""`trace`: every step of an operation, how long it took, what it found, and how to see the same from outside."""

from __future__ import annotations

import json
import re
import textwrap
import time

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.listing import clean_cell, table
from dockview.commands.trace_json import trace_object
from dockview.engine.api import Engine
from dockview.engine.errors import NotFound
from dockview.engine.lifecycle import Fact, Origin, Phase, Span, Status, Trace
from dockview.text import ago, duration

_BIRTHS = ("run", "start", "create")
"""The traces that tell of a container's life; the others are asked for by their own ID."""
_GLYPHS = {
    Status.RUNNING: ("●", "36"),
    Status.OK: ("✓", "32"),
    Status.FAILED: ("✗", "31"),
    Status.SKIPPED: ("○", "2"),
    Status.CANCELLED: ("◌", "33"),
    Status.LOST: ("?", "33"),
}
_ORIGIN_MARKS = {Origin.MEASURED: "", Origin.REPORTED: "", Origin.INFERRED: "~"}
_LONG_HEX = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
_SHORTENED = r"\1…"
"""Digests and IDs have 64 digits; for reading the first twelve tell them apart, and --json has them whole."""
_BAR = 24
_INDENT = "      "


def trace(engine: Engine, command: Command, console: Console) -> int:
    """Show one trace, or list the newest."""
    ref = command.refs[0] if command.refs else ""
    if command.is_on("list"):
        return _list(engine, ref, command, console)
    found = find_trace(engine, ref)
    if command.is_on("json"):
        console.print(json.dumps(trace_object(found), indent=2, ensure_ascii=False))
    else:
        console.print("\n".join(_head(found, console)))
        for span in found.spans:
            console.print("\n".join(_span(found, span, console)))
    return 0


def find_trace(engine: Engine, ref: str) -> Trace:
    """The trace by that ID, the newest birth of that container, or the newest of all. Raises: NotFound."""
    traces = engine.traces(ref)
    if not traces and ref:
        traces = [item for item in engine.traces(limit=500) if item.id.startswith(ref)]
    if not traces:
        what = f"no trace of {ref}" if ref else "there is no trace yet"
        raise NotFound(what, hint="`dockview trace --list` shows what there is")
    return next((item for item in traces if item.verb in _BIRTHS), traces[0])


def _list(engine: Engine, ref: str, command: Command, console: Console) -> int:
    traces = engine.traces(ref)
    if command.is_on("json"):
        for item in traces:
            console.print(json.dumps(trace_object(item)["trace"], ensure_ascii=False))
        return 0
    now = time.time_ns()
    rows = [("TRACE", "VERB", "TARGET", "STATUS", "TOOK", "WHEN")]
    rows += [
        (item.id, item.verb, clean_cell(item.container_name or item.target), str(item.status),
         duration(item.done_ns) if item.done_ns is not None else "-", ago(item.started_ns, now))
        for item in traces
    ]  # fmt: skip
    console.print(table(rows))
    return 0


def _head(found: Trace, console: Console) -> list[str]:
    glyph, colour = _GLYPHS[found.status]
    took = f" in {duration(found.done_ns)}" if found.done_ns is not None else ""
    why = f": {clean_cell(found.why)}" if found.why else ""
    lines = [
        console.paint(clean_cell(found.line or f"{found.verb} {found.target}"), "1"),
        f"{console.paint(f'{glyph} {found.status}', colour)}{took}{why}",
        console.paint(f"trace {found.id}, engine {found.engine}", "2"),
    ]
    if found.container_id:
        lines.append(console.paint(f"container {found.container_id[:12]} ({clean_cell(found.container_name)})", "2"))
    return [*lines, ""]


def _span(found: Trace, span: Span, console: Console) -> list[str]:
    glyph, colour = _GLYPHS[span.status]
    label = f"undo {span.label}" if span.is_undo else span.label
    took = "" if span.duration_ns is None else duration(span.duration_ns)
    head = f"{console.paint(glyph, colour)} {clean_cell(label):<20} {took:>9}  {_bar(found, span)}".rstrip()
    lines = [head]
    if span.why:
        lines += _wrapped(f"{span.status}: {span.why}", console)
    if span.facts:
        lines += [console.paint(line, "2") for line in _wrapped("; ".join(map(_fact, span.facts)), console)]
    if span.check:
        lines.append(console.paint(f"{_INDENT}$ {clean_cell(span.check)}", "36"))
    return lines


def _wrapped(text: str, console: Console) -> list[str]:
    return textwrap.wrap(
        clean_cell(text), max(console.columns, 40), initial_indent=_INDENT, subsequent_indent=_INDENT,
        break_on_hyphens=False, break_long_words=False,
    )  # fmt: skip


def _fact(fact: Fact) -> str:
    value = fact.value
    shown = "unknown" if value is None else str(value).lower() if isinstance(value, bool) else value
    return f"{_ORIGIN_MARKS[fact.origin]}{fact.name}: {_LONG_HEX.sub(_SHORTENED, str(shown))}"


def _bar(found: Trace, span: Span) -> str:
    """When the span was, within the time that the verb took. What lives on after the verb has no bar."""
    total = found.done_ns
    if not total or span.end_ns is None or span.start_ns >= total or span.phase in (Phase.RUNNING, Phase.EXITED):
        return ""
    start = _BAR * span.start_ns // total
    end = min(_BAR, -(-_BAR * span.end_ns // total))
    return "·" * start + "━" * max(1, end - start) + "·" * (_BAR - max(end, start + 1))
