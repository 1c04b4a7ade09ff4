"""What a container is given of the network before it exists: its addresses, and what its hosts and resolv.conf say.

Modes: `bridge` (the default network or one of the user's own); `loopback` (a bridge was asked for, but this user or
this kernel cannot make one: `why` says so); `none`; `host`; `container` (the network of another one). Published ports
work in the first two, as the proxy connects from inside.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from dockview.engine.errors import Conflict, InvalidRequest, NotFound, NotSupported, SyscallError
from dockview.engine.model import RunRequest
from dockview.engine.network import names
from dockview.engine.network.netlink import Netlink
from dockview.engine.network.pool import Subnet, free_address
from dockview.engine.runtime.state import read_state
from dockview.engine.state import networks as records
from dockview.engine.state.networks import Membership, NetworkRecord

if TYPE_CHECKING:
    from dockview.engine.embedded.house import House

BRIDGE, LOOPBACK, NONE, HOST, CONTAINER = "bridge", "loopback", "none", "host", "container"
ROOTLESS = "rootless: only root may make a bridge"
HOST_GATEWAY = "host-gateway"
"""What --add-host takes for the address of this host, as containers see it."""


class Lease(NamedTuple):
    """What a container has been given of the network, before it exists."""

    container_id: str
    mode: str
    hostname: str
    hosts: str
    """The text of its /etc/hosts."""
    resolver: names.Resolver
    ends: tuple[Membership, ...] = ()
    """Its networks, in the order of its interfaces; empty in every mode but bridge."""
    why: str = ""
    """Why it is not connected to a bridge although that was asked for, or empty."""
    folder: str = ""
    """Where its hostname, hosts and resolv.conf lie: in mode container, the other one's folder."""
    joined_pid: int | None = None
    """In mode container: the other one's first process."""
    moved: str = ""
    """Why the default network has another subnet than before, or empty."""

    @property
    def network(self) -> NetworkRecord | None:
        """Its first network."""
        return self.ends[0].network if self.ends else None

    @property
    def address(self) -> str:
        """Its address there, empty in every mode but bridge."""
        return self.ends[0].address if self.ends else ""

    @property
    def way_out(self) -> Membership | None:
        """The network that its default route leads to: the first that is not internal."""
        return next((end for end in self.ends if not end.network.is_internal), None)

    @property
    def resolv_conf(self) -> str:
        """The text of its /etc/resolv.conf."""
        return self.resolver.text

    @property
    def netns_path(self) -> str:
        """The network namespace that it joins, empty where it gets one of its own or the host's."""
        return "" if self.joined_pid is None else f"/proc/{self.joined_pid}/ns/net"

    @property
    def target(self) -> str:
        """The address that the proxy connects to, from inside; empty where no port can be published."""
        if self.mode == LOOPBACK:
            return "127.0.0.1"
        return "" if self.way_out is None else self.way_out.address


def lease(house: House, container_id: str, request: RunRequest, *, is_starting: bool = False) -> Lease:
    """The container's addresses and files; the same again for a container that has them already.

    The files are written to the container's folder, if that exists, under the names `hostname`, `hosts` and
    `resolv.conf`; in place, as a running container has them mounted. With `is_starting`, a container whose network is
    to be joined must run.

    Raises: NotFound, for a network that is not there; Conflict, when no subnet or address is free.
    """
    made = _lease(house, container_id, request, is_starting=is_starting)
    own = house.layout.container(container_id)
    if os.path.isdir(own) and made.folder == own:
        contents = {"hostname": f"{made.hostname}\n", "hosts": made.hosts, "resolv.conf": made.resolv_conf}
        for name, content in contents.items():
            with open(f"{own}/{name}", "w", encoding="utf-8") as file:
                file.write(content)
    return made


def _lease(house: House, container_id: str, request: RunRequest, *, is_starting: bool) -> Lease:
    folder = house.layout.container(container_id)
    hostname = request.hostname or container_id[:12]
    if request.network == HOST:
        own = request.hostname or os.uname().nodename
        text = names.hosts_of_host() + _lines(added_hosts(request, "127.0.0.1"))
        return Lease(container_id, HOST, own, text, _resolver(request, is_shared=True), folder=folder)
    if request.network.startswith("container:"):
        return _joined(house, container_id, request, is_starting=is_starting)
    resolver = _resolver(request, is_shared=False)
    if request.network == NONE:
        text = names.hosts(hostname, "", added_hosts(request, ""))
        return Lease(container_id, NONE, hostname, text, resolver, folder=folder)
    moved = ""
    ends = records.memberships(house.database, container_id)
    if not ends:
        network, why = network_of(house, request.network)
        if network is None:
            text = names.hosts(hostname, "", added_hosts(request, ""))
            return Lease(container_id, LOOPBACK, hostname, text, resolver, why=why, folder=folder)
        take_address(house, network, container_id, ip=request.ip, aliases=request.network_aliases)
        ends = records.memberships(house.database, container_id)
    if is_starting and any(_is_bridge_gone(end.network) for end in ends):
        from dockview.engine.embedded.overlap import settle_overlaps  # noqa: PLC0415  after a reboot

        moved = settle_overlaps(house, [end.network for end in ends])
        ends = records.memberships(house.database, container_id) if moved else ends
    added = added_hosts(request, ends[0].network.gateway)
    text = names.hosts(hostname, [end.address for end in ends], added)
    if not all(end.network.is_default for end in ends):
        from dockview.engine.embedded.neighbours import block_for  # noqa: PLC0415  not on the default network

        text += block_for(house, ends)
    return Lease(container_id, BRIDGE, hostname, text, resolver, tuple(ends), folder=folder, moved=moved)


def _joined(house: House, container_id: str, request: RunRequest, *, is_starting: bool) -> Lease:
    """The network, the name and the files of another container."""
    from dockview.engine.state import containers  # noqa: PLC0415  rare

    other = containers.find(house.database, request.network.removeprefix("container:"))
    state = read_state(house.layout.container(other.id))
    is_up = state is not None and state.status in ("running", "paused")
    if is_starting and not is_up:
        raise Conflict(
            f"cannot join network of a non running container: {other.name}", hint=f"dockview start {other.name}"
        )
    inherited = _lease(house, other.id, other.request, is_starting=False)
    pid = state.pid if state is not None and is_up else None
    return inherited._replace(container_id=container_id, mode=CONTAINER, ends=(), joined_pid=pid)


def _is_bridge_gone(network: NetworkRecord) -> bool:
    return not os.path.exists(f"/sys/class/net/{network.bridge}")


def _resolver(request: RunRequest, *, is_shared: bool) -> names.Resolver:
    base = names.resolver(is_shared=is_shared)
    return names.named(base, request.dns, request.dns_search) if request.dns or request.dns_search else base


def added_hosts(request: RunRequest, gateway: str) -> list[tuple[str, str]]:
    """(name, address) of --add-host; `host-gateway` is the host's address on the container's network.

    Raises: InvalidRequest, NotSupported.
    """
    found = []
    for entry in request.add_hosts:
        name, _, address = entry.partition(":")
        if address == HOST_GATEWAY:
            if not gateway:
                raise NotSupported(
                    f"--add-host {entry}: the container has no network on which this host has an address",
                    hint="a bridge network has; run as root, without --network none",
                )
            address = gateway
        found.append((name, address.strip("[]")))
    return found


def _lines(added: Sequence[tuple[str, str]]) -> str:
    return "".join(f"{address}\t{name}\n" for name, address in added)


def network_of(house: House, name: str) -> tuple[NetworkRecord | None, str]:
    """The network by a name of --network, the default one made at the first use; or None and why there is none.

    Raises: NotFound, NotSupported.
    """
    if name in (records.DEFAULT, "default", ""):
        return _default_network(house)
    if house.is_rootless:
        raise NotSupported(f"network {name}: {ROOTLESS}", hint="use --network bridge, host or none, or run as root")
    return records.find_ref(house.database, name), ""


def _default_network(house: House) -> tuple[NetworkRecord | None, str]:
    if house.is_rootless:
        return None, ROOTLESS
    if (network := records.find(house.database)) is not None:
        return network, ""
    from dockview.engine.network import subnets  # noqa: PLC0415  only the first container of a store comes here

    try:
        with subnets.choosing(), Netlink() as net:
            if (network := records.find(house.database)) is not None:
                return network, ""
            root = house.layout.root
            recorded = [Subnet.parse(record.subnet) for record in records.everything(house.database)]
            name, subnet = subnets.claim_subnet(net, root, recorded)
            default_id = records.predefined_id(root, records.DEFAULT)
            return records.save(
                house.database, records.DEFAULT, name, str(subnet), subnet.gateway, network_id=default_id
            ), ""
    except SyscallError as error:
        return None, f"no bridge can be made: {error}"


def take_address(
    house: House, network: NetworkRecord, container_id: str, *, ip: str = "", aliases: Sequence[str] = ()
) -> str:
    """Put a container on a network in the records; its address. Raises: Conflict, InvalidRequest."""
    subnet = Subnet.parse(network.subnet)
    within = Subnet.parse(network.ip_range) if network.ip_range else None
    if ip:
        check_ip(network, ip)

    def choose(taken: object) -> str | None:
        known = set(taken) if isinstance(taken, set) else set()
        if not ip:
            return free_address(subnet, known, gateway=network.gateway, within=within)
        if ip in known:
            raise Conflict(f"address {ip} is already in use on network {network.name}", hint="choose another one")
        return ip

    address = records.lease(
        house.database, network.id, container_id, choose, is_fixed=bool(ip), aliases=tuple(dict.fromkeys(aliases))
    )
    if address is None:
        raise Conflict(
            f"no address is free in {network.ip_range or network.subnet}: each belongs to a container",
            hint="remove some containers, `dockview container prune`",
        )
    return address


def check_ip(network: NetworkRecord, ip: str) -> None:
    """Whether a container may ask for this address there. Raises: InvalidRequest."""
    if network.is_default:
        raise InvalidRequest(
            "user specified IP address is supported on user defined networks only",
            hint="dockview network create --subnet",
        )
    if not network.is_own_subnet:
        raise InvalidRequest(
            "user specified IP address is supported only when connecting to networks with user configured subnets",
            hint="give the network a subnet of your choice: dockview network create --subnet",
        )
    subnet = Subnet.parse(network.subnet)
    try:
        is_inside = subnet.holds(ip)
    except ValueError:
        raise InvalidRequest(f"invalid IPv4 address: {ip}") from None
    if not is_inside or ip in (network.gateway, str(subnet).partition("/")[0], subnet.broadcast):
        raise InvalidRequest(f"no container can have the address {ip} in subnet {network.subnet}")


def check(house: House, request: RunRequest) -> None:
    """Whether the network that is asked for is there, before anything is made.

    Raises: NotFound, NotSupported, InvalidRequest, Conflict.
    """
    if request.network in (HOST, NONE):
        added_hosts(request, "127.0.0.1" if request.network == HOST else "")
        return
    if request.network.startswith("container:"):
        _check_joined(house, request)
        return
    if request.network in (records.DEFAULT, "default", ""):
        if house.is_rootless:
            added_hosts(request, "")
        return
    network, _why = network_of(house, request.network)
    if network is None:
        raise NotFound(f"network {request.network} not found")
    if request.ip:
        check_ip(network, request.ip)
        if request.ip in records.addresses(house.database, network.id).values():
            raise Conflict(f"address {request.ip} is already in use on network {network.name}")


def _check_joined(house: House, request: RunRequest) -> None:
    from dockview.engine.state import containers  # noqa: PLC0415  rare

    containers.find(house.database, request.network.removeprefix("container:"))
    if house.is_rootless:
        raise NotSupported(
            f"--network {request.network}: a rootless container has a user namespace of its own, which may not enter "
            "the network of another one",
            hint="publish ports (-p) to let containers of an ordinary user meet, or run as root",
        )
