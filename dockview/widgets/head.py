"""The first line: which engine, what there is, how the host is doing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from dockview.engine.model import EngineInfo
from dockview.text import clean_line, size
from dockview.theme import paint_of
from dockview.widgets.lines import Piece, strip_of, width_of

_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Counts:
    """What there is, as far as it is known."""

    running: int | None = None
    exited: int | None = None
    images: int | None = None
    disk_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class HostLoad:
    """The host: the last CPU readings in percent, and memory in use."""

    cpu: tuple[float, ...] = ()
    memory_bytes: int | None = None


class Head(Widget):
    """One line that never scrolls; parts go by rank where it is narrow."""

    DEFAULT_CSS = """
    Head { height: 1; width: 1fr; }
    """

    info: reactive[EngineInfo | None] = reactive(None)
    """The engine, None until it answers."""
    counts: reactive[Counts] = reactive(Counts())
    """Containers and images."""
    load: reactive[HostLoad] = reactive(HostLoad())
    """The host."""
    note: reactive[str] = reactive("")
    """What is said in place of the counts (opening, disconnected), or empty."""

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  it has one line
        """The line."""
        width = self.size.width
        left, middle, right = self._left(), self._middle(), self._right()
        for shorter in range(4):
            if width_of(left) + width_of(middle) + width_of(right) + 6 <= width:
                break
            if shorter == 0:
                right = self._right(bars=False)
            elif shorter == 1:
                left = left[:2]
            elif shorter == 2:
                middle = middle[:4]
            else:
                right = []
        spare = max(width - width_of(left) - width_of(middle) - width_of(right) - 1, 2)
        gap = spare // 2
        pieces = [*left, (" " * gap, "text"), *middle, (" " * (spare - gap), "text"), *right]
        return strip_of(paint_of(self.app), pieces, width)

    def _left(self) -> list[Piece]:
        if self.info is None:
            return [(" ◆ ", "accent"), ("dockview", "strong")]
        info = self.info
        where = "" if info.rootless is None else "rootless" if info.rootless else "root"
        platform = f"{clean_line(info.os)}/{clean_line(info.architecture)}"
        tone = "accent" if info.kind == "embedded" else "second"
        words = " · ".join(word for word in (where, platform) if word)
        return [(" ◆ ", tone), (clean_line(info.name), "strong"), ("  " + words, "faint")]

    def _middle(self) -> list[Piece]:
        if self.note:
            return [(clean_line(self.note), "warn")]
        counts, pieces = self.counts, list[Piece]()
        if counts.running is not None:
            pieces += [("● ", "good" if counts.running else "faint"), (f"{counts.running} running", "soft")]
        if counts.exited is not None:
            pieces += [("  ○ ", "faint"), (f"{counts.exited} exited", "soft")]
        if counts.images is not None:
            pieces.append((f"   {counts.images} image{'' if counts.images == 1 else 's'}", "soft"))
        if counts.disk_bytes is not None:
            pieces.append((f"  {size(counts.disk_bytes)}", "second"))
        return pieces

    def _right(self, *, bars: bool = True) -> list[Piece]:
        load, pieces = self.load, list[Piece]()
        if load.cpu:
            pieces.append(("cpu ", "faint"))
            if bars:
                pieces.append((spark(load.cpu[-5:]) + " ", "accent"))
            pieces.append((f"{load.cpu[-1]:.0f}%".rjust(4), "soft"))
        if load.memory_bytes is not None:
            pieces += [("  mem ", "faint"), (size(load.memory_bytes), "soft")]
        return pieces


def spark(percents: Sequence[float]) -> str:
    """Percents as little bars."""
    return "".join(_BARS[min(7, max(0, int(value / 100 * 8)))] for value in percents).rjust(5, _BARS[0])
