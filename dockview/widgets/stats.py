"""What a container uses, as graphs that move: CPU, memory, network, block devices."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from textual.strip import Strip
from textual.widget import Widget

from dockview.engine.model import Stats
from dockview.text import size
from dockview.theme import paint_of
from dockview.widgets.lines import Piece, spread, strip_of

_KEPT = 600
"""Samples that are kept: ten minutes."""
_BARS = " ▁▂▃▄▅▆▇█"
_MOST = 8
"""Lines of a graph at most."""


@dataclass(frozen=True, slots=True)
class Graph:
    """One quantity over time; None where it could not be measured."""

    title: str
    values: Sequence[float | None]
    now: Sequence[Piece]
    """The last value, in words."""
    show: Callable[[float], str]
    floor: float
    """What a full bar stands for at least."""
    tone: str
    missing: str
    """Why it is not measured."""

    @property
    def peak(self) -> float | None:
        """The greatest value."""
        return max((value for value in self.values if value is not None), default=None)


class StatsView(Widget, can_focus=True):
    """Graphs of one container, newest at the right. It is fed with `append`."""

    DEFAULT_CSS = """
    StatsView { height: 1fr; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's name
        super().__init__(id=id)
        self._samples: deque[Stats] = deque(maxlen=_KEPT)
        self._graphs: Sequence[Graph] = ()
        self._note = ""
        self._tone = "faint"

    def append(self, samples: Sequence[Stats]) -> None:
        """Take new samples, the newest last."""
        if samples:
            self._samples.extend(samples)
            self._graphs = graphs(list(self._samples))
            self.refresh()

    def clear(self, note: str = "", *, is_error: bool = False) -> None:
        """Forget all; `note` is shown in place of the graphs."""
        self._samples.clear()
        self._graphs, self._note, self._tone = (), note, "bad" if is_error else "faint"
        self.refresh()

    @property
    def samples(self) -> Sequence[Stats]:
        """What is known, oldest first."""
        return tuple(self._samples)

    def render_line(self, y: int) -> Strip:
        """One line: a title, a part of a graph, or nothing."""
        width, height = self.size
        return strip_of(paint_of(self.app), self._pieces(y, width - 2, height), width)

    def _pieces(self, y: int, width: int, height: int) -> Sequence[Piece]:
        if not self._graphs:
            return [(f" {self._note or 'measuring…'}", self._tone)] if y == 0 else []
        lines = max(1, min(_MOST, (height - 1) // len(self._graphs) - 2))
        number, part = divmod(y, lines + 2)
        if number >= len(self._graphs):
            return []
        graph = self._graphs[number]
        if part == 0:
            return [(" ", "text"), *_title(graph, width)]
        return [(" ", "text"), (bars(graph, width, lines)[part - 1], graph.tone)] if part <= lines else []


def graphs(samples: Sequence[Stats]) -> list[Graph]:
    """The four graphs of a container's samples."""
    last = samples[-1]
    limit, percent = last.memory_limit_bytes, last.memory_percent
    memory: list[Piece] = [(_size(last.memory_bytes), "strong")]
    if limit:
        memory.append((f" of {size(limit)}", "faint"))
    if percent is not None:
        memory.append((f"  {percent:.1f} %", "soft"))
    cpu = "…" if last.cpu_percent is None else f"{last.cpu_percent:.1f} %"
    pids = [] if last.pids is None else [(f"  {last.pids} process{'' if last.pids == 1 else 'es'}", "faint")]
    return [
        Graph("CPU", [s.cpu_percent for s in samples], [(cpu, "strong"), *pids], _percent, 5.0, "accent",
              "not measured yet"),
        Graph("Memory", [s.memory_bytes for s in samples], memory, size_of, 1 << 20, "second", "not measured here"),
        _flow("Network", samples, ("↓", lambda s: s.network_received_bytes), ("↑", lambda s: s.network_sent_bytes),
              "good", "not measured: it has the host's network, or none"),
        _flow("Block devices", samples, ("read", lambda s: s.block_read_bytes),
              ("written", lambda s: s.block_written_bytes), "warn", "not measured here"),
    ]  # fmt: skip


_Read = Callable[[Stats], int | None]


def _flow(  # noqa: PLR0917  six words that make a graph
    title: str, samples: Sequence[Stats], into: tuple[str, _Read], out: tuple[str, _Read], tone: str, missing: str
) -> Graph:
    """Bytes a second, both ways together."""
    rates = [*rates_of(samples, into[1])], [*rates_of(samples, out[1])]
    both: list[float | None] = [
        None if a is None and b is None else (a or 0.0) + (b or 0.0) for a, b in zip(*rates, strict=True)
    ]
    now: list[Piece] = []
    last = samples[-1]
    if into[1](last) is not None or out[1](last) is not None:
        for (sign, read), way in zip((into, out), rates, strict=True):
            rate = way[-1]
            now += [(f"{sign} ", "faint"), ("…" if rate is None else f"{size_of(rate)}/s", "strong")]
            now.append((f" of {_size(read(last))}   ", "faint"))
        now[-1] = (now[-1][0].rstrip(), "faint")
    return Graph(title, both, now, lambda rate: f"{size_of(rate)}/s", 1024.0, tone, missing)


def rates_of(samples: Sequence[Stats], read: _Read) -> Sequence[float | None]:
    """Growth a second from each sample to the next; None for the first, and where it is not known."""
    found: list[float | None] = [None] * min(len(samples), 1)
    for before, after in pairwise(samples):
        old, new = read(before), read(after)
        seconds = (after.time_ns - before.time_ns) / 1e9
        found.append(max(new - old, 0) / seconds if old is not None and new is not None and seconds > 0 else None)
    return found


def bars(graph: Graph, width: int, lines: int) -> list[str]:
    """The newest `width` values as bars of `lines` lines, the newest at the right."""
    values = list(graph.values)[-width:]
    top = _scale(graph.peak or 0.0, graph.floor)
    eighths = [0 if value is None else max(round(value / top * lines * 8), 1 if value > 0 else 0) for value in values]
    rows = []
    for line in range(lines):
        below = (lines - 1 - line) * 8
        rows.append("".join(_BARS[max(0, min(8, height - below))] for height in eighths).rjust(width))
    return rows


def _scale(peak: float, floor: float) -> float:
    """What a full bar stands for: the floor, doubled until the peak is below it, so that steady use is no full bar."""
    while floor < peak:
        floor *= 2
    return floor


def _title(graph: Graph, width: int) -> list[Piece]:
    peak = graph.peak
    if not graph.now or (peak is None and graph.title == "Memory"):
        return spread([(graph.title, "soft"), ("  ", "text"), (graph.missing, "faint")], [], width, " ", "text")
    right: list[Piece] = [] if peak is None else [(f"peak {graph.show(peak)}", "faint")]
    return spread([(f"{graph.title}  ", "soft"), *graph.now], right, width, " ", "line")


def size_of(value: float) -> str:
    """Bytes in words."""
    return size(int(value))


def _size(value: int | None) -> str:
    return "?" if value is None else size(value)


def _percent(value: float) -> str:
    return f"{value:.1f} %"
