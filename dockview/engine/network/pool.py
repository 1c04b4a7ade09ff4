"""Arithmetic on IPv4 networks: which subnet is free for a network, which address for a container.

Pure: it knows what it is told and touches nothing. Plain integers and not `ipaddress`, whose import costs more than
all the arithmetic of a run.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple, Self

DEFAULT_ROOT = "/var/lib/dockview"
DEFAULT_BRIDGE = "dv0"
VETH_CHARS = 11
"""How much of a veth's name is the container's."""
NAME_DIGITS = 6
"""Hex digits of the root's hash in a bridge's name: `dv` and these fit IFNAMSIZ with room for a person to read."""


def address_text(value: int) -> str:
    """A 32-bit address as people write it."""
    return socket.inet_ntoa(value.to_bytes(4))


class Subnet(NamedTuple):
    """An IPv4 network: its first address, and how many leading bits all its addresses share."""

    first: int
    prefix: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `172.30.0.0/16`; bits after the prefix are cleared. Raises: ValueError."""
        address, _, prefix = text.partition("/")
        length = int(prefix)
        if not 0 <= length <= 32:
            raise ValueError(f"{text} is not an IPv4 network: a prefix is at most 32 bits")
        try:
            value = int.from_bytes(socket.inet_aton(address))
        except OSError:
            raise ValueError(f"{text} is not an IPv4 network") from None
        return cls(value >> (32 - length) << (32 - length), length)

    def __str__(self) -> str:
        return f"{address_text(self.first)}/{self.prefix}"

    @property
    def size(self) -> int:
        """How many addresses it has, the network's own and the broadcast address included."""
        return 1 << (32 - self.prefix)

    @property
    def gateway(self) -> str:
        """The first address, which the bridge takes."""
        return address_text(self.first + 1)

    @property
    def broadcast(self) -> str:
        """The last address."""
        return address_text(self.first + self.size - 1)

    def holds(self, address: str) -> bool:
        """Whether an address lies in it. Raises: ValueError for what is no address."""
        return self.overlaps(Subnet.parse(f"{address}/32"))

    def overlaps(self, other: Subnet) -> bool:
        """Whether any address lies in both."""
        return self.first < other.first + other.size and other.first < self.first + self.size


def bridge_name(root: str) -> str:
    """The name of the bridge of a store: `dv0` for the default root, else `dv` and a part of the root's hash."""
    if root == DEFAULT_ROOT:
        return DEFAULT_BRIDGE
    import hashlib  # noqa: PLC0415  only the first container of a store asks

    return f"dv{hashlib.sha256(root.encode()).hexdigest()[:NAME_DIGITS]}"


def network_bridge(network_id: str) -> str:
    """The name of the bridge of a network that a user has made; 15 characters are as many as an interface may have."""
    return f"dvn{network_id[:12]}"


def candidates(root: str) -> Iterator[Subnet]:
    """The subnets that a store would take, the most wanted first.

    The default store wants 172.30.0.0/16: it is outside of what Docker takes first. Every other store takes a /24 of
    172.29.0.0/16, which many stores can share, then one of ranges that few sites use.
    """
    if root == DEFAULT_ROOT:
        yield Subnet.parse("172.30.0.0/16")
    for base in ("172.29.0.0", "10.231.0.0", "192.168.0.0"):
        first = int.from_bytes(socket.inet_aton(base))
        for block in range(1 if base.startswith("192") else 0, 256):
            yield Subnet(first + (block << 8), 24)


def free_subnet(wanted: Iterable[Subnet], taken: Collection[Subnet]) -> Subnet | None:
    """The first of the wanted subnets that overlaps none of those taken, None when there is none."""
    return next((subnet for subnet in wanted if not any(subnet.overlaps(other) for other in taken)), None)


def free_address(
    subnet: Subnet, taken: Collection[str], *, gateway: str = "", within: Subnet | None = None
) -> str | None:
    """The lowest address of a subnet that is neither its own, the gateway's, the broadcast's, nor taken.

    `gateway` is the subnet's first address unless named; `within` is the part of the subnet to choose from.
    """
    gateway = gateway or subnet.gateway
    span = within or subnet
    first, last = max(span.first, subnet.first + 1), min(span.first + span.size, subnet.first + subnet.size - 1)
    for value in range(first, last):
        address = address_text(value)
        if address != gateway and address not in taken:
            return address
    return None


def mac_of(address: str) -> str:
    """A MAC made from an address: locally administered, and equal each time, so that no ARP cache is ever wrong."""
    return "02:42:" + socket.inet_aton(address).hex(":")


def veth_name(container_id: str, interface: str = "eth0") -> str:
    """The host's end of a container's veth pair: it names the container that it belongs to.

    That of a further interface has its number behind: `vethabcdef11` for eth1.
    """
    return f"veth{container_id[:7]}{interface.removeprefix('eth').removeprefix('0')}"
