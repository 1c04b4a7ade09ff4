"""The keys, made from the table that binds them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.types import CSSPathType

from dockview.keymap import ACTIONS, Action, show_keys
from dockview.screens.dialog import Dialog
from dockview.widgets.foot import Hint
from dockview.widgets.lines import Piece, fit
from dockview.widgets.text_pane import TextPane


class HelpScreen(Dialog[None]):
    """All keys, as they are now."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "help.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "dismiss(None)", "Leave")]

    heading = "Keys"
    keys = (Hint("j k", "scroll"), Hint("esc", "leave"))

    def __init__(self, keys_of: Callable[[str], str]) -> None:
        super().__init__()
        self._keys_of = keys_of

    def body(self) -> ComposeResult:
        """One key a line."""
        self._pane = TextPane(ground="raised", id="help-lines")
        yield self._pane

    def on_mount(self) -> None:
        """Fill the page."""
        lines: list[list[Piece]] = []
        for group, actions in groupby(ACTIONS.values(), key=lambda action: action.group):
            lines.append([(group.upper(), "faint")])
            lines += [self._line(action) for action in actions]
            lines.append([])
        lines.append([("The names at the right are for the [keys] table of the config file.", "faint")])
        self._pane.show(lines)
        self.set_focus(self._pane)

    def _line(self, action: Action) -> list[Piece]:
        return [
            (fit(show_keys(self._keys_of(action.id)), 12), "accent"),
            (fit(action.description, 48) + "  ", "text"),
            (action.id, "line"),
        ]
