"""The lists of images, networks and volumes, from the records alone.

What is here is needed for the first picture of the app, and so it imports nothing that only a verb needs.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from dockview.engine.embedded.house import House
from dockview.engine.images.reference import Reference
from dockview.engine.model import Image, Network, Volume
from dockview.engine.state import images, networks, volumes
from dockview.engine.state.images import ImageRecord
from dockview.engine.state.networks import NetworkRecord
from dockview.engine.state.volumes import VolumeRecord

ANONYMOUS_LABEL = "com.docker.volume.anonymous"
PREDEFINED = {"bridge": "bridge", "host": "host", "none": "null"}
"""Name to driver of the networks that are always there."""
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")


# Images


def list_images(house: House) -> list[Image]:
    """The images that are here, the one pulled last first."""
    used = _containers_by_image(house)
    return [to_image(record, containers=used.get(record.id, 0)) for record in images.everything(house.database)]


def to_image(record: ImageRecord, *, containers: int | None = None) -> Image:
    """A record as the model has it."""
    config = record.config
    settings = config.get("config")
    labels = settings.get("Labels") if isinstance(settings, dict) else None
    return Image(
        id=record.id,
        tags=tuple(Reference.parse(tag).familiar for tag in record.tags),
        digests=record.repo_digests,
        created_ns=parse_time(config.get("created")),
        size_bytes=record.size_bytes,
        layers=record.layers,
        architecture=str(config.get("architecture") or ""),
        os=str(config.get("os") or ""),
        labels=dict(labels or {}),
        containers=containers,
    )


def parse_time(text: Any) -> int | None:
    """RFC 3339 to nanoseconds since the epoch; None for what is no time."""
    match = _TIME.fullmatch(str(text))
    if match is None:
        return None
    try:
        seconds = int(datetime.fromisoformat(match[1] + "+00:00").timestamp())
    except ValueError:
        return None
    if match[3] != "Z":
        hours, minutes = int(match[3][1:3]), int(match[3][4:])
        seconds -= (1 if match[3][0] == "+" else -1) * (hours * 3600 + minutes * 60)
    return seconds * 1_000_000_000 + int((match[2] or "").ljust(9, "0"))


def _containers_by_image(house: House) -> dict[str, int]:
    rows = house.database.query("SELECT image_id, count(*) AS n FROM containers GROUP BY image_id")
    return {row["image_id"]: row["n"] for row in rows}


# Networks


def list_networks(house: House) -> list[Network]:
    """The networks of a store. Bridge, host and none are always there, the first without a subnet until it is used."""
    recorded = {record.name: record for record in networks.everything(house.database)}
    found = [
        Network(id=networks.predefined_id(house.layout.root, name), name=name, driver=driver)
        for name, driver in PREDEFINED.items()
        if name not in recorded
    ]
    found += [to_network(house, record) for record in recorded.values()]
    return sorted(found, key=lambda network: network.name)


def to_network(house: House, record: NetworkRecord) -> Network:
    """A record as the model has it, with the addresses that are taken, also by containers that do not run."""
    return Network(
        id=record.id, name=record.name, driver=record.driver, subnet=record.subnet, gateway=record.gateway,
        bridge=record.bridge, containers=networks.addresses(house.database, record.id), created_ns=record.created_ns,
        is_internal=record.is_internal, labels=record.labels,
    )  # fmt: skip


# Volumes


def list_volumes(house: House, *, has_sizes: bool = True) -> list[Volume]:
    """All volumes."""
    return [to_volume(house, record, has_size=has_sizes) for record in volumes.everything(house.database)]


def to_volume(house: House, record: VolumeRecord, *, has_size: bool) -> Volume:
    """A record as the model has it."""
    folder = house.layout.volume(record.name)
    labels = {**record.labels, **({ANONYMOUS_LABEL: ""} if record.is_anonymous else {})}
    size: int | None = None
    if has_size:
        from dockview.engine.embedded.trees import tree_size  # noqa: PLC0415  where there are volumes

        size = tree_size(folder)
    return Volume(
        name=record.name, driver="local", mountpoint=folder, created_ns=record.created_ns, size_bytes=size,
        labels=labels,
    )  # fmt: skip
