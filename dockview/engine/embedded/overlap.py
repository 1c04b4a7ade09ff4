"""After a reboot: bridges are made again, and the host may have got a route that their subnets get in the way of."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dockview.engine.errors import Conflict
from dockview.engine.network import subnets
from dockview.engine.network.bridge import overlapped
from dockview.engine.network.netlink import Netlink
from dockview.engine.network.pool import Subnet, free_address
from dockview.engine.state import networks as records

if TYPE_CHECKING:
    from dockview.engine.embedded.house import House
    from dockview.engine.state.networks import NetworkRecord


def settle_overlaps(house: House, networks: Sequence[NetworkRecord]) -> str:
    """Look for host routes in the subnets of networks whose bridges are gone; what was changed, or empty.

    The default network, whose subnet nobody chose, takes another one; its containers get new addresses, which no
    running one has, as there is no bridge. A network that a user has made is his to change.

    Raises: Conflict, for a network of the user's; SyscallError.
    """
    with subnets.choosing(), Netlink() as net:
        for network in networks:
            if os.path.exists(f"/sys/class/net/{network.bridge}"):
                continue
            found = overlapped(net, Subnet.parse(network.subnet), network.bridge)
            if not found:
                continue
            if not network.is_default:
                raise Conflict(
                    f"the subnet {network.subnet} of network {network.name} overlaps with this host's {found}",
                    hint=f"remove the network and create it with another subnet: dockview network rm {network.name}",
                )
            recorded = [Subnet.parse(r.subnet) for r in records.everything(house.database) if r.id != network.id]
            _name, subnet = subnets.claim_subnet(net, house.layout.root, recorded)
            taken: set[str] = set()
            moved: dict[str, str] = {}
            for member in records.members(house.database, network.id):
                address = free_address(subnet, taken)
                if address is None:
                    raise Conflict(f"no address is free in {subnet}", hint="remove some containers")
                taken.add(address)
                moved[member.container_id] = address
            records.move(house.database, network.id, str(subnet), subnet.gateway, moved)
            return f"from {network.subnet} to {subnet}: the old one overlaps with this host's {found}"
    return ""
