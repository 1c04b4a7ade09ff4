"""What the dashboard hears, and which object is selected. The third layer of the screen."""

from __future__ import annotations

import time
from collections.abc import Mapping

from textual import on
from textual.timer import Timer

from dockview.engine.api import Engine
from dockview.engine.lifecycle import PULL_PHASES, Phase, Status, Trace
from dockview.engine.model import ProcessTable
from dockview.feeds import Feed, Pipe
from dockview.messages import (
    DocumentLoaded,
    EngineFailed,
    EngineOpened,
    LoadFailed,
    PageLoaded,
    SnapshotReady,
    TracesLoaded,
)
from dockview.screens.picture import PictureScreen
from dockview.session import NOTHING, Ref, main_trace
from dockview.text import clean_line
from dockview.widgets.detail import TabBar
from dockview.widgets.resource_list import ResourceList

_LOOK_S = 0.06
"""A selection that stays this long is looked into."""
_PATIENCE_S = 0.15
"""How long the first picture waits for the engine, so as to be complete rather than drawn twice."""
_QUIET_S = 3.0
"""Without a key for so long, a run that somebody else starts is selected."""


class BoardScreen(PictureScreen):
    """Hears the engine, and keeps one object selected."""

    async def on_mount(self) -> None:
        """Show what is there, and start to listen."""
        self._paged: dict[str, Ref] = {}
        self._look: Timer | None = None
        self._spin = self.set_interval(0.1, self._beat, pause=True)
        self.rail.use("container")
        self.rail.light(True)
        self.set_focus(self.rail.current)
        self.head.note = "opening…"
        if await self.is_opened_within(_PATIENCE_S):
            self.hear_opening_now()
        else:
            self.hear_opening()
        self.set_interval(1.0, self._tick)
        self.set_timer(0.5, self._measure_host)
        if self.problems:
            words = [clean_line(problem) for problem in self.problems]
            self.notice.say(words[0], "\n".join(words[1:]))

    # The engine

    def hear_opening_now(self) -> None:
        """Take the engine that is there."""
        opening = self._opening
        if opening.opened is not None:
            self._engine_opened(EngineOpened(*opening.opened))
        elif opening.error is not None:
            self._engine_failed(EngineFailed(opening.error))

    @on(EngineOpened)
    def _engine_opened(self, message: EngineOpened) -> None:
        self.head.note = ""
        self.session.snapshot = message.snapshot
        self.engine = message.engine
        self.draw()
        self.draw_welcome()
        # The threads that follow would take time from the first picture.
        self.call_after_refresh(self._settle_in, message.engine)

    def _settle_in(self, engine: Engine) -> None:
        if self._is_gone:
            return
        self.start_feeds(engine)
        self.ask_traces(NOTHING)
        self.refresh_soon()

    @on(EngineFailed)
    def _engine_failed(self, message: EngineFailed) -> None:
        self.head.note = "no engine"
        for made in self.rail:
            made.show((), trouble="not connected")
        self.say_error(message.error)

    @on(SnapshotReady)
    def _snapshot_ready(self, message: SnapshotReady) -> None:
        if not self.is_newest(message):
            return
        before = self.session.container(self.ref.id)
        self.session.snapshot, self.session.taken = message.snapshot, message.generation
        self.session.settle()
        trouble = next(iter(message.snapshot.troubles.values()), None)
        self.head.note = f"disconnected: {clean_line(str(trouble))}" if trouble is not None else ""
        self.draw()
        after = self.session.container(self.ref.id)
        if before is not None and after is not None and before.status is not after.status:
            self.look_soon()

    @on(Feed.Ready)
    def _feed_ready(self, message: Feed.Ready) -> None:
        feed = message.feed
        items = feed.drain()
        if feed.is_closed or not items:
            return
        if feed is self._events:
            self.refresh_soon()
        elif feed is self._traces:
            for trace_id, record in items:
                self.session.fold(trace_id, "all", record)
            self._traces_moved({trace_id: self.session.trace(trace_id) for trace_id, _ in items})
        elif feed is self._logs:
            self.detail.logs.append([*items])
        elif feed is self._stats:
            self.detail.stats.append([*items])

    @on(Feed.Ended)
    def _feed_ended(self, message: Feed.Ended) -> None:
        if message.feed is self._logs and message.error is not None:
            self.detail.logs.show_error(clean_line(str(message.error)))
        elif message.feed is self._stats:
            words = "It has ended." if message.error is None else clean_line(str(message.error))
            self.detail.stats.clear(words, is_error=message.error is not None)
        elif message.feed in (self._events, self._traces):
            if message.error is not None:
                self.head.note = f"disconnected: {clean_line(str(message.error))}"
            self.follow_again(message.feed)

    @on(Pipe.Ready)
    def _pipe_ready(self, message: Pipe.Ready) -> None:
        run = next((run for run in self.runs if run.pipe is message.pipe), None)
        if run is None:
            return
        for record in run.pipe.drain():
            if record.get("t") == "trace" and not run.trace_id:
                run.trace_id = str(record["id"])
                self.session.own.add(run.trace_id)
            self.session.fold(run.trace_id, "own", record)
        trace = self.session.trace(run.trace_id)
        if trace is not None:
            self._traces_moved({trace.id: trace})

    def _traces_moved(self, changed: Mapping[str, Trace | None]) -> None:
        """Draw traces that grew: the shown one, and rows of runs that are no container yet."""
        for trace_id, trace in changed.items():
            if trace is None:
                continue
            if trace.verb in ("run", "create", "pull"):
                self._meet(trace)
            shown = self._known.get(self.ref.id)
            if (shown is not None and shown.id == trace_id) or self.ref.trace_id == trace_id or (
                trace.container_id == self.ref.id and trace.verb in ("run", "start", "create")
            ):  # fmt: skip
                self._known[self.ref.id] = trace
                self.draw_trace()
        self.draw_rows()

    def _meet(self, trace: Trace) -> None:
        """A run comes to the front when it was started here, or when nobody is at the keys."""
        if trace.id in self.session.met:
            return
        self.session.met.add(trace.id)
        is_own = trace.id in self.session.own
        is_idle = time.monotonic() - self.session.last_key_s > _QUIET_S and trace.status is Status.RUNNING
        if is_own or is_idle:
            self.draw_rows()
            kind = "image" if trace.verb == "pull" else "container"
            row_id = trace.container_id if self.session.container(trace.container_id) else f"trace:{trace.id}"
            self.select(kind, row_id, tab="lifecycle")

    # Selection

    @on(ResourceList.Moved)
    def _moved(self, message: ResourceList.Moved) -> None:
        if message.origin is self.rail.current:
            self.follow_cursor()

    def follow_cursor(self) -> None:
        """Make the object under the cursor of the list in use the selected one."""
        row, kind = self.rail.current.selected, self.rail.active
        ref = Ref(kind, row.id, row.name) if row is not None else Ref(kind, "")
        if ref == self.ref and ref.name == self.ref.name:
            return
        if self.ref.is_trace and ref.id and (trace := self.session.trace(self.ref.trace_id)) is not None:
            self._known.setdefault(ref.id, trace) if trace.container_id == ref.id else None
        self.ref = ref
        self.generation += 1
        self._document = None
        self.leave_logs()
        self.leave_stats()
        self.detail.turn_to(ref.kind if ref.id else "", self.tab)
        self.draw_welcome()
        self.draw_title()
        self.draw_foot()
        if self.detail.tab == "lifecycle":
            self.draw_trace()
        self.look_soon()

    def select(self, kind: str, row_id: str, *, tab: str = "") -> None:
        """Select an object, in a tab."""
        if tab:
            self.tab = tab
        if self.rail.active != kind:
            was_lit = self.rail.current.has_focus
            self.rail.use(kind)
            if was_lit:
                self.rail.current.focus()
        self.rail.current.select(row_id)
        self.follow_cursor()
        if tab and self.detail.tab != tab:
            self.turn_to(tab)

    def turn_to(self, tab: str) -> None:
        """Show a tab of the selected object."""
        self.tab = tab
        if not self.ref.id:
            return
        shown = self.detail.turn_to(self.ref.kind, tab)
        if shown != "logs":
            self.leave_logs()
        if shown != "stats":
            self.leave_stats()
        self.look_into()

    @on(TabBar.Picked)
    def _picked(self, message: TabBar.Picked) -> None:
        self.turn_to(message.tab)

    def look_soon(self) -> None:
        """Look into the selected object, once the cursor rests."""
        if self._look is not None:
            self._look.stop()
        self._look = self.set_timer(_LOOK_S, self.look_into)

    def look_into(self) -> None:
        """Ask for what the shown tab of the selected object needs."""
        tab, ref = self.detail.tab, self.ref
        if not ref.id:
            return
        if tab == "lifecycle":
            self.draw_trace()
            if not ref.is_trace:
                self.ask_traces(ref)
        elif ref.is_trace:
            self._say_unborn(tab)
        elif tab == "logs":
            self.detail.logs.clear()
            self.follow_logs(ref)
        elif tab in ("stats", "top") and not self._is_alive(ref):
            self._say_idle(tab)
        elif tab == "stats":
            self.detail.stats.clear()
            self.follow_stats(ref)
        elif tab in ("top", "files"):
            if self.detail.text(tab).text and ref != self._paged.get(tab):
                self.detail.text(tab).show(())
            self.ask_page(ref, tab)
        elif tab in ("config", "inspect"):
            self.draw_document()
            if tab == "inspect" or ref.kind in ("container", "image"):
                self.ask_document(ref, tab)

    def _is_alive(self, ref: Ref) -> bool:
        container = self.session.container(ref.id)
        return container is not None and container.status.is_alive

    def _say_unborn(self, tab: str) -> None:
        words = "There is no container yet."
        if tab == "logs":
            self.detail.logs.clear(words)
        elif tab == "stats":
            self.detail.stats.clear(words)
        else:
            self.detail.text(tab).show([[(words, "faint")]])

    def _say_idle(self, tab: str) -> None:
        words = "It does not run: there are no processes."
        if tab == "stats":
            self.leave_stats()
            self.detail.stats.clear(words)
        else:
            self.detail.text(tab).show([[(words, "faint")]])

    @on(PageLoaded)
    def _page_loaded(self, message: PageLoaded) -> None:
        if message.generation != self.generation or message.tab != self.detail.tab:
            return
        from dockview.widgets import pages  # noqa: PLC0415  loaded when it is first looked at

        content = message.content
        lines = pages.process_lines(content) if isinstance(content, ProcessTable) else pages.change_lines(content)
        is_same = self._paged.get(message.tab) == message.ref
        self._paged[message.tab] = message.ref
        self.detail.text(message.tab).show(lines, is_same_object=is_same)

    @on(TracesLoaded)
    def _traces_loaded(self, message: TracesLoaded) -> None:
        if message.ref.kind == "container":
            trace = main_trace(message.traces)
            if trace is not None:
                self._known[message.ref.id] = trace
        else:
            for trace in reversed(message.traces):
                if trace.verb in ("run", "start", "create") and trace.container_id:
                    self._known[trace.container_id] = trace
                if trace.verb in ("run", "create", "pull") and any(s.phase in PULL_PHASES for s in trace.spans):
                    self._know_pull(trace)
        if message.generation == self.generation:
            self.draw_trace()

    def _know_pull(self, trace: Trace) -> None:
        stored = trace.find(Phase.STORE)
        said = {str(fact.value) for fact in stored.facts} if stored is not None else set[str]()
        for image in self.session.snapshot.images or ():
            if said & {image.id, *image.tags}:
                self._known[image.id] = trace

    @on(DocumentLoaded)
    def _document_loaded(self, message: DocumentLoaded) -> None:
        if message.generation == self.generation:
            self._document = message.document
            self.draw_document()

    @on(LoadFailed)
    def _load_failed(self, message: LoadFailed) -> None:
        if message.generation == self.generation and message.tab == self.detail.tab:
            if message.tab in ("config", "inspect", "top", "files"):
                self.detail.text(message.tab).show([[(clean_line(str(message.error)), "bad")]])
            else:
                self.say_error(message.error)
