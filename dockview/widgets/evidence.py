"""The evidence of one phase: what is known and how, the command that proves it, and what the phase means."""

from __future__ import annotations

from collections.abc import Sequence

from dockview.engine.lifecycle import Origin, Phase, Status
from dockview.text import clean_line
from dockview.widgets.lifecycle_facts import shown
from dockview.widgets.lifecycle_lines import Line, cells, fit, pad, width_of, wrap
from dockview.widgets.lifecycle_rows import Row, State

MARKS = {Origin.MEASURED: "●", Origin.REPORTED: "◇", Origin.INFERRED: "~"}
"""How a fact is known, as shown beside it."""
_WORDS = {Origin.MEASURED: "measured", Origin.REPORTED: "reported", Origin.INFERRED: "inferred"}
_TONES = {Origin.MEASURED: "good", Origin.REPORTED: "second", Origin.INFERRED: "warn"}
_NEXT_TO_EACH_OTHER = 96
"""From this width on, the meaning stands beside the evidence."""

Lessons = Sequence[tuple[str, str]]
"""What a phase means: (heading, text), the one that was asked for first; the others are shown where there is room."""


def evidence(row: Row, lessons: Lessons, width: int, height: int) -> list[Line]:
    """The panel of a row in exactly `height` lines of `width` cells: a rule with its name, then meaning and facts."""
    body = (_two_columns if width >= _NEXT_TO_EACH_OTHER else _one_column)(row, lessons, width - 2, height - 1)
    lines = [_head(row, width), *(fit((("  ", "text"), *line), width) for line in body)][:height]
    return lines + [fit((), width)] * (height - len(lines))


def wanted_height(row: Row, lessons: Lessons, width: int) -> int:
    """Lines that the panel would like to have."""
    return 1 + len((_two_columns if width >= _NEXT_TO_EACH_OTHER else _one_column)(row, lessons, width - 2, 200))


def _two_columns(row: Row, lessons: Lessons, width: int, room: int) -> list[Line]:
    left_width = min(width * 2 // 5, 60)
    right_width = width - left_width - 3
    left = _meaning(lessons, left_width, room)
    right_side = _known(row, right_width, room)
    lines: list[Line] = []
    for number in range(max(len(left), len(right_side))):
        mine = left[number] if number < len(left) else ()
        other = right_side[number] if number < len(right_side) else ()
        lines.append((*fit(mine, left_width), ("   ", "text"), *fit(other, right_width)))
    return lines


def _one_column(row: Row, lessons: Lessons, width: int, room: int) -> list[Line]:
    first = _meaning(lessons[:1], width, room)
    known = _known(row, width, max(room - len(first) - 1, 1))
    if len(first) + 1 + len(known) > room or _is_cut(known):
        known = _known(row, width, max(room - len(first), 1))
    gap: list[Line] = [()] if first and room > len(first) + len(known) else []
    lines = [*first, *gap, *known]
    return [*lines, *_meaning(lessons[1:], width, room - len(lines), is_first=False)]


def _meaning(lessons: Lessons, width: int, room: int, *, is_first: bool = True) -> list[Line]:
    """The texts one below the other; all but the first only if they fit as a whole."""
    lines: list[Line] = []
    for heading, text in lessons:
        told: list[Line] = [((line, "soft"),) for line in wrap(text, width)]
        if lines or not is_first:
            told = [(), ((heading, "accent"),), *told]
            if len(lines) + len(told) > room:
                break
        lines += told
    return lines


def _head(row: Row, width: int) -> Line:
    origins = {fact.origin for span in row.spans for fact in span.facts}
    legend: list[tuple[str, str]] = []
    for origin in Origin:
        if origin in origins:
            legend += [(f" {MARKS[origin]} ", _TONES[origin]), (_WORDS[origin], "faint")]
    title: Line = (("── ", "line"), (row.label, "strong"), (" ", "text"))
    tail: Line = (*legend, (" ──" if legend else "──", "line"))
    if width_of(title) + width_of(tail) + 2 > width:
        tail = (("──", "line"),)
    return fit((*title, ("─" * (width - width_of(title) - width_of(tail)), "line"), *tail), width)


def _known(row: Row, width: int, room: int) -> list[Line]:
    """The facts in aligned columns and the command that proves them, in at most `room` lines."""
    proof: list[Line] = []
    if row.check:
        head: Line = (("x ", "accent"), ("prove it  ", "faint"))
        first, *more = wrap(clean_line(row.check), max(width - width_of(head), 10)) or [""]
        proof = [(*head, (first, "text")), *((((" " * width_of(head)), "text"), (text, "text")) for text in more[:1])]
    if row.phase is Phase.NAMESPACES and not any(span.is_undo for span in row.spans):
        facts = _namespaces(row)
    else:
        facts = _facts(row, width, room - len(proof))
    facts = [*_trouble(row, width), *facts]
    if not facts:
        facts = [((_nothing(row), "faint"),)]
    if len(facts) > room - len(proof) and row.phase is not Phase.NAMESPACES:
        facts = _in_pairs(facts, width)
    left_out = len(facts) - (room - len(proof))
    if left_out > 0:
        kept = max(room - len(proof) - 1, 0)
        facts = [*facts[:kept], ((f"… {len(facts) - kept} lines more", "faint"),)]
    return [*facts, *proof]


def _in_pairs(lines: Sequence[Line], width: int) -> list[Line]:
    """Short lines next to each other, to save room; long ones keep a line of their own."""
    half = (width - 3) // 2
    paired: list[Line] = []
    waiting: Line | None = None
    for line in lines:
        if width_of(line) > half:
            paired += [line] if waiting is None else [waiting, line]
            waiting = None
        elif waiting is None:
            waiting = line
        else:
            paired.append((*fit(waiting, half), ("   ", "text"), *line))
            waiting = None
    return paired if waiting is None else [*paired, waiting]


def _is_cut(lines: Sequence[Line]) -> bool:
    return any(line and line[0][0].startswith("… ") for line in lines)


def _trouble(row: Row, width: int) -> list[Line]:
    """Why it failed, in full, before anything else."""
    told = [span.why for span in row.spans if span.status in (Status.FAILED, Status.CANCELLED) and span.why]
    return [((line, "bad"),) for why in told for line in wrap(clean_line(why[:2000]), width)]


def _facts(row: Row, width: int, room: int) -> list[Line]:
    facts = [(span.part if len(row.spans) > 1 else "", fact) for span in row.spans for fact in span.facts]
    names = [clean_line(f"{part} {fact.name}".strip()[:40]) for part, fact in facts]
    column = min(max(map(cells, names), default=0), 24, width * 2 // 5)
    lines: list[Line] = []
    most = 3 if len(facts) * 2 <= room else 1
    for name, (_, fact) in zip(names, facts, strict=True):
        value = shown(fact).removeprefix("~")
        told = wrap(value, max(width - column - 4, 8)) or [""]
        if len(told) > most:
            told = [*told[: most - 1], f"{told[most - 1]} …"]
        lines.append(
            ((f"{MARKS[fact.origin]} ", _TONES[fact.origin]), (f"{pad(name, column)}  ", "faint"), (told[0], "text"))
        )
        lines += [((" " * (column + 4), "text"), (text, "text")) for text in told[1:]]
    return lines


def _namespaces(row: Row) -> list[Line]:
    lines: list[Line] = [(("  ", "text"), (f"{'':8}{'host':<14}{'container':<14}", "faint"))]
    for span in row.spans:
        host, inside = inode(span.fact("host")), inode(span.fact("container"))
        is_new = span.fact("is_new")
        word = "new" if is_new else "shared" if is_new is False else ""
        if span.status is Status.SKIPPED:
            word = f"skipped: {clean_line(span.why[:80])}"
        elif span.status is Status.FAILED:
            word = "failed"
        tone = "good" if is_new else "faint"
        mark = "●" if is_new else "─"
        lines.append(((f"{mark} ", tone), (f"{clean_line(span.part)[:7]:<8}", "text"), (f"{host:<14}", "soft"),
                      (f"{inside:<14}", "text" if is_new else "soft"), (word, tone)))  # fmt: skip
    return lines


def inode(value: object) -> str:
    """The number in `pid:[4026532183]`, `·` where there is none."""
    text = clean_line(str(value)) if value is not None else ""
    return text[text.find("[") + 1 :].rstrip("]") if "[" in text else text or "·"


def _nothing(row: Row) -> str:
    if row.state is State.PENDING:
        return "Not done yet."
    return f"Not done: {row.why}." if row.why else "No facts were recorded."
