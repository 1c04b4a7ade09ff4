"""The living part of the dashboard: the engine, its feeds, and questions whose answers come as messages.

This is the lowest of six layers of one screen (live → picture → board → verbs → focus → dashboard). It asks; it draws
nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual.screen import Screen
from textual.timer import Timer

from dockview.engine.api import Attachment, Engine
from dockview.engine.cancel import CancelToken
from dockview.engine.lifecycle import Record
from dockview.engine.model import Change, Event, LogRecord, ProcessTable, Stats
from dockview.feeds import Feed, Pipe
from dockview.lanes import Lane, spawn
from dockview.messages import (
    DocumentLoaded,
    EngineFailed,
    EngineOpened,
    LoadFailed,
    PageLoaded,
    SnapshotReady,
    TracesLoaded,
    VerbFailed,
    VerbFinished,
)
from dockview.opening import Opening
from dockview.session import NOTHING, Ref, Session, take_snapshot

_DEBOUNCE_S = 0.1
_SAFETY_S = 5.0
_AGAIN_S = 2.0
"""How long after its end a stream is opened again."""
_LOG_TAIL = 1000
_IMAGE_TRACES = 200


@dataclass
class Run:
    """A run or pull that this app performs."""

    pipe: Pipe[Record]
    cancel: CancelToken
    ref: Ref
    line: str
    trace_id: str = ""
    is_done: bool = False
    attachment: Attachment | None = None
    """Its streams, where it is to have the terminal once it runs."""


class LiveScreen(Screen[None]):
    """A screen on one engine."""

    def __init__(self, opening: Opening) -> None:
        super().__init__()
        self.session = Session()
        self.engine: Engine | None = None
        self.generation = 0
        """Grows with every new engine and every new selection; answers to older questions are dropped."""
        self.runs: list[Run] = []
        self._opening = opening
        self._lists = Lane("lists")
        self._details = Lane("details")
        self._events: Feed[Event] | None = None
        self._traces: Feed[tuple[str, Record]] | None = None
        self._logs: Feed[LogRecord] | None = None
        self._stats: Feed[Stats] | None = None
        self._debounce: Timer | None = None
        self._is_gone = False
        self._workers: dict[Ref, threading.Thread] = {}
        """The threads of verbs, by what they work on."""

    # The engine comes and goes

    async def is_opened_within(self, seconds: float) -> bool:
        """Wait a little for the engine. Returns: whether it is there, or has failed."""
        loop = asyncio.get_running_loop()
        told = asyncio.Event()

        def tell(_: Opening) -> None:
            with contextlib.suppress(RuntimeError):  # the app has ended meanwhile
                loop.call_soon_threadsafe(told.set)

        self._opening.tell(tell)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), seconds)
        return self._opening.is_done

    def hear_opening(self) -> None:
        """Be told when the engine is there."""
        self._opening.tell(self._say_opened)

    def _say_opened(self, opening: Opening) -> None:
        if opening.opened is not None:
            self.post_message(EngineOpened(*opening.opened))
        elif opening.error is not None:
            self.post_message(EngineFailed(opening.error))

    def start_feeds(self, engine: Engine) -> None:
        """Follow what happens on the engine."""
        self.engine = engine
        self._follow_events(engine)
        self._follow_traces(engine)
        self.set_interval(_SAFETY_S, self.refresh_soon)

    def _follow_events(self, engine: Engine) -> None:
        self._events = Feed(self, "events", engine.events)
        self._events.start()

    def _follow_traces(self, engine: Engine) -> None:
        self._traces = Feed(self, "traces", engine.follow_traces)
        self._traces.start()

    def follow_again(self, feed: Feed[Any]) -> None:
        """A stream has ended though the engine was not closed (a daemon restarts): open it again after a while."""
        engine = self.engine
        if engine is None or self._is_gone:
            return
        if feed is self._events:
            self.set_timer(_AGAIN_S, lambda: None if self._is_gone else self._follow_events(engine))
        elif feed is self._traces:
            self.set_timer(_AGAIN_S, lambda: None if self._is_gone else self._follow_traces(engine))

    def let_go(self) -> None:
        """Close the feeds and cancel what is being built. Never waits."""
        self._is_gone = True
        for feed in (self._events, self._traces, self._logs, self._stats):
            if feed is not None:
                feed.close()
        self._lists.close()
        self._details.close()
        for run in self.runs:
            if not run.is_done:
                spawn("cancel", run.cancel.cancel)

    def builders(self) -> list[threading.Thread]:
        """The threads of runs that are still at work; once cancelled, they undo what they did."""
        return [self._workers[run.ref] for run in self.runs if not run.is_done and run.ref in self._workers]

    # Questions

    def refresh_soon(self) -> None:
        """Ask for a new snapshot, once for all that happens within a tenth of a second."""
        if self._debounce is None:
            self._debounce = self.set_timer(_DEBOUNCE_S, self._refresh)

    def _refresh(self) -> None:
        self._debounce = None
        engine, before = self.engine, self.session.snapshot
        if engine is None:
            return
        self.session.asked += 1
        number = self.session.asked

        def ask() -> None:
            self.post_message(SnapshotReady(number, take_snapshot(engine, before)))

        self._lists.ask(ask)

    def is_newest(self, message: SnapshotReady) -> bool:
        """Whether no newer snapshot is shown."""
        return message.generation > self.session.taken

    def ask_traces(self, ref: Ref) -> None:
        """Ask for the traces of an object; of everything for images, whose pulls are parts of runs, and for nothing."""
        question = ref.id if ref.kind == "container" else ""
        limit = 5 if ref.kind == "container" else _IMAGE_TRACES
        self._inquire(ref, "lifecycle", lambda engine, n: TracesLoaded(n, ref, engine.traces(question, limit=limit)))

    def ask_document(self, ref: Ref, tab: str) -> None:
        """Ask for the inspect JSON of an object."""
        self._inquire(ref, tab, lambda engine, n: DocumentLoaded(n, ref, _plain(engine.inspect(ref.id, ref.kind))))

    def ask_page(self, ref: Ref, tab: str) -> None:
        """Ask for the processes (top) or the changed files (files) of a container."""

        def question(engine: Engine, number: int) -> PageLoaded:
            content: ProcessTable | Sequence[Change] = engine.top(ref.id) if tab == "top" else engine.diff(ref.id)
            return PageLoaded(number, ref, tab, content)

        self._inquire(ref, tab, question)

    def _inquire(
        self, ref: Ref, tab: str, question: Callable[[Engine, int], TracesLoaded | DocumentLoaded | PageLoaded]
    ) -> None:
        engine, generation = self.engine, self.generation
        if engine is None:
            return

        def ask() -> None:
            try:
                self.post_message(question(engine, generation))
            except Exception as error:  # noqa: BLE001  a worker's boundary: the tab shows it
                self.post_message(LoadFailed(generation, ref, tab, error))

        self._details.ask(ask)

    # Logs

    def follow_logs(self, ref: Ref) -> Feed[LogRecord] | None:
        """Follow the logs of a container, in place of whichever were followed before."""
        self.leave_logs()
        engine = self.engine
        if engine is None or ref.kind != "container" or ref.is_trace:
            return None
        self._logs = Feed(self, f"logs:{ref.id[:12]}", lambda: engine.logs(ref.id, follow=True, tail=_LOG_TAIL))
        self._logs.start()
        return self._logs

    def leave_logs(self) -> None:
        """Follow no logs."""
        if self._logs is not None:
            self._logs.close()
            self._logs = None

    def follow_stats(self, ref: Ref) -> None:
        """Follow what a container uses, in place of whichever was followed before."""
        self.leave_stats()
        engine = self.engine
        if engine is not None and ref.kind == "container" and not ref.is_trace:
            self._stats = Feed(self, f"stats:{ref.id[:12]}", lambda: engine.stats(ref.id))
            self._stats.start()

    def leave_stats(self) -> None:
        """Follow no stats."""
        if self._stats is not None:
            self._stats.close()
            self._stats = None

    # Verbs

    def perform(self, verb: str, ref: Ref, line: str, do: Callable[[Engine], str | None]) -> None:
        """Do a verb in a thread; VerbFinished or VerbFailed follows."""
        engine = self.engine
        if engine is None:
            return

        def work() -> None:
            try:
                words = do(engine) or ""
            except Exception as error:  # noqa: BLE001  a worker's boundary: the screen shows it
                self.post_message(VerbFailed(verb, ref, line, error))
            else:
                self.post_message(VerbFinished(verb, ref, line, words))

        if ref != NOTHING:
            self.session.pending[ref] = verb
        self._workers[ref] = spawn(f"{verb}:{ref.id[:12]}", work)

    def perform_run(self, verb: str, target: str, line: str, do: Callable[[Engine, Run], str | None]) -> Run:
        """Do a run or a pull, whose trace is followed from its first record."""
        run = Run(Pipe(self), CancelToken(), Ref("", f"{verb}:{len(self.runs)}", target), line)
        self.runs.append(run)
        self.perform(verb, run.ref, line, lambda engine: do(engine, run))
        return run

    def run_of_trace(self, trace_id: str) -> Run | None:
        """The run of this app that writes a trace."""
        return next((run for run in self.runs if run.trace_id == trace_id), None)


def _plain(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return document if isinstance(document, Mapping) else {"": document}
