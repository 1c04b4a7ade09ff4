"""A question before something that cannot be undone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from dockview.screens.dialog import Dialog, Page
from dockview.widgets.foot import Hint
from dockview.widgets.lines import Piece

Answer = tuple[bool, bool]
"""Whether to do it, and whether with force."""


class Confirm(Dialog[Answer]):
    """`y` does it, `n` and escape do not. Where force is possible it is a row of its own, off unless chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Do it"),
        Binding("n,escape,q", "answer(False)", "Leave it"),
        Binding("enter", "enter", "What is marked"),
        Binding("f,space", "force", "With force"),
        Binding("left,right,tab,h,l,j,k,up,down", "turn", "The other answer"),
    ]

    is_grave = True

    def __init__(self, question: str, words: Sequence[str], verb: str, force: str = "") -> None:
        super().__init__()
        self.heading = question
        self._words = words
        self._verb = verb
        self._force = force
        self._is_forced = False
        self._is_yes = False
        self.keys = (Hint("y", verb), Hint("n", "leave it"), *((Hint("f", "force"),) if force else ()))

    def body(self) -> ComposeResult:
        """The words, the force row, the answers."""
        self._page = Page()
        self._draw()
        yield self._page

    def _draw(self) -> None:
        lines: list[list[Piece]] = [[(word, "text")] for word in self._words]
        if self._force:
            tone = "warn" if self._is_forced else "soft"
            lines += [[], [("◉ " if self._is_forced else "○ ", tone), (self._force, tone)]]
        no, yes = ("strong", "faint") if not self._is_yes else ("faint", "bad")
        marks = ("▸ ", "  ") if not self._is_yes else ("  ", "▸ ")
        lines += [
            [],
            [(marks[0], "accent"), ("leave it", no), ("      ", "text"), (marks[1], "bad"), (self._verb, yes)],
        ]
        self._page.say(lines)

    def action_turn(self) -> None:
        """Mark the other answer."""
        self._is_yes = not self._is_yes
        self._draw()

    def action_force(self) -> None:
        """Choose force, or not."""
        if self._force:
            self._is_forced = not self._is_forced
            self._draw()

    def action_enter(self) -> None:
        """Answer what is marked."""
        self.action_answer(self._is_yes)

    def action_answer(self, is_yes: bool) -> None:
        """Answer."""
        self.dismiss((is_yes, self._is_forced))
