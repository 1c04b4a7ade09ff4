"""The records of networks, and which container has which address on them: unique by constraint."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from dockview.engine.errors import Conflict, NotFound, Unavailable
from dockview.engine.state.database import Database

DEFAULT = "bridge"
"""The name of the network that containers join unless told otherwise, as in docker."""
_TRIES = 20
_COLUMNS = (
    "n.id, n.name, n.driver, n.bridge, n.subnet, n.gateway, n.created_ns, n.is_own_subnet, n.ip_range, n.is_internal, "
    "n.labels, n.options"
)


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
    is_own_subnet: bool = False
    """Whether the user chose the subnet; only then may he choose addresses."""
    ip_range: str = ""
    """The part of the subnet that addresses are taken from; empty for all of it."""
    is_internal: bool = False
    labels: Mapping[str, str] = {}
    options: Mapping[str, str] = {}

    @property
    def is_default(self) -> bool:
        """Whether it is docker's `bridge`, which has no name resolution."""
        return self.name == DEFAULT


class Membership(NamedTuple):
    """A container's place on a network."""

    network: NetworkRecord
    container_id: str
    address: str
    interface: str
    """Inside: eth0, eth1, …"""
    is_fixed: bool
    """Whether the address was asked for."""
    aliases: tuple[str, ...]


def predefined_id(root: str, name: str) -> str:
    """The ID of a network that every store has: bridge, host, none; equal each time."""
    import hashlib  # noqa: PLC0415  only lists of networks and the first container of a store come here

    return hashlib.sha256(f"{root}\0{name}".encode()).hexdigest()


def find(database: Database, name: str = DEFAULT) -> NetworkRecord | None:
    """The network by that name, None when there is none yet."""
    rows = database.query(f"SELECT {_COLUMNS} FROM networks n WHERE n.name = ?", name)  # noqa: S608  our own columns
    return _network(rows[0]) if rows else None


def find_ref(database: Database, ref: str) -> NetworkRecord:
    """By name, ID, or an unambiguous beginning of an ID. Raises: NotFound, Conflict."""
    if (found := find(database, ref)) is not None:
        return found
    is_digits = bool(ref) and set(ref) <= set("0123456789abcdef")
    matching = [record for record in everything(database) if is_digits and record.id.startswith(ref)]
    if not matching:
        raise NotFound(f"network {ref} not found", hint="`dockview network ls` lists them")
    if len(matching) > 1:
        raise Conflict(f"network {ref} is ambiguous ({len(matching)} matches found on ID prefix)", hint="give its name")
    return matching[0]


def everything(database: Database) -> Sequence[NetworkRecord]:
    """All networks, the oldest first."""
    return [_network(row) for row in database.query(f"SELECT {_COLUMNS} FROM networks n ORDER BY n.created_ns, n.id")]  # noqa: S608


def save(
    database: Database, name: str, bridge: str, subnet: str, gateway: str, *, network_id: str = ""
) -> NetworkRecord:
    """Record a bridge network, unless another process has just done so; the one that holds."""
    database.execute(
        "INSERT INTO networks (id, name, driver, bridge, subnet, gateway, created_ns)"
        " VALUES (?, ?, 'bridge', ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        network_id or os.urandom(32).hex(), name, bridge, subnet, gateway, time.time_ns(),
    )  # fmt: skip
    record = find(database, name)
    if record is None:
        raise Unavailable(f"the network {name} cannot be recorded: its bridge {bridge} belongs to another network")
    return record


def insert(database: Database, record: NetworkRecord) -> None:
    """Claim the name, the bridge and the subnet of a new network. Raises: Conflict."""
    try:
        database.execute(
            "INSERT INTO networks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            record.id, record.name, record.driver, record.bridge, record.subnet, record.gateway, record.created_ns,
            int(record.is_own_subnet), record.ip_range, int(record.is_internal), json.dumps(dict(record.labels)),
            json.dumps(dict(record.options)),
        )  # fmt: skip
    except sqlite3.IntegrityError as error:
        if "networks.name" in str(error):
            raise Conflict(f"network with name {record.name} already exists", hint="choose another name") from error
        what = f"subnet {record.subnet}" if "subnet" in str(error) else f"interface {record.bridge}"
        raise Conflict(f"the {what} belongs to another network", hint="see `dockview network ls`") from error


def delete(database: Database, network_id: str) -> None:
    """Forget a network and every address on it."""
    with database.transaction() as connection:
        connection.execute("DELETE FROM addresses WHERE network_id = ?", (network_id,))
        connection.execute("DELETE FROM networks WHERE id = ?", (network_id,))


def move(database: Database, network_id: str, subnet: str, gateway: str, addresses: Mapping[str, str]) -> None:
    """Give a network another subnet, and each container on it another address (container ID to address)."""
    with database.transaction() as connection:
        connection.execute("UPDATE networks SET subnet = ?, gateway = ? WHERE id = ?", (subnet, gateway, network_id))
        for prefix in ("moving ", ""):  # in two steps: an address may be free only once its holder has moved
            connection.executemany(
                "UPDATE addresses SET address = ? WHERE network_id = ? AND container_id = ?",
                [(f"{prefix}{address}", network_id, container) for container, address in addresses.items()],
            )


def addresses(database: Database, network_id: str) -> Mapping[str, str]:
    """Container ID to address, of one network."""
    rows = database.query("SELECT container_id, address FROM addresses WHERE network_id = ?", network_id)
    return {row["container_id"]: row["address"] for row in rows}


def memberships(database: Database, container_id: str) -> Sequence[Membership]:
    """The networks of a container, in the order of its interfaces."""
    return _memberships(database, "a.container_id = ?", container_id)


def own_networks(database: Database, container_id: str) -> list[str]:
    """The IDs of a container's networks on which containers find each other by name: all but the default one."""
    rows = database.query(
        "SELECT n.id FROM networks n JOIN addresses a ON a.network_id = n.id WHERE a.container_id = ? AND n.name != ?",
        container_id, DEFAULT,
    )  # fmt: skip
    return [row["id"] for row in rows]


def members(database: Database, network_id: str) -> Sequence[Membership]:
    """The containers on a network."""
    return _memberships(database, "a.network_id = ?", network_id)


def _memberships(database: Database, condition: str, parameter: str) -> Sequence[Membership]:
    rows = database.query(
        f"SELECT {_COLUMNS}, a.container_id, a.address, a.interface, a.is_fixed, a.aliases"  # noqa: S608
        f" FROM addresses a JOIN networks n ON n.id = a.network_id WHERE {condition}"
        " ORDER BY length(a.interface), a.interface",
        parameter,
    )
    return [
        Membership(
            _network(row), row["container_id"], row["address"], row["interface"], bool(row["is_fixed"]),
            aliases_of(row["aliases"]),
        )
        for row in rows
    ]  # fmt: skip


def aliases_of(text: str) -> tuple[str, ...]:
    """The names in a row's `aliases`."""
    return () if text == "[]" else tuple(json.loads(text))


def lease(
    database: Database,
    network_id: str,
    container_id: str,
    choose: Callable[[Collection[str]], str | None],
    *,
    is_fixed: bool = False,
    aliases: Sequence[str] = (),
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
                "INSERT INTO addresses (network_id, address, container_id, interface, is_fixed, aliases)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                network_id, address, container_id, _free_interface(database, container_id), int(is_fixed),
                json.dumps(list(aliases)),
            )  # fmt: skip
        except sqlite3.IntegrityError as error:
            if "FOREIGN KEY" in str(error):
                raise
            continue  # another process was faster with this address
        return address
    raise Unavailable("no address could be leased: other processes took each one first", hint="try again")


def _free_interface(database: Database, container_id: str) -> str:
    rows = database.query("SELECT interface FROM addresses WHERE container_id = ?", container_id)
    taken = {row["interface"] for row in rows}
    return next(name for name in (f"eth{number}" for number in range(len(taken) + 1)) if name not in taken)


def release(database: Database, network_id: str, container_id: str) -> bool:
    """Take a container off a network; False where it was not on it."""
    return bool(
        database.execute("DELETE FROM addresses WHERE network_id = ? AND container_id = ?", network_id, container_id)
    )


def _network(row: Any) -> NetworkRecord:
    return NetworkRecord(
        id=row["id"], name=row["name"], driver=row["driver"], bridge=row["bridge"], subnet=row["subnet"],
        gateway=row["gateway"], created_ns=row["created_ns"], is_own_subnet=bool(row["is_own_subnet"]),
        ip_range=row["ip_range"], is_internal=bool(row["is_internal"]), labels=json.loads(row["labels"]),
        options=json.loads(row["options"]),
    )  # fmt: skip
