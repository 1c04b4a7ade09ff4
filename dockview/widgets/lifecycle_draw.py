"""The picture of a trace as lines: title, flow, a row for each phase, and the evidence of the row under the cursor.

Pure: the same trace, size, cursor and time give the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dockview.engine.lifecycle import NAMESPACES, Phase, Progress, Span, Status, Trace
from dockview.text import clean_line, duration, mask_line, size
from dockview.widgets.evidence import Lessons, evidence, inode, wanted_height
from dockview.widgets.flow import flow
from dockview.widgets.lifecycle_facts import exit_code, summary
from dockview.widgets.lifecycle_lines import Line, Piece, bar, cells, cut, fit, mark, pad, right, spread, wrap
from dockview.widgets.lifecycle_rows import GLYPHS, TONES, Row, State, eye, folded, rows

_TIME = 8
_BESIDES_RUN = frozenset({Phase.RUNNING, Phase.EXITED})
_PANEL_FROM = 30
"""Lines from which on the evidence is there without being asked for."""
_SMALLEST_PANEL = 7

_BESIDE_FROM = 140
"""Cells from which on the evidence stands beside the rows instead of below them."""

Lesson = Callable[[Phase], Lessons]


@dataclass(frozen=True, slots=True)
class View:
    """What the viewer has chosen, and the moment that is drawn."""

    width: int
    height: int
    now_ns: int
    """Nanoseconds since the trace began."""
    cursor: tuple[str, str] | None = None
    """The key of the row that was chosen; None follows what happens."""
    top: int = 0
    """The first line of the rows that is visible, as far as the cursor allows."""
    panel: bool | None = None
    """Whether the evidence is shown; None leaves it to the height."""
    spinner: str = "◉"


@dataclass(frozen=True, slots=True)
class Picture:
    """The lines, exactly as many as the view is high."""

    lines: Sequence[Line]
    row_at: Sequence[int | None]
    """Of each line, the number of the row that it belongs to."""
    rows: Sequence[Row]
    selected: int
    top: int
    row_width: int
    """Cells at the left that belong to the rows; the evidence may stand to the right of them."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where things stand in a row."""

    label: int
    facts: int
    waterfall: int
    scale_ns: int


def draw(trace: Trace, view: View, lesson: Lesson) -> Picture:
    """Draw a trace."""
    everything = rows(trace)
    margin = 1 if view.width >= 48 else 0
    width = max(view.width - 2 * margin, 10)
    head = _head(trace, everything, width, view)
    has_panel = view.height >= _PANEL_FROM if view.panel is None else view.panel
    is_beside = has_panel and width >= _BESIDE_FROM
    free = view.height - len(head)
    below = min(_SMALLEST_PANEL, free // 2) if has_panel and not is_beside else 0
    beside = min(width * 2 // 5, 76) if is_beside else 0
    row_width = width - beside - (3 if beside else 0)

    shown = folded(everything, free - below, is_over=not trace.is_live)
    selected = next((n for n, row in enumerate(shown) if row.key == view.cursor), eye(shown)) if shown else 0
    columns = _columns(trace, shown, row_width, view.now_ns)
    spare = free - below - len(shown)
    body = [(number, line) for number, row in enumerate(shown) for line in _row(row, columns, view, row_width, spare)]
    panel: list[Line] = []
    if shown and has_panel:
        chosen = (shown[selected], lesson(shown[selected].phase))
        wanted = free if is_beside else min(max(free - len(body) - 1, below), wanted_height(*chosen, width))
        panel = evidence(*chosen, beside or width, wanted)

    taken = 0 if is_beside else len(panel)
    room = free - taken - (1 if taken and free - taken > len(body) else 0)
    top = _scrolled(view.top, [number for number, _ in body], selected, room)
    visible = body[top : top + room]
    head = _telling_above(head, len({number for number, _ in body[:top]}), row_width)
    lines = [*head, *(line for _, line in visible)]
    owners = [*([None] * len(head)), *(number for number, _ in visible)]
    if is_beside:
        lines = [*head, *_side_by_side([line for _, line in visible], row_width, panel)]
    elif panel:
        lines += [*([()] * min(1, free - taken - len(visible))), *panel]
    lines += [()] * (view.height - len(lines))
    owners += [None] * (view.height - len(owners))
    left: Line = ((" " * margin, "text"),)
    framed = [fit((*left, *fit(line, width)), view.width) for line in lines[: view.height]]
    return Picture(framed, owners[: view.height], shown, selected, top, row_width + margin if beside else view.width)


def _telling_above(head: Sequence[Line], count: int, width: int) -> list[Line]:
    """The head, whose last line says at the right how many rows have been scrolled out above."""
    if not count or not head:
        return list(head)
    *before, last = head
    words = f"↑ {count} more"
    kept = list(last)
    while kept and not kept[-1][0].strip():
        kept.pop()
    gap = width - sum(cells(text) for text, _ in kept) - len(words)
    return [*before, (*kept, (" " * gap, "text"), (words, "accent"))] if gap > 0 else list(head)


def _side_by_side(left: Sequence[Line], width: int, right_side: Sequence[Line]) -> list[Line]:
    count = max(len(left), len(right_side))
    return [
        (
            *fit(left[number] if number < len(left) else (), width),
            (" │ ", "line"),
            *(right_side[number] if number < len(right_side) else ()),
        )
        for number in range(count)
    ]


def _scrolled(top: int, owners: Sequence[int], selected: int, room: int) -> int:
    """The first visible line, so that the selected row is inside, with a neighbour where possible."""
    if len(owners) <= room or room <= 0:
        return 0
    first = owners.index(selected)
    last = len(owners) - 1 - list(reversed(owners)).index(selected)
    top = min(top, max(first - 1, 0))
    if last + 2 > top + room:
        top = last + 2 - room
    return min(max(top, 0), first, len(owners) - room)


def _head(trace: Trace, everything: Sequence[Row], width: int, view: View) -> list[Line]:
    """The docker line and the total time, then the way."""
    line = mask_line(clean_line(trace.line[:500])) or clean_line(f"{trace.verb} {trace.target}"[:500])
    title = spread((("$ ", "faint"), (line, "strong")), ((" ", "text"), *_verdict(trace, view)), width)
    way = flow(trace, everything, width, with_fork=view.height >= 16)
    air: list[Line] = [()] if view.height >= 18 + len(way) else []
    return [title, *(air if way else ()), *way, *air]


def _verdict(trace: Trace, view: View) -> Line:
    total = trace.done_ns if trace.done_ns is not None else view.now_ns
    state, word = {
        Status.RUNNING: (State.NOW, ""), Status.FAILED: (State.FAILED, "failed "),
        Status.CANCELLED: (State.CANCELLED, "cancelled "), Status.LOST: (State.LOST, "interrupted "),
    }.get(trace.status, (State.DONE, ""))  # fmt: skip
    if state is State.LOST:
        return (("? interrupted", "warn"),)
    glyph = view.spinner if state is State.NOW else GLYPHS[state]
    return ((f"{glyph} {word}", TONES[state]), (duration(total), "strong"))


def _columns(trace: Trace, shown: Sequence[Row], width: int, now_ns: int) -> _Columns:
    longest = max((cells(row.label) for row in shown if not row.is_folded), default=0)
    label = min(max(longest, 10), 20 if width >= 70 else 12)
    waterfall = min((width - 52) // 4, 28) if width >= 72 else 0
    facts = width - 2 - label - 2 - 1 - _TIME - (waterfall + 2 if waterfall else 0)
    ends = [
        span.end_ns if span.end_ns is not None else now_ns for span in trace.spans if span.phase not in _BESIDES_RUN
    ]
    return _Columns(label, facts if facts >= 10 else 0, waterfall, max([*ends, 1]))


def _row(row: Row, columns: _Columns, view: View, width: int, spare: int) -> list[Line]:
    """A row, and the lines that hang below it: why it failed, the namespaces' cells."""
    glyph, tone = _sign(row, view)
    head: list[Piece] = [
        (f"{glyph} ", tone),
        (pad(row.label, columns.label), _label_tone(row)),
        ("  ", "text"),
    ]
    told, below = _facts(row, columns, view, spare)
    tail = [(f" {right(_time(row, view), _TIME)}", "faint" if row.state is not State.ALIVE else "text")]
    if columns.waterfall:
        tail += [("  ", "text"), *_lies(row, columns, view)]
    if row.is_folded:
        head, told = [head[0]], fit(((f"{row.label}  ", "faint"), *told), columns.label + 2 + columns.facts)
    elif not columns.facts:
        head, told = [head[0], (pad(row.label, width - 3 - _TIME), _label_tone(row))], ()
    indent: Piece = (" " * (columns.label + 4), "text")
    main = (*head, *(fit(told, columns.facts) if columns.facts and not row.is_folded else told), *tail)
    return [fit(main, width), *(fit((indent, *line), width) for line in below)]


def _sign(row: Row, view: View) -> Piece:
    """The glyph of a row: for an exit, whether all went well."""
    if row.phase is Phase.EXITED and row.state is State.DONE:
        code = exit_code(row.spans[-1])
        return ("?", "warn") if code is None else (GLYPHS[State.DONE], "good") if code == 0 else ("✗", "bad")
    return (view.spinner if row.state is State.NOW else GLYPHS[row.state], TONES[row.state])


def _label_tone(row: Row) -> str:
    if row.state in (State.PENDING, State.SKIPPED):
        return "faint"
    return TONES[row.state] if row.state in (State.FAILED, State.NOW, State.CANCELLED) else "text"


def _time(row: Row, view: View) -> str:
    start = row.start_ns
    if start is None or row.state in (State.SKIPPED, State.LOST):
        return ""
    end = row.end_ns
    if end is None:
        return duration(view.now_ns - start)
    return "" if row.phase is Phase.EXITED else duration(end - start)


def _lies(row: Row, columns: _Columns, view: View) -> Line:
    """Where its time lies in the whole."""
    start = row.start_ns
    if start is None or row.state in (State.LOST, State.SKIPPED):
        return ((" " * columns.waterfall, "text"),)
    if row.phase in _BESIDES_RUN:
        sign = "▶" if row.state is State.ALIVE else "■" if row.phase is Phase.EXITED else "─"
        return ((" " * (columns.waterfall - 1), "text"), (sign, TONES[row.state]))
    end = row.end_ns if row.end_ns is not None else view.now_ns
    tone = "accent" if row.state is State.DONE else TONES[row.state]
    return mark(start / columns.scale_ns, end / columns.scale_ns, columns.waterfall, tone)


def _facts(row: Row, columns: _Columns, view: View, spare: int) -> tuple[Line, list[Line]]:
    """What stands in the row, and what hangs below it."""
    if not row.spans:
        return ((f"skipped: {row.why}" if row.why else "", "faint"),), []
    if row.state in (State.FAILED, State.CANCELLED, State.LOST):
        return _reason(row, columns.facts)
    span = row.spans[-1]
    if row.state is State.UNDONE:
        return ((summary(span) or "taken back", "faint"),), []
    if row.phase is Phase.LAYER and span.progress is not None:
        return _layer(span, span.progress, columns.facts, view.now_ns), []
    if row.phase is Phase.NAMESPACES and row.state is not State.SKIPPED:
        return _cells(row, columns.facts, spare)
    return ((summary(span), "faint" if row.state is State.SKIPPED else "soft"),), []


def _reason(row: Row, width: int) -> tuple[Line, list[Line]]:
    broken = next((s for s in row.spans if s.status in (Status.FAILED, Status.CANCELLED, Status.LOST)), row.spans[-1])
    tone = TONES[row.state]
    why = clean_line(broken.why[:600]) or str(broken.status)
    if len(row.spans) > 1 and broken.part:
        why = f"{clean_line(broken.part)}: {why}"
    first, *more = wrap(why, max(width, 10)) or [""]
    if len(more) > 3:
        more = [*more[:2], cut(f"{more[2]} …", width)]
    return ((first, tone),), [((text, tone),) for text in more]


def _layer(span: Span, progress: Progress, width: int, now_ns: int) -> Line:
    """A bar with bytes, speed and stage; what does not fit goes from the right."""
    is_over = span.status is not Status.RUNNING
    share = 1.0 if is_over else None if not progress.total else progress.current / progress.total
    total = span.fact("size")
    n_bytes = total if is_over and isinstance(total, int) else progress.current
    told = size(n_bytes) if progress.unit == "B" else f"{progress.current} {clean_line(progress.unit)}"
    speed = span.fact("speed") or _speed(span, progress, now_ns)
    stage = clean_line(progress.stage)
    if is_over:
        stage = "verified" if span.fact("computed") else "done"
    bar_width = min(max(width - 32, 6), 20)
    line: Line = (*bar(share, bar_width, "soft" if is_over else "accent"), (f" {right(told, 7)}", "text"))
    for text, column in ((clean_line(str(speed or "")), 11), (stage, 9)):
        if sum(cells(t) for t, _ in line) + column + 1 <= width:
            line = (*line, (f" {right(text, column)}" if column == 11 else f"  {pad(text, column)}", "soft"))
    return line


def _speed(span: Span, progress: Progress, now_ns: int) -> str:
    """Bytes a second while they come in; later only the engine's own figure counts."""
    spent_ns = now_ns - span.start_ns
    if span.status is not Status.RUNNING or progress.unit != "B" or progress.stage != "download" or spent_ns <= 0:
        return ""
    return f"{size(progress.current * 1e9 / spent_ns)}/s"


def _cells(row: Row, width: int, spare: int) -> tuple[Line, list[Line]]:
    """The namespaces: as cells with both inodes where there is room, else their names, new ones first."""
    by_part = {span.part: span for span in row.spans}
    for column, keep in ((12, 10), (7, 5)):
        if width >= 9 + column * len(NAMESPACES) - 2 and spare >= 2:
            return _table(by_part, column, keep)
    fresh = [part for part in NAMESPACES if part in by_part and by_part[part].fact("is_new")]
    shared = [part for part in NAMESPACES if part in by_part and by_part[part].fact("is_new") is False]
    line: list[Piece] = [(" ".join(fresh), "text")]
    if shared:
        line.append((f"{'   ' if fresh else ''}{' '.join(shared)}: shared", "faint"))
    return tuple(line), []


def _table(by_part: dict[str, Span], column: int, keep: int) -> tuple[Line, list[Line]]:
    names: list[Piece] = [(" " * 9, "text")]
    hosts: list[Piece] = [(pad("host", 9), "faint")]
    inside: list[Piece] = [(pad("inside", 9), "faint")]
    for part in NAMESPACES:
        span = by_part.get(part)
        is_new = None if span is None else span.fact("is_new")
        names.append((pad(part, column), "faint" if span is None else "text" if is_new else "soft"))
        host, container = ("·", "·") if span is None else (inode(span.fact("host")), inode(span.fact("container")))
        hosts.append((pad(_tail(host, keep), column), "faint"))
        word = "shared" if is_new is False else _tail(container, keep)
        inside.append((pad(word, column), "good" if is_new else "faint"))
    return tuple(names), [tuple(hosts), tuple(inside)]


def _tail(number: str, keep: int) -> str:
    return number if len(number) <= keep else f"…{number[1 - keep :]}"
