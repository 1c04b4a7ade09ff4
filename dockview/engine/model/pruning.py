"""What takes space, and what could go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dockview.engine.model.containers import Container
from dockview.engine.model.images import Image
from dockview.engine.model.resources import Volume


@dataclass(frozen=True, slots=True)
class PruneItem:
    """Something that a prune would remove."""

    kind: str
    """container, image, layer, blob, volume, network, trace."""
    id: str
    name: str
    size_bytes: int | None
    why: str
    """In plain words: `exited 3 h ago`, `no container uses it`."""


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What a prune would remove, computed and shown before anything goes."""

    kinds: tuple[str, ...]
    items: tuple[PruneItem, ...]

    @property
    def size_bytes(self) -> int | None:
        """The bytes that would be freed; None when the size of an item is unknown."""
        sizes = [item.size_bytes for item in self.items]
        return None if None in sizes else sum(size for size in sizes if size is not None)


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What a prune removed, and what it left because it came into use meanwhile."""

    removed: tuple[PruneItem, ...]
    kept: tuple[tuple[PruneItem, str], ...]
    freed_bytes: int | None


@dataclass(frozen=True, slots=True)
class ImageUse:
    """What an image takes: bytes that it shares with other images, and bytes of its own."""

    image: Image
    shared_bytes: int | None
    unique_bytes: int | None


@dataclass(frozen=True, slots=True)
class VolumeUse:
    """A volume, and how many containers use it."""

    volume: Volume
    links: int | None


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """Bytes on disk by kind; None where unknown."""

    images_bytes: int | None
    containers_bytes: int | None
    volumes_bytes: int | None
    cache_bytes: int | None
    """Of a builder."""
    blobs_bytes: int | None = 0
    """Of layers as downloaded, where an engine keeps them beside the unpacked ones."""
    images: tuple[ImageUse, ...] = ()
    """This and what follows only where details were asked for."""
    containers: tuple[Container, ...] = ()
    """With their sizes."""
    volumes: tuple[VolumeUse, ...] = ()
    cache: tuple[Mapping[str, Any], ...] = ()
    """Of a builder: docker's own JSON of each entry."""
