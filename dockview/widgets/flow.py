"""The way of a run in one line: client, engine, the fork at the cache, registry, and so on to the running process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dockview.engine.lifecycle import Phase, Trace
from dockview.text import clean_line
from dockview.widgets.lifecycle_facts import exit_code
from dockview.widgets.lifecycle_lines import Line, Piece, cells, fit, width_of
from dockview.widgets.lifecycle_rows import GLYPHS, TONES, Row, State, is_hit


@dataclass(frozen=True, slots=True)
class Stop:
    """A place on the way, and the phases that happen there."""

    name: str
    phases: frozenset[Phase]


_CLIENT = Stop("client", frozenset({Phase.PARSE}))
_ENGINE = Stop("engine", frozenset({Phase.CONNECT, Phase.RESOLVE}))
_CACHE = Stop("cached?", frozenset({Phase.CACHE}))
_REGISTRY = Stop("registry", frozenset({Phase.AUTH, Phase.MANIFEST, Phase.LAYER, Phase.STORE}))
_CREATE = Stop("create", frozenset({Phase.CREATE, Phase.WRITABLE}))
_ISOLATE = Stop("isolate", frozenset({Phase.NAMESPACES, Phase.CGROUP, Phase.ROOTFS}))
_NETWORK = Stop("network", frozenset({Phase.NETWORK}))
_PORTS = Stop("ports", frozenset({Phase.PORTS}))
_WIRE = Stop("network", _NETWORK.phases | _PORTS.phases)
_NET = Stop("net", _WIRE.phases)
_BOX = Stop("isolate", _ISOLATE.phases | _WIRE.phases)
_START = Stop("start", frozenset({Phase.SECURITY, Phase.START}))
_LIFE = Stop("running", frozenset({Phase.RUNNING, Phase.EXITED}))
_START_AND_LIFE = Stop("running", _START.phases | _LIFE.phases)
_LONGEST_END = len("● exited 137")

_FULL = (_CLIENT, _ENGINE, _CACHE, _REGISTRY, _CREATE, _ISOLATE, _NETWORK, _PORTS, _START, _LIFE)
_WAYS: Sequence[tuple[Sequence[Stop], int, bool]] = (
    (_FULL, 2, True),
    (_FULL, 1, False),
    ((_CLIENT, _ENGINE, _CACHE, _REGISTRY, _CREATE, _ISOLATE, _WIRE, _START_AND_LIFE), 1, False),
    ((_ENGINE, _CACHE, _REGISTRY, _CREATE, _ISOLATE, _WIRE, _START_AND_LIFE), 1, False),
    ((_ENGINE, _CACHE, _REGISTRY, _CREATE, _ISOLATE, _NET, _START_AND_LIFE), 1, False),
    ((_ENGINE, _CACHE, _REGISTRY, _CREATE, _BOX, _START_AND_LIFE), 1, False),
    ((_CACHE, _REGISTRY, _CREATE, _BOX, _START_AND_LIFE), 0, False),
    ((_CACHE, _BOX, _START_AND_LIFE), 0, False),
)
"""From roomy to narrow: the stops, the shortest shaft of an arrow, and whether each stop has a glyph of its own."""
_LONGEST_SHAFT = 7


def flow(trace: Trace, all_rows: Sequence[Row], width: int, *, with_fork: bool = True) -> list[Line]:
    """The way in one line, and the fork at the cache as a second one; empty for verbs that have no such way."""
    told = {row.phase for row in all_rows if row.state is not State.UNDONE}
    if not told & (_ISOLATE.phases | _REGISTRY.phases):
        return []
    for stops, shortest, has_glyphs in _WAYS:
        way = [stop for stop in stops if stop.phases & told]
        drawing = _Drawing(trace, all_rows, way, shortest, has_glyphs)
        if drawing.width > width:
            continue
        more = min((width - drawing.width) // max(len(way) - 1, 1), _LONGEST_SHAFT - shortest) if shortest else 0
        if more:
            drawing = _Drawing(trace, all_rows, way, shortest + more, has_glyphs)
        return drawing.lines(width, with_fork=with_fork)
    return []


class _Drawing:
    """One way, drawn at one size."""

    def __init__(
        self, trace: Trace, all_rows: Sequence[Row], way: Sequence[Stop], shaft: int, has_glyphs: bool
    ) -> None:
        self._way, self._shaft, self._has_glyphs = way, shaft, has_glyphs
        self._states = [_state(stop, all_rows, trace) for stop in way]
        self._hit = is_hit(trace)
        self._end = _end(all_rows)
        self._starts: list[int] = []
        self._line = self._draw()

    @property
    def width(self) -> int:
        """Cells that are needed, whatever the state, so that nothing moves while states change."""
        return width_of(self._line) + (_LONGEST_END - cells(self._end) if self._way[-1].name == "running" else 0)

    def lines(self, width: int, *, with_fork: bool) -> list[Line]:
        way = fit(self._line, width)
        names = [stop.name for stop in self._way]
        if not with_fork or "registry" not in names or "cached?" not in names or names[-1] == "registry":
            return [way]
        return [way, self._fork(names.index("cached?"), names.index("registry") + 1, width)]

    def _draw(self) -> Line:
        line: list[Piece] = []
        for number, (stop, state) in enumerate(zip(self._way, self._states, strict=True)):
            if number:
                line += self._arrow(number)
            self._starts.append(width_of(line) + (2 if self._has_glyphs else 0))
            if stop.name == "running" and number == len(self._way) - 1:
                line.append((self._end, _tone(state, self._end)))
                continue
            if self._has_glyphs:
                line.append((f"{_glyph(state)} ", TONES[state]))
            line.append((stop.name, _tone(state)))
        return tuple(line)

    def _arrow(self, number: int) -> Line:
        """The arrow to a stop, whole where the way was taken; it carries what is the case there."""
        state, before = self._states[number], self._way[number - 1]
        is_taken = state not in (State.PENDING, State.SKIPPED)
        if before.name == "registry" and self._hit:
            is_taken = False
        tone = "soft" if is_taken else "line"
        shaft = ("─" if is_taken else "╌") * self._shaft
        alert = _ALERTS.get(state, " ") if not self._has_glyphs else " "
        head: Line = (("▶", tone), (alert, _tone(state)))
        if before.name == "cached?" and self._shaft:
            word_tone = "strong" if self._hit is False else "faint"
            half = self._shaft // 2
            return ((f" {shaft[half:]}", tone), ("no", word_tone), (shaft[:half], tone), *head)
        return ((f" {shaft}" if self._shaft else "", tone), *head) if self._shaft else (("▸", tone),)

    def _fork(self, cache: int, after: int, width: int) -> Line:
        """The second line: the way past the registry."""
        start = self._starts[cache] + 2
        stop = self._starts[after] + 2
        tone = "soft" if self._hit else "line"
        rule = "─" if self._hit else "╌"
        room = stop - start - 1
        word = " yes " if room >= 9 else ""
        left = rule * 3 if word else ""
        path: Line = (
            (" " * start, "text"), (f"└{left}", tone), (word, "strong" if self._hit else "faint"),
            (rule * (room - len(word) - len(left)), tone), ("▲", tone),
        )  # fmt: skip
        return fit(path, width)


_ALERTS = {State.NOW: "◉", State.FAILED: "✗", State.CANCELLED: "✗", State.LOST: "?"}


def _glyph(state: State) -> str:
    return GLYPHS[State.DONE if state is State.ALIVE else state]


def _tone(state: State, end: str = "") -> str:
    if end and state is State.DONE:
        return "good" if end.startswith("✓") else "bad" if end.startswith("✗") else "text"
    return {
        State.DONE: "text", State.PENDING: "faint", State.SKIPPED: "faint", State.NOW: "accent",
    }.get(state, TONES[state])  # fmt: skip


def _state(stop: Stop, all_rows: Sequence[Row], trace: Trace) -> State:
    """How a stop stands, from its rows: the worst, else what is going on, else what is done."""
    states = [row.state for row in all_rows if row.phase in stop.phases and not _is_undo(row)]
    for state in (State.FAILED, State.CANCELLED, State.LOST, State.NOW, State.ALIVE):
        if state in states:
            return state
    if all(state is State.PENDING for state in states):
        return State.PENDING
    if all(state is State.SKIPPED for state in states):
        return State.SKIPPED
    is_open = State.PENDING in states and trace.is_live and Phase.EXITED not in stop.phases
    return State.NOW if is_open else State.DONE


def _is_undo(row: Row) -> bool:
    return any(span.is_undo for span in row.spans)


def _end(all_rows: Sequence[Row]) -> str:
    """The last stop: what became of the process."""
    for row in all_rows:
        if row.phase is Phase.EXITED and row.spans and not _is_undo(row):
            code = exit_code(row.spans[-1])
            told = "" if code is None else f" {clean_line(str(code))[:4]}"
            return f"{'✓' if code == 0 else '✗' if code is not None else '○'} exited{told}"
    alive = any(row.state is State.ALIVE for row in all_rows)
    return "● running" if alive else "○ running"
