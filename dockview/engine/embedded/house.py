"""What the verbs of the embedded engine share: the store, its journal, its settings."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from dockview.engine.cancel import CancelToken
from dockview.engine.state.database import Database
from dockview.engine.state.images import ImageRecord
from dockview.engine.state.journal import Journal
from dockview.engine.state.layout import Layout
from dockview.engine.state.traces import Traces


@dataclass(frozen=True)
class RegistrySettings:
    """Which registries short names are looked up in, in order, and which may be spoken to without TLS."""

    search: tuple[str, ...] = ("docker.io", "hub.localhost")
    insecure: tuple[str, ...] = ()
    connect_timeout_s: float = 1.0


@dataclass
class House:
    """One open store."""

    layout: Layout
    database: Database
    journal: Journal
    traces: Traces
    registries: RegistrySettings = field(default_factory=RegistrySettings)
    images: dict[str, ImageRecord] = field(default_factory=dict)
    """Images that were read already, by ID."""
    closing: CancelToken = field(default_factory=CancelToken)
    """Set when the engine closes: whatever blocks registers a closer with it."""

    @property
    def is_rootless(self) -> bool:
        """Whether this engine runs without root and therefore in user namespaces."""
        return os.geteuid() != 0
