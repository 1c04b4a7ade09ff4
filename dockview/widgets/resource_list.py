"""One list of the left column: a titled frame whose rows keep their cursor while the objects change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from dockview.keymap import LIST_ACTIONS, bindings_for
from dockview.theme import paint_of
from dockview.widgets.lines import Piece, fit, spread, strip_of
from dockview.widgets.rows import COLUMNS, Row, column_widths, shortened, shortening

_ROOM_FOR_WORDS = 38
"""From this width on, the signs of rows that are not seen are spelled out."""
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class ResourceList(Widget, can_focus=True):
    """A list of one kind of object, drawn line by line: a rule with title and count, a header, rows.

    It is told what to show (`show`), and says where its cursor is (`Moved`). The cursor stays with the object's id
    when rows come, go or change places.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for(LIST_ACTIONS)]

    DEFAULT_CSS = """
    ResourceList { height: 3; width: 1fr; }
    """

    is_active: reactive[bool] = reactive(False)
    """Whether the detail shows this list's object; at most one list is."""

    is_lit: reactive[bool] = reactive(False)
    """Whether the frame is in the colour of the focus."""

    class Moved(Message):
        """The cursor stands on another object, or on none."""

        def __init__(self, origin: ResourceList) -> None:
            super().__init__()
            self.origin = origin

    class Activated(Message):
        """A row was clicked twice, or the list's title was: go there."""

        def __init__(self, origin: ResourceList) -> None:
            super().__init__()
            self.origin = origin

    def __init__(self, kind: str, title: str, number: int, *, is_last: bool = False) -> None:
        super().__init__(id=f"list-{kind}")
        self.kind = kind
        self.title = title
        self.number = number
        self.is_last = is_last
        self.trouble = ""
        """Why the rows are not known, or empty."""
        self.filter_text = ""
        self.sort_column: int | None = None
        self.is_reversed = False
        self.note = ""
        """What an empty list says."""
        self._all: Sequence[Row] = ()
        self._rows: list[Row] = []
        self._total: int | None = None
        self._cursor = 0
        self._top = 0
        self._beat = 0
        self._widths: list[int] | None = None
        self._shortenings: list[int] = []

    # What it shows

    @property
    def rows(self) -> Sequence[Row]:
        """The rows as shown: filtered and in order."""
        return self._rows

    @property
    def selected(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self._cursor] if self._rows else None

    @property
    def wanted_height(self) -> int:
        """Lines it needs to show everything, without header and bottom."""
        return 1 + max(len(self._rows), 1)

    def show(
        self,
        rows: Sequence[Row],
        *,
        total: int | None = None,
        trouble: str = "",
        became: Mapping[str, str] | None = None,
    ) -> None:
        """Take new rows; `total` is how many there are, and `became` maps IDs to those that may take their place."""
        is_same = rows == self._all and total == self._total and trouble == self.trouble
        if is_same and (rows or self._widths):
            return
        self._all, self._total, self.trouble = rows, total, trouble
        self._arrange(became or {})

    def set_filter(self, text: str) -> None:
        """Show only rows that contain the text."""
        self.filter_text = text.lower()
        self._arrange()

    def sort_next(self) -> str:
        """Sort by the next column; after the last comes the engine's own order. Returns: what it sorts by."""
        columns = COLUMNS[self.kind]
        following = 0 if self.sort_column is None else self.sort_column + 1
        self.sort_column = following if following < len(columns) else None
        self._arrange()
        return "as the engine lists them" if self.sort_column is None else columns[self.sort_column].title.lower()

    def reverse(self) -> None:
        """Turn the order around."""
        self.is_reversed = not self.is_reversed
        self._arrange()

    def select(self, row_id: str) -> bool:
        """Put the cursor on an object. Returns: whether it is there."""
        for index, row in enumerate(self._rows):
            if row.id == row_id:
                self._go(index)
                return True
        return False

    def beat(self) -> None:
        """Turn the spinners of pending rows."""
        if any(row.is_pending for row in self._rows):
            self._beat += 1
            self.refresh()

    def _arrange(self, became: Mapping[str, str] = MappingProxyType({})) -> None:
        before = self.selected
        rows = [row for row in self._all if not self.filter_text or self.filter_text in row.haystack]
        if self.sort_column is not None:
            column = self.sort_column
            rows.sort(key=lambda row: row.keys[column])
        if self.is_reversed:
            rows.reverse()
        self._rows = rows
        self._widths = None
        if before is not None:
            places = {row.id: index for index, row in enumerate(rows)}
            row_id = before.id if before.id in places else became.get(before.id, "")
            self._cursor = places.get(row_id, min(self._cursor, max(len(rows) - 1, 0)))
        else:
            self._cursor = 0
        self._keep_visible()
        self.refresh()
        after = self.selected
        if (before and before.id) != (after and after.id):
            self.post_message(self.Moved(self))

    # Where the cursor is

    @property
    def _head_lines(self) -> int:
        return 2 if self.is_active and self.size.height > 5 else 1

    @property
    def _page(self) -> int:
        return max(self.size.height - self._head_lines - self.is_last, 1)

    def _go(self, index: int) -> None:
        index = max(0, min(index, len(self._rows) - 1))
        if index != self._cursor:
            self._cursor = index
            self.post_message(self.Moved(self))
        self._keep_visible()
        self.refresh()

    def _keep_visible(self) -> None:
        page = self._page
        self._top = max(min(self._top, self._cursor, len(self._rows) - page), self._cursor - page + 1, 0)

    def action_down(self) -> None:
        """Next row."""
        self._go(self._cursor + 1)

    def action_up(self) -> None:
        """Previous row."""
        self._go(self._cursor - 1)

    def action_top(self) -> None:
        """First row."""
        self._go(0)

    def action_bottom(self) -> None:
        """Last row."""
        self._go(len(self._rows) - 1)

    def action_page_down(self) -> None:
        """A page down."""
        self._go(self._cursor + self._page)

    def action_page_up(self) -> None:
        """A page up."""
        self._go(self._cursor - self._page)

    def on_resize(self) -> None:
        """Fit the columns anew."""
        self._widths = None
        self._keep_visible()

    def watch_is_active(self) -> None:
        """The header comes or goes."""
        self._keep_visible()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the cursor, so that the detail follows what is seen."""
        event.stop()
        self._go(self._cursor + 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """See on_mouse_scroll_down."""
        event.stop()
        self._go(self._cursor - 1)

    def on_click(self, event: events.Click) -> None:
        """A click on a row puts the cursor there; a double click goes into the detail."""
        index = self._top + event.y - self._head_lines
        if event.y >= self._head_lines and index < len(self._rows):
            self._go(index)
            if event.chain > 1:
                self.post_message(self.Activated(self))

    # How it is drawn

    def render_line(self, y: int) -> Strip:
        """One line: the rule with the title, the header, a row, or the bottom."""
        width, height = self.size
        paint = paint_of(self.app)
        line_tone = "accent" if self.is_lit else "line"
        if y == 0:
            return strip_of(paint, self._title_line(width, line_tone), width)
        if self.is_last and y == height - 1:
            return strip_of(paint, [("╰" + "─" * (width - 2) + "╯", line_tone)], width)
        inner = width - 2
        index = self._top + y - self._head_lines
        ground, pieces = "", [(" " * inner, "text")]
        if y < self._head_lines:
            pieces = self._header(inner)
        elif index < len(self._rows):
            is_cursor = index == self._cursor and self.is_active
            ground = ("cursor" if self.has_focus else "mark") if is_cursor else ""
            pieces = self._row(self._rows[index], inner)
        elif not self._rows and index == 0:
            pieces = [(fit("   " + self._empty_words(), inner), "bad" if self.trouble else "faint")]
        edge = self._edge(y)
        return Strip.join(
            [
                strip_of(paint, [("│", line_tone)], 1),
                strip_of(paint, pieces, inner, ground),
                strip_of(paint, [(edge, "soft" if edge == "┃" else line_tone)], 1),
            ]
        )

    def _empty_words(self) -> str:
        if self.trouble:
            return self.trouble
        if self._total is None:
            return "…"
        return f"nothing matches {self.filter_text!r}" if self.filter_text and self._all else self.note

    def _title_line(self, width: int, tone: str) -> list[Piece]:
        corners = "╭╮" if self.number == 1 else "├┤"
        name_tone = "strong" if self.is_active and self.is_lit else "soft"
        left: list[Piece] = [
            (corners[0] + "─ ", tone),
            (f"{self.number} ", "accent" if self.is_lit else "faint"),
            (self.title, name_tone),
        ]  # fmt: skip
        if self.filter_text:
            left.append((f" /{self.filter_text}", "accent"))
        left.append((" ", tone))
        shown, total = len(self._rows), self._total
        count = "" if total is None else f"{shown}/{total}" if shown != total else str(total)
        right: list[Piece] = [(f" {count} ", "soft"), ("─" + corners[1], tone)] if count else [("─" + corners[1], tone)]
        return spread(left, [*self._hidden(width), *right], width, "─", tone)

    def _hidden(self, width: int) -> list[Piece]:
        """How many rows are above and below those that are seen."""
        above = self._top
        below = max(len(self._rows) - self._top - self._page, 0)
        more = " more" if width >= _ROOM_FOR_WORDS and not (above and below) else ""
        words = " ".join(f"{arrow} {number}{more}" for arrow, number in (("↑", above), ("↓", below)) if number)
        return [(f" {words} ", "accent"), ("─", "line")] if words else []

    def _edge(self, y: int) -> str:
        """The right edge, with a thumb where there is more than fits."""
        page, total = self._page, len(self._rows)
        if total <= page or y < self._head_lines:
            return "│"
        size = max(1, page * page // total)
        start = self._head_lines + round(self._top * (page - size) / max(total - page, 1))
        return "┃" if start <= y < start + size else "│"

    def _columns(self, inner: int) -> list[int]:
        if self._widths is None:
            self._widths = column_widths(COLUMNS[self.kind], self._rows, inner - 4)
            self._shortenings = [shortening(self._rows, index, width) for index, width in enumerate(self._widths)]
        return self._widths

    def _header(self, inner: int) -> list[Piece]:
        pieces: list[Piece] = [("   ", "faint")]
        for index, (column, width) in enumerate(zip(COLUMNS[self.kind], self._columns(inner), strict=True)):
            if width:
                mark = ("▴" if self.is_reversed else "▾") if index == self.sort_column else ""
                tone = "soft" if mark else "faint"
                pieces.append((fit(column.title + mark, width, is_right=column.is_right) + "  ", tone))
        return pieces

    def _row(self, row: Row, inner: int) -> list[Piece]:
        glyph: Piece = (row.glyph.text, row.glyph.tone)
        if row.is_pending:
            glyph = (_SPINNER[self._beat % len(_SPINNER)], "warn")
        pieces: list[Piece] = [(" ", "text"), glyph, (" ", "text")]
        columns: Any = zip(COLUMNS[self.kind], self._columns(inner), self._shortenings, row.cells, strict=True)
        for column, width, times, cell in columns:
            if width:
                text = shortened(cell, times)
                pieces.append((fit(text, width, is_right=column.is_right) + "  ", cell.tone))
        return pieces
