"""A page of toned lines that scrolls: the Config and Inspect tabs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from textual.binding import BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from dockview.keymap import LIST_ACTIONS, bindings_for
from dockview.theme import paint_of
from dockview.widgets.lines import Piece, strip_of, width_of

Line = Sequence[Piece]


class TextPane(ScrollView, can_focus=True):
    """Lines of clean text; long ones go on below, indented."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for(LIST_ACTIONS)]

    DEFAULT_CSS = """
    TextPane { height: 1fr; width: 1fr; scrollbar-size-vertical: 1; background: $background; overflow-x: hidden; }
    """

    def __init__(self, *, ground: str = "", id: str | None = None) -> None:  # noqa: A002  Textual's name
        super().__init__(id=id)
        self._ground = ground
        self._source: Sequence[Line] = ()
        self._wrapped: list[Line] = []
        self._width = 0

    @property
    def text(self) -> str:
        """All of it, plain."""
        return "\n".join("".join(text for text, _ in line) for line in self._source)

    def show(self, lines: Sequence[Line], *, is_same_object: bool = False) -> None:
        """Take new lines; the scroll position stays where it is the same object's."""
        self._source = lines
        self._wrap()
        if not is_same_object:
            self.scroll_to(0, 0, animate=False)

    def on_resize(self) -> None:
        """Wrap anew."""
        if self.scrollable_content_region.width != self._width:
            self._wrap()

    def _wrap(self) -> None:
        self._width = self.scrollable_content_region.width
        width = max(self._width - 2, 10)
        self._wrapped = [part for line in self._source for part in wrap(line, width)]
        self.virtual_size = Size(self._width, len(self._wrapped))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the page."""
        index, width = y + round(self.scroll_y), self.scrollable_content_region.width
        pieces = [(" ", "text"), *self._wrapped[index]] if index < len(self._wrapped) else []
        return strip_of(paint_of(self.app), pieces, width, self._ground)

    def action_down(self) -> None:
        """A line down."""
        self.scroll_relative(y=1, animate=False)

    def action_up(self) -> None:
        """A line up."""
        self.scroll_relative(y=-1, animate=False)

    def action_top(self) -> None:
        """To the first line."""
        self.scroll_home(animate=False)

    def action_bottom(self) -> None:
        """To the last line."""
        self.scroll_end(animate=False)

    def action_page_down(self) -> None:
        """A page down."""
        self.scroll_page_down(animate=False)

    def action_page_up(self) -> None:
        """A page up."""
        self.scroll_page_up(animate=False)


def wrap(line: Line, width: int) -> list[Line]:
    """A line in pieces of at most `width` cells; the rest is indented under the last piece's start."""
    if width_of(line) <= width:
        return [line]
    *first, (text, tone) = line
    indent = min(width_of(first), width // 2)
    if width_of(first) >= width:
        plain = "".join(piece for piece, _ in line)
        return [[(part, tone)] for part in chop_cells(plain, width)]
    spaces = len(text) - len(text.lstrip(" "))
    parts = chop_cells(text, max(width - cell_len("".join(t for t, _ in first)), 4))
    rest = "".join(parts[1:])
    following = chop_cells(rest, max(width - indent - spaces, 4)) if rest else []
    return [[*first, (parts[0], tone)], *([(" " * (indent + spaces), "text"), (part, tone)] for part in following)]
