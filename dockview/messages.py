"""What threads tell the screen: all messages that cross from an engine's side, on one page.

Workers and feeds post these and touch no widget; the handlers of the dashboard own all state. An answer carries the
generation of its question, and an answer to an old question is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual.message import Message

from dockview.engine.api import Engine
from dockview.engine.lifecycle import Trace
from dockview.engine.model import Change, ProcessTable, PrunePlan
from dockview.session import Ref, Snapshot


@dataclass
class EngineOpened(Message):
    """The engine is there, with what it has."""

    engine: Engine
    snapshot: Snapshot


@dataclass
class EngineFailed(Message):
    """The engine could not be opened."""

    error: Exception


@dataclass
class SnapshotReady(Message, bubble=False):
    """What there is now."""

    generation: int
    snapshot: Snapshot

    def can_replace(self, message: Message) -> bool:
        """Only the newest snapshot counts."""
        return isinstance(message, SnapshotReady)


@dataclass
class TracesLoaded(Message):
    """The traces of an object, newest first."""

    generation: int
    ref: Ref
    traces: Sequence[Trace]


@dataclass
class DocumentLoaded(Message):
    """The inspect JSON of an object."""

    generation: int
    ref: Ref
    document: Mapping[str, Any]


@dataclass
class PageLoaded(Message):
    """The processes of a container (tab top), or the files that it has changed (tab files)."""

    generation: int
    ref: Ref
    tab: str
    content: ProcessTable | Sequence[Change]


@dataclass
class LoadFailed(Message):
    """A detail could not be read."""

    generation: int
    ref: Ref
    tab: str
    error: Exception


@dataclass
class VerbFinished(Message):
    """A verb was done."""

    verb: str
    ref: Ref
    line: str
    words: str = ""
    """What to say beside the line, or empty."""


@dataclass
class VerbFailed(Message):
    """A verb was refused or failed."""

    verb: str
    ref: Ref
    line: str
    error: Exception


@dataclass
class PlanReady(Message):
    """What a prune would remove."""

    generation: int
    plan: PrunePlan | None
    error: Exception | None = None
