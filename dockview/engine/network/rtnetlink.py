"""Links, addresses and routes: what rtnetlink(7) says of them, read and written through one socket.

Everything is IPv4 here except the link itself. A read always asks the kernel anew.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import NamedTuple

from dockview.engine.errors import SyscallError
from dockview.engine.network import netlink
from dockview.engine.network.netlink import Netlink, attribute, attributes, nested, number, number_of, string_of, text
from dockview.engine.network.pool import Subnet, address_text

IFNAMSIZ = 16
"""Bytes of an interface's name with its NUL (netdevice(7))."""
ALIAS_BYTES = 255
"""The longest note on an interface."""

_NEWLINK, _DELLINK, _GETLINK = 16, 17, 18
_NEWADDR, _GETADDR = 20, 22
_NEWROUTE, _GETROUTE = 24, 26

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_MASTER, _IFLA_LINKINFO = 1, 3, 4, 5, 10, 18
_IFLA_IFALIAS, _IFLA_NET_NS_FD = 20, 28
_INFO_KIND, _INFO_DATA = 1, 2
_VETH_PEER = 1
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST = 1, 2, 4
_RTA_DST, _RTA_OIF, _RTA_GATEWAY = 1, 4, 5

_IFF_UP = 0x1
_IFF_LOWER_UP = 0x10000
_SCOPE_UNIVERSE = 0
_TABLE_MAIN = 254
_PROTOCOL_BOOT = 3
_UNICAST = 1

_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")


class Link(NamedTuple):
    """A network interface as it stands."""

    ifindex: int
    name: str
    kind: str
    """bridge, veth, … or empty for a plain device."""
    is_up: bool
    has_carrier: bool
    mac: str
    mtu: int | None
    peer_index: int | None
    """The interface number at the other end of a veth pair, in the other end's namespace."""
    master_index: int | None
    """The bridge that it is a port of."""
    alias: str
    """A note of whoever made it (ifalias), empty when there is none."""


class Address(NamedTuple):
    """An IPv4 address of an interface."""

    link_index: int
    address: str
    prefix: int

    def __str__(self) -> str:
        return f"{self.address}/{self.prefix}"

    @property
    def subnet(self) -> Subnet:
        """The network that the address lies in."""
        return Subnet.parse(f"{self.address}/{self.prefix}")


class Route(NamedTuple):
    """A unicast IPv4 route of the main table; `to` is None for the default route."""

    to: Subnet | None
    gateway: str
    link_index: int | None


class End(NamedTuple):
    """How one end of a new veth pair shall be."""

    name: str
    mac: str = ""
    """Empty leaves the choice to the kernel."""
    master_index: int | None = None
    netns_fd: int | None = None
    """The network namespace that it is born in; None is the socket's own."""

    def body(self, *, is_up: bool) -> bytes:
        """The end as it stands in a message."""
        up = _IFF_UP if is_up else 0
        parts = [_LINK.pack(socket.AF_UNSPEC, 0, 0, up, up), text(_IFLA_IFNAME, self.name)]
        if self.mac:
            parts.append(attribute(_IFLA_ADDRESS, bytes.fromhex(self.mac.replace(":", ""))))
        if self.master_index is not None:
            parts.append(number(_IFLA_MASTER, self.master_index))
        if self.netns_fd is not None:
            parts.append(number(_IFLA_NET_NS_FD, self.netns_fd))
        return b"".join(parts)


def links(net: Netlink) -> list[Link]:
    """All interfaces."""
    body = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    return [_link(found) for found in net.request("RTM_GETLINK", _GETLINK, body, flags=netlink.DUMP)]


def find_link(net: Netlink, name: str) -> Link | None:
    """The interface by that name, None when there is none."""
    body = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + text(_IFLA_IFNAME, name)
    try:
        found = net.request("RTM_GETLINK", _GETLINK, body, about=name)
    except SyscallError as error:
        if error.errno == errno.ENODEV:
            return None
        raise
    return _link(found[0]) if found else None


def create_bridge(net: Netlink, name: str, mac: str) -> None:
    """Create a bridge, up. A MAC of its own keeps it from changing with the ports that come and go.

    Raises: SyscallError, with EEXIST when the name is taken, EOPNOTSUPP when the kernel has no bridges.
    """
    body = End(name, mac).body(is_up=True) + nested(_IFLA_LINKINFO, text(_INFO_KIND, "bridge"))
    _create(net, body, name)


def create_veth(net: Netlink, host: End, inside: End) -> None:
    """Create a veth pair with both ends named and placed in one message, the host's end up (veth(4)).

    The inside end is brought up from inside: the kernel refuses it before the pair is linked.

    Raises: SyscallError, with EEXIST when a name is taken.
    """
    data = nested(_INFO_DATA, nested(_VETH_PEER, inside.body(is_up=False)))
    _create(net, host.body(is_up=True) + nested(_IFLA_LINKINFO, text(_INFO_KIND, "veth"), data), host.name)


def _create(net: Netlink, body: bytes, name: str) -> None:
    net.request("RTM_NEWLINK", _NEWLINK, body, flags=netlink.CREATE | netlink.EXCLUSIVE, about=name)


def delete_link(net: Netlink, name: str) -> bool:
    """Remove an interface (of a veth pair both ends go); False when it was not there."""
    body = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + text(_IFLA_IFNAME, name)
    try:
        net.request("RTM_DELLINK", _DELLINK, body, about=name)
    except SyscallError as error:
        if error.errno == errno.ENODEV:
            return False
        raise
    return True


def set_up(net: Netlink, index: int) -> None:
    """Bring an interface up."""
    body = _LINK.pack(socket.AF_UNSPEC, 0, index, _IFF_UP, _IFF_UP)
    net.request("RTM_NEWLINK", _NEWLINK, body, about=f"interface {index}")


def set_alias(net: Netlink, index: int, alias: str) -> None:
    """Put a note on an interface, which `ip link` shows; one that is longer than ALIAS_BYTES is refused."""
    body = _LINK.pack(socket.AF_UNSPEC, 0, index, 0, 0) + text(_IFLA_IFALIAS, alias)
    net.request("RTM_NEWLINK", _NEWLINK, body, about=f"interface {index}")


def addresses(net: Netlink) -> list[Address]:
    """The IPv4 addresses of all interfaces."""
    body = _ADDRESS.pack(socket.AF_INET, 0, 0, 0, 0)
    return [_address(found) for found in net.request("RTM_GETADDR", _GETADDR, body, flags=netlink.DUMP)]


def add_address(net: Netlink, index: int, address: str, prefix: int) -> None:
    """Give an interface an address; one that it has already is left as it is."""
    packed = socket.inet_aton(address)
    last = int.from_bytes(packed) | (1 << (32 - prefix)) - 1
    body = (
        _ADDRESS.pack(socket.AF_INET, prefix, 0, _SCOPE_UNIVERSE, index)
        + attribute(_IFA_LOCAL, packed)
        + attribute(_IFA_ADDRESS, packed)
        + attribute(_IFA_BROADCAST, last.to_bytes(4))
    )
    _add(net, "RTM_NEWADDR", _NEWADDR, body, f"{address}/{prefix}")


def routes(net: Netlink) -> list[Route]:
    """The unicast IPv4 routes of the main table."""
    body = _ROUTE.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)
    found = (_route(data) for data in net.request("RTM_GETROUTE", _GETROUTE, body, flags=netlink.DUMP))
    return [route for route in found if route is not None]


def add_default_route(net: Netlink, index: int, gateway: str) -> None:
    """Send what is for elsewhere to the gateway; a default route that is there is left as it is."""
    body = (
        _ROUTE.pack(socket.AF_INET, 0, 0, 0, _TABLE_MAIN, _PROTOCOL_BOOT, _SCOPE_UNIVERSE, _UNICAST, 0)
        + attribute(_RTA_GATEWAY, socket.inet_aton(gateway))
        + number(_RTA_OIF, index)
    )
    _add(net, "RTM_NEWROUTE", _NEWROUTE, body, f"default via {gateway}")


def _add(net: Netlink, what: str, kind: int, body: bytes, about: str) -> None:
    try:
        net.request(what, kind, body, flags=netlink.CREATE | netlink.EXCLUSIVE, about=about)
    except SyscallError as error:
        if error.errno != errno.EEXIST:
            raise


def _link(data: bytes) -> Link:
    _, _, index, flags, _ = _LINK.unpack_from(data)
    found = attributes(data[_LINK.size :])
    return Link(
        ifindex=index,
        name=string_of(found, _IFLA_IFNAME),
        kind=string_of(attributes(found.get(_IFLA_LINKINFO, b"")), _INFO_KIND),
        is_up=bool(flags & _IFF_UP),
        has_carrier=bool(flags & _IFF_LOWER_UP),
        mac=found.get(_IFLA_ADDRESS, b"").hex(":"),
        mtu=number_of(found, _IFLA_MTU),
        peer_index=number_of(found, _IFLA_LINK),
        master_index=number_of(found, _IFLA_MASTER),
        alias=string_of(found, _IFLA_IFALIAS),
    )


def _address(data: bytes) -> Address:
    _, prefix, _, _, index = _ADDRESS.unpack_from(data)
    found = attributes(data[_ADDRESS.size :])
    return Address(index, socket.inet_ntoa(found.get(_IFA_LOCAL) or found[_IFA_ADDRESS]), prefix)


def _route(data: bytes) -> Route | None:
    _, prefix, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(data)
    if table != _TABLE_MAIN or kind != _UNICAST:
        return None
    found = attributes(data[_ROUTE.size :])
    to = Subnet(int.from_bytes(found[_RTA_DST]), prefix) if _RTA_DST in found else None
    gateway = found.get(_RTA_GATEWAY)
    return Route(to, address_text(int.from_bytes(gateway)) if gateway else "", number_of(found, _RTA_OIF))
