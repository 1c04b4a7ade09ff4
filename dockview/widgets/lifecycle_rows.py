"""From a trace to the rows of its picture: which phases there are, in which order, and how each stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dockview.engine.lifecycle import NAMESPACES, PULL_PHASES, RUN_PHASES, Phase, Span, Status, Trace
from dockview.text import clean_line

_ORDER = {phase: number for number, phase in enumerate(RUN_PHASES)}
_CACHED = "the image is here"


class State(StrEnum):
    """How a row stands, each with a glyph and a tone of its own."""

    DONE = "done"
    NOW = "now"
    ALIVE = "alive"
    """The container runs: nothing is being done, it lives."""
    PENDING = "pending"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    UNDONE = "undone"


GLYPHS = {
    State.DONE: "✓", State.NOW: "◉", State.ALIVE: "●", State.PENDING: "○", State.SKIPPED: "╌", State.FAILED: "✗",
    State.CANCELLED: "✗", State.LOST: "?", State.UNDONE: "↶",
}  # fmt: skip
TONES = {
    State.DONE: "good", State.NOW: "accent", State.ALIVE: "good", State.PENDING: "line", State.SKIPPED: "faint",
    State.FAILED: "bad", State.CANCELLED: "warn", State.LOST: "warn", State.UNDONE: "warn",
}  # fmt: skip

_STATES = {
    Status.OK: State.DONE, Status.FAILED: State.FAILED, Status.SKIPPED: State.SKIPPED,
    Status.CANCELLED: State.CANCELLED, Status.LOST: State.LOST, Status.RUNNING: State.NOW,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the picture: a phase with what was done for it."""

    phase: Phase
    label: str
    state: State
    spans: tuple[Span, ...] = ()
    """None where nothing was done (yet), several for the namespaces and for phases told as one."""
    why: str = ""
    """Why nothing was done, where there is no span to say it."""
    is_folded: bool = False
    """Whether it stands for several phases."""

    @property
    def start_ns(self) -> int | None:
        """When the first of its spans began, nanoseconds since the trace began."""
        return min((span.start_ns for span in self.spans), default=None)

    @property
    def end_ns(self) -> int | None:
        """When the last of its spans ended; None while one is open, or where there is none."""
        ends = [span.end_ns for span in self.spans]
        return None if None in ends else max((end for end in ends if end is not None), default=None)

    @property
    def check(self) -> str:
        """The command that proves it, or empty."""
        span = self.proof
        return span.check if span else ""

    @property
    def proof(self) -> Span | None:
        """The span whose command tells most: that of a new namespace rather than of a shared one."""
        provable = [span for span in self.spans if span.check]
        return next((span for span in provable if span.fact("is_new")), provable[0] if provable else None)

    @property
    def key(self) -> tuple[str, str]:
        """What stays the same while a trace grows."""
        return (self.label, self.spans[0].id if self.state is State.UNDONE and self.spans else "")


def rows(trace: Trace) -> list[Row]:
    """The rows of a trace: what was done and, where the verb's story is known beforehand, what is still to come."""
    done = [span for span in trace.spans if not span.is_undo]
    undone = [_row(span) for span in trace.spans if span.is_undo]
    expected = _expected(trace)
    if expected is None:
        return [*_as_told(done, trace), *undone]
    story = [row for phase in expected for row in _rows_of(phase, [s for s in done if s.phase is phase], trace)]
    others = [_row(span) for span in done if span.phase not in expected]
    return [*story, *others, *undone]


def is_hit(trace: Trace) -> bool | None:
    """The decision at the cache; None while it is open."""
    span = trace.find(Phase.CACHE)
    decision = None if span is None else span.fact("decision")
    if isinstance(decision, str) and decision:
        return decision.lower().startswith("hit")
    return None


_STORIES: Mapping[str, Sequence[Phase]] = {
    "run": RUN_PHASES,
    "create": RUN_PHASES[: _ORDER[Phase.WRITABLE] + 1],
    "pull": RUN_PHASES[: _ORDER[Phase.STORE] + 1],
    "start": RUN_PHASES[_ORDER[Phase.NAMESPACES] :],
}
"""The phases of the verbs whose story is known beforehand."""


def _expected(trace: Trace) -> Sequence[Phase] | None:
    """The phases to show in the order of a run; None where only what was done can be shown."""
    story = _STORIES.get(trace.verb)
    if story is None:
        return None
    seen = {span.phase for span in trace.spans}
    return [phase for phase in RUN_PHASES if phase in story or phase in seen]


def _as_told(spans: Sequence[Span], trace: Trace) -> list[Row]:
    """The spans in the order of time, the namespaces as one."""
    told: list[Row] = []
    for span in spans:
        if span.phase is Phase.NAMESPACES and told and told[-1].phase is Phase.NAMESPACES:
            told[-1] = _rows_of(span.phase, [*told[-1].spans, span], trace)[0]
        else:
            told += _rows_of(span.phase, [span], trace)
    return told


def _rows_of(phase: Phase, spans: Sequence[Span], trace: Trace) -> list[Row]:
    if not spans:
        return [_undone_row(phase, trace)]
    if phase is Phase.NAMESPACES:
        return [Row(phase, str(phase), _together(spans, trace), tuple(spans))]
    return [_row(span) for span in spans]


def _undone_row(phase: Phase, trace: Trace) -> Row:
    """A phase without a span: still to come, or passed over."""
    if phase in PULL_PHASES and is_hit(trace):
        return Row(phase, str(phase), State.SKIPPED, why=_CACHED)
    begun = [_ORDER[span.phase] for span in trace.spans if span.phase in _ORDER]
    if trace.status is Status.OK and max(begun, default=-1) > _ORDER[phase]:
        return Row(phase, str(phase), State.SKIPPED, why="not needed")
    return Row(phase, str(phase), State.PENDING)


def _row(span: Span) -> Row:
    state = _STATES[span.status]
    if span.phase is Phase.RUNNING and state is State.NOW:
        state = State.ALIVE
    label = clean_line(span.label[:80])
    if span.is_undo:
        return Row(span.phase, f"undo {label}", State.UNDONE if state is State.DONE else state, (span,))
    return Row(span.phase, label, state, (span,))


def _together(spans: Sequence[Span], trace: Trace) -> State:
    states = {_STATES[span.status] for span in spans}
    for state in (State.FAILED, State.CANCELLED, State.LOST, State.NOW):
        if state in states:
            return state
    parts = {span.part for span in spans}
    later = any(_ORDER.get(span.phase, -1) > _ORDER[Phase.NAMESPACES] and not span.is_undo for span in trace.spans)
    if not later and trace.status is Status.RUNNING and not parts.issuperset(NAMESPACES):
        return State.NOW
    return State.SKIPPED if states == {State.SKIPPED} else State.DONE


def folded(all_rows: Sequence[Row], height: int, *, is_over: bool) -> list[Row]:
    """The rows, those that tell the same told as one where there is little room: phases left out, never reached."""
    if len(all_rows) <= height:
        return list(all_rows)
    foldable = {State.SKIPPED, State.PENDING} if is_over else {State.SKIPPED}
    short: list[Row] = []
    for row in all_rows:
        before = short[-1] if short else None
        is_alike = before and row.state is before.state and row.why == before.why and not (row.spans or before.spans)
        if before and is_alike and row.state in foldable:
            first = before.label.split(" … ")[0]
            short[-1] = Row(before.phase, f"{first} … {row.label}", row.state, why=row.why, is_folded=True)
        else:
            short.append(row)
    return short


def eye(all_rows: Sequence[Row]) -> int:
    """The row to look at: what failed, else what happens now, else the last thing done."""
    for wanted in ((State.FAILED, State.CANCELLED, State.LOST), (State.NOW, State.ALIVE)):
        found = [number for number, row in enumerate(all_rows) if row.state in wanted]
        if found:
            return found[0] if State.FAILED in wanted else found[-1]
    done = [number for number, row in enumerate(all_rows) if row.spans]
    return done[-1] if done else 0
