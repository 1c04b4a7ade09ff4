"""The last line: the keys that work here now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from dockview.theme import paint_of
from dockview.widgets.lines import Piece, strip_of, width_of


@dataclass(frozen=True, slots=True)
class Hint:
    """A key and what it does here; `why_not` is set where the engine cannot."""

    keys: str
    label: str
    why_not: str = ""


class Foot(Widget):
    """Hints from left to right as far as they fit, most wanted first; `fixed` ones stand at the right."""

    DEFAULT_CSS = """
    Foot { height: 1; width: 1fr; }
    """

    hints: reactive[tuple[Hint, ...]] = reactive(())
    """What works on the selected object, most wanted first."""
    ground = ""
    """The ground it is drawn on."""

    fixed: reactive[tuple[Hint, ...]] = reactive(())
    """What always works."""

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  it has one line
        """The line."""
        width = self.size.width
        right = self._pieces(self.fixed)
        while width_of(right) > width // 2 and right:
            right = right[2:]
        room, left = width - width_of(right) - 1, list[Piece]()
        for hint in self.hints:
            more = self._pieces([hint])
            if width_of(left) + width_of(more) > room:
                break
            left += more
        gap = " " * max(width - width_of(left) - width_of(right), 0)
        return strip_of(paint_of(self.app), [*left, (gap, "text"), *right], width, self.ground)

    @staticmethod
    def _pieces(hints: Sequence[Hint]) -> list[Piece]:
        pieces: list[Piece] = []
        for hint in hints:
            is_dim = bool(hint.why_not)
            pieces.append((f" {hint.keys} ", "line" if is_dim else "accent"))
            pieces.append((f"{hint.label} ", "line" if is_dim else "soft"))
        return pieces
