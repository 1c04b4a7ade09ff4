"""Volumes: made, listed, inspected, removed; a folder of the store each, and a record that says who uses it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dockview.engine.embedded.house import House
from dockview.engine.embedded.listed import to_volume
from dockview.engine.embedded.trees import tree_size
from dockview.engine.errors import DockviewError, InvalidRequest, NotFound, NotSupported
from dockview.engine.lifecycle import Phase
from dockview.engine.model import PruneItem, Volume
from dockview.engine.state import reserve, volumes

if TYPE_CHECKING:
    from dockview.engine.prune_filter import PruneFilter

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")


def check_name(name: str) -> None:
    """Raises: InvalidRequest, in docker's words."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f'create {name}: "{name}" includes invalid characters for a local volume name, only'
            ' "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed',
            hint="if you intended to pass a host directory, use an absolute path",
        )


def new_name() -> str:
    """The name of an anonymous volume: 64 digits, as docker's."""
    return os.urandom(32).hex()


def make_folder(house: House, name: str) -> str:
    """The folder of a volume's files, made where it is missing."""
    folder = house.layout.volume(name)
    os.makedirs(os.path.dirname(folder), mode=0o711, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder)
        os.chmod(folder, 0o755)  # noqa: S103  as docker's; the image's own mode comes with the copy
    return folder


def create_volume(
    house: House, name: str, driver: str, labels: Mapping[str, str], options: Mapping[str, str]
) -> Volume:
    """Make a volume; one that is there already is left as it is. Raises: InvalidRequest, NotSupported."""
    if driver not in ("", "local"):
        raise NotSupported(f'volume driver "{driver}" is not here', hint="the embedded engine has the driver local")
    if options:
        raise NotSupported(
            f"volume option {', '.join(sorted(options))} is not in this version of dockview",
            hint="mount it on the host, and bind it with -v",
        )
    is_anonymous = not name
    name = name or new_name()
    check_name(name)
    line = "docker volume create" if is_anonymous else f"docker volume create {name}"
    with house.traces.record("volume", name, line=line) as trace:
        trace.subject(name=name)
        with trace.phase(Phase.CREATE, "volume", check=f"ls -la {house.layout.volume(name)}") as span:
            is_new = volumes.insert(house.database, name, labels=labels, is_anonymous=is_anonymous)
            if is_new:
                trace.on_failure(Phase.CREATE, "volume", lambda: _take_away(house, name))
            folder = make_folder(house, name)
            span.fact("name", name)
            span.fact("folder", folder)
            span.fact("new", is_new)
            if is_new:
                note(house, "create", name)
        trace.commit()
    return to_volume(house, volumes.find(house.database, name), has_size=False)


def inspect_volume(house: House, name: str) -> dict[str, Any]:
    """Docker's inspect JSON of a volume. Raises: NotFound."""
    from dockview.engine.embedded.inspect import rfc3339  # noqa: PLC0415  not on the path of a run

    volume = to_volume(house, volumes.find(house.database, name), has_size=False)
    return {
        "CreatedAt": rfc3339(volume.created_ns or 0),
        "Driver": "local",
        "Labels": dict(volume.labels) or None,
        "Mountpoint": volume.mountpoint,
        "Name": name,
        "Options": None,
        "Scope": "local",
    }


def remove_volume(house: House, name: str, *, force: bool) -> None:
    """Remove a volume with all that is in it. Raises: NotFound (not by force), Conflict where a container uses it."""
    try:
        volumes.find(house.database, name)
    except NotFound:
        if force:
            return
        raise
    flag = "-f " if force else ""
    with (
        reserve.spend(house.layout.root),
        house.traces.record("volume", name, line=f"docker volume rm {flag}{name}") as trace,
    ):
        trace.subject(name=name)
        with trace.phase(Phase.REMOVE, "volume", check=f"ls {house.layout.volumes}") as span:
            folder = house.layout.volume(name)
            freed = tree_size(folder)
            _take_away(house, name)
            note(house, "destroy", name)
            span.fact("folder", folder)
            span.fact("freed", freed)


def discard_volume(house: House, name: str) -> bool:
    """Remove a volume that nobody uses; False where somebody does, or it is gone already."""
    try:
        _take_away(house, name)
    except DockviewError:
        return False
    note(house, "destroy", name)
    return True


def _take_away(house: House, name: str) -> None:
    from dockview.engine.images.blobs import half_path  # noqa: PLC0415  slow to import
    from dockview.engine.images.unpack import remove_tree  # noqa: PLC0415

    home = os.path.dirname(house.layout.volume(name))
    aside = half_path(house.layout, "volume")

    def move() -> None:
        with contextlib.suppress(FileNotFoundError):
            os.rename(home, aside)

    volumes.remove(house.database, name, move)
    remove_tree(aside)


def unused(house: House, wanted: PruneFilter, going: set[str]) -> list[PruneItem]:
    """The volumes that no container uses, but for those that `going` names; without `all`, anonymous ones only."""
    users = volumes.users(house.database)
    items = []
    for volume in volumes.everything(house.database):
        if set(users.get(volume.name, ())) - going or not (volume.is_anonymous or wanted.has_named_volumes):
            continue
        if wanted.passes(to_volume(house, volume, has_size=False).labels, volume.created_ns):
            why = f"{'anonymous' if volume.is_anonymous else 'named'}, and no container uses it"
            size = tree_size(house.layout.volume(volume.name))
            items.append(PruneItem("volume", volume.name, volume.name, size, why))
    return items


def note(house: House, action: str, name: str, **attributes: str) -> None:
    """Write an event of a volume to the journal."""
    house.journal.append("volume", action, name, {"driver": "local", **attributes})
