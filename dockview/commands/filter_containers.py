"""The filters of `ps`. Source: https://docs.docker.com/reference/cli/docker/container/ls/#filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dockview.commands.filters import fits_name, has_label, matches, one_of, port_numbers, read_filters
from dockview.commands.names import is_named
from dockview.engine.api import Engine
from dockview.engine.errors import InvalidRequest, NotFound
from dockview.engine.model import Container, ContainerStatus

_KNOWN = (
    "ancestor", "before", "exited", "expose", "health", "id", "label", "name", "network", "publish", "since",
    "status", "volume",
)  # fmt: skip
_STATES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")
_HEALTH = ("starting", "healthy", "unhealthy", "none")


def container_filter(engine: Engine, texts: Sequence[str]) -> Callable[[Container], bool]:
    """Whether a container passes. Raises: InvalidRequest, NotFound (the container of before= or since=)."""
    filters = read_filters(texts, _KNOWN)
    looks = _Looks(engine)
    return lambda container: matches(filters, looks.tests(container))


class _Looks:
    """Questions to the engine, asked only where a filter needs the answer, and once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._places: dict[str, int] = {}
        self._images: dict[str, tuple[set[str], list[tuple[str, ...]]]] = {}
        self._layers: dict[str, tuple[str, ...]] | None = None
        self._members: dict[str, tuple[set[str], set[str]]] = {}
        self._inspected: dict[str, dict[str, Any]] = {}

    def tests(self, container: Container) -> dict[str, Callable[[str], bool]]:
        """A test for each key."""
        return {
            "status": lambda text: container.status == one_of("status", text, _STATES),
            "name": lambda text: fits_name(container.name, text) or fits_name(f"/{container.name}", text),
            "id": lambda text: fits_name(container.id, text),
            "label": lambda text: has_label(container.labels, text),
            "health": lambda text: (container.health or "none") == one_of("health", text, _HEALTH),
            "exited": lambda text: _has_exited(container, text),
            "before": lambda text: self._place(container.id) > self._place(text),
            "since": lambda text: self._place(container.id) < self._place(text),
            "ancestor": lambda text: self._is_of(container, text),
            "network": lambda text: self._is_on(container, text),
            "publish": lambda text: container.status.is_alive and not port_numbers("publish", text).isdisjoint(
                {(port.host_port, port.protocol) for port in container.ports}
            ),
            "expose": lambda text: not port_numbers("expose", text).isdisjoint(self._exposed(container)),
            "volume": lambda text: self._has_mount(container, text),
        }  # fmt: skip

    def _place(self, ref: str) -> int:
        """Where it is among all containers, of which the newest comes first. Raises: NotFound."""
        if not self._places:
            self._places = {item.id: place for place, item in enumerate(self._engine.containers(all=True))}
        if ref not in self._places:
            self._places[ref] = self._places.get(self._engine.container(ref).id, -1)
        return self._places[ref]

    def _is_of(self, container: Container, ref: str) -> bool:
        """Whether its image is the one that is named, or was made on top of it."""
        if ref in (container.image, container.image.removesuffix(":latest")):
            return True
        if self._layers is None:
            self._layers = {image.id: tuple(layer.diff_id for layer in image.layers) for image in self._engine.images()}
        if ref not in self._images:
            found = [image for image in self._engine.images() if is_named(image, ref)]
            stacks = [tuple(layer.diff_id for layer in image.layers) for image in found]
            self._images[ref] = {image.id for image in found}, [stack for stack in stacks if stack]
        ids, stacks = self._images[ref]
        layers = self._layers.get(container.image_id, ())
        return container.image_id in ids or any(layers[: len(stack)] == stack for stack in stacks)

    def _is_on(self, container: Container, ref: str) -> bool:
        if ref not in self._members:
            found = [n for n in self._engine.networks() if ref == n.name or (ref and n.id.startswith(ref))]
            self._members[ref] = {n.name for n in found}, {member for n in found for member in n.containers}
        names, members = self._members[ref]
        return container.network in names or container.id in members

    def _inspect(self, container: Container) -> dict[str, Any]:
        if container.id not in self._inspected:
            try:
                self._inspected[container.id] = self._engine.inspect(container.id, "container")
            except NotFound:  # It went meanwhile.
                self._inspected[container.id] = {}
        return self._inspected[container.id]

    def _exposed(self, container: Container) -> set[tuple[int, str]]:
        """What a running container offers; docker does not look at the others."""
        if not container.status.is_alive:
            return set()
        exposed = (self._inspect(container).get("Config") or {}).get("ExposedPorts") or {}
        ports = {(port.container_port, port.protocol) for port in container.ports}
        return ports | {number for text in exposed for number in port_numbers("expose", text)}

    def _has_mount(self, container: Container, wanted: str) -> bool:
        if wanted in container.mounts:
            return True
        mounts = self._inspect(container).get("Mounts") or ()
        return any(wanted in (m.get("Name"), m.get("Destination"), m.get("Source")) for m in mounts)


def _has_exited(container: Container, text: str) -> bool:
    if not text.removeprefix("-").isdecimal():
        raise InvalidRequest(f"invalid filter 'exited={text}'", hint="it is an exit code, a number")
    return container.status is ContainerStatus.EXITED and container.exit_code == int(text)
