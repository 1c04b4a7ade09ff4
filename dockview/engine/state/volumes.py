"""The records of volumes, and of the mounts of containers: a volume that a container names cannot go."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dockview.engine.errors import Conflict, NotFound
from dockview.engine.model import Mount
from dockview.engine.state.database import Database


@dataclass(frozen=True, slots=True)
class VolumeRecord:
    """A row of `volumes`."""

    name: str
    created_ns: int
    labels: Mapping[str, str]
    is_anonymous: bool


def insert(
    database: Database, name: str, *, labels: Mapping[str, str] | None = None, is_anonymous: bool = False
) -> bool:
    """Record a volume; False where there is one of that name."""
    return database.execute(
        "INSERT INTO volumes (name, created_ns, labels, is_anonymous) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        name, time.time_ns(), json.dumps(dict(labels or {})), int(is_anonymous),
    ) > 0  # fmt: skip


def find(database: Database, name: str) -> VolumeRecord:
    """The volume of a name. Raises: NotFound."""
    rows = database.query("SELECT * FROM volumes WHERE name = ?", name)
    if not rows:
        raise NotFound(f"no such volume: {name}", hint="`dockview volume ls` lists them")
    return _record(rows[0])


def everything(database: Database) -> list[VolumeRecord]:
    """All volumes, by name as docker lists them."""
    return [_record(row) for row in database.query("SELECT * FROM volumes ORDER BY name")]


def users(database: Database) -> dict[str, list[str]]:
    """The IDs of the containers that use a volume, by its name."""
    found: dict[str, list[str]] = {}
    for row in database.query("SELECT DISTINCT volume, container_id FROM mounts WHERE volume IS NOT NULL"):
        found.setdefault(row["volume"], []).append(row["container_id"])
    return found


def remove(database: Database, name: str, move: Callable[[], None]) -> None:
    """Delete a volume's record; `move` takes its files out of the way before anybody can make a new one of that name.

    Raises: NotFound, Conflict where a container uses it.
    """
    with database.transaction() as writer:
        if writer.execute("SELECT 1 FROM volumes WHERE name = ?", (name,)).fetchone() is None:
            raise NotFound(f"no such volume: {name}", hint="`dockview volume ls` lists them")
        rows = writer.execute("SELECT DISTINCT container_id FROM mounts WHERE volume = ?", (name,)).fetchall()
        if rows:
            ids = ", ".join(str(row["container_id"]) for row in rows)
            raise Conflict(f"remove {name}: volume is in use - [{ids}]", hint="remove the container first: dockview rm")
        writer.execute("DELETE FROM volumes WHERE name = ?", (name,))
        move()


def claim(database: Database, container_id: str, mounts: Sequence[Mount], anonymous: Sequence[str]) -> list[str]:
    """Record the mounts of a container, with the volumes that are not there yet; the names of those.

    Raises: Conflict where the container was taken back meanwhile.
    """
    made = []
    try:
        with database.transaction() as writer:
            for mount in mounts:
                if mount.type == "volume" and writer.execute(
                    "INSERT INTO volumes (name, created_ns, labels, is_anonymous) VALUES (?, ?, '{}', ?)"
                    " ON CONFLICT DO NOTHING",
                    (mount.source, time.time_ns(), int(mount.source in anonymous)),
                ).rowcount > 0:  # fmt: skip
                    made.append(mount.source)
                writer.execute(
                    "INSERT INTO mounts (container_id, target, volume, mount) VALUES (?, ?, ?, ?)",
                    (container_id, mount.target, mount.source if mount.type == "volume" else None,
                     json.dumps(dataclasses.asdict(mount))),
                )  # fmt: skip
    except sqlite3.IntegrityError as error:
        raise Conflict(f"container {container_id[:12]} was removed while it was made") from error
    return made


def release(database: Database, container_id: str) -> None:
    """Forget the mounts of a container that was not to be."""
    database.execute("DELETE FROM mounts WHERE container_id = ?", container_id)


def mounts_of(database: Database, container_id: str) -> tuple[Mount, ...]:
    """What a container has mounted besides its own file system: parents before what lies below them."""
    rows = database.query("SELECT mount FROM mounts WHERE container_id = ?", container_id)
    mounts = [Mount(**json.loads(row["mount"])) for row in rows]
    return tuple(sorted(mounts, key=lambda mount: (mount.target.rstrip("/").count("/"), mount.target)))


def anonymous_of(database: Database, container_id: str) -> list[str]:
    """The anonymous volumes of a container that no other container uses."""
    rows = database.query(
        "SELECT v.name FROM volumes v JOIN mounts m ON m.volume = v.name WHERE m.container_id = ?1 AND v.is_anonymous"
        " AND NOT EXISTS (SELECT 1 FROM mounts o WHERE o.volume = v.name AND o.container_id <> ?1)",
        container_id,
    )
    return sorted({str(row["name"]) for row in rows})


def _record(row: sqlite3.Row) -> VolumeRecord:
    return VolumeRecord(row["name"], row["created_ns"], json.loads(row["labels"]), bool(row["is_anonymous"]))
