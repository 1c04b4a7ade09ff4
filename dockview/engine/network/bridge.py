"""The bridge of a store, and the wire from it into a container.

    host                                    | container
    bridge dv0 172.30.0.1/16 -- vethabc1234 | eth0 172.30.0.2/16, default via 172.30.0.1
                                            | lo 127.0.0.1

The host's side is done through a netlink socket opened here, the container's through one that was opened inside; no
process enters the container's network namespace for it. A veth pair ends with either of its ends, so a container's
goes with its namespace; `sweep` takes those that a crash left.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import NamedTuple

from dockview.engine.errors import Conflict, SyscallError
from dockview.engine.network import rtnetlink as rt
from dockview.engine.network.netlink import Netlink
from dockview.engine.network.pool import VETH_CHARS, Subnet, mac_of, veth_name

INSIDE = "eth0"
"""The name of the inside end, as in docker."""
_VETH = "veth"
_ALIAS = "dockview store "


class Inside(NamedTuple):
    """What a container's network namespace holds, read through a socket opened in it."""

    links: tuple[rt.Link, ...]
    addresses: tuple[rt.Address, ...]
    routes: tuple[rt.Route, ...]

    def link(self, name: str) -> rt.Link | None:
        """The interface by that name."""
        return next((link for link in self.links if link.name == name), None)

    def address(self, link: rt.Link | None) -> rt.Address | None:
        """The first address of an interface."""
        return next((a for a in self.addresses if link is not None and a.link_index == link.ifindex), None)

    @property
    def default_route(self) -> rt.Route | None:
        """The way to everywhere else."""
        return next((route for route in self.routes if route.to is None), None)

    def described_routes(self) -> str:
        """The routes in the words of `ip route`, joined by commas."""
        names = {link.ifindex: link.name for link in self.links}
        lines = []
        for route in self.routes:
            device = names.get(route.link_index or 0, "?")
            via = f" via {route.gateway}" if route.gateway else ""
            lines.append(f"{route.to or 'default'}{via} dev {device}")
        return ", ".join(lines)


def overlapped(net: Netlink, subnet: Subnet, bridge: str) -> str:
    """What of this host a subnet would get in the way of, in the words of `ip route`; empty when there is nothing.

    A route that leads to more than the whole subnet (a VPN's 10.0.0.0/8) does not count: the bridge's is the narrower
    one, and wins for the subnet alone.
    """
    own = rt.find_link(net, bridge)
    index = -1 if own is None else own.ifindex
    for address in rt.addresses(net):
        if address.link_index != index and address.subnet.overlaps(subnet):
            return f"address {address}"
    for route in rt.routes(net):
        is_narrower = route.to is not None and route.to.prefix >= subnet.prefix and route.to.overlaps(subnet)
        if route.link_index != index and is_narrower:
            return f"route {route.to}{f' via {route.gateway}' if route.gateway else ''}"
    return ""


def taken_subnets(net: Netlink) -> list[Subnet]:
    """The networks that this host has addresses in or routes to."""
    routed = [route.to for route in rt.routes(net) if route.to is not None]
    return [*routed, *(address.subnet for address in rt.addresses(net))]


def ensure_bridge(net: Netlink, name: str, subnet: Subnet, root: str, *, gateway: str = "") -> tuple[rt.Link, bool]:
    """The bridge with the gateway's address, up, and whether it had to be made (at first, or after a reboot).

    It names the store that it belongs to, by its root. The gateway is the subnet's first address unless named.

    Raises: Conflict, when the name belongs to something that is no bridge; SyscallError.
    """
    link = rt.find_link(net, name)
    is_new = link is None
    gateway = gateway or subnet.gateway
    if link is None:
        try:
            rt.create_bridge(net, name, mac_of(gateway))
        except SyscallError as error:
            if error.errno != errno.EEXIST:  # another engine process may have been faster
                raise
        link = rt.find_link(net, name)
    if link is None or link.kind != "bridge":
        raise Conflict(
            f"the network cannot use the interface {name}: it is no bridge",
            hint=f"see `ip -d link show {name}`, and remove or rename it",
        )
    if is_new or not link.is_up:
        rt.set_up(net, link.ifindex)
        rt.add_address(net, link.ifindex, gateway, subnet.prefix)
        # A name that was cut would say of a store that is there that it is gone.
        if len(os.fsencode(_ALIAS + root)) < rt.ALIAS_BYTES:
            rt.set_alias(net, link.ifindex, _ALIAS + root)
    return link, is_new


def owner(link: rt.Link) -> str:
    """The root of the store that a bridge belongs to, empty where it is no bridge of ours."""
    is_ours = link.kind == "bridge" and link.alias.startswith(_ALIAS)
    return link.alias.removeprefix(_ALIAS) if is_ours else ""


def wire(
    net: Netlink,
    inside: Netlink,
    netns_fd: int,
    container_id: str,
    *,
    bridge: rt.Link,
    address: rt.Address,
    gateway: str = "",
    interface: str = INSIDE,
) -> None:
    """Connect a container to the bridge: a veth pair, its inside end named, up and addressed, a default route.

    Args:
        net: A socket opened on the host.
        inside: A socket opened in the container's network namespace.
        netns_fd: That namespace.
        container_id: Whose it is; the host end is named for it.
        bridge: The bridge, which the host end becomes a port of.
        address: The address of the inside end; its link_index is not looked at.
        gateway: Where the default route leads; empty for none.
        interface: The name of the inside end.
    """
    host = rt.End(veth_name(container_id, interface), master_index=bridge.ifindex)
    within = rt.End(interface, mac=mac_of(address.address), netns_fd=netns_fd)
    try:
        rt.create_veth(net, host, within)
    except SyscallError as error:
        if error.errno != errno.EEXIST:
            raise
        _remove_stale(net, host.name, bridge, error)
        rt.create_veth(net, host, within)
    link = rt.find_link(inside, interface)
    if link is None:
        raise SyscallError("RTM_GETLINK", errno.ENODEV, interface)
    rt.set_up(inside, link.ifindex)
    rt.add_address(inside, link.ifindex, address.address, address.prefix)
    if gateway:
        rt.add_default_route(inside, link.ifindex, gateway)


def _remove_stale(net: Netlink, name: str, bridge: rt.Link, error: SyscallError) -> None:
    """Remove the veth of an earlier life of the container: the kernel takes its namespace down in its own time."""
    stale = rt.find_link(net, name)
    if stale is not None and stale.master_index not in (bridge.ifindex, None):
        raise Conflict(
            f"the network cannot make {name}: an interface of that name is in use elsewhere",
            hint=f"see `ip -d link show {name}`",
        ) from error
    rt.delete_link(net, name)


def look(inside: Netlink) -> Inside:
    """Read what a network namespace holds."""
    return Inside(tuple(rt.links(inside)), tuple(rt.addresses(inside)), tuple(rt.routes(inside)))


def raise_loopback(inside: Netlink) -> None:
    """Bring up lo; the kernel gives it 127.0.0.1 and ::1 by itself."""
    link = rt.find_link(inside, "lo")
    if link is None:
        raise SyscallError("RTM_GETLINK", errno.ENODEV, "lo")
    rt.set_up(inside, link.ifindex)


def unwire(net: Netlink, container_id: str, interface: str = INSIDE) -> None:
    """Take a container's veth pair away; none is no error."""
    rt.delete_link(net, veth_name(container_id, interface))


def delete(net: Netlink, name: str) -> None:
    """Remove a bridge; its ports stay, connected to nothing. None is no error."""
    rt.delete_link(net, name)


def sweep_ports(net: Netlink, bridge_name: str, live_container_ids: Iterable[str]) -> list[str]:
    """Remove the veths on a bridge that belong to none of these containers; their names."""
    bridge = rt.find_link(net, bridge_name)
    if bridge is None:
        return []
    wanted = {veth_name(container_id) for container_id in live_container_ids}
    gone = []
    for link in rt.links(net):
        is_ours = link.master_index == bridge.ifindex and link.kind == "veth" and link.name.startswith(_VETH)
        if is_ours and link.name[:VETH_CHARS] not in wanted and rt.delete_link(net, link.name):
            gone.append(link.name)
    return gone
