"""The picture of the dashboard: head, lists, detail, foot, drawn from the session. The second layer of the screen."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer

from dockview.engine.errors import DockviewError
from dockview.engine.lifecycle import PULL_PHASES, Phase, Status, Trace
from dockview.engine.model import Container, ContainerStatus
from dockview.feeds import Feed, Pipe
from dockview.messages import (
    DocumentLoaded,
    EngineFailed,
    EngineOpened,
    LoadFailed,
    SnapshotReady,
    TracesLoaded,
)
from dockview.screens.live import LiveScreen
from dockview.session import NOTHING, Ref, main_trace, now_ns, other_rows
from dockview.text import clean_line, duration
from dockview.widgets.detail import Detail, Notice, TabBar
from dockview.widgets.foot import Foot
from dockview.widgets.head import Counts, Head, HostLoad
from dockview.widgets.lines import Piece
from dockview.widgets.rail import KINDS, Rail
from dockview.widgets.resource_list import ResourceList
from dockview.widgets.rows import (
    GLYPHS,
    Row,
    birth_row,
    container_row,
    image_row,
    network_row,
    status_words,
    tone_of,
    volume_row,
)

_LOOK_S = 0.06
"""A selection that stays this long is looked into."""
_PATIENCE_S = 0.15
"""How long the first picture waits for the engine, so as to be complete rather than drawn twice."""
_QUIET_S = 3.0
"""Without a key for so long, a run that somebody else starts is selected."""


class BoardScreen(LiveScreen):
    """Draws what the session knows, and keeps one object selected."""

    ref: Ref = NOTHING
    """The selected object."""
    tab = "lifecycle"
    """The tab that was chosen last."""
    is_masked = True
    """Whether secret-looking values are masked."""
    show_stopped = True
    """Whether stopped containers are listed."""
    problems: Sequence[str] = ()
    """What is wrong with the config file, said once."""

    def compose(self) -> ComposeResult:
        """Head, two columns, foot."""
        self.head, self.foot, self.notice = Head(), Foot(), Notice()
        self.rail, self.detail = Rail(), Detail()
        yield self.head
        with Horizontal(id="body"):
            yield self.rail
            yield self.detail
        yield self.foot
        yield self.notice

    async def on_mount(self) -> None:
        """Show what is there, and start to listen."""
        self._known: dict[str, Trace] = {}
        self._last_birth = ""
        self._document: Mapping[str, object] | None = None
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
        self.start_feeds(message.engine)
        self.draw()
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

    @on(Feed.Ended)
    def _feed_ended(self, message: Feed.Ended) -> None:
        if message.feed is self._logs and message.error is not None:
            self.detail.logs.show_error(clean_line(str(message.error)))
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

    # Drawing

    def draw(self) -> None:
        """Draw all from the session."""
        snapshot = self.session.snapshot
        self.head.info = snapshot.info
        containers, images, usage = snapshot.containers, snapshot.images, snapshot.usage
        self.head.counts = Counts(
            running=None if containers is None else sum(c.status is ContainerStatus.RUNNING for c in containers),
            exited=None if containers is None else sum(not c.status.is_alive for c in containers),
            images=None if images is None else len(images),
            disk_bytes=None if usage is None else usage.images_bytes,
        )
        self.draw_rows()
        self.rail.deal()
        self.draw_title()
        self.draw_foot()

    def draw_rows(self) -> None:
        """Draw the lists."""
        snapshot, now, pending = self.session.snapshot, now_ns(), self.session.pending
        heights = [made.wanted_height for made in self.rail]
        became = other_rows(self.session)
        if snapshot.containers is not None or self.session.births():
            listed = snapshot.containers or ()
            shown = [c for c in listed if self.show_stopped or c.status.is_alive or c.id == self.ref.id]
            shown.sort(key=lambda container: not container.status.is_alive)
            rows = [birth_row(trace) for trace in self.session.births()]
            rows += [container_row(c, now, is_pending=Ref("container", c.id) in pending) for c in shown]
            total = len(listed) + len(rows) - len(shown)
            self._show("container", rows, total=total, became=became)
        if snapshot.images is not None:
            rows = [birth_row(trace) for trace in self.session.births("image")]
            rows += [image_row(i, now, is_pending=Ref("image", i.id) in pending) for i in snapshot.images]
            self._show("image", rows)
        if snapshot.networks is not None:
            self._show("network", [network_row(network) for network in snapshot.networks])
        if snapshot.volumes is not None:
            self._show("volume", [volume_row(volume, now) for volume in snapshot.volumes])
        for kind in KINDS:
            if kind in snapshot.troubles and getattr(snapshot, f"{kind}s") is None:
                self.rail.lists[kind].show((), trouble=clean_line(str(snapshot.troubles[kind])))
        if heights != [made.wanted_height for made in self.rail]:
            self.rail.deal()
        is_any = any(row.is_pending for made in self.rail for row in made.rows)
        (self._spin.resume if is_any else self._spin.pause)()

    def _show(
        self, kind: str, rows: list[Row], *, total: int | None = None, became: Mapping[str, str] | None = None
    ) -> None:
        self.rail.lists[kind].show(rows, total=len(rows) if total is None else total, became=became)

    def draw_title(self) -> None:
        """Draw the upper edge of the detail."""
        row = self.rail.current.selected
        container = self.session.container(self.ref.id) if self.ref.kind == "container" else None
        if container is not None:
            image = clean_line(container.image)
            more = [(" ── ", "line"), (image, "soft")] if image != container.name else []
            self.detail.title([(clean_line(container.name), "strong"), *more], [*self._container_words(container)])
        elif self.ref.is_trace:
            trace = self.session.trace(self.ref.trace_id)
            self.detail.title([(self.ref.name, "strong")], birth_words(trace) if trace else ())
        elif row is not None:
            self.detail.title([(row.name, "strong")], [(row.cells[1].text, "faint")])
        else:
            self.detail.title([])

    @staticmethod
    def _container_words(container: Container) -> Iterable[Piece]:
        now, tone = now_ns(), tone_of(container)
        words = status_words(container, now)
        if container.status is ContainerStatus.RUNNING and container.started_ns:
            seconds = max(now - container.started_ns, 0) // 10**9
            words = f"running {f'{seconds}s' if seconds < 60 else duration(seconds * 10**9)}"
        yield f"{GLYPHS[container.status]} {words}", tone
        if container.ip and container.status.is_alive:
            yield " ── ", "line"
            yield clean_line(container.ip), "second"

    def draw_trace(self) -> None:
        """Draw the lifecycle page, where it is the one that is shown."""
        if self.detail.tab != "lifecycle":
            return
        trace = self._known.get(self.ref.id)
        if self.ref.is_trace:
            trace = self.session.trace(self.ref.trace_id) or trace
        if trace is not None:
            trace = self.session.moving(trace)
        if trace is not None and self.ref.kind == "image" and trace.verb != "pull":
            trace = pull_part(trace)
        self.detail.lifecycle.show(trace)
        if self.ref.is_trace:
            self.draw_title()

    def draw_document(self) -> None:
        """Draw the config or inspect page from the inspect JSON."""
        tab, document = self.detail.tab, self._document
        if tab not in ("config", "inspect"):
            return
        from dockview.widgets import facts  # noqa: PLC0415  loaded when it is first looked at

        if tab == "inspect":
            shown = facts.masked(document) if self.is_masked else document
            self.detail.text(tab).show(facts.json_lines(shown) if document is not None else (), is_same_object=True)
            return
        self.detail.text(tab).show(self._config_lines(document), is_same_object=True)

    def _config_lines(self, document: Mapping[str, object] | None) -> list[list[Piece]]:
        from dockview.widgets import facts  # noqa: PLC0415  loaded when it is first looked at

        snapshot, ref, is_masked = self.session.snapshot, self.ref, self.is_masked
        if ref.kind == "network":
            names = {c.id: c.name for c in snapshot.containers or ()}
            return next((facts.network_config(n, names) for n in snapshot.networks or () if n.id == ref.id), [])
        if ref.kind == "volume":
            return next((facts.volume_config(v, now_ns()) for v in snapshot.volumes or () if v.name == ref.id), [])
        if document is None:
            return []
        image = self.session.image(ref.id) if ref.kind == "image" else None
        if image is not None:
            return facts.image_config(image, document, now_ns(), is_masked=is_masked)
        return facts.container_config(document, is_masked=is_masked)

    def draw_foot(self) -> None:
        """Draw the keys; the layer with the actions knows them."""

    def say_error(self, error: Exception) -> None:
        """Show a failure and what to do about it."""
        hint = error.hint if isinstance(error, DockviewError) else ""
        words = clean_line(str(error)) or type(error).__name__
        if not isinstance(error, DockviewError | OSError):
            words = f"{type(error).__name__}: {words}"
        self.notice.say(f"✗ {words}", clean_line(hint))

    def whisper(self, line: str, words: str = "", tone: str = "good") -> None:
        """Say quietly, on the lower edge, which docker line was done."""
        pieces: list[Piece] = [("$ ", "faint"), (clean_line(line), "soft")]
        if words:
            pieces.append((f"  {clean_line(words)}", tone))
        self.detail.whisper(pieces)

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
        self.detail.turn_to(ref.kind if ref.id else "", self.tab)
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
        if self.detail.turn_to(self.ref.kind, tab) != "logs":
            self.leave_logs()
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
            if tab == "logs":
                self.detail.logs.clear("There is no container yet, and so no log.")
        elif tab == "logs":
            self.detail.logs.clear()
            self.follow_logs(ref)
        elif tab in ("config", "inspect"):
            self.draw_document()
            if tab == "inspect" or ref.kind in ("container", "image"):
                self.ask_document(ref, tab)

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
            if message.tab in ("config", "inspect"):
                self.detail.text(message.tab).show([[(clean_line(str(message.error)), "bad")]])
            else:
                self.say_error(message.error)

    # Time

    def _tick(self) -> None:
        self.draw_rows()
        self.draw_title()

    def _beat(self) -> None:
        for made in self.rail:
            made.beat()

    def _measure_host(self) -> None:
        import psutil  # noqa: PLC0415  after the first picture

        psutil.cpu_percent()

        def measure() -> None:
            load = self.head.load
            used = psutil.virtual_memory()
            self.head.load = replace(
                HostLoad(), cpu=(*load.cpu[-9:], psutil.cpu_percent()), memory_bytes=used.total - used.available
            )

        self.set_timer(0.5, measure)
        self.set_interval(2.0, measure)


def pull_part(trace: Trace) -> Trace | None:
    """Of a run, the part that fetched its image; None where the image was there already."""
    wanted = {Phase.RESOLVE, Phase.CACHE, *PULL_PHASES}
    spans = tuple(span for span in trace.spans if span.phase in wanted)
    return replace(trace, spans=spans, status=Status.OK) if any(span.phase in PULL_PHASES for span in spans) else None


def birth_words(trace: Trace) -> list[Piece]:
    """How a run that is no container yet stands."""
    if trace.status is Status.RUNNING:
        open_spans = [span for span in trace.spans if span.status is Status.RUNNING]
        return [(clean_line(open_spans[-1].label) if open_spans else "starting", "warn")]
    tone = "bad" if trace.status is Status.FAILED else "faint"
    return [(str(trace.status), tone)]
