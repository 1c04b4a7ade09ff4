"""`network ls`, `volume ls` and `system df`."""

from __future__ import annotations

from collections.abc import Sequence

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.execute_ps import labels_text
from dockview.commands.filters import has_label, read_filters
from dockview.commands.listing import Listing, matches, show
from dockview.commands.times import created_at
from dockview.engine.api import Engine
from dockview.engine.errors import NotSupported
from dockview.engine.model import Network, Volume
from dockview.text import docker_size

_NETWORK_HEADERS = {
    "ID": "NETWORK ID", "Name": "NAME", "Driver": "DRIVER", "Scope": "SCOPE", "Subnet": "SUBNET", "Gateway": "GATEWAY",
}  # fmt: skip
_VOLUME_HEADERS = {
    "Driver": "DRIVER", "Name": "VOLUME NAME", "Mountpoint": "MOUNTPOINT", "Labels": "LABELS", "Size": "SIZE",
    "Scope": "SCOPE",
}  # fmt: skip
_DISK_HEADERS = {
    "Type": "TYPE", "TotalCount": "TOTAL", "Active": "ACTIVE", "Size": "SIZE", "Reclaimable": "RECLAIMABLE",
}  # fmt: skip


def networks(engine: Engine, command: Command, console: Console) -> int:
    """List networks."""
    filters = read_filters(command.texts("filter"), ("dangling", "driver", "id", "label", "name", "scope", "type"))
    is_whole = command.is_on("no-trunc")
    rows = [
        _network_row(network, is_whole=is_whole) for network in engine.networks() if _passes_network(network, filters)
    ]
    return show(Listing(_NETWORK_HEADERS, ("ID", "Name", "Driver", "Scope"), rows), command, console)


def _network_row(network: Network, *, is_whole: bool) -> dict[str, str]:
    return {
        "ID": network.id if is_whole else network.id[:12],
        "Name": network.name,
        "Driver": network.driver,
        "Scope": "local",
        "Subnet": network.subnet,
        "Gateway": network.gateway,
        "Internal": str(network.is_internal).lower(),
        "IPv4": "true",
        "IPv6": "false",
        "Labels": labels_text(network.labels),
        "CreatedAt": "" if network.created_ns is None else created_at(network.created_ns),
    }


def _passes_network(network: Network, filters: Sequence[tuple[str, str]]) -> bool:
    is_own = network.name not in ("bridge", "host", "none")
    return matches(filters, {
        "dangling": lambda text: (text.lower() in ("true", "1")) == (is_own and not network.containers),
        "driver": lambda text: network.driver == text,
        "id": network.id.startswith,
        "label": lambda text: has_label(network.labels, text),
        "name": lambda text: text in network.name,
        "scope": lambda text: text == "local",
        "type": lambda text: text == ("custom" if is_own else "builtin"),
    })  # fmt: skip


def volumes(engine: Engine, command: Command, console: Console) -> int:
    """List volumes."""
    filters = read_filters(command.texts("filter"), ("driver", "label", "name"))
    rows = [_volume_row(volume) for volume in engine.volumes() if _passes_volume(volume, filters)]
    return show(Listing(_VOLUME_HEADERS, ("Driver", "Name"), rows, quiet_field="Name"), command, console)


def _volume_row(volume: Volume) -> dict[str, str]:
    return {
        "Driver": volume.driver,
        "Name": volume.name,
        "Mountpoint": volume.mountpoint,
        "Labels": labels_text(volume.labels),
        "Scope": "local",
        "Size": "N/A" if volume.size_bytes is None else docker_size(volume.size_bytes),
    }


def _passes_volume(volume: Volume, filters: Sequence[tuple[str, str]]) -> bool:
    return matches(filters, {
        "driver": lambda text: volume.driver == text,
        "label": lambda text: has_label(volume.labels, text),
        "name": lambda text: text in volume.name,
    })  # fmt: skip


def disk_usage(engine: Engine, command: Command, console: Console) -> int:
    """Show what takes disk space, and what a prune would give back."""
    usage = engine.disk_usage()
    containers = engine.containers(all=True)
    used_images = {container.image_id for container in containers}
    images = engine.images()
    rows = [
        _disk_row("Images", len(images), sum(image.id in used_images for image in images), usage.images_bytes,
                  _reclaimable(engine, "image")),
        _disk_row("Containers", len(containers), sum(container.status.is_alive for container in containers),
                  usage.containers_bytes, _reclaimable(engine, "container")),
        _disk_row("Local Volumes", len(engine.volumes()), None, usage.volumes_bytes, _reclaimable(engine, "volume")),
        _disk_row("Cache", None, None, usage.cache_bytes, None),
    ]  # fmt: skip
    return show(Listing(_DISK_HEADERS, tuple(_DISK_HEADERS), rows, quiet_field="Type"), command, console)


def _reclaimable(engine: Engine, kind: str) -> int | None:
    try:
        filters = {"all": ["true"]} if kind == "volume" else {}
        return engine.prune_plan((kind,), all_images=kind == "image", filters=filters).size_bytes
    except NotSupported:
        return None


def _disk_row(
    kind: str, total: int | None, active: int | None, size: int | None, reclaimable: int | None
) -> dict[str, str]:
    share = f" ({100 * reclaimable // size}%)" if reclaimable is not None and size else ""
    return {
        "Type": kind,
        "TotalCount": "N/A" if total is None else str(total),
        "Active": "N/A" if active is None else str(active),
        "Size": "N/A" if size is None else docker_size(size),
        "Reclaimable": "N/A" if reclaimable is None else docker_size(reclaimable) + share,
    }
