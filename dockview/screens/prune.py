"""The prune preview: what would go, how many bytes, and why, before anything goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.types import CSSPathType

from dockview.engine.api import Engine
from dockview.engine.model import PrunePlan
from dockview.lanes import Lane
from dockview.messages import PlanReady
from dockview.screens.dialog import Dialog, Page
from dockview.text import clean_line, size
from dockview.widgets.foot import Hint
from dockview.widgets.lines import Piece, fit
from dockview.widgets.text_pane import TextPane

KINDS = ("container", "image", "network", "volume")
_WORDS = {
    "container": "stopped containers",
    "image": "images without a name",
    "network": "unused networks",
    "volume": "volumes nobody named",
}


class PruneScreen(Dialog[PrunePlan]):
    """Answers with the plan that was shown; what came into use since then stays (the engine looks again)."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "prune.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "kind('container')", "Containers"),
        Binding("2", "kind('image')", "Images"),
        Binding("3", "kind('network')", "Networks"),
        Binding("4", "kind('volume')", "Volumes"),
        Binding("5", "all_images", "All unused images"),
        Binding("y", "go", "Remove them"),
        Binding("n,escape,q", "leave", "Leave"),
    ]

    heading = "Prune"
    is_grave = True

    def __init__(self, engine: Engine, kinds: Sequence[str], *, is_all: bool = False) -> None:
        super().__init__()
        self._engine = engine
        self._kinds = [kind for kind in KINDS if kind in kinds]
        self.is_all = is_all
        """Those with a name, too: they would have to be pulled again."""
        self._lane = Lane("prune plan")
        self._generation = 0
        self._plan: PrunePlan | None = None

    def body(self) -> ComposeResult:
        """The kinds, the items, the total."""
        self._choice, self._items, self._total = (
            Page(),
            TextPane(ground="raised", id="prune-items"),
            Page(id="prune-total"),
        )
        yield self._choice
        yield self._items
        yield self._total

    def on_mount(self) -> None:
        """Ask for the first plan."""
        self.set_focus(self._items)
        self._ask()

    def on_unmount(self) -> None:
        """Ask no more."""
        self._lane.close()

    def _ask(self) -> None:
        self._generation += 1
        self._plan = None
        self._items.show([])
        self._draw("looking…")
        engine, number, kinds = self._engine, self._generation, tuple(self._kinds)
        all_images = self.is_all

        def ask() -> None:
            try:
                self.post_message(PlanReady(number, engine.prune_plan(kinds, all_images=all_images)))
            except Exception as error:  # noqa: BLE001  a worker's boundary: the dialog shows it
                self.post_message(PlanReady(number, None, error))

        self._lane.ask(ask)

    @on(PlanReady)
    def _ready(self, message: PlanReady) -> None:
        if message.generation != self._generation:
            return
        if message.plan is None:
            self._draw(clean_line(str(message.error)), "bad")
            return
        self._plan = plan = message.plan
        width = min(max((len(clean_line(item.name)) for item in plan.items), default=8), 28)
        lines: list[list[Piece]] = [
            [
                (fit(clean_line(item.kind), 10), "faint"),
                (fit(clean_line(item.name), width) + "  ", "text"),
                (size(item.size_bytes).rjust(9) + "  ", "second"),
                (clean_line(item.why), "soft"),
            ]
            for item in plan.items
        ]
        self._items.show(lines or [[("Nothing to remove.", "good")]])
        self._items.styles.height = min(max(len(lines), 1), max(self.app.size.height - 14, 3))
        self._draw()

    def _draw(self, words: str = "", tone: str = "faint") -> None:
        choice: list[Piece] = []
        for number, kind in enumerate(KINDS, start=1):
            is_on = kind in self._kinds
            choice += [(f"{number} ", "accent"), ("◉ " if is_on else "○ ", "accent" if is_on else "faint")]
            choice.append((_WORDS[kind] + "   ", "text" if is_on else "faint"))
        is_on = self.is_all
        more: list[Piece] = [("5 ", "accent"), ("◉ " if is_on else "○ ", "accent" if is_on else "faint")]
        more.append(("all unused images", "text" if is_on else "faint"))
        self._choice.say([choice, more])
        plan = self._plan
        if plan is None:
            self._total.say([[(words, tone)]])
            self._hint(())
            return
        many = f"{len(plan.items)} object{'' if len(plan.items) == 1 else 's'}"
        total = size(plan.size_bytes) if plan.size_bytes is not None else "? (a size is not known)"
        self._total.say([[(many, "strong"), ("   ", "text"), (total, "second"), ("  would be freed", "soft")]])
        self._hint((Hint("y", f"remove {many}"),) if plan.items else ())

    def _hint(self, more: tuple[Hint, ...]) -> None:
        self.foot.hints = (*more, Hint("1-5", "kinds"), Hint("j k", "scroll"), Hint("n", "leave it"))

    def action_kind(self, kind: str) -> None:
        """Choose a kind, or not."""
        chosen = {*self._kinds} ^ {kind}
        self._kinds = [kind for kind in KINDS if kind in chosen]
        if self._kinds:
            self._ask()
        else:
            self._generation += 1
            self._plan = None
            self._items.show([])
            self._draw("choose what to look for")

    def action_all_images(self) -> None:
        """Look for every unused image, or only for those without a name."""
        self.is_all = not self.is_all
        if self.is_all and "image" not in self._kinds:
            self._kinds = [kind for kind in KINDS if kind in {*self._kinds, "image"}]
        if self._kinds:
            self._ask()
        else:
            self._draw("choose what to look for")

    def action_go(self) -> None:
        """Remove what is shown."""
        if self._plan is not None and self._plan.items:
            self.dismiss(self._plan)

    def action_leave(self) -> None:
        """Remove nothing."""
        self.dismiss(None)
