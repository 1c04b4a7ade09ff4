"""`system df`: what takes disk space, and what a prune would give back, in docker's tables."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.execute_images import IMAGE_HEADERS, image_rows
from dockview.commands.execute_lists import VOLUME_HEADERS, volume_row
from dockview.commands.execute_ps import HEADERS, container_row, size_text
from dockview.commands.listing import Listing, clean_cell, show, table
from dockview.commands.template import compile_template, to_json
from dockview.engine.api import Engine
from dockview.engine.errors import InvalidRequest
from dockview.engine.model import DiskUsage
from dockview.text import docker_size

_HEADERS = {
    "Type": "TYPE", "TotalCount": "TOTAL", "Active": "ACTIVE", "Size": "SIZE", "Reclaimable": "RECLAIMABLE",
}  # fmt: skip
_IMAGE_COLUMNS = ("Repository", "Tag", "ID", "CreatedSince", "Size", "SharedSize", "UniqueSize", "Containers")
_CONTAINER_COLUMNS = ("ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names")
_VOLUME_COLUMNS = ("Name", "Links", "Size")
_CACHE_COLUMNS = ("CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "LAST USED", "USAGE", "SHARED")
Rows = Sequence[Mapping[str, str]]


def disk_usage(engine: Engine, command: Command, console: Console) -> int:
    """Show the disk usage by kind, or with --verbose of each thing."""
    usage = engine.disk_usage(details=True)
    if not command.is_on("verbose"):
        return show(Listing(_HEADERS, tuple(_HEADERS), _summary(usage), quiet_field="Type"), command, console)
    template = command.text("format").strip()
    if template.startswith("table "):
        raise InvalidRequest(
            "the verbose option is not compatible with the table format", hint="json and other templates are"
        )
    if template not in ("", "table"):
        details = _details(usage, is_whole=True)
        console.print(to_json(details) if template == "json" else compile_template(template)(details))
    else:
        _show_details(usage, console)
    return 0


def _summary(usage: DiskUsage) -> list[dict[str, str]]:
    used_ids = {container.image_id for container in usage.containers}
    busy = [use for use in usage.images if use.image.id in used_ids or use.image.containers]
    kept = [use.unique_bytes for use in busy]
    images_reclaimable = None
    if usage.images_bytes is not None and None not in kept:
        images_reclaimable = max(usage.images_bytes - sum(size for size in kept if size is not None), 0)
    if not usage.images:
        images_reclaimable = usage.images_bytes
    alive = [container for container in usage.containers if container.status.is_alive]
    ended = [container for container in usage.containers if not container.status.is_alive]
    linked = [use for use in usage.volumes if use.links]
    rows = [
        _row("Images", len(usage.images), len(busy), usage.images_bytes, images_reclaimable),
        _row("Containers", len(usage.containers), len(alive), _sum(c.size_rw_bytes for c in usage.containers),
             _sum(c.size_rw_bytes for c in ended)),
        _row("Local Volumes", len(usage.volumes), len(linked), _sum(use.volume.size_bytes for use in usage.volumes),
             _sum(use.volume.size_bytes for use in usage.volumes if not use.links)),
        _row("Build Cache", len(usage.cache), sum(bool(entry.get("InUse")) for entry in usage.cache),
             usage.cache_bytes, _sum(entry.get("Size") for entry in usage.cache if not entry.get("InUse"))),
    ]  # fmt: skip
    if usage.blobs_bytes != 0:
        rows.append(_row("Downloaded Layers", None, None, usage.blobs_bytes, None))
    return rows


def _sum(sizes: Any) -> int | None:
    known = list(sizes)
    return None if None in known else sum(known)


def _row(kind: str, total: int | None, active: int | None, size: int | None, reclaimable: int | None) -> dict[str, str]:
    share = f" ({100 * reclaimable // size}%)" if reclaimable is not None and size else ""
    return {
        "Type": kind,
        "TotalCount": "N/A" if total is None else str(total),
        "Active": "N/A" if active is None else str(active),
        "Size": "N/A" if size is None else docker_size(size, 4),
        "Reclaimable": "N/A" if reclaimable is None else docker_size(reclaimable, 4) + share,
    }


def _details(usage: DiskUsage, *, is_whole: bool) -> dict[str, Any]:
    """Docker's `system df -v --format json`."""
    now = time.time_ns()
    users: dict[str, int] = {}
    for container in usage.containers:
        users[container.image_id] = users.get(container.image_id, 0) + 1
    images = []
    for use in usage.images:
        row = next(image_rows(use.image, now, is_whole=is_whole))
        if use.image.created_ns is None:
            row["CreatedSince"] = ""  # `images` says N/A; docker's two tables differ here
        row["SharedSize"] = "N/A" if use.shared_bytes is None else docker_size(use.shared_bytes, 4)
        row["UniqueSize"] = "N/A" if use.unique_bytes is None else docker_size(use.unique_bytes, 4)
        row["Containers"] = str(users.get(use.image.id, 0))
        images.append(row)
    return {
        "Images": images,
        "Containers": [
            {**container_row(c, now, is_whole=is_whole), "Size": size_text(c, has_virtual=False)}
            for c in usage.containers
        ],
        "Volumes": [dict(volume_row(use.volume, use.links)) for use in usage.volumes],
        "BuildCache": [dict(entry) for entry in usage.cache],
    }


def _show_details(usage: DiskUsage, console: Console) -> None:
    details = _details(usage, is_whole=False)
    console.print("Images space usage:\n")
    console.print(_table(IMAGE_HEADERS, _IMAGE_COLUMNS, details["Images"]))
    console.print("\nContainers space usage:\n")
    console.print(_table(HEADERS, _CONTAINER_COLUMNS, details["Containers"]))
    console.print("\nLocal Volumes space usage:\n")
    console.print(_table(VOLUME_HEADERS, _VOLUME_COLUMNS, details["Volumes"]))
    cache = "N/A" if usage.cache_bytes is None else docker_size(usage.cache_bytes, 4)
    console.print(f"\nBuild cache usage: {cache}\n")
    console.print(table([_CACHE_COLUMNS, *map(_cache_cells, usage.cache)]))
    if usage.blobs_bytes:
        console.print(f"\nDownloaded layers usage: {docker_size(usage.blobs_bytes, 4)}")


def _table(headers: Mapping[str, str], columns: Sequence[str], rows: Rows) -> str:
    cells = [[clean_cell(row[field]) for field in columns] for row in rows]
    return table([[headers[field] for field in columns], *cells])


def _cache_cells(entry: Mapping[str, Any]) -> list[str]:
    size = entry.get("Size")
    return [
        str(entry.get("ID") or "")[:12], str(entry.get("Type") or ""), docker_size(size) if size is not None else "N/A",
        str(entry.get("CreatedAt") or "")[:19], str(entry.get("LastUsedAt") or "")[:19],
        str(entry.get("UsageCount") or 0), "true" if entry.get("Shared") else "false",
    ]  # fmt: skip
