"""Where the focus is, and the lines that are typed. The fifth layer of the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events, getters, on

from dockview.screens.host import HostApp
from dockview.screens.verbs import VerbScreen
from dockview.text import clean_line
from dockview.widgets.rail import KINDS
from dockview.widgets.resource_list import ResourceList

if TYPE_CHECKING:
    from dockview.widgets.prompt import Prompt


Trouble = tuple[str, tuple[int, int] | None, str]
"""What is wrong with a line, which characters of it, and what to do."""


class FocusScreen(VerbScreen):
    """Panels, tabs, and the line at the foot."""

    app = getters.app(HostApp)

    # Where the focus is

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The list that takes the focus becomes the one in use."""
        if isinstance(event.widget, ResourceList):
            if self.rail.active != event.widget.kind:
                self.rail.use(event.widget.kind)
                self.follow_cursor()
            self.remove_class("-in-detail")
        elif self.is_in_detail:
            self.add_class("-in-detail")
        self.rail.light(isinstance(event.widget, ResourceList))
        self.detail.light(self.is_in_detail)
        self.draw_foot()

    @property
    def is_in_detail(self) -> bool:
        """Whether the focus is at the right."""
        return self.focused is not None and self.detail in self.focused.ancestors

    @on(ResourceList.Activated)
    def _activated(self) -> None:
        self.action_open_detail()

    def action_panel(self, kind: str) -> None:
        """To a list."""
        self.rail.lists[kind].focus()

    def action_next_panel(self) -> None:
        """To the next list; after the last comes the detail."""
        self._panel(1)

    def action_previous_panel(self) -> None:
        """To the previous list."""
        self._panel(-1)

    def _panel(self, step: int) -> None:
        places = [*KINDS, "detail"] if self.detail.tab else [*KINDS]
        here = places.index("detail" if self.is_in_detail else self.rail.active)
        there = places[(here + step) % len(places)]
        self.action_open_detail() if there == "detail" else self.rail.lists[there].focus()

    def action_open_detail(self) -> None:
        """Into the detail."""
        page = self.detail.shown_page
        if page is None:
            return
        if self.has_class("-single"):
            self.set_focus(None)  # or Textual would look for another focus when the lists are hidden
        self.add_class("-in-detail")
        self.call_after_refresh((page if page.can_focus else next(iter(page.query("*:can-focus")), page)).focus)

    def leave_detail(self) -> None:
        """Back to the list in use."""
        if self.has_class("-single"):
            self.set_focus(None)
        self.remove_class("-in-detail")
        self.call_after_refresh(self.rail.current.focus)

    def action_next_tab(self) -> None:
        """The next tab."""
        self._turn(1)

    def action_previous_tab(self) -> None:
        """The previous tab."""
        self._turn(-1)

    def _turn(self, step: int) -> None:
        tabs = self.detail.bar.tabs
        if tabs:
            self.action_tab(tabs[(tabs.index(self.detail.tab) + step) % len(tabs)])

    def action_tab(self, tab: str) -> None:
        """To a tab by name."""
        was_in_detail = self.is_in_detail
        if tab not in self.detail.bar.tabs:
            self.notice.say(f"no {tab} here: select a container", is_calm=True)
            return
        if self.lacks({"files": "diff"}.get(tab, tab)):
            return
        self.turn_to(tab)
        if was_in_detail or self.has_class("-single"):
            self.action_open_detail()

    # Lines

    async def action_filter(self) -> None:
        """Type a filter for the list in use, or what to look for in the logs."""
        from dockview.widgets.prompt import Prompt  # noqa: PLC0415  loaded when it is first used

        if self.is_in_detail and self.detail.tab == "logs":
            await self._open_prompt(Prompt("?"))
            return
        made = self.rail.current
        await self._open_prompt(Prompt("/", made.filter_text))

    async def action_command(self) -> None:
        """Type a docker line."""
        from dockview.screens.completion import candidates  # noqa: PLC0415  loaded when it is first used
        from dockview.widgets.prompt import Prompt  # noqa: PLC0415  likewise

        names = {
            "container": [clean_line(c.name) for c in self.session.snapshot.containers or ()],
            "image": self.image_names(),
        }
        await self._open_prompt(Prompt(":", complete=lambda line: candidates(line, names), history=self.history))

    @property
    def history(self) -> list[str]:
        """Lines typed earlier, oldest first."""
        return self.app.line_history

    def obey(self, line: str) -> Trouble | None:
        """Do what a docker line says; the layer with the actions does. Returns: what is wrong with it."""
        raise NotImplementedError(line)

    async def _open_prompt(self, prompt: Prompt) -> None:
        # Awaited, so that what is typed next goes into the line and is not taken for a key.
        self.notice.clear()
        self.foot.display = False
        await self.mount(prompt, after=self.foot)
        self.set_focus(prompt.input)

    def on_prompt_changed(self, message: Prompt.Changed) -> None:
        """Filter, or search, while it is typed."""
        if message.prompt.sign == "/":
            self.rail.current.set_filter(message.text)
        elif message.prompt.sign == "?":
            self.detail.logs.search(message.text)

    def on_prompt_submitted(self, message: Prompt.Submitted) -> None:
        """Do what the line says; stay in it when it is wrong."""
        if message.prompt.sign == ":":
            trouble = self.obey(message.text)
            if trouble is not None:
                message.prompt.show_trouble(*trouble)
                return
            if message.text.strip():
                self.history.append(message.text)
        self._close_prompt(message.prompt)

    def on_prompt_left(self, message: Prompt.Left) -> None:
        """Undo the filter or the search, and leave."""
        if message.prompt.sign == "/":
            self.rail.current.set_filter("")
        elif message.prompt.sign == "?":
            self.detail.logs.search("")
        self._close_prompt(message.prompt)

    def _close_prompt(self, prompt: Prompt) -> None:
        prompt.remove()
        self.foot.display = True
        if prompt.sign == "?":
            self.action_open_detail()
        else:
            self.rail.current.focus()

    def image_names(self) -> list[str]:
        """Names that can be run: of images that are here, then others that the engine's registries offer."""
        here = [clean_line(tag.removesuffix(":latest")) for i in self.session.snapshot.images or () for tag in i.tags]
        return list(dict.fromkeys([*here, *self.app.offered()]))
