"""What the app knows of one engine: the last snapshot, the traces that move, what is asked and not yet confirmed.

Plain values, no screen and no engine calls: the dashboard's handlers feed it and read it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from dockview.engine.api import Engine
from dockview.engine.lifecycle import Record, Status, Trace, TraceBuilder
from dockview.engine.model import Capabilities, Container, DiskUsage, EngineInfo, Image, Network, Volume

T = TypeVar("T")

_RUNS = ("run", "create")
_GHOSTS = 3
"""How many failed runs of others, begun since the app was opened, stay listed."""


@dataclass(frozen=True, slots=True)
class Ref:
    """An object on the screen: its kind and its ID."""

    kind: str
    id: str
    name: str = field(default="", compare=False)

    @property
    def is_trace(self) -> bool:
        """Whether this is a run that is no container (yet)."""
        return self.kind == "container" and self.id.startswith("trace:")

    @property
    def trace_id(self) -> str:
        """The trace of such a run."""
        return self.id.removeprefix("trace:")


NOTHING = Ref("", "")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an engine has; None is unknown, and `troubles` says why."""

    containers: Sequence[Container] | None = None
    images: Sequence[Image] | None = None
    networks: Sequence[Network] | None = None
    volumes: Sequence[Volume] | None = None
    usage: DiskUsage | None = None
    info: EngineInfo | None = None
    capabilities: Capabilities = field(default_factory=Capabilities)
    troubles: Mapping[str, Exception] = field(default_factory=dict)


def take_snapshot(engine: Engine, before: Snapshot | None = None, *, is_quick: bool = False) -> Snapshot:
    """Ask an engine for all it has, in a thread; what it cannot say now stays as it was before.

    A quick snapshot leaves out the disk usage, for which an engine may have to walk through folders.
    """
    last = before or Snapshot()
    troubles: dict[str, Exception] = {}

    def ask(kind: str, question: Callable[[], T], known: T) -> T:
        try:
            return question()
        except Exception as error:  # noqa: BLE001  a worker's boundary: the list says why it is not known
            troubles[kind] = error
            return known

    info = last.info or ask("info", engine.info, None)
    capabilities = last.capabilities if before else ask("info", engine.capabilities, last.capabilities)
    snapshot = Snapshot(
        containers=ask("container", lambda: tuple(engine.containers(all=True)), last.containers),
        images=ask("image", lambda: tuple(engine.images()), last.images),
        networks=ask("network", lambda: tuple(engine.networks()), last.networks),
        volumes=ask("volume", lambda: tuple(engine.volumes()), last.volumes),
        info=info,
        capabilities=capabilities,
    )
    usage = last.usage if is_quick else ask("usage", engine.disk_usage, last.usage)
    return replace(snapshot, usage=usage, troubles=troubles)


class Fold:
    """One trace, folded from its records as they come.

    The records of a run that this app started come twice: at once from the run itself, and from the stream of all
    traces, which also has what happens after the run returned. Each source is folded by itself, and the one that has
    come further is shown.
    """

    def __init__(self) -> None:
        self._builders: dict[str, TraceBuilder] = {}
        self._counts: dict[str, int] = {}
        self._built: Trace | None = None

    def apply(self, source: str, record: Record) -> None:
        """Take a record from a source."""
        self._builders.setdefault(source, TraceBuilder()).apply(record)
        self._counts[source] = self._counts.get(source, 0) + 1
        self._built = None

    @property
    def trace(self) -> Trace | None:
        """The trace as far as it is known; None before its header came."""
        if self._built is None:
            built = [
                (self._counts[source], trace)
                for source, builder in self._builders.items()
                if (trace := builder.trace) is not None
            ]
            self._built = max(built, key=lambda pair: pair[0])[1] if built else None
        return self._built


class Session:
    """The state behind the dashboard for one engine."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self._opened_ns = now_ns()
        self.own: set[str] = set()
        """IDs of traces of runs that were started here."""
        self.pending: dict[Ref, str] = {}
        """Objects of which something was asked that is not confirmed, and the verb."""
        self.met: set[str] = set()
        """IDs of traces that the screen has reacted to."""
        self.last_key_s = 0.0
        """When a key was last pressed, on the monotonic clock."""
        self.asked = 0
        """How many snapshots were asked for."""
        self.taken = 0
        """Which of them is shown."""
        self._landing: dict[str, int] = {}
        """Runs that have succeeded and whose container no snapshot lists yet: how many were asked for by then."""
        self._folds: dict[str, Fold] = {}
        self._dismissed: set[str] = set()

    # Objects

    def container(self, container_id: str) -> Container | None:
        """A container of the last snapshot."""
        return next((c for c in self.snapshot.containers or () if c.id == container_id), None)

    def image(self, image_id: str) -> Image | None:
        """An image of the last snapshot."""
        return next((i for i in self.snapshot.images or () if i.id == image_id), None)

    # Traces

    def fold(self, trace_id: str, source: str, record: Record) -> None:
        """Take one record of a trace."""
        self._folds.setdefault(trace_id, Fold()).apply(source, record)

    def trace(self, trace_id: str) -> Trace | None:
        """A trace that records came of."""
        fold = self._folds.get(trace_id)
        return fold.trace if fold else None

    def moving(self, trace: Trace) -> Trace:
        """The same trace, from its records where they have come further."""
        folded = self.trace(trace.id)
        return folded if folded is not None and len(folded.spans) >= len(trace.spans) else trace

    def has_header(self, trace_id: str) -> bool:
        """Whether the beginning of a trace was seen."""
        return self.trace(trace_id) is not None

    def folded(self) -> Iterable[Trace]:
        """All traces that records came of, newest first."""
        found = [trace for fold in self._folds.values() if (trace := fold.trace) is not None]
        return sorted(found, key=lambda trace: trace.started_ns, reverse=True)

    def births(self, kind: str = "container") -> list[Trace]:
        """Runs (or pulls, for the kind image) whose object is not listed yet, and failed ones not yet put away.

        A run that has just succeeded stays until a snapshot that was asked for afterwards is there.
        """
        listed = {container.id for container in self.snapshot.containers or ()}
        verbs = ("pull",) if kind == "image" else _RUNS
        births, ghosts = list[Trace](), 0
        for trace in self.folded():
            if trace.verb not in verbs or trace.id in self._dismissed or trace.container_id in listed:
                continue
            if trace.status is Status.RUNNING:
                births.append(trace)
            elif trace.status is Status.OK:
                if trace.container_id and self.taken <= self._landing.setdefault(trace.id, self.asked):
                    births.append(trace)
            elif trace.id in self.own or (ghosts < _GHOSTS and trace.started_ns >= self._opened_ns):
                ghosts += trace.id not in self.own
                births.append(trace)
        return births

    def building(self) -> list[Trace]:
        """Runs of this app that are still at work."""
        return [trace for trace in self.folded() if trace.id in self.own and trace.status is Status.RUNNING]

    def dismiss(self, trace_id: str) -> None:
        """Put a failed run away."""
        self._dismissed.add(trace_id)

    def forget_old(self, keep: int = 200) -> None:
        """Let go of all but the newest traces."""
        for trace in list(self.folded())[keep:]:
            self._folds.pop(trace.id, None)

    # What is asked

    def settle(self) -> None:
        """Drop pending marks of objects that are gone."""
        ids = {
            *(c.id for c in self.snapshot.containers or ()),
            *(i.id for i in self.snapshot.images or ()),
        }
        for ref in [ref for ref in self.pending if ref.id not in ids]:
            del self.pending[ref]


def other_rows(session: Session) -> dict[str, str]:
    """Row IDs that stand for the same thing: of a run, and of its container, which a failed run takes away again."""
    pairs = [(f"trace:{t.id}", t.container_id) for t in session.folded() if t.container_id and t.verb in _RUNS]
    return {**{container: run for run, container in pairs[::-1]}, **dict(pairs)}


def main_trace(traces: Sequence[Trace]) -> Trace | None:
    """Of an object's traces the one that tells how it came to be as it is: the newest run or start, else the newest."""
    births = ("run", "start", "create", "pull", "restart")
    return next((trace for trace in traces if trace.verb in births), traces[0] if traces else None)


def now_ns() -> int:
    """The wall clock; tests freeze it."""
    return time.time_ns()
