"""`network ls` and `volume ls`."""

from __future__ import annotations

from collections.abc import Sequence

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.execute_ps import labels_text
from dockview.commands.filters import fits_name, has_label, is_true, matches, one_of, read_filters
from dockview.commands.listing import Listing, show
from dockview.commands.template import Row, labelled
from dockview.commands.times import created_at_exactly
from dockview.engine.api import Engine
from dockview.engine.model import Network, Volume
from dockview.text import docker_size

_NETWORK_HEADERS = {
    "ID": "NETWORK ID", "Name": "NAME", "Driver": "DRIVER", "Scope": "SCOPE", "IPv4": "IPV4", "IPv6": "IPV6",
    "Internal": "INTERNAL", "Labels": "LABELS", "CreatedAt": "CREATED AT", "Subnet": "SUBNET", "Gateway": "GATEWAY",
}  # fmt: skip
VOLUME_HEADERS = {
    "Driver": "DRIVER", "Name": "VOLUME NAME", "Mountpoint": "MOUNTPOINT", "Labels": "LABELS", "Links": "LINKS",
    "Size": "SIZE", "Scope": "SCOPE", "Availability": "AVAILABILITY", "Group": "GROUP", "Status": "STATUS",
}  # fmt: skip
_NETWORK_FILTERS = ("dangling", "driver", "id", "label", "name", "scope", "type")
_VOLUME_FILTERS = ("dangling", "driver", "label", "name")
_PREDEFINED = ("bridge", "host", "none")


def networks(engine: Engine, command: Command, console: Console) -> int:
    """List networks, by name."""
    filters = read_filters(command.texts("filter"), _NETWORK_FILTERS)
    is_whole = command.is_on("no-trunc")
    found = sorted(engine.networks(), key=lambda network: network.name)
    rows = [_network_row(network, is_whole=is_whole) for network in found if _passes_network(network, filters)]
    return show(Listing(_NETWORK_HEADERS, ("ID", "Name", "Driver", "Scope"), rows), command, console)


def _network_row(network: Network, *, is_whole: bool) -> Row:
    return labelled({
        "ID": network.id if is_whole else network.id[:12],
        "Name": network.name,
        "Driver": network.driver,
        "Scope": "local",
        "IPv4": "true" if "." in network.subnet else "false",
        "IPv6": "true" if ":" in network.subnet else "false",
        "Internal": "true" if network.is_internal else "false",
        "Labels": labels_text(network.labels),
        "CreatedAt": created_at_exactly(network.created_ns),
        "Subnet": network.subnet,
        "Gateway": network.gateway,
    }, network.labels)  # fmt: skip


def _passes_network(network: Network, filters: Sequence[tuple[str, str]]) -> bool:
    is_own = network.name not in _PREDEFINED
    return matches(filters, {
        "dangling": lambda text: (is_own and not network.containers) == is_true("dangling", text),
        "driver": lambda text: network.driver == text,
        "id": lambda text: fits_name(network.id, text),
        "label": lambda text: has_label(network.labels, text),
        "name": lambda text: fits_name(network.name, text),
        "scope": lambda text: text == "local",
        "type": lambda text: is_own == (one_of("type", text, ("custom", "builtin")) == "custom"),
    })  # fmt: skip


def volumes(engine: Engine, command: Command, console: Console) -> int:
    """List volumes, by name."""
    filters = read_filters(command.texts("filter"), _VOLUME_FILTERS)
    used: set[str] = set()
    if any(key == "dangling" for key, _ in filters):
        used = {mount for container in engine.containers(all=True) for mount in container.mounts}
    found = sorted(engine.volumes(), key=lambda volume: volume.name)
    rows = [volume_row(volume) for volume in found if _passes_volume(volume, filters, used)]
    return show(Listing(VOLUME_HEADERS, ("Driver", "Name"), rows, quiet_field="Name"), command, console)


def volume_row(volume: Volume, links: int | None = None) -> Row:
    """The fields of docker's own list for a volume; what nobody counted is `N/A`."""
    return labelled({
        "Driver": volume.driver,
        "Name": volume.name,
        "Mountpoint": volume.mountpoint,
        "Labels": labels_text(volume.labels),
        "Links": "N/A" if links is None else str(links),
        "Scope": "local",
        "Size": "N/A" if volume.size_bytes is None else docker_size(volume.size_bytes),
        "Availability": "N/A",
        "Group": "N/A",
        "Status": "N/A",
    }, volume.labels)  # fmt: skip


def _passes_volume(volume: Volume, filters: Sequence[tuple[str, str]], used: set[str]) -> bool:
    return matches(filters, {
        "dangling": lambda text: (volume.name not in used) == is_true("dangling", text),
        "driver": lambda text: volume.driver == text,
        "label": lambda text: has_label(volume.labels, text),
        "name": lambda text: fits_name(volume.name, text),
    })  # fmt: skip
