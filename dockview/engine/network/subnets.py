"""The choice of a store's subnet, made by one process of this host at a time.

Two stores that choose at once would choose the same; so the choice, and the bridge that makes it visible to the next
one, happen under a lock that belongs to the host's network namespace and leaves no file behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence

from dockview.engine.errors import Conflict
from dockview.engine.network.bridge import delete, ensure_bridge, owner, taken_subnets
from dockview.engine.network.netlink import Netlink
from dockview.engine.network.outbound import remove_table
from dockview.engine.network.pool import Subnet, bridge_name, candidates, free_subnet
from dockview.engine.network.rtnetlink import addresses, find_link, links

_LOCKED = "/sys/class/net"
"""A directory that each network namespace has its own of; flock(2) does not care that it is not a file."""


@contextlib.contextmanager
def choosing() -> Iterator[None]:
    """Be the only one who chooses, on this host."""
    try:
        fd = os.open(_LOCKED, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield  # no sysfs here: the records of one store still hold each other apart
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def claim_subnet(net: Netlink, root: str, recorded: Sequence[Subnet] = ()) -> tuple[str, Subnet]:
    """Choose the bridge and the subnet of a store, and make the bridge; to be called within `choosing`.

    `recorded` are the subnets of the store's other networks, whose bridges may not be there now.

    A bridge of that name that is there already (the store's records were lost) keeps its subnet.

    Raises: Conflict, when no candidate is free; SyscallError, when this host has no bridges or we may not make one.
    """
    _remove_orphans(net)
    name = bridge_name(root)
    subnet = _present(net, name) or free_subnet(candidates(root), [*taken_subnets(net), *recorded])
    if subnet is None:
        raise Conflict(
            "no subnet is free for the containers' network: this host has addresses in, or routes to, all candidates",
            hint="see `ip route`; --network none or host works without one",
        )
    ensure_bridge(net, name, subnet, root)
    return name, subnet


def choose_subnet(net: Netlink, recorded: Sequence[Subnet]) -> Subnet:
    """A free subnet for one more network; to be called within `choosing`. Raises: Conflict."""
    subnet = free_subnet(candidates(""), [*taken_subnets(net), *recorded])
    if subnet is None:
        raise Conflict(
            "no subnet is free for the network: this host has addresses in, or routes to, all candidates",
            hint="choose one: --subnet",
        )
    return subnet


def _remove_orphans(net: Netlink) -> None:
    """Remove the bridges of stores whose folder is gone: each names its store in its alias.

    One with a port is left: something lives there still. Only the first container of a store comes here, so that
    bridges do not pile up, and nothing is paid for it later.
    """
    found = links(net)
    in_use = {link.master_index for link in found}
    for link in found:
        root = owner(link)
        if root and link.ifindex not in in_use and not os.path.exists(root):
            remove_table(link.name)
            delete(net, link.name)


def _present(net: Netlink, name: str) -> Subnet | None:
    link = find_link(net, name)
    if link is None or link.kind != "bridge":
        return None
    return next((address.subnet for address in addresses(net) if address.link_index == link.ifindex), None)
