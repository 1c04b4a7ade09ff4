"""The right side: one object, in tabs. A tab's widget is made when it is first looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from dockview.theme import paint_of
from dockview.widgets.lines import Piece, cut, spread, strip_of, width_of
from dockview.widgets.text_pane import TextPane

if TYPE_CHECKING:
    from dockview.widgets.lifecycle import LifecycleView
    from dockview.widgets.logs import LogView
    from dockview.widgets.stats import StatsView

TABS: Mapping[str, tuple[str, ...]] = {
    "container": ("lifecycle", "logs", "stats", "top", "files", "config", "inspect"),
    "image": ("lifecycle", "config", "inspect"),
    "network": ("config", "inspect"),
    "volume": ("config", "inspect"),
    "": (),
}
"""The tabs by kind of object."""


class TabBar(Widget):
    """Names of tabs, with a line under the one that is shown."""

    DEFAULT_CSS = """
    TabBar { height: 2; width: 1fr; }
    """

    tabs: reactive[tuple[str, ...]] = reactive(())
    """Names, from left to right."""
    current: reactive[str] = reactive("")
    """The one that is shown."""

    class Picked(Message):
        """A tab was clicked."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    def render_line(self, y: int) -> Strip:
        """The names, or the line below."""
        pieces: list[Piece] = []
        for x, tab in self._places():
            pieces.append((" " * (x - width_of(pieces)), "text"))
            is_current = tab == self.current
            if y == 0:
                pieces.append((tab.capitalize(), "strong" if is_current else "soft"))
            else:
                pieces.append((("━" if is_current else " ") * len(tab), "accent"))
        return strip_of(paint_of(self.app), pieces, self.size.width)

    def _places(self) -> list[tuple[int, str]]:
        """Where each name begins: close together where it is narrow, and if need be without the first ones."""
        width, tabs = self.size.width, list(self.tabs)
        total = sum(map(len, tabs))
        lead, gap = (2, 3) if 2 + total + 3 * (len(tabs) - 1) <= width else (1, 1)
        while len(tabs) > 1 and tabs[0] != self.current and lead + sum(map(len, tabs)) + gap * (len(tabs) - 1) > width:
            del tabs[0]
        places, x = [], lead
        for tab in tabs:
            places.append((x, tab))
            x += len(tab) + gap
        return places

    def on_click(self, event: events.Click) -> None:
        """Pick the tab under the pointer."""
        for x, tab in self._places():
            if x <= event.x < x + len(tab):
                self.post_message(self.Picked(tab))


class Frame(Widget):
    """The first or last line of the detail's frame, with words in it."""

    DEFAULT_CSS = """
    Frame { height: 1; width: 1fr; }
    """

    left: reactive[tuple[Piece, ...]] = reactive(())
    right: reactive[tuple[Piece, ...]] = reactive(())
    is_lit: reactive[bool] = reactive(False)

    def __init__(self, corners: str, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(id=id)
        self._corners = corners

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  it has one line
        """The line."""
        width, tone = self.size.width, "accent" if self.is_lit else "line"
        left: list[Piece] = [(self._corners[0] + "─", tone)]
        if self.left:
            left += [(" ", tone), *cut(self.left, max(width - 8, 1)), (" ", tone)]
        right: list[Piece] = [("─" + self._corners[1], tone)]
        room = width - width_of(left) - 4
        words: list[Piece] = []
        for piece in self.right:
            if width_of(words) + width_of([piece]) > room:
                break
            words.append(piece)
        while words and not words[-1][0].strip(" ─"):
            words.pop()
        if words:
            right = [(" ", tone), *words, (" ", tone), *right]
        return strip_of(paint_of(self.app), spread(left, right, width, "─", tone), width)


class Detail(Vertical):
    """The frame, its tabs and the widget of the tab that is shown."""

    DEFAULT_CSS = """
    Detail { width: 2fr; height: 1fr; }
    Detail #pages { height: 1fr; border-left: solid $border; border-right: solid $border; }
    Detail:focus-within #pages { border-left: solid $primary; border-right: solid $primary; }
    Detail #pages > .-away { display: none; }
    Detail #pages.-empty TabBar { display: none; }
    """

    def __init__(self) -> None:
        super().__init__(id="detail")
        self.top = Frame("╭╮", id="detail-top")
        self.bottom = Frame("╰╯", id="detail-bottom")
        self.bar = TabBar()
        self._pages = Vertical(id="pages")
        self._made: dict[str, Widget] = {}
        self.tab = ""

    def compose(self) -> ComposeResult:
        """Frame, tabs and the first page; the others come when they are looked at."""
        yield self.top
        with self._pages:
            yield self.bar
            self._made["lifecycle"] = first = self._make("lifecycle")
            yield first
        yield self.bottom

    def title(self, left: Sequence[Piece], right: Sequence[Piece] = ()) -> None:
        """What the upper edge says: the object, and how it stands."""
        self.top.left, self.top.right = tuple(left), tuple(right)

    def whisper(self, words: Sequence[Piece]) -> None:
        """What the lower edge says, quietly."""
        self.bottom.left = tuple(words)

    def light(self, is_lit: bool) -> None:
        """Show whether the focus is here."""
        self.top.is_lit = self.bottom.is_lit = is_lit

    def turn_to(self, kind: str, tab: str) -> str:
        """Show a tab of a kind of object, or the first if it has no such tab. Returns: the tab."""
        tabs = TABS[kind]
        self.tab = tab if tab in tabs else tabs[0] if tabs else ""
        self.bar.tabs, self.bar.current = tabs, self.tab
        page = self.page(self.tab) if self.tab else None
        for made in self._made.values():
            made.set_class(made is not page, "-away")
        return self.tab

    def greet(self, lines: Sequence[Sequence[Piece]]) -> None:
        """Show a page of lines while no object is shown; without lines none."""
        is_shown = bool(lines) and not self.tab
        if is_shown:
            self.text("welcome").show(lines, is_same_object=True)
            for tab, made in self._made.items():
                made.set_class(tab != "welcome", "-away")
        elif "welcome" in self._made:
            self._made["welcome"].add_class("-away")
        self._pages.set_class(is_shown, "-empty")

    def page(self, tab: str) -> Widget:
        """The widget of a tab."""
        if tab not in self._made:
            made = self._made[tab] = self._make(tab)
            self._pages.mount(made)
        return self._made[tab]

    @property
    def shown_page(self) -> Widget | None:
        """The widget of the tab that is shown."""
        return self._made.get(self.tab)

    @property
    def lifecycle(self) -> LifecycleView:
        """The lifecycle page."""
        from dockview.widgets.lifecycle import LifecycleView  # noqa: PLC0415  loaded when it is first looked at

        page = self.page("lifecycle")
        assert isinstance(page, LifecycleView)  # noqa: S101  made by _make
        return page

    @property
    def logs(self) -> LogView:
        """The log page."""
        from dockview.widgets.logs import LogView  # noqa: PLC0415  loaded when it is first looked at

        page = self.page("logs")
        assert isinstance(page, LogView)  # noqa: S101  made by _make
        return page

    @property
    def stats(self) -> StatsView:
        """The page of graphs."""
        from dockview.widgets.stats import StatsView  # noqa: PLC0415  loaded when it is first looked at

        page = self.page("stats")
        assert isinstance(page, StatsView)  # noqa: S101  made by _make
        return page

    def text(self, tab: str) -> TextPane:
        """A page of lines: top, files, config, inspect."""
        page = self.page(tab)
        assert isinstance(page, TextPane)  # noqa: S101  made by _make
        return page

    @staticmethod
    def _make(tab: str) -> Widget:
        if tab == "lifecycle":
            from dockview.widgets.lifecycle import LifecycleView  # noqa: PLC0415  loaded when it is first looked at

            return LifecycleView()
        if tab == "logs":
            from dockview.widgets.logs import LogView  # noqa: PLC0415  loaded when it is first looked at

            return LogView()
        if tab == "stats":
            from dockview.widgets.stats import StatsView  # noqa: PLC0415  loaded when it is first looked at

            return StatsView()
        return TextPane(id=f"page-{tab}")


class Notice(Widget):
    """Something that must be read: a failure with what to do about it. Lies over the lower edge; any key clears it."""

    DEFAULT_CSS = """
    Notice {
        dock: bottom; layer: notice; width: 1fr; height: auto; max-height: 8; margin: 0 2 1 2; padding: 0 1;
        background: $panel; border-left: outer $error; display: none;
    }
    Notice.-shown { display: block; }
    Notice.-calm { border-left: outer $primary; }
    """

    words: reactive[Content] = reactive(Content(""), layout=True)
    """What it says."""

    def render(self) -> Content:
        """The words."""
        return self.words

    def say(self, text: str, hint: str = "", *, is_calm: bool = False) -> None:
        """Show a sentence and what to do; both already clean."""
        self.words = Content.assemble((text, "bold"), ("\n" + hint if hint else "", ""))
        self.set_class(is_calm, "-calm")
        self.add_class("-shown")

    def clear(self) -> bool:
        """Hide. Returns: whether there was something to hide."""
        was_shown = self.has_class("-shown")
        self.remove_class("-shown")
        return was_shown
