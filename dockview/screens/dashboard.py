"""The dashboard: keys, and the dialogs behind them. The uppermost layer of the screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType

from dockview.engine.lifecycle import Status
from dockview.engine.model import ContainerStatus
from dockview.keymap import ACTIONS, screen_bindings, show_keys
from dockview.screens.focus import FocusScreen, Trouble
from dockview.text import clean_line
from dockview.widgets.foot import Hint
from dockview.widgets.lifecycle import LifecycleView

if TYPE_CHECKING:
    from dockview.engine.model import RunRequest

_FOOT = {
    "container": (
        "detail.open", "container.run", "container.toggle", "logs", "container.exec", "remove", "menu", "filter",
        "command", "stats", "container.restart", "container.pause", "inspect", "copy", "open_port", "sort",
    ),
    "image": ("container.run", "inspect", "remove", "menu", "filter", "command", "copy", "sort"),
    "network": ("container.run", "inspect", "filter", "command", "copy", "sort"),
    "volume": ("container.run", "inspect", "filter", "command", "copy", "sort"),
}  # fmt: skip
_IN_DETAIL = {
    "lifecycle": ("lifecycle.prove", "lifecycle.evidence", "list.bottom", "copy"),
    "logs": ("logs.follow", "filter", "logs.next", "logs.timestamps", "logs.wrap"),
    "config": ("secrets", "copy"),
    "inspect": ("secrets", "copy"),
}
"""By tab, what its page answers besides moving."""
_FIXED = ("prune", "engines", "help", "quit")


class Dashboard(FocusScreen):
    """All objects of an engine at the left, one of them at the right."""

    BINDINGS: ClassVar[list[BindingType]] = [*screen_bindings()]
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  Textual's own annotation
        (0, "-single"), (72, "-narrow"), (104, "-roomy"), (160, "-wide"),
    ]  # fmt: skip

    async def on_mount(self) -> None:
        """Take the arrangement for this width before the first layout, which would otherwise be done twice."""
        width = self.app.size.width
        self.add_class([name for least, name in self.HORIZONTAL_BREAKPOINTS if least <= width][-1])

    # Back

    async def action_back(self) -> None:
        """Out of what is open, from the inside: a notice, the detail, a failed run, a filter."""
        if self.notice.clear():
            return
        if self.is_in_detail:
            self.leave_detail()
        elif self.ref.is_trace:
            await self._leave_trace()
        elif self.rail.current.filter_text:
            self.rail.current.set_filter("")

    async def _leave_trace(self) -> None:
        trace = self.session.trace(self.ref.trace_id)
        if trace is None or trace.status is not Status.RUNNING:
            self.session.dismiss(self.ref.trace_id)
            self.draw_rows()
        elif trace.id in self.session.own:
            trace_id = trace.id
            await self._ask(
                "Cancel this run?", [clean_line(trace.line), "What it has done so far is undone."], "cancel it",
                lambda _: self.cancel_run(trace_id),
            )  # fmt: skip

    # Verbs

    def action_toggle_container(self) -> None:
        """Stop or start, by state."""
        container = self.selected_container()
        if container is None or self.lacks("stop" if container.status.is_alive else "start"):
            return
        (self.stop if container.status.is_alive else self.start)(container)

    def action_restart(self) -> None:
        """Stop and start."""
        container = self.selected_container()
        if container is not None and not self.lacks("restart"):
            self.restart(container)

    def action_pause(self) -> None:
        """Freeze, or let it go on."""
        container = self.selected_container()
        if container is not None and not self.lacks("pause"):
            self.pause(container)

    def action_exec(self) -> None:
        """A shell in the container, on the whole terminal."""
        container = self.selected_container()
        if container is not None and not self.lacks("exec"):
            self.open_shell(container)

    def action_attach(self) -> None:
        """The container's own streams, on the whole terminal."""
        container = self.selected_container()
        if container is not None and not self.lacks("attach"):
            self.open_streams(container)

    async def action_kill(self) -> None:
        """Kill, after asking."""
        container = self.selected_container()
        if container is None or self.lacks("kill"):
            return
        words = ["Its main process gets SIGKILL: it cannot save anything."]
        await self._ask(f"Kill {clean_line(container.name)}?", words, "kill it", lambda _: self.kill(container))

    async def action_remove(self) -> None:
        """Remove, after asking."""
        if self.ref.is_trace:
            await self._leave_trace()
        elif self.ref.kind == "image" and self.ref.id:
            image_id, name = self.ref.id, self.ref.name if self.ref.name != "<none>" else self.ref.id
            if not self.lacks("rmi"):
                await self._ask(
                    f"Remove the image {name}?", ["It has to be pulled again to be used."], "remove it",
                    lambda force: self.remove_image(image_id, name, force=force), "also if a container uses it",
                )  # fmt: skip
        elif self.ref.kind == "container":
            await self._remove_container()
        else:
            self.notice.say("a container or an image can be removed here", is_calm=True)

    async def _remove_container(self) -> None:
        container = self.selected_container()
        if container is None or self.lacks("rm"):
            return
        is_alive = container.status.is_alive
        words = ["It runs: removing it needs force, which kills it."] if is_alive else []
        await self._ask(
            f"Remove the container {clean_line(container.name)}?",
            [*words, "Its writable layer and its log go too; this cannot be undone."], "remove it",
            lambda force: self.remove_container(container, force=force), "force" if is_alive else "",
        )  # fmt: skip

    async def _ask(
        self, question: str, words: list[str], verb: str, do: Callable[[bool], object], force: str = ""
    ) -> None:
        if not self.is_confirming and not force:
            do(False)
            return
        from dockview.screens.confirm import Confirm  # noqa: PLC0415  screens are loaded when they are first used

        def answered(answer: tuple[bool, bool] | None) -> None:
            if answer and answer[0]:
                do(answer[1])

        await self.app.push_screen(Confirm(question, words, verb, force), answered)

    async def action_prune(self) -> None:
        """Preview, then prune."""
        await self.open_prune()

    async def open_prune(self, kinds: tuple[str, ...] = ("container", "image"), *, is_all: bool = False) -> None:
        """The prune preview with these kinds chosen."""
        if self.engine is None or self.lacks("prune"):
            return
        from dockview.screens.prune import PruneScreen  # noqa: PLC0415  loaded when it is first used

        def answered(plan: object) -> None:
            from dockview.engine.model import PrunePlan  # noqa: PLC0415  here for the check alone

            if isinstance(plan, PrunePlan) and plan.items:
                every = " -a" if screen.is_all else ""
                lines = [f"docker {kind} prune -f{every if kind == 'image' else ''}" for kind in plan.kinds]
                self.prune(plan, " && ".join(lines))

        screen = PruneScreen(self.engine, kinds, is_all=is_all)
        await self.app.push_screen(screen, answered)

    async def action_run_form(self) -> None:
        """Fill in a run."""
        if self.engine is None or self.lacks("run"):
            return
        from dockview.screens.run_form import RunForm  # noqa: PLC0415  loaded when it is first used

        def answered(request: RunRequest | None) -> None:
            if request is not None:
                self.run_image(request)

        image = self.session.image(self.ref.id) if self.ref.kind == "image" else None
        chosen = image.tags[0].removesuffix(":latest") if image is not None and image.tags else ""
        await self.app.push_screen(RunForm(self.image_names(), chosen), answered)

    # Looking

    def action_secrets(self) -> None:
        """Show or mask values that look secret."""
        self.is_masked = not self.is_masked
        self.draw_document()

    def action_show_stopped(self) -> None:
        """Show or hide stopped containers."""
        self.show_stopped = not self.show_stopped
        self.draw_rows()
        self.rail.deal()

    def action_sort(self) -> None:
        """Sort by the next column."""
        by = self.rail.current.sort_next()
        self.notice.say(f"sorted {by if by.startswith('as') else f'by {by}'}", is_calm=True)

    def action_reverse(self) -> None:
        """Reverse the order."""
        self.rail.current.reverse()

    def action_copy(self) -> None:
        """Copy the docker line that made the container, or the ID."""
        if not self.ref.id:
            return
        trace = self._known.get(self.ref.id) or self.session.trace(self.ref.trace_id)
        is_line = self.detail.tab == "lifecycle" and trace is not None and bool(trace.line)
        text = clean_line(trace.line) if is_line and trace is not None else self.ref.id.removeprefix("trace:")
        self.app.copy_to_clipboard(text)
        self.notice.say(f"copied: {text}", is_calm=True)

    def action_open_port(self) -> None:
        """Open the first published port in a browser."""
        container = self.selected_container()
        if container is None:
            return
        port = next((p for p in container.ports if p.protocol == "tcp" and p.host_port), None)
        if port is None:
            self.notice.say(f"{clean_line(container.name)} publishes no port", is_calm=True)
            return
        host = "localhost" if port.host_ip in ("", "0.0.0.0", "::") else port.host_ip  # noqa: S104  docker's default
        url = f"http://{f'[{host}]' if ':' in host else host}:{port.host_port}/"
        from dockview.screens.browse import open_url  # noqa: PLC0415  rare

        self.notice.say(f"opened {url}" if open_url(url) else f"no browser here; {url}", is_calm=True)

    async def action_menu(self) -> None:
        """All actions on what is selected."""
        from dockview.screens.menu import ActionMenu  # noqa: PLC0415  loaded when it is first used

        kind = self.ref.kind if self.ref.id else ""
        capabilities = self.session.snapshot.capabilities
        entries = [
            (action, capabilities.why_not(action.feature) or "" if action.feature else "")
            for action in ACTIONS.values()
            if action.group in ("Act", "See") and action.id != "menu" and (not action.kinds or kind in action.kinds)
        ]

        async def answered(action_id: str | None) -> None:
            if action_id:
                await self.run_action(ACTIONS[action_id].method)

        await self.app.push_screen(ActionMenu(self.ref.name or "dockview", entries, self.keys_of), answered)

    async def action_engines(self) -> None:
        """Which engines there are."""
        from dockview.screens.engines import EnginesScreen  # noqa: PLC0415  loaded when it is first used

        if self.app.open_kind is None:
            self.notice.say("this is the only engine here", is_calm=True)
            return

        def answered(kind: str | None) -> None:
            if kind:
                self.app.switch_engine(kind)

        await self.app.push_screen(EnginesScreen(self.session.snapshot.info), answered)

    async def action_help(self) -> None:
        """The keys."""
        from dockview.screens.help import HelpScreen  # noqa: PLC0415  loaded when it is first used

        await self.app.push_screen(HelpScreen(self.keys_of))

    @on(LifecycleView.ProveRequested)
    async def _prove(self, message: LifecycleView.ProveRequested) -> None:
        from dockview.screens.proof import ProofScreen  # noqa: PLC0415  loaded when it is first used

        if message.check:
            info = self.session.snapshot.info
            store = info.endpoint if info is not None and info.kind == "embedded" else ""
            await self.app.push_screen(ProofScreen(message.span.label, message.check, store))
        else:
            self.notice.say("this step has no command that would show it from outside", is_calm=True)

    # Keys

    def obey(self, line: str) -> Trouble | None:
        """Do what a docker line says. Returns: what is wrong with it."""
        from dockview.screens.lines import obey  # noqa: PLC0415  loaded when it is first used

        return obey(self, line)

    def first_key_of(self, action_id: str) -> str:
        """The key of an action, as people write it."""
        return show_keys(self.keys_of(action_id), first=True)

    def keys_of(self, action_id: str) -> str:
        """The keys of an action, as the user has set them."""
        return self.app.key_overrides.get(action_id, ACTIONS[action_id].keys)

    def draw_foot(self) -> None:
        """Draw the keys that work here now."""
        self.foot.fixed = tuple(self._hint(action_id) for action_id in _FIXED)
        if self.ref.is_trace:
            trace = self.session.trace(self.ref.trace_id)
            is_live = trace is not None and trace.status is Status.RUNNING
            leave = Hint(show_keys(self.keys_of("back"), first=True), "cancel" if is_live else "put away")
            hints = [self._hint(action_id) for action_id in ("container.run", "copy", "filter", "command")]
            self.foot.hints = (leave, *hints)
            return
        if self.is_in_detail:
            move = Hint(_arrows(self.keys_of("list.down"), self.keys_of("list.up")), "move")
            tab = Hint(f"{self.first_key_of('tab.previous')} {self.first_key_of('tab.next')}", "tab")
            more = [self._hint(action_id) for action_id in _IN_DETAIL.get(self.detail.tab, ())]
            self.foot.hints = (move, *more, tab, self._hint("back"))
            return
        self.foot.hints = tuple(
            self._hint(action_id)
            for action_id in _FOOT[self.rail.active]
            if not ACTIONS[action_id].kinds or (self.ref.id and self.ref.kind in ACTIONS[action_id].kinds)
        )

    def _hint(self, action_id: str) -> Hint:
        action = ACTIONS[action_id]
        label = action.label
        container = self.session.container(self.ref.id)
        if action_id == "container.toggle" and container is not None:
            label = "stop" if container.status.is_alive else "start"
        if action_id == "engines":
            label = "engine"
        elif action_id == "filter" and self.is_in_detail:
            label = "search"
        elif action_id == "list.bottom":
            label = "now"
        elif action_id == "container.pause" and container is not None:
            label = "go on" if container.status is ContainerStatus.PAUSED else "pause"
        why_not = self.session.snapshot.capabilities.why_not(action.feature) if action.feature else None
        return Hint(show_keys(self.keys_of(action_id), first=True), label, why_not or "")


def _arrows(down: str, up: str) -> str:
    """The keys that move: the arrows where they are among them."""
    return "↑↓" if "down" in down.split(",") and "up" in up.split(",") else f"{show_keys(down)} {show_keys(up)}"
