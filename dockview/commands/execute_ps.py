"""`ps`: the containers, in docker's columns and words."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.filters import has_label, read_filters
from dockview.commands.listing import Listing, matches, show
from dockview.commands.times import created_at
from dockview.engine.api import Engine
from dockview.engine.model import Container, ContainerStatus
from dockview.text import about, ago

_COLUMNS = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")
_HEADERS = {
    "ID": "CONTAINER ID", "Image": "IMAGE", "Command": "COMMAND", "RunningFor": "CREATED", "Status": "STATUS",
    "Ports": "PORTS", "Names": "NAMES", "CreatedAt": "CREATED AT", "Labels": "LABELS", "State": "STATE",
    "Networks": "NETWORKS", "Mounts": "MOUNTS", "LocalVolumes": "LOCAL VOLUMES", "Size": "SIZE",
}  # fmt: skip
_FILTERS = ("ancestor", "exited", "id", "label", "name", "network", "status")
_COMMAND_WIDTH = 20


def ps(engine: Engine, command: Command, console: Console) -> int:
    """List containers."""
    filters = read_filters(command.texts("filter"), _FILTERS)
    last = 1 if command.is_on("latest") else command.number("last")
    wants_all = command.is_on("all") or last is not None or any(key in ("status", "exited") for key, _ in filters)
    found = [container for container in engine.containers(all=wants_all) if _passes(container, filters)]
    if last is not None and last >= 0:
        found = found[:last]
    now = time.time_ns()
    is_whole = command.is_on("no-trunc")
    rows = [container_row(container, now, is_whole=is_whole) for container in found]
    return show(Listing(_HEADERS, _COLUMNS, rows), command, console)


def container_row(container: Container, now_ns: int, *, is_whole: bool = False) -> dict[str, str]:
    """The fields of docker's own list for a container; what this engine does not know is `N/A`."""
    typed = container.command
    if not is_whole and len(typed) > _COMMAND_WIDTH:
        typed = typed[: _COMMAND_WIDTH - 1] + "…"
    return {
        "ID": container.id if is_whole else container.short_id,
        "Image": container.image,
        "Command": json.dumps(typed, ensure_ascii=False),
        "CreatedAt": created_at(container.created_ns),
        "RunningFor": ago(container.created_ns, now_ns),
        "Status": status_text(container, now_ns),
        "Ports": ports_text(container),
        "Names": container.name,
        "State": str(container.status),
        "Labels": labels_text(container.labels),
        "Networks": container.network,
        "LocalVolumes": "N/A",
        "Mounts": "N/A",
        "Size": "N/A",
    }


def status_text(container: Container, now_ns: int) -> str:
    """`Up 2 minutes`, `Exited (0) 3 hours ago`, `Created`, …"""
    status = container.status
    if status.is_alive:
        since = "unknown" if container.started_ns is None else about(now_ns - container.started_ns)
        if status is ContainerStatus.RESTARTING:
            return f"Restarting ({_code(container)}) {since} ago"
        extra = "Paused" if status is ContainerStatus.PAUSED else container.health
        return f"Up {since} ({extra})" if extra else f"Up {since}"
    if status is ContainerStatus.EXITED:
        ended = "" if container.finished_ns is None else f" {ago(container.finished_ns, now_ns)}"
        return f"Exited ({_code(container)}){ended}"
    if status is ContainerStatus.REMOVING:
        return "Removal In Progress"
    return status.capitalize()


def _code(container: Container) -> str:
    return "unknown" if container.exit_code is None else str(container.exit_code)


def ports_text(container: Container) -> str:
    """`0.0.0.0:8080->80/tcp, …`; empty for a container that does not run."""
    return ", ".join(map(str, container.ports)) if container.status.is_alive else ""


def labels_text(labels: Mapping[str, str]) -> str:
    """`a=1,b=2`."""
    return ",".join(f"{key}={text}" for key, text in labels.items())


def _passes(container: Container, filters: Sequence[tuple[str, str]]) -> bool:
    return matches(filters, {
        "status": lambda text: container.status == text,
        "name": lambda text: text.strip("^/$") == container.name if text.startswith("^") else text in container.name,
        "id": container.id.startswith,
        "ancestor": lambda text: _is_of(container, text),
        "label": lambda text: has_label(container.labels, text),
        "network": lambda text: container.network == text,
        "exited": lambda text: container.status is ContainerStatus.EXITED and str(container.exit_code) == text,
    })  # fmt: skip


def _is_of(container: Container, image: str) -> bool:
    image_id = image.removeprefix("sha256:")
    if len(image_id) >= 12 and container.image_id.removeprefix("sha256:").startswith(image_id):
        return True
    return image in (container.image, container.image.removesuffix(":latest")) or container.image == f"{image}:latest"
