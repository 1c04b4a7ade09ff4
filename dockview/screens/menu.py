"""All actions that work on what is selected, to pick from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from dockview.keymap import Action, show_keys
from dockview.screens.dialog import Dialog, Page
from dockview.widgets.foot import Hint
from dockview.widgets.lines import Piece, fit


class ActionMenu(Dialog[str]):
    """Answers with the id of the action that was picked. An action that the engine lacks says why and stays."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down,tab", "move(1)", "Next"),
        Binding("k,up,shift+tab", "move(-1)", "Previous"),
        Binding("enter,space", "pick", "Do it"),
        Binding("escape,q,x", "dismiss(None)", "Leave"),
    ]

    keys = (Hint("j k", "move"), Hint("⏎", "do it"), Hint("esc", "leave"))

    def __init__(self, name: str, entries: Sequence[tuple[Action, str]], keys_of: Callable[[str], str]) -> None:
        super().__init__()
        self.heading = name
        self._entries = entries
        self._keys_of = keys_of
        self._cursor = 0

    def body(self) -> ComposeResult:
        """One action a line."""
        self._page = Page()
        self._draw()
        yield self._page

    def _draw(self) -> None:
        lines: list[list[Piece]] = []
        for index, (action, why_not) in enumerate(self._entries):
            is_here = index == self._cursor
            key_tone = "line" if why_not else "accent"
            tone = "line" if why_not else "strong" if is_here else "text"
            lines.append(
                [
                    ("▸ " if is_here else "  ", "accent"),
                    (fit(show_keys(self._keys_of(action.id), first=True), 6), key_tone),
                    (fit(action.label, 14), tone),
                    (why_not or action.description, "warn" if why_not and is_here else "faint"),
                ]
            )
        self._page.say(lines)

    def action_move(self, step: int) -> None:
        """Another action."""
        self._cursor = (self._cursor + step) % len(self._entries)
        self._draw()

    def action_pick(self) -> None:
        """Do the one under the cursor."""
        action, why_not = self._entries[self._cursor]
        if not why_not:
            self.dismiss(action.id)

    def on_key(self, event: events.Key) -> None:
        """An action's own key picks it, too."""
        for action, why_not in self._entries:
            names = {key.strip() for key in self._keys_of(action.id).split(",")}
            if not why_not and (event.key in names or event.character in names):
                event.stop()
                event.prevent_default()
                self.dismiss(action.id)
                return
