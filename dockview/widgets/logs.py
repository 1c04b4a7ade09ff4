"""What a container writes, live: a bounded number of lines, of which only the visible ones are ever rendered."""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from dockview.engine.model import LogRecord
from dockview.keymap import LIST_ACTIONS, LOG_ACTIONS, bindings_for
from dockview.text import clean, strip_colour
from dockview.theme import Paint, paint_of

LINES = 10_000
"""How many lines are kept when nobody says otherwise."""
WIDEST = 4_096
"""How many characters of one line are looked at; the rest is left out, and said to be."""
_STAMP = "%H:%M:%S"
_OURS = "dockview"
"""The stream of what the view itself has to say."""
_STREAMS = {"stderr": ("▎", "warn"), _OURS: ("✗", "bad")}
"""The mark and the tone of a stream; standard output has neither."""


class LogView(ScrollView, can_focus=True):
    """Log lines, newest at the bottom.

    Lines are kept as they were written and cleaned when they are looked at, so that a flood costs next to nothing.
    The view sticks to the end until it is scrolled up; going back to the end makes it stick again.
    """

    DEFAULT_CSS = """
    LogView {
        height: 1fr;
        width: 1fr;
        overflow-x: auto;
        overflow-y: scroll;
        scrollbar-gutter: stable;
        scrollbar-size-horizontal: 1;
        scrollbar-size-vertical: 1;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for(LIST_ACTIONS),
        *bindings_for(LOG_ACTIONS),
    ]

    def __init__(self, *, lines: int = LINES, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._records: deque[LogRecord] = deque(maxlen=lines)
        self._first = 0
        """The number of the oldest line that is kept: how many were dropped."""
        self._is_following = True
        self._has_times = False
        self._is_wrapped = False
        self._note = ""
        self._pattern: re.Pattern[str] | None = None
        self._found: int | None = None
        self._widest = 0
        self._heights: list[int] = []
        """The row on which each line begins, when lines are wrapped; empty when they are not."""
        self._counts: deque[int] = deque(maxlen=lines)
        """How many rows each line takes, when lines are wrapped."""
        self._strips: dict[tuple[int, int], list[Strip]] = {}
        self._paint: Paint | None = None

    # What is shown

    def append(self, records: Sequence[LogRecord]) -> None:
        """Add lines at the end; the oldest go when there are too many."""
        if not records:
            return
        room = self._records.maxlen or len(records)
        dropped = max(len(self._records) + len(records) - room, 0)
        was_at = self.scroll_offset.y
        before = self._drop_height(dropped)
        self._records.extend(records)
        self._first += dropped
        self._widest = max(self._widest, *(min(len(record.text), WIDEST) for record in records[-room:]))
        if self._is_wrapped:
            self._measure(records[-room:])
        self._resized()
        if self._is_following:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
        elif before:
            self.scroll_to(y=max(was_at - before, 0), animate=False, immediate=True)
        self._forget_old()
        self.refresh()

    def show_error(self, text: str) -> None:
        """Say at the end why no more lines come; it is no line of the container and is not copied with them."""
        self.append([LogRecord(time.time_ns(), _OURS, text)])

    def clear(self, note: str = "") -> None:
        """Forget all lines, and follow again; `note` is shown while there are none."""
        self._records.clear()
        self._counts.clear()
        self._strips.clear()
        self._first, self._widest, self._heights, self._found = 0, 0, [], None
        self._is_following, self._note = True, note
        self._resized()
        self.scroll_to(0, 0, animate=False, immediate=True)
        self.refresh()

    @property
    def line_count(self) -> int:
        """How many lines are kept."""
        return len(self._records)

    @property
    def dropped(self) -> int:
        """How many older lines were let go because there are too many."""
        return self._first

    @property
    def is_following(self) -> bool:
        """Whether the view sticks to the end."""
        return self._is_following

    @property
    def status(self) -> str:
        """A few words for a title: how many lines, whether older ones went, whether the end is followed."""
        kept = f"{len(self._records):,} lines"
        if self._first:
            kept += f", the newest of {self._first + len(self._records):,}"
        return f"{kept} · {'following' if self._is_following else 'held'}"

    def text(self, *, newest: int | None = None) -> str:
        """The lines as plain text, without colour, for the clipboard or a file."""
        records = [record for record in self._records if record.stream != _OURS]
        records = records[-newest:] if newest else records
        return "\n".join(_plain(record.text) for record in records)

    def search(self, words: str) -> int:
        """Mark every line that contains the words (any case), go to the newest; how many lines match."""
        self._pattern = re.compile(re.escape(words), re.IGNORECASE) if words else None
        self._found = None
        self._strips.clear()
        self.refresh()
        matches = self._matches()
        if matches:
            self._go_to(matches[-1])
        return len(matches)

    # Rendering

    def render_line(self, y: int) -> Strip:
        """One visible line."""
        paint = paint_of(self.app)
        if paint is not self._paint:
            self._paint = paint
            self._strips.clear()
        width = self.scrollable_content_region.width
        offset_x, offset_y = self.scroll_offset
        if not self._records:
            text = f" {self._note}" if self._note and y == 0 else ""
            return Strip([Segment(text.ljust(width), paint("faint"))])
        row = y + offset_y
        if self._first:
            # the first row says that there is no way further back
            if row == 0:
                told = f" {self._first:,} older lines were let go; the newest {len(self._records):,} are kept"
                return _filled(Strip([Segment(told, paint("faint"))]), width, paint)
            row -= 1
        index, part = self._line_at(row)
        if index >= len(self._records):
            return Strip([Segment(" " * width, paint("text"))], width)
        strips = self._rendered(index, width, paint)
        if self._is_wrapped:
            return _filled(strips[min(part, len(strips) - 1)], width, paint)
        return _filled(strips[0].crop(offset_x, offset_x + width), width, paint)

    def _rendered(self, index: int, width: int, paint: Paint) -> list[Strip]:
        key = (self._first + index, width if self._is_wrapped else 0)
        strips = self._strips.get(key)
        if strips is None:
            strips = self._strips[key] = self._render_record(index, width, paint)
            if len(self._strips) > 1000:
                self._strips.pop(next(iter(self._strips)))
        return strips

    def _render_record(self, index: int, width: int, paint: Paint) -> list[Strip]:
        record = self._records[index]
        sign, tone = _STREAMS.get(record.stream, (" ", "text"))
        gutter = [Segment(sign, paint("bad"))]
        if self._has_times:
            gutter.append(Segment(f"{_stamp(record.time_ns)} ", paint("faint")))
        taken = sum(len(segment.text) for segment in gutter)
        body = _body(record, paint, tone)
        if self._pattern is not None:
            style = paint("strong", "cursor") + Style(underline=self._first + index == self._found)
            body.highlight_regex(self._pattern, style)
        console = self.app.console
        if not self._is_wrapped:
            return [Strip([*gutter, *body.render(console)])]
        pieces = body.divide(_breaks(body.plain, max(width - taken, 8)))
        blank = [gutter[0], Segment(" " * (taken - 1), paint("text"))]
        return [Strip([*(gutter if n == 0 else blank), *piece.render(console)]) for n, piece in enumerate(pieces)]

    # Where lines are

    def _gutter(self) -> int:
        return 1 + (len("00:00:00.000 ") if self._has_times else 0)

    def _line_at(self, row: int) -> tuple[int, int]:
        """Which line is on a row, and which part of it."""
        if not self._is_wrapped:
            return row, 0
        if row >= self._rows():
            return len(self._records), 0
        index = bisect_right(self._heights, row) - 1
        return index, row - self._heights[index]

    def _rows(self) -> int:
        if not self._is_wrapped or not self._records:
            return len(self._records)
        return self._heights[-1] + self._counts[-1]

    def _wrap_width(self) -> int:
        return max(self.scrollable_content_region.width - self._gutter(), 8)

    def _measure(self, new: Iterable[LogRecord]) -> None:
        """Count the rows of new lines, and where each line begins now."""
        width = self._wrap_width()
        self._counts.extend(len(_breaks(_plain(record.text), width)) + 1 for record in new)
        self._heights = list(accumulate(self._counts, initial=0))
        self._heights.pop()

    def _drop_height(self, dropped: int) -> int:
        """The rows that go when the oldest lines are dropped."""
        if not dropped:
            return 0
        shift = dropped if not self._is_wrapped else (
            self._heights[dropped] if dropped < len(self._heights) else self._rows()
        )  # fmt: skip
        return shift - (0 if self._first else 1)

    def _resized(self) -> None:
        rows = self._rows() + (1 if self._first and self._records else 0)
        width = 0 if self._is_wrapped else self._gutter() + self._widest
        self.virtual_size = Size(width, rows)

    def _forget_old(self) -> None:
        for key in [key for key in self._strips if key[0] < self._first]:
            del self._strips[key]

    def _again(self) -> None:
        """Measure and draw everything anew, keeping to the end where it is followed."""
        self._strips.clear()
        self._counts.clear()
        self._heights = []
        if self._is_wrapped:
            self._measure(self._records)
        self._resized()
        if self._is_following:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
        self.refresh()

    def _matches(self) -> list[int]:
        pattern = self._pattern
        if pattern is None:
            return []
        return [
            self._first + index for index, record in enumerate(self._records) if pattern.search(_plain(record.text))
        ]

    def _go_to(self, number: int) -> None:
        self._found = number
        index = number - self._first
        row = self._heights[index] if self._is_wrapped else index
        self._is_following = False
        self._strips.clear()
        self.scroll_to_region(
            Region(self.scroll_offset.x, row + (1 if self._first else 0), 1, 1),
            animate=False,
            immediate=True,
            center=True,
        )
        self.refresh()

    # Events and actions

    def on_resize(self) -> None:
        """Fit the lines to the new width."""
        self._again()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling up lets go of the end; reaching it again holds on to it."""
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value and new_value < self.max_scroll_y:
            self._is_following = False
        elif new_value >= self.max_scroll_y:
            self._is_following = True

    def action_down(self) -> None:
        """A line down."""
        self.scroll_relative(y=1, animate=False, immediate=True)

    def action_up(self) -> None:
        """A line up."""
        self.scroll_relative(y=-1, animate=False, immediate=True)

    def action_top(self) -> None:
        """To the oldest line."""
        self.scroll_home(animate=False, immediate=True, x_axis=False)

    def action_bottom(self) -> None:
        """To the newest line, and stay there."""
        self.action_follow(always=True)

    def action_page_down(self) -> None:
        """A page down."""
        self.scroll_relative(y=self.size.height - 1, animate=False, immediate=True)

    def action_page_up(self) -> None:
        """A page up."""
        self.scroll_relative(y=1 - self.size.height, animate=False, immediate=True)

    def action_follow(self, always: bool = False) -> None:
        """Hold on to the end, or let go of it."""
        self._is_following = always or not self._is_following
        if self._is_following:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
        self.refresh()

    def action_timestamps(self) -> None:
        """Show or hide the time of each line."""
        self._has_times = not self._has_times
        self._again()

    def action_wrap(self) -> None:
        """Wrap long lines, or scroll sideways."""
        self._is_wrapped = not self._is_wrapped
        self.scroll_to(x=0, animate=False, immediate=True)
        self._again()

    def action_find(self, direction: int = 1) -> None:
        """Go to the next match, or to the one before; from the last to the first."""
        matches = self._matches()
        if not matches:
            return
        at = self._found if self._found is not None else self._first + self._line_at(self.scroll_offset.y)[0]
        if direction > 0:
            self._go_to(next((number for number in matches if number > at), matches[0]))
        else:
            self._go_to(next((number for number in reversed(matches) if number < at), matches[-1]))


_CUT = " … cut"


@lru_cache(maxsize=4096)
def _cleaned(text: str) -> str:
    """A line made harmless: at most WIDEST characters of it, tabs as spaces, no newline inside."""
    if text.isascii() and text.isprintable() and len(text) <= WIDEST:
        return text
    is_cut = len(text) > WIDEST
    shown = clean(text[:WIDEST]).rstrip("\n").replace("\n", " ").expandtabs(8)
    return f"{shown}\x1b[0m{_CUT}" if is_cut else shown


def _plain(text: str) -> str:
    return strip_colour(_cleaned(text))


def _breaks(plain: str, width: int) -> Sequence[int]:
    """Where a text is broken into rows of `width` cells: offsets in characters."""
    if plain.isascii():
        return range(width, len(plain), width)
    breaks, taken = [], 0
    for at, character in enumerate(plain):
        wide = cell_len(character)
        if taken + wide > width:
            breaks.append(at)
            taken = 0
        taken += wide
    return breaks


def _body(record: LogRecord, paint: Paint, tone: str) -> Text:
    shown = _cleaned(record.text)
    base = paint(tone)
    if "\x1b" in shown:
        body = Text.from_ansi(shown, end="", no_wrap=True)
        body.style = base
        return body
    return Text(shown, style=base, end="", no_wrap=True)


def _filled(strip: Strip, width: int, paint: Paint) -> Strip:
    missing = width - strip.cell_length
    if missing > 0:
        return Strip([*strip, Segment(" " * missing, paint("text"))], width)
    return strip.crop(0, width) if missing < 0 else strip


@lru_cache(maxsize=2048)
def _stamp(time_ns: int) -> str:
    """The local time of day, to the millisecond."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{time.strftime(_STAMP, time.localtime(seconds))}.{rest // 1_000_000:03}"
