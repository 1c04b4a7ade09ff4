"""The frame of every dialog: one box in the middle, a title, words, and the keys that work in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.types import CSSPathType
from textual.widget import Widget

from dockview.theme import paint_of
from dockview.widgets.foot import Foot, Hint
from dockview.widgets.lines import Piece, cut, strip_of

Answer = TypeVar("Answer")


class Page(Widget):
    """Toned lines of clean text, as high as they are many."""

    DEFAULT_CSS = """
    Page { width: 1fr; height: auto; }
    """

    lines: reactive[tuple[tuple[Piece, ...], ...]] = reactive((), layout=True)
    """The lines."""

    def say(self, lines: Iterable[Iterable[Piece]]) -> None:
        """Take new lines."""
        self.lines = tuple(tuple(line) for line in lines)

    def get_content_height(self, *_: object) -> int:
        """As many as there are lines."""
        return len(self.lines)

    def render_line(self, y: int) -> Strip:
        """One line."""
        width = self.size.width
        pieces = cut(self.lines[y], width) if y < len(self.lines) else []
        return strip_of(paint_of(self.app), pieces, width, "raised")


class DialogFoot(Foot):
    """The keys of a dialog."""

    ground = "raised"


class Dialog(ModalScreen[Answer], Generic[Answer]):
    """A box in the middle of the screen. Subclasses say what is in it (`body`), its title and its keys."""

    CSS_PATH: ClassVar[CSSPathType | None] = "dialog.tcss"

    heading = ""
    """The title, clean."""
    is_grave = False
    """Whether it is about something that cannot be undone."""
    keys: tuple[Hint, ...] = ()
    """The keys that work in it."""

    def compose(self) -> ComposeResult:
        """The box."""
        with Vertical(id="box") as box:
            box.border_title = Content(self.heading) if self.heading else None
            yield from self.body()
            self.foot = DialogFoot(id="dialog-keys")
            self.foot.hints = self.keys
            yield self.foot
        box.set_class(self.is_grave, "-grave")

    def body(self) -> ComposeResult:
        """What is in the box."""
        yield Page()
