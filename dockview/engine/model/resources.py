"""Networks, volumes, and the files of a container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network, with the addresses in use on it."""

    id: str
    name: str
    driver: str
    subnet: str = ""
    gateway: str = ""
    bridge: str = ""
    containers: Mapping[str, str] = field(default_factory=dict)
    """Container ID to address."""
    created_ns: int | None = None
    is_internal: bool = False
    """Without a way out."""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRequest:
    """What `docker network create` asks for; empty texts leave the choice to the engine."""

    name: str
    line: str
    """The docker line, as typed."""
    driver: str = "bridge"
    subnet: str = ""
    """`10.5.0.0/24`."""
    gateway: str = ""
    ip_range: str = ""
    """The part of the subnet that addresses are taken from."""
    is_internal: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    """Of the driver: com.docker.network.bridge.name, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A named volume."""

    name: str
    driver: str
    mountpoint: str
    created_ns: int | None = None
    size_bytes: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """A difference between a container's file system and its image's."""

    kind: str
    """A (added), C (changed) or D (deleted)."""
    path: str
    """As the container sees it (untrusted)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStat:
    """What there is at a path of a container."""

    name: str
    size_bytes: int
    mode: int
    """st_mode: type and permissions (inode(7))."""
    modified_ns: int
    link_target: str = ""
    """Of a symbolic link: where it leads, followed to its end inside the container."""
