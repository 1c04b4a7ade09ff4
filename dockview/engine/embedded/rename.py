"""`rename`: another name, at once unique, for the record, the events of its shim and the neighbours that look it up."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3

from dockview.engine.embedded.discard import note
from dockview.engine.embedded.house import House
from dockview.engine.errors import Conflict, InvalidRequest, NameInUse, NotFound
from dockview.engine.lifecycle import Phase
from dockview.engine.state import containers
from dockview.engine.state.networks import own_networks

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")


def rename(house: House, ref: str, name: str) -> None:
    """Give a container another name. Raises: NotFound, NameInUse, Conflict, InvalidRequest."""
    name = name.removeprefix("/")
    if not ref.removeprefix("/") or not name:
        raise InvalidRequest("neither old nor new names may be empty", hint="dockview rename CONTAINER NEW_NAME")
    record = containers.find(house.database, ref)
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f'invalid container name "{name}"',
            hint="a name has two or more of a-z A-Z 0-9 _ . - and begins with a letter or digit",
        )
    if name == record.name:
        raise Conflict("renaming a container with the same name as its current name", hint="choose another name")
    with house.traces.record("rename", record.name, line=f"docker rename {record.name} {name}") as trace:
        trace.subject(container=record.id, name=record.name, image=record.image)
        with trace.phase(Phase.RENAME, check=f"dockview inspect -f '{{{{.Name}}}}' {record.id[:12]}") as span:
            span.fact("old name", record.name)
            span.fact("new name", name)
            _take(house, record.id, name)
            _tell_shim(house.layout.container(record.id), name)
            around = own_networks(house.database, record.id)
            if around:
                from dockview.engine.embedded.neighbours import refresh  # noqa: PLC0415  not on the default network

                refresh(house, around)
                span.fact("networks told", len(around))
        renamed = containers.find(house.database, record.id)
        trace.subject(container=record.id, name=name, image=record.image)
        note(house, "rename", renamed, oldName=f"/{record.name}")
        trace.commit()


def _take(house: House, container_id: str, name: str) -> None:
    try:
        touched = house.database.execute("UPDATE containers SET name = ? WHERE id = ?", name, container_id)
    except sqlite3.IntegrityError as error:
        other = house.database.query("SELECT id FROM containers WHERE name = ?", name)
        by = f' by container "{other[0]["id"][:12]}"' if other else ""
        raise NameInUse(
            f'the container name "{name}" is already in use{by}',
            hint=f"choose another name, or remove that container first: dockview rm {name}",
        ) from error
    if not touched:
        raise NotFound(f"no such container: {container_id[:12]}", hint="it was removed meanwhile")


def _tell_shim(folder: str, name: str) -> None:
    """The shim reads this file before it writes an event; a container that never ran has no shim to tell."""
    path = f"{folder}/name"
    with contextlib.suppress(FileNotFoundError):
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.write(name)
        os.replace(f"{path}.new", path)
