"""How a container came to be, and what became of it: the trace of an operation as a picture."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from dockview import lessons
from dockview.engine.lifecycle import Phase, Span, Status, Trace
from dockview.keymap import LIFECYCLE_ACTIONS, LIST_ACTIONS, bindings_for
from dockview.theme import Paint, paint_of
from dockview.widgets.evidence import Lessons
from dockview.widgets.lifecycle_draw import Picture, View, draw
from dockview.widgets.lifecycle_lines import Line, cells
from dockview.widgets.lifecycle_rows import Row

_SPINNER = "◐◓◑◒"
_STILL = "◉"
_BUSY_S = 0.1
_CLOCK_S = 1.0


class LifecycleView(Widget, can_focus=True):
    """Draws a trace: the way, a row for each phase, and the evidence of the row under the cursor.

    The cursor follows what happens until it is moved. The widget redraws the lines that have changed, when a trace is
    shown, ten times a second while a phase is at work, and once a second while a container just runs.
    """

    DEFAULT_CSS = """
    LifecycleView {
        height: 1fr;
        width: 1fr;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for(LIST_ACTIONS),
        *bindings_for(LIFECYCLE_ACTIONS),
    ]
    """
    | Key(s) | What it does |
    | :- | :- |
    | j k g G, arrows | Move from phase to phase. |
    | enter, x | Ask for the proof of the phase under the cursor. |
    | space | Show or hide the evidence. |
    """

    @dataclass
    class ProveRequested(Message):
        """The viewer wants the proof of a phase: `check` is a read-only shell command, empty if there is none."""

        view: LifecycleView
        check: str
        span: Span

        @property
        def control(self) -> LifecycleView:
            """The view it comes from."""
            return self.view

    @dataclass
    class PhaseSelected(Message):
        """The cursor has been moved to another phase; `span` is None where nothing was done yet."""

        view: LifecycleView
        phase: Phase
        span: Span | None

        @property
        def control(self) -> LifecycleView:
            """The view it comes from."""
            return self.view

    def __init__(self, *, depth: int = 1, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.depth = depth
        """How deep the lessons go, from 0 (an everyday picture) to 4 (the kernel)."""
        self._trace: Trace | None = None
        self._fixed_now_ns: int | None = None
        self._cursor: tuple[str, str] | None = None
        self._panel: bool | None = None
        self._picture: Picture | None = None
        self._tick = 0
        self._timer: Timer | None = None
        self._interval = 0.0

    # What is shown

    def show(self, trace: Trace | None, *, now_ns: int | None = None) -> None:
        """Show a trace as it stands; None shows nothing.

        Args:
            trace: The trace; another ID than before lets the cursor follow what happens again.
            now_ns: The moment, in nanoseconds since the trace began, for a replay; None is the clock of this machine.
        """
        if trace is None or self._trace is None or trace.id != self._trace.id:
            self._cursor = None
        self._trace, self._fixed_now_ns = trace, now_ns
        self._redraw()

    @property
    def trace(self) -> Trace | None:
        """The trace that is shown."""
        return self._trace

    @property
    def selected(self) -> Row | None:
        """The row under the cursor."""
        picture = self._picture
        return picture.rows[picture.selected] if picture and picture.rows else None

    # Drawing

    def _now_ns(self, trace: Trace) -> int:
        if self._fixed_now_ns is not None:
            return self._fixed_now_ns
        return max(time.monotonic_ns() - trace.clock_ns, 0)

    def _lessons(self, phase: Phase) -> Lessons:
        """What a phase means at the chosen depth, and below that."""
        deeper = [level for level in lessons.depths(phase) if level > self.depth]
        told = [("", lessons.lesson(phase, self.depth))]
        return told + [(lessons.DEPTHS[level], lessons.lesson(phase, level)) for level in deeper]

    def _redraw(self) -> None:
        """Draw anew, and have the lines repainted that differ."""
        width, height = self.size
        trace = self._trace
        before = self._picture
        if trace is None or not width or not height:
            self._picture = None
            self.refresh()
            self._schedule(0.0)
            return
        view = View(
            width, height, self._now_ns(trace), cursor=self._cursor, top=before.top if before else 0,
            panel=self._panel, spinner=self._glyph(),
        )  # fmt: skip
        self._picture = picture = draw(trace, view, self._lessons)
        self._schedule(self._wanted_interval(trace))
        if before is None or len(before.lines) != len(picture.lines):
            self.refresh()
            return
        old, new = self._grounds(before), self._grounds(picture)
        changed = [
            Region(0, y, width, 1) for y in range(height) if before.lines[y] != picture.lines[y] or old[y] != new[y]
        ]
        if changed:
            self.refresh(*changed)

    @staticmethod
    def _grounds(picture: Picture) -> list[bool]:
        return [owner is not None and owner == picture.selected for owner in picture.row_at]

    def _glyph(self) -> str:
        return _STILL if self.app.animation_level == "none" else _SPINNER[self._tick // 2 % len(_SPINNER)]

    def _wanted_interval(self, trace: Trace) -> float:
        """Seconds between two pictures: 0 where nothing moves."""
        if self._fixed_now_ns is not None or not trace.is_live:
            return 0.0
        lives = all(s.phase is Phase.RUNNING for s in trace.spans if s.status is Status.RUNNING)
        return _CLOCK_S if lives and trace.status is not Status.RUNNING else _BUSY_S

    def _schedule(self, interval: float) -> None:
        if interval == self._interval:
            return
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._interval = interval
        if interval:
            self._timer = self.set_interval(interval, self._on_tick)

    def _on_tick(self) -> None:
        self._tick += 1
        self._redraw()

    def render_line(self, y: int) -> Strip:
        """One line of the picture, painted."""
        paint = paint_of(self.app)
        picture = self._picture
        if picture is None or y >= len(picture.lines):
            return Strip([Segment(" " * self.size.width, paint("text"))], self.size.width)
        owner = picture.row_at[y]
        ground = ""
        if owner is not None and owner == picture.selected:
            ground = "cursor" if self.has_focus else "mark" if self._cursor is not None else ""
        return _painted(picture.lines[y], paint, ground, picture.row_width, self.size.width)

    # Events and actions

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._picture = None
        self._redraw()

    def on_show(self) -> None:
        """Draw what was shown meanwhile."""
        self._redraw()

    def on_hide(self) -> None:
        """Rest while nobody looks."""
        self._schedule(0.0)

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Show the cursor as resting."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Select the row under the pointer."""
        picture = self._picture
        if picture and event.y < len(picture.row_at) and (owner := picture.row_at[event.y]) is not None:
            self._select(owner)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move to the next phase."""
        event.stop()
        self._move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move to the phase before."""
        event.stop()
        self._move(-1)

    def action_down(self) -> None:
        """To the next phase."""
        self._move(1)

    def action_up(self) -> None:
        """To the phase before."""
        self._move(-1)

    def action_top(self) -> None:
        """To the first phase."""
        self._select(0)

    def action_bottom(self) -> None:
        """Back to what happens now; the cursor follows it again."""
        self._cursor = None
        self._redraw()

    def action_page_down(self) -> None:
        """Some phases on."""
        self._move(8)

    def action_page_up(self) -> None:
        """Some phases back."""
        self._move(-8)

    def action_evidence(self) -> None:
        """Show or hide the evidence."""
        is_shown = self.size.height >= 30 if self._panel is None else self._panel
        self._panel = not is_shown
        self._redraw()

    def action_prove(self) -> None:
        """Ask for the proof of the phase under the cursor."""
        row = self.selected
        if row is not None and row.spans:
            span = row.proof or row.spans[-1]
            self.post_message(self.ProveRequested(self, span.check, span))

    def _move(self, rows: int) -> None:
        if self._picture:
            self._select(self._picture.selected + rows)

    def _select(self, number: int) -> None:
        picture = self._picture
        if not picture or not picture.rows:
            return
        row = picture.rows[min(max(number, 0), len(picture.rows) - 1)]
        self._cursor = row.key
        self._redraw()
        self.post_message(self.PhaseSelected(self, row.phase, row.spans[-1] if row.spans else None))


def _painted(line: Line, paint: Paint, ground: str, ground_width: int, width: int) -> Strip:
    segments: list[Segment] = []
    at = 0
    for text, tone in line:
        if text:
            segments.append(Segment(text, paint(tone, ground if at < ground_width else "")))
            at += cells(text)
    return Strip(segments, width)
