"""An engine: which it is, what it can, and what the machine lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """Which engine this is."""

    kind: str
    """embedded or docker."""
    name: str
    """As shown in the head: `embedded`, or the context's name."""
    version: str
    api_version: str
    os: str
    architecture: str
    kernel: str
    rootless: bool | None
    endpoint: str
    """The store's root, or the daemon's address."""
    cgroup_version: str = ""
    """`1`, `2`, `hybrid` or empty when unknown."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Docker's own keys of `docker info`, as far as they are known."""
    components: tuple[Mapping[str, Any], ...] = ()
    """The parts of a daemon with their versions, as `docker version` names them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `dockview doctor`."""

    topic: str
    state: str
    """ok, limited or missing."""
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do: every verb and feature except those it names, each with the reason."""

    missing: Mapping[str, str] = field(default_factory=dict)

    def why_not(self, feature: str) -> str | None:
        """The reason why the engine lacks a feature, None when it has it."""
        return self.missing.get(feature)
