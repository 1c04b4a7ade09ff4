"""The picture of the dashboard: head, lists, detail, foot, drawn from the session. The second layer of the screen.

It draws what it is asked to and decides nothing; the layer above knows when.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer

from dockview.engine.errors import DockviewError
from dockview.engine.lifecycle import PULL_PHASES, Phase, Status, Trace
from dockview.engine.model import Container, ContainerStatus
from dockview.keymap import ACTIONS, show_keys
from dockview.opening import Opening
from dockview.screens.live import LiveScreen
from dockview.session import NOTHING, Ref, now_ns, other_rows
from dockview.text import clean_line, duration, mask_line
from dockview.widgets.detail import Detail, Notice
from dockview.widgets.foot import Foot
from dockview.widgets.head import Counts, Head, HostLoad
from dockview.widgets.lines import Piece
from dockview.widgets.rail import KINDS, Rail
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

_ROOMY = 104
"""From this width on the lists are wider than 32 cells."""


class PictureScreen(LiveScreen):
    """Draws what the session knows."""

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
    _spin: Timer
    """Turns the spinners of pending rows while there are any."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._known: dict[str, Trace] = {}
        """By object ID the trace that its lifecycle page shows."""
        self._document: Mapping[str, object] | None = None
        """The inspect JSON of the selected object, once it is there."""

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
        self.draw_welcome()

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

    def draw_welcome(self) -> None:
        """Where there is no object and no container, say what can be done."""
        snapshot = self.session.snapshot
        is_empty = snapshot.containers is not None and not snapshot.containers and not self.session.births()
        if self.ref.id or not is_empty or self.rail.current.rows:
            self.detail.greet(())
            return
        from dockview.widgets.welcome import welcome  # noqa: PLC0415  loaded where a store is empty

        is_embedded = snapshot.info is None or snapshot.info.kind == "embedded"
        self.detail.greet(welcome(self.first_key_of, is_embedded=is_embedded, width=self._detail_width()))

    def _detail_width(self) -> int:
        # Before the first layout the width is known from the screen's alone: see dashboard.tcss.
        total = self.app.size.width
        return (self.detail.size.width or total - (32 if total < _ROOMY else min(max(total * 36 // 100, 40), 64))) - 7

    def first_key_of(self, action_id: str) -> str:
        """The key of an action, as people write it; the layer with the keys knows what the user has set."""
        return show_keys(ACTIONS[action_id].keys, first=True)

    def on_resize(self) -> None:
        """Wrap the welcome anew."""
        self.call_after_refresh(self.draw_welcome)

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
        pieces: list[Piece] = [("$ ", "faint"), (mask_line(clean_line(line)), "soft")]
        if words:
            pieces.append((f"  {clean_line(words)}", tone))
        self.detail.whisper(pieces)

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
