"""The records of networks, and which container has which address on them: unique by constraint."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from dockview.engine.errors import Unavailable
from dockview.engine.state.database import Database

DEFAULT = "bridge"
"""The name of the network that containers join unless told otherwise, as in docker."""
_TRIES = 20


class NetworkRecord(NamedTuple):
    """A network of the store."""

    id: str
    name: str
    driver: str
    bridge: str
    """The interface."""
    subnet: str
    gateway: str
    created_ns: int


def find(database: Database, name: str = DEFAULT) -> NetworkRecord | None:
    """The network by that name, None when there is none yet."""
    rows = database.query(
        "SELECT id, name, driver, bridge, subnet, gateway, created_ns FROM networks WHERE name = ?", name
    )
    return NetworkRecord(*rows[0]) if rows else None


def save(database: Database, name: str, bridge: str, subnet: str, gateway: str) -> NetworkRecord:
    """Record a bridge network, unless another process has just done so; the one that holds."""
    database.execute(
        "INSERT INTO networks (id, name, driver, bridge, subnet, gateway, created_ns)"
        " VALUES (?, ?, 'bridge', ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        os.urandom(32).hex(), name, bridge, subnet, gateway, time.time_ns(),
    )  # fmt: skip
    record = find(database, name)
    if record is None:
        raise Unavailable(f"the network {name} cannot be recorded: its bridge {bridge} belongs to another network")
    return record


def addresses(database: Database, network_id: str) -> Mapping[str, str]:
    """Container ID to address, of one network."""
    rows = database.query("SELECT container_id, address FROM addresses WHERE network_id = ?", network_id)
    return {row["container_id"]: row["address"] for row in rows}


def lease(
    database: Database, network_id: str, container_id: str, choose: Callable[[Collection[str]], str | None]
) -> str | None:
    """The container's address on a network; the first time one that `choose` picks, given those that are taken.

    It is the container's for as long as the container's record lives. None when `choose` finds none.
    """
    for _ in range(_TRIES):
        known = addresses(database, network_id)
        if (address := known.get(container_id)) is not None:
            return address
        if (address := choose(set(known.values()))) is None:
            return None
        try:
            database.execute(
                "INSERT INTO addresses (network_id, address, container_id) VALUES (?, ?, ?)",
                network_id, address, container_id,
            )  # fmt: skip
        except sqlite3.IntegrityError as error:
            if "FOREIGN KEY" in str(error):
                raise
            continue  # another process was faster with this address
        return address
    raise Unavailable("no address could be leased: other processes took each one first", hint="try again")
