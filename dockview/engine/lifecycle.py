"""Phases, spans and traces: what an operation did, step by step, with evidence.

A trace is a list of *records* (small JSON objects), in the order in which things happened. The code that performs a
phase writes them (recorder.py); everything else reads them back into a `Trace` (`TraceBuilder`). The same records go
to the trace's file, to other processes that follow it, and come from the container's own side of the birth, so one
trace covers both sides of the fork, and a picture drawn from it cannot differ from what was done.

Times in records are CLOCK_MONOTONIC nanoseconds, which all processes of one boot share; the header anchors them to
the wall clock. A span's times in the model are nanoseconds since the trace began.

Records, by their `t`:

    {"t": "trace", "id", "verb", "target", "line", "engine", "wall_ns", "clock_ns", "boot", "pid", "pid_start"}
    {"t": "subject", "container"?, "name"?, "image"?}                  what the trace turned out to be about
    {"t": "start", "span", "phase", "part", "clock_ns", "check"?, "undo"?}
    {"t": "fact", "span", "name", "value", "origin"}
    {"t": "check", "span", "check"}                                    the command that proves it, once it is known
    {"t": "progress", "span", "current", "total"?, "unit", "stage"}
    {"t": "end", "span", "clock_ns", "status", "why"?}
    {"t": "done", "clock_ns", "status", "why"?}                        the verb has returned; a container may live on
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

Scalar = str | int | float | bool | None
Record = Mapping[str, Any]
Sink = Callable[[Record], None]


class Phase(StrEnum):
    """The steps of a container's life, in the order in which a first run meets them."""

    PARSE = "parse"
    """The line becomes an API request."""
    CONNECT = "connect"
    """The client reaches the engine."""
    RESOLVE = "resolve"
    """The reference is completed."""
    CACHE = "cache"
    """Is the image here?"""
    AUTH = "auth"
    """A token from the registry's realm."""
    MANIFEST = "manifest"
    """Index, platform, manifest, config."""
    LAYER = "layer"
    """One layer: download, verify, unpack."""
    STORE = "store"
    """The image gets its name."""
    CREATE = "create"
    """ID, name, config, log file."""
    WRITABLE = "layer(rw)"
    """A writable layer on top."""
    NAMESPACES = "namespaces"
    """One namespace (the part names it)."""
    CGROUP = "cgroup"
    """Limits set, process joined."""
    ROOTFS = "rootfs"
    """Overlay, /proc, /dev, /sys, masks, pivot_root."""
    NETWORK = "network"
    """Bridge, veth pair, address, gateway, DNS, hosts."""
    PORTS = "ports"
    """Host port to container port."""
    SECURITY = "security"
    """Capabilities, seccomp, no_new_privs, uid."""
    START = "start"
    """exec of ENTRYPOINT + CMD."""
    RUNNING = "running"
    """The process lives."""
    EXITED = "exited"
    """The code is recorded; the container still exists."""
    STOP = "stop"
    KILL = "kill"
    PAUSE = "pause"
    RENAME = "rename"
    EXEC = "exec"
    COPY = "cp"
    COMMIT = "commit"
    REMOVE = "rm"
    REMOVE_IMAGE = "rmi"
    PRUNE = "prune"


RUN_PHASES: Sequence[Phase] = tuple(p for p in Phase if list(Phase).index(p) <= list(Phase).index(Phase.EXITED))
"""The phases of a run from parse to exited, in order."""

PULL_PHASES: frozenset[Phase] = frozenset({Phase.AUTH, Phase.MANIFEST, Phase.LAYER, Phase.STORE})
"""The phases that a cache hit leaves out."""

NAMESPACES: Sequence[str] = ("user", "mnt", "uts", "ipc", "net", "pid", "cgroup")
"""The parts of the namespaces phase, named as in /proc/PID/ns."""


class Origin(StrEnum):
    """How a fact is known."""

    MEASURED = "measured"
    """dockview did it, timed it, or read it back from the kernel."""
    REPORTED = "reported"
    """Another program said so (an API, a registry)."""
    INFERRED = "inferred"
    """Concluded from other facts; shown with a ~."""


class Status(StrEnum):
    """How a span, or a whole trace, stands."""

    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not done; `why` says for what reason."""
    CANCELLED = "cancelled"
    LOST = "lost"
    """The process that performed it ended without a word."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of evidence."""

    name: str
    value: Scalar
    origin: Origin = Origin.MEASURED


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a span is: `total` is None when nobody knows it."""

    current: int
    total: int | None
    unit: str = "B"
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """One phase, or one part of it (a layer, a namespace), as it was performed."""

    id: str
    phase: Phase
    part: str
    start_ns: int
    """Nanoseconds since the trace began."""
    end_ns: int | None = None
    status: Status = Status.RUNNING
    facts: tuple[Fact, ...] = ()
    progress: Progress | None = None
    check: str = ""
    """A read-only shell command that shows the same facts, or empty."""
    why: str = ""
    """The reason of a failure, a skip or a cancellation."""
    is_undo: bool = False
    """True where the span takes back what the phase had done."""

    @property
    def label(self) -> str:
        """The phase with its part, as shown: `layer 1/2`, `namespaces pid`."""
        return f"{self.phase} {self.part}" if self.part else str(self.phase)

    @property
    def duration_ns(self) -> int | None:
        """Nanoseconds from start to end, None while it runs or when the end is unknown."""
        return None if self.end_ns is None else self.end_ns - self.start_ns

    def fact(self, name: str) -> Scalar:
        """The value of the fact by that name, None when there is none."""
        return next((f.value for f in self.facts if f.name == name), None)


@dataclass(frozen=True, slots=True)
class Trace:
    """An operation as far as it has come."""

    id: str
    verb: str
    """`run`, `start`, `pull`, `stop`, `rm`, `prune`, …"""
    target: str
    line: str
    """The docker line that does the same."""
    engine: str
    started_ns: int
    """Wall clock, nanoseconds since the epoch."""
    clock_ns: int
    """The monotonic clock at the same moment."""
    container_id: str = ""
    container_name: str = ""
    image: str = ""
    spans: tuple[Span, ...] = ()
    status: Status = Status.RUNNING
    """Of the verb: a `run -d` is ok as soon as the container runs."""
    why: str = ""
    done_ns: int | None = None
    """When the verb returned, nanoseconds since the trace began."""
    owner: tuple[int, int] = (0, 0)
    """pid and start time (clock ticks since boot) of the process that performs the verb."""

    @property
    def is_live(self) -> bool:
        """Whether more records may come: the verb is at work, or a span is open."""
        return self.status is Status.RUNNING or any(s.status is Status.RUNNING for s in self.spans)

    def find(self, phase: Phase, part: str | None = None) -> Span | None:
        """The last span of a phase (and part) that is not an undo."""
        found = [s for s in self.spans if s.phase is phase and part in (None, s.part) and not s.is_undo]
        return found[-1] if found else None


class TraceBuilder:
    """Folds records into a Trace, whatever process they come from."""

    def __init__(self) -> None:
        self._head: Trace | None = None
        self._spans: dict[str, Span] = {}

    def apply(self, record: Record) -> None:
        """Take one record; records of unknown kinds or spans are passed over, so that newer files can be read."""
        kind = record.get("t")
        if kind == "trace":
            self._head = Trace(
                id=record["id"], verb=record["verb"], target=record["target"], line=record["line"],
                engine=record["engine"], started_ns=record["wall_ns"], clock_ns=record["clock_ns"],
                owner=(record.get("pid", 0), record.get("pid_start", 0)),
            )  # fmt: skip
        elif self._head is None:
            return
        elif kind == "subject":
            self._head = replace(
                self._head,
                container_id=record.get("container", self._head.container_id),
                container_name=record.get("name", self._head.container_name),
                image=record.get("image", self._head.image),
            )
        elif kind == "done":
            self._head = replace(
                self._head, status=Status(record["status"]), why=record.get("why", ""),
                done_ns=record["clock_ns"] - self._head.clock_ns,
            )  # fmt: skip
        elif kind == "start":
            self._spans[record["span"]] = Span(
                id=record["span"], phase=Phase(record["phase"]), part=record["part"],
                start_ns=record["clock_ns"] - self._head.clock_ns, check=record.get("check", ""),
                is_undo=record.get("undo", False),
            )  # fmt: skip
        elif (span := self._spans.get(record.get("span", ""))) is not None:
            self._spans[span.id] = self._grown(span, kind, record, self._head.clock_ns)

    @staticmethod
    def _grown(span: Span, kind: Any, record: Record, clock_ns: int) -> Span:
        if kind == "fact":
            fact = Fact(record["name"], record["value"], Origin(record["origin"]))
            kept = tuple(f for f in span.facts if f.name != fact.name)
            return replace(span, facts=(*kept, fact))
        if kind == "check":
            return replace(span, check=record["check"])
        if kind == "progress":
            progress = Progress(record["current"], record.get("total"), record["unit"], record["stage"])
            return replace(span, progress=progress)
        if kind == "end":
            end_ns = record["clock_ns"] - clock_ns
            return replace(span, end_ns=end_ns, status=Status(record["status"]), why=record.get("why", ""))
        return span

    @property
    def trace(self) -> Trace | None:
        """The trace so far; None before its header was read."""
        return None if self._head is None else replace(self._head, spans=tuple(self._spans.values()))
