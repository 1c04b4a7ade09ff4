"""The records of containers: what was asked for, and who is making or removing it right now."""

from __future__ import annotations

import dataclasses
import json
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dockview.engine.errors import Conflict, ImageNotFound, NameInUse, NotFound
from dockview.engine.model import Healthcheck, Mount, PortMapping, RestartPolicy, RunRequest, Ulimit
from dockview.engine.processes import is_alive, process_start_ticks
from dockview.engine.state.database import Database


@dataclass(frozen=True, slots=True)
class ContainerRecord:
    """A row of `containers`, with its address."""

    id: str
    name: str
    image: str
    image_id: str
    request: RunRequest
    created_ns: int
    is_building: bool
    is_removing: bool
    owner: tuple[int, int]
    """pid and start time of the process that makes or removes it."""
    address: str
    networks: str
    """The names of the networks that it has addresses on, joined by commas."""
    ports: tuple[PortMapping, ...]
    """As published by its last start: `host_port` is the one that was taken."""

    @property
    def is_owned(self) -> bool:
        """Whether the process that makes or removes it is at work."""
        return is_alive(*self.owner)


_SELECT = """
SELECT c.*,
 coalesce((SELECT a.address FROM addresses a WHERE a.container_id = c.id ORDER BY a.interface LIMIT 1), '') AS address,
 (SELECT group_concat(n.name) FROM addresses a JOIN networks n ON n.id = a.network_id WHERE a.container_id = c.id)
 AS networks
FROM containers c
"""


def insert(database: Database, *, id: str, name: str, image_id: str, request: RunRequest) -> None:  # noqa: A002
    """Claim the ID and the name, as being built by this process. Raises: NameInUse, ImageNotFound."""
    pid = os.getpid()
    try:
        database.execute(
            "INSERT INTO containers (id, name, image, image_id, request, created_ns, is_building, owner_pid,"
            " owner_start) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)",
            id, name, request.image, image_id, _to_json(request), time.time_ns(), pid, process_start_ticks(pid) or 0,
        )  # fmt: skip
    except sqlite3.IntegrityError as error:
        if "FOREIGN KEY" in str(error):
            raise ImageNotFound(f"image {request.image} was removed meanwhile", hint="try again") from error
        if "name" not in str(error):
            raise
        other = database.query("SELECT id FROM containers WHERE name = ?", name)
        by = f' by container "{other[0]["id"][:12]}"' if other else ""
        raise NameInUse(
            f'the container name "{name}" is already in use{by}',
            hint=f"choose another name, or remove that container first: dockview rm {name}",
        ) from error


def save_ports(database: Database, container_id: str, ports: Sequence[PortMapping]) -> None:
    """Keep what was published."""
    text = json.dumps([dataclasses.asdict(port) for port in ports])
    database.execute("UPDATE containers SET ports = ? WHERE id = ?", text, container_id)


def save_request(database: Database, container_id: str, request: RunRequest) -> None:
    """Replace what was asked for, as `update` does."""
    database.execute("UPDATE containers SET request = ? WHERE id = ?", _to_json(request), container_id)


def commit(database: Database, container_id: str) -> None:
    """The container exists from here on."""
    database.execute("UPDATE containers SET is_building = 0 WHERE id = ?", container_id)


def claim_removal(database: Database, container_id: str) -> bool:
    """Become the one process that removes it; False when another does, or it is gone."""
    pid = os.getpid()
    with database.transaction() as connection:
        row = connection.execute("SELECT * FROM containers WHERE id = ?", (container_id,)).fetchone()
        if row is None or (row["is_removing"] and is_alive(row["owner_pid"], row["owner_start"])):
            return False
        connection.execute(
            "UPDATE containers SET is_removing = 1, owner_pid = ?, owner_start = ? WHERE id = ?",
            (pid, process_start_ticks(pid) or 0, container_id),
        )
    return True


def delete(database: Database, container_id: str) -> None:
    """Forget the record; its name and address are free again."""
    database.execute("DELETE FROM containers WHERE id = ?", container_id)


def everything(database: Database) -> Sequence[ContainerRecord]:
    """All records, newest first."""
    return [_record(row) for row in database.query(f"{_SELECT} ORDER BY c.created_ns DESC")]


def find(database: Database, ref: str) -> ContainerRecord:
    """By name, ID, or an unambiguous beginning of an ID. Raises: NotFound, Conflict."""
    rows = database.query(f"{_SELECT} WHERE c.name = ?1 OR c.id = ?1", ref.removeprefix("/"))
    if not rows and ref and set(ref) <= set("0123456789abcdef"):
        rows = database.query(f"{_SELECT} WHERE substr(c.id, 1, length(?1)) = ?1", ref)
    if not rows:
        raise NotFound(f"no such container: {ref}", hint="`dockview ps -a` lists all containers")
    if len(rows) > 1:
        raise Conflict(f'"{ref}" is the beginning of {len(rows)} container IDs', hint="give more digits, or the name")
    return _record(rows[0])


def _record(row: sqlite3.Row) -> ContainerRecord:
    return ContainerRecord(
        id=row["id"], name=row["name"], image=row["image"], image_id=row["image_id"],
        request=_from_json(row["request"]), created_ns=row["created_ns"], is_building=bool(row["is_building"]),
        is_removing=bool(row["is_removing"]), owner=(row["owner_pid"], row["owner_start"]), address=row["address"],
        networks=row["networks"] or "",
        ports=tuple(PortMapping(**port) for port in json.loads(row["ports"])),
    )  # fmt: skip


def _to_json(request: RunRequest) -> str:
    return json.dumps(dataclasses.asdict(request))


_NAMES = frozenset(field.name for field in dataclasses.fields(RunRequest))
_PARTS: Mapping[str, Callable[..., Any]] = {"ports": PortMapping, "mounts": Mount, "ulimits": Ulimit}
_ONE: Mapping[str, Callable[..., Any]] = {"restart": RestartPolicy, "health": Healthcheck}


def _from_json(text: str) -> RunRequest:
    data = {key: value for key, value in json.loads(text).items() if key in _NAMES}
    for key, value in data.items():
        if key in _PARTS:
            data[key] = tuple(_PARTS[key](**item) for item in value)
        elif key in _ONE:
            data[key] = _ONE[key](**{name: tuple(v) if isinstance(v, list) else v for name, v in value.items()})
        elif isinstance(value, list):
            data[key] = tuple(value)
    return RunRequest(**data)
