"""Which engine this is, and which others there are."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from dockview.engine.model import EngineInfo
from dockview.screens.dialog import Dialog, Page
from dockview.text import clean_line
from dockview.widgets.foot import Hint
from dockview.widgets.lines import Piece, fit


class EnginesScreen(Dialog[str]):
    """Answers with the kind of engine to switch to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down,k,up,tab", "turn", "The other"),
        Binding("enter", "pick", "Switch"),
        Binding("escape,q,E", "dismiss(None)", "Leave"),
    ]

    heading = "Engines"
    keys = (Hint("j k", "move"), Hint("⏎", "switch"), Hint("esc", "leave"))

    def __init__(self, info: EngineInfo | None) -> None:
        super().__init__()
        self._info = info
        self._kind = info.kind if info is not None else ""

    def body(self) -> ComposeResult:
        """The facts of this engine, and the choice."""
        self._page = Page()
        self._draw()
        yield self._page

    def _draw(self) -> None:
        lines: list[list[Piece]] = []
        for kind, words in (
            ("embedded", "the bundled engine: no daemon, a store of its own"),
            ("docker", "a Docker daemon, through its API"),
        ):
            is_chosen = kind == self._kind
            is_here = self._info is not None and kind == self._info.kind
            mark = "● " if is_here else "○ "
            lines.append(
                [
                    ("▸ " if is_chosen else "  ", "accent"),
                    (mark, "good" if is_here else "faint"),
                    (fit(kind, 10), "strong" if is_chosen else "text"),
                    (words, "soft"),
                ]
            )
        if self._info is not None:
            lines.append([])
            lines += [[(fit(label, 12), "faint"), (clean_line(value), "text")] for label, value in _facts(self._info)]
        self._page.say(lines)

    def action_turn(self) -> None:
        """Mark the other engine."""
        self._kind = "docker" if self._kind == "embedded" else "embedded"
        self._draw()

    def action_pick(self) -> None:
        """Switch to the marked engine."""
        is_other = self._info is None or self._kind != self._info.kind
        self.dismiss(self._kind if is_other else None)


def _facts(info: EngineInfo) -> list[tuple[str, str]]:
    rights = "unknown" if info.rootless is None else "rootless" if info.rootless else "root"
    facts = [
        ("name", info.name),
        ("version", info.version),
        ("API", info.api_version),
        ("where", info.endpoint),
        ("platform", f"{info.os}/{info.architecture}"),
        ("kernel", info.kernel),
        ("rights", rights),
        ("cgroup", info.cgroup_version),
    ]
    return [(label, value) for label, value in facts if value]
