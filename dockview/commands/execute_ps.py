"""`ps`: the containers, in docker's columns and words."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.listing import Listing, show
from dockview.commands.template import Row, labelled
from dockview.commands.times import created_at
from dockview.engine.api import Engine
from dockview.engine.model import Container, ContainerStatus
from dockview.text import about, ago, docker_size

_COLUMNS = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")
HEADERS = {
    "ID": "CONTAINER ID", "Image": "IMAGE", "Command": "COMMAND", "RunningFor": "CREATED", "Status": "STATUS",
    "Ports": "PORTS", "Names": "NAMES", "CreatedAt": "CREATED AT", "Labels": "LABELS", "State": "STATE",
    "Networks": "NETWORKS", "Mounts": "MOUNTS", "LocalVolumes": "LOCAL VOLUMES", "Size": "SIZE",
}  # fmt: skip
_SHOWN_WITHOUT_ALL = ("status", "exited")
"""Filters that look at containers that do not run, too."""
_COMMAND_WIDTH = 20
_MOUNT_WIDTH = 15


def ps(engine: Engine, command: Command, console: Console) -> int:
    """List containers."""
    texts = command.texts("filter")
    last = 1 if command.is_on("latest") else command.number("last")
    has_last = last is not None and last > 0
    wants_all = command.is_on("all") or has_last or any(text.startswith(_SHOWN_WITHOUT_ALL) for text in texts)
    wants_size = command.is_on("size") or ".Size" in command.text("format")
    found = list(engine.containers(all=wants_all, size=wants_size))
    if texts:
        from dockview.commands.filter_containers import container_filter  # noqa: PLC0415  most lists have none

        passes = container_filter(engine, texts)
        found = [container for container in found if passes(container)]
    if has_last:
        found = found[:last]
    now = time.time_ns()
    is_whole = command.is_on("no-trunc")
    rows = [container_row(container, now, is_whole=is_whole) for container in found]
    return show(Listing(HEADERS, (*_COLUMNS, "Size") if command.is_on("size") else _COLUMNS, rows), command, console)


def container_row(container: Container, now_ns: int, *, is_whole: bool = False) -> Row:
    """The fields of docker's own list for a container; what this engine does not know is `N/A`."""
    typed, mounts = container.command, list(container.mounts)
    if not is_whole:
        typed = _cut(typed, _COMMAND_WIDTH)
        mounts = [_cut(mount, _MOUNT_WIDTH) for mount in mounts]
    return labelled({
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
        "LocalVolumes": str(sum(not mount.startswith("/") for mount in container.mounts)),
        "Mounts": ",".join(mounts),
        "Size": size_text(container),
    }, container.labels)  # fmt: skip


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def size_text(container: Container, *, has_virtual: bool = True) -> str:
    """`589kB (virtual 2.57MB)`: what it has written, and that with its image; `N/A` where nobody counted."""
    if container.size_rw_bytes is None:
        return "N/A"
    written = docker_size(container.size_rw_bytes)
    if not has_virtual or not container.size_root_fs_bytes:
        return written
    return f"{written} (virtual {docker_size(container.size_root_fs_bytes)})"


def status_text(container: Container, now_ns: int) -> str:
    """`Up 2 minutes`, `Exited (0) 3 hours ago`, `Created`, …"""
    status = container.status
    if status.is_alive:
        since = "unknown" if container.started_ns is None else about(now_ns - container.started_ns)
        if status is ContainerStatus.RESTARTING:
            return f"Restarting ({_code(container)}) {since} ago"
        health = f"health: {container.health}" if container.health == "starting" else _health(container.health)
        extra = "Paused" if status is ContainerStatus.PAUSED else health
        return f"Up {since} ({extra})" if extra and extra != "none" else f"Up {since}"
    if status is ContainerStatus.EXITED:
        ended = "" if container.finished_ns is None else f" {ago(container.finished_ns, now_ns)}"
        return f"Exited ({_code(container)}){ended}"
    if status is ContainerStatus.REMOVING:
        return "Removal In Progress"
    return status.capitalize()


def _health(status: str) -> str:
    return "health: starting" if status == "starting" else status


def _code(container: Container) -> str:
    return "unknown" if container.exit_code is None else str(container.exit_code)


def ports_text(container: Container) -> str:
    """`0.0.0.0:8080->80/tcp, …`; empty for a container that does not run."""
    return ", ".join(map(str, container.ports)) if container.status.is_alive else ""


def labels_text(labels: Mapping[str, str]) -> str:
    """`a=1,b=2`."""
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels))
