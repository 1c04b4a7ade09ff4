"""The left column: four lists in one frame; the one in use grows, the others shrink to what they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from textual.app import ComposeResult
from textual.containers import Vertical

from dockview.widgets.resource_list import ResourceList

KINDS = ("container", "image", "network", "volume")
"""The lists, from top to bottom."""

_NOTES: Mapping[str, str] = {
    "container": "none yet: R runs one",
    "image": "none yet: R pulls one",
    "network": "none",
    "volume": "none",
}


class Rail(Vertical):
    """The four lists. It deals out the height; which list is in use, the screen says."""

    DEFAULT_CSS = """
    Rail { width: 1fr; height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__(id="rail")
        titles = ("Containers", "Images", "Networks", "Volumes")
        self.lists: dict[str, ResourceList] = {}
        for number, (kind, title) in enumerate(zip(KINDS, titles, strict=True), start=1):
            made = ResourceList(kind, title, number, is_last=number == len(KINDS))
            made.note = _NOTES[kind]
            self.lists[kind] = made
        self.active = "container"

    def compose(self) -> ComposeResult:
        """The lists, one under the other."""
        yield from self.lists.values()

    def __iter__(self) -> Iterator[ResourceList]:
        return iter(self.lists.values())

    @property
    def current(self) -> ResourceList:
        """The list in use."""
        return self.lists[self.active]

    def use(self, kind: str) -> None:
        """Make one list the one in use."""
        self.active = kind
        for made in self:
            made.is_active = made.kind == kind
        self.deal()

    def light(self, is_lit: bool) -> None:
        """Show whether the focus is in this column."""
        for made in self:
            made.is_lit = is_lit

    def deal(self) -> None:
        """Deal out the height."""
        # Before the first layout the height is known all the same: the screen without head and foot.
        total = self.size.height or self.app.size.height - 2
        if total <= 0:
            return
        cap = 1 + max(1, total // 9)
        heights = {made.kind: min(made.wanted_height, cap) for made in self if made.kind != self.active}
        rest = total - 1 - sum(heights.values())
        spare = rest - (self.current.wanted_height + 1)
        for kind, height in list(heights.items()):
            extra = max(0, min(spare, self.lists[kind].wanted_height - height))
            heights[kind] = height + extra
            spare -= extra
        heights[self.active] = max(total - 1 - sum(heights.values()), 3)
        for kind, height in heights.items():
            made = self.lists[kind]
            made.styles.height = height + (1 if made.is_last else 0)

    def on_resize(self) -> None:
        """Deal out anew."""
        self.deal()
