"""What a container leaves when it goes: nothing."""

from __future__ import annotations

from dockview.engine.embedded.house import House
from dockview.engine.errors import NotFound
from dockview.engine.state import containers, volumes
from dockview.engine.state.containers import ContainerRecord
from dockview.engine.state.networks import own_networks


def discard(house: House, container_id: str, *, has_volumes: bool = False) -> None:
    """Remove whatever there is of a container, in the order that lets a later try go on; idempotent.

    Its anonymous volumes go with one that was --rm or was never finished, and where `has_volumes` asks for it.
    """
    try:
        record = containers.find(house.database, container_id)
    except NotFound:
        record = None
    going: list[str] = []
    if record is not None and (has_volumes or record.request.auto_remove or record.is_building):
        going = volumes.anonymous_of(house.database, container_id)
    folder = house.layout.container(container_id)
    from dockview.engine.images.unpack import remove_tree  # noqa: PLC0415  the lists import this file, and remove nothing
    from dockview.engine.runtime.leftovers import remove_leftovers  # noqa: PLC0415  likewise

    remove_leftovers(folder)
    remove_tree(folder)
    if record is not None:
        around = own_networks(house.database, container_id)
        containers.delete(house.database, container_id)
        note(house, "destroy", record)
        if around:
            from dockview.engine.embedded.neighbours import refresh  # noqa: PLC0415  not on the default network

            refresh(house, around)
    if going:
        from dockview.engine.embedded.volumes import discard_volume  # noqa: PLC0415  most containers have none

        for name in going:
            discard_volume(house, name)


def note(house: House, action: str, record: ContainerRecord, **more: str) -> None:
    """Write an event of a container to the journal."""
    house.journal.append("container", action, record.id, {**attributes(record), **more})


def attributes(record: ContainerRecord) -> dict[str, str]:
    """The attributes of a container's events: its labels, image and name."""
    return {**record.request.labels, "image": record.image, "name": record.name}
