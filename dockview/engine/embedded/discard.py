"""What a container leaves when it goes: nothing."""

from __future__ import annotations

from dockview.engine.embedded.house import House
from dockview.engine.errors import NotFound
from dockview.engine.images.unpack import remove_tree
from dockview.engine.runtime.leftovers import remove_leftovers
from dockview.engine.state import containers
from dockview.engine.state.containers import ContainerRecord


def discard(house: House, container_id: str) -> None:
    """Remove whatever there is of a container, in the order that lets a later try go on; idempotent."""
    try:
        record = containers.find(house.database, container_id)
    except NotFound:
        record = None
    folder = house.layout.container(container_id)
    remove_leftovers(folder)
    remove_tree(folder)
    if record is not None:
        containers.delete(house.database, container_id)
        note(house, "destroy", record)


def note(house: House, action: str, record: ContainerRecord, **more: str) -> None:
    """Write an event of a container to the journal."""
    house.journal.append("container", action, record.id, {**attributes(record), **more})


def attributes(record: ContainerRecord) -> dict[str, str]:
    """The attributes of a container's events: its labels, image and name."""
    return {**record.request.labels, "image": record.image, "name": record.name}
