"""One thread that follows a daemon's events, and writes the later life of containers: RUNNING, EXITED.

It serves the traces of this process (a run returns long before its container exits), and makes traces of the starts
that others cause: the docker command line, compose, a restart policy.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from dockview.engine.daemon import mapping
from dockview.engine.daemon.client import Daemon
from dockview.engine.daemon.observe import observe
from dockview.engine.daemon.streams import open_events
from dockview.engine.daemon.traces import Journal
from dockview.engine.errors import Cancelled, DockviewError, Unavailable
from dockview.engine.lifecycle import Origin, Phase, Record, Scalar, Status
from dockview.engine.model import Event
from dockview.engine.recorder import Recorder

_SUBSCRIBE_S = 5
_REMEMBERED = 1000
_FIRST_RETRY_S = 0.2
_LAST_RETRY_S = 5.0
_SAME_RUN_NS = 10_000_000_000
"""A start this soon after the creation is taken for the second half of a `docker run`."""


class Life:
    """RUNNING and EXITED of one start of a container; they may become known in either order, from two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._emit: Callable[[Record], None] | None = None
        self._signal = ""
        self._end: Mapping[str, Scalar] | None = None
        self._has_ended = threading.Event()

    def exit_code(self, within_s: float) -> int | None:
        """The exit code as soon as it is known; None when it does not come in time, or is not known."""
        if not self._has_ended.wait(within_s) or self._end is None:
            return None
        code = self._end.get("exit code")
        return code if isinstance(code, int) else None

    def begin(self, trace: Recorder, *, pid: int, started_at: str) -> None:
        """The container runs: open RUNNING in its trace, and end it too if the end is known already."""
        with self._lock:
            self._emit = trace.emit
            self._start("running", Phase.RUNNING)
            if pid:
                self._fact("running", "pid", pid)
            if started_at:
                self._fact("running", "started", started_at)
            if self._end is not None:
                self._finish(self._end)

    def signalled(self, signal: str) -> None:
        """Somebody sent a signal through the daemon."""
        with self._lock:
            self._signal = signal

    def ended(self, facts: Mapping[str, Scalar]) -> None:
        """The container exited."""
        with self._lock:
            if self._end is None:
                self._end = facts
                self._has_ended.set()
                if self._emit is not None:
                    self._finish(facts)

    def _finish(self, facts: Mapping[str, Scalar]) -> None:
        self._stop("running")
        self._start("exited", Phase.EXITED)
        for name, value in facts.items():
            self._fact("exited", name, value)
        if self._signal:
            self._fact("exited", "signal sent", self._signal)
        self._stop("exited")

    def _start(self, span: str, phase: Phase) -> None:
        self._write(t="start", span=span, phase=str(phase), part="", clock_ns=time.monotonic_ns(), check="")

    def _fact(self, span: str, name: str, value: Scalar) -> None:
        self._write(t="fact", span=span, name=name, value=value, origin=str(Origin.REPORTED))

    def _stop(self, span: str) -> None:
        self._write(t="end", span=span, clock_ns=time.monotonic_ns(), status=str(Status.OK), why="")

    def _write(self, **record: Scalar) -> None:
        if self._emit is not None:
            self._emit(record)


class Watch:
    """Follows the events of one daemon from the first use on; comes back by itself after a broken connection."""

    def __init__(self, daemon: Daemon, journal: Journal, on_change: Callable[[str], None]) -> None:
        self._daemon = daemon
        self._journal = journal
        self._on_change = on_change
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._subscribed = threading.Event()
        self._closed = threading.Event()
        self._lives: dict[str, Life] = {}
        self._created: OrderedDict[str, Event] = OrderedDict()
        self._past: OrderedDict[str, Life] = OrderedDict()

    def start(self) -> None:
        """Follow from now on."""
        with self._lock:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._follow, name="docker-events", daemon=True)
                self._thread.start()

    def claim(self, container_id: str) -> Life:
        """This process is about to start the container, and will tell its trace to the returned Life.

        Returns once the daemon has taken the subscription, so that even the shortest life is seen.
        """
        self.start()
        self._subscribed.wait(_SUBSCRIBE_S)
        life = Life()
        with self._lock:
            self._lives[container_id] = life
        return life

    def exit_code(self, container_id: str, within_s: float) -> int | None:
        """What the events tell of the last life of a container, which may be gone; None when it was not followed."""
        with self._lock:
            life = self._lives.get(container_id) or self._past.get(container_id)
        return None if life is None else life.exit_code(within_s)

    def release(self, container_id: str) -> None:
        """The start failed: there is no life to follow."""
        with self._lock:
            self._lives.pop(container_id, None)

    def close(self) -> None:
        """End the thread; the daemon's connection is closed before this is called."""
        self._closed.set()
        self._subscribed.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=2)

    def _follow(self) -> None:
        pause_s, since = _FIRST_RETRY_S, ""
        while not self._closed.is_set():
            try:
                params = {"filters": '{"type":["container"]}'} | ({"since": since} if since else {})
                with contextlib.closing(open_events(self._daemon, params)) as events:
                    is_first, pause_s = not self._subscribed.is_set(), _FIRST_RETRY_S
                    self._subscribed.set()
                    if not is_first:
                        self._recheck()
                    for event in events:
                        since = mapping.timestamp(event.time_ns + 1)
                        self._take(event)
            except Cancelled:
                return
            except DockviewError:
                pass  # The daemon is away; the verbs and the lists say so, and this comes back.
            self._closed.wait(pause_s)
            pause_s = min(pause_s * 2, _LAST_RETRY_S)

    def _take(self, event: Event) -> None:
        self._on_change(event.actor_id)
        action = event.action.partition(":")[0]
        with self._lock:
            life = self._lives.get(event.actor_id)
        if action == "create":
            self._created[event.actor_id] = event
            if len(self._created) > _REMEMBERED:
                self._created.popitem(last=False)
        elif action == "start" and life is None:
            self._adopt(event)
        elif action == "kill" and life is not None:
            life.signalled(event.attributes.get("signal", ""))
        elif action == "die" and life is not None:
            self._end(event.actor_id, life, event.attributes.get("exitCode"))
        elif action == "destroy":
            self._created.pop(event.actor_id, None)

    def _end(self, container_id: str, life: Life, exit_code: str | None) -> None:
        with self._lock:
            self._lives.pop(container_id, None)
            self._past[container_id] = life
            if len(self._past) > _REMEMBERED:
                self._past.popitem(last=False)
        facts: dict[str, Scalar] = {"exit code": int(exit_code) if exit_code else None}
        with contextlib.suppress(DockviewError):  # A container of --rm may be gone by now.
            container = mapping.container_of_inspect(self._inspect(container_id))
            facts["oom killed"] = container.oom_killed
            if facts["exit code"] is None:
                facts["exit code"] = container.exit_code
        life.ended(facts)

    def _inspect(self, container_id: str) -> mapping.Json:
        with self._daemon.mapped("cannot inspect the container"):
            found: mapping.Json = self._daemon.api.inspect_container(container_id)
        return found

    def _recheck(self) -> None:
        """After a gap in the events: whose end was missed?"""
        with self._lock:
            lives = dict(self._lives)
        for container_id, life in lives.items():
            try:
                container = mapping.container_of_inspect(self._inspect(container_id))
                has_ended = not container.status.is_alive and container.started_ns is not None
            except Unavailable:
                return
            except DockviewError:
                has_ended = True
            if has_ended:
                self._end(container_id, life, None)

    def _adopt(self, event: Event) -> None:
        """Make a trace of a start that somebody else caused; its times are those of our learning of it."""
        created = self._created.pop(event.actor_id, None)
        is_run = created is not None and event.time_ns - created.time_ns < _SAME_RUN_NS
        name = event.attributes.get("name", event.actor_id[:12])
        image = event.attributes.get("image", "")
        life = Life()
        with self._lock:
            self._lives[event.actor_id] = life
        try:
            found = self._inspect(event.actor_id)
        except DockviewError:
            found = {}
        verb, line = ("run", "") if is_run else ("start", f"docker start {name}")
        state = found.get("State") or {}
        with Recorder(
            verb, image if is_run else name, line=line, engine="docker", sinks=[self._journal.sink()]
        ) as trace:
            trace.subject(container=event.actor_id, name=name, image=image)
            if is_run:
                with trace.phase(Phase.CREATE, check=f"docker inspect {name}") as span:
                    span.fact("id", event.actor_id, Origin.REPORTED)
                    span.fact("name", name, Origin.REPORTED)
                    span.fact("by", "another client of the daemon", Origin.INFERRED)
            with trace.phase(Phase.START) as span:
                span.fact("by", "another client, or the daemon itself", Origin.INFERRED)
                argv = [found.get("Path") or "", *(found.get("Args") or ())]
                span.fact("argv", " ".join(argv).strip() or None, Origin.REPORTED)
                span.fact("pid", state.get("Pid") or None, Origin.REPORTED)
            observe(trace, self._daemon.endpoint, found)
            life.begin(trace, pid=int(state.get("Pid") or 0), started_at=str(state.get("StartedAt") or ""))
