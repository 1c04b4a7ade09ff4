"""The network of a container, from its address to its published ports: the phases network and ports.

    lease     at create: an address, and what the container's hosts and resolv.conf say
    connect   once the namespaces exist: bridge, veth pair, address, gateway; every fact is read back from the kernel
    publish   before the start: the host's ports are taken, the proxy's command line is written

Modes: `bridge`; `loopback` (a bridge was asked for, but this user or this kernel cannot make one: `why` says so);
`none`; `host`. Published ports work in the first two, as the proxy connects from inside.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from dockview.engine.errors import Conflict, NotSupported, SyscallError
from dockview.engine.lifecycle import Origin, Phase
from dockview.engine.model import Network, PortMapping, RunRequest
from dockview.engine.network import bridge as bridges
from dockview.engine.network import names, outbound
from dockview.engine.network.netlink import Netlink
from dockview.engine.network.pool import Subnet, free_address, veth_name
from dockview.engine.network.rtnetlink import Address, find_link
from dockview.engine.recorder import Recorder, SpanRecorder
from dockview.engine.state import networks as records
from dockview.engine.state.networks import NetworkRecord

if TYPE_CHECKING:
    import socket

    from dockview.engine.embedded.house import House
    from dockview.engine.network.ports import Bound
    from dockview.engine.runtime.launch import Born

BRIDGE, LOOPBACK, NONE, HOST = "bridge", "loopback", "none", "host"
_ROOTLESS = "rootless: only root may make a bridge"


class Lease(NamedTuple):
    """What a container has been given of the network, before it exists."""

    container_id: str
    mode: str
    hostname: str
    hosts: str
    """The text of its /etc/hosts."""
    resolver: names.Resolver
    network: NetworkRecord | None = None
    address: str = ""
    """Its address in the network's subnet, empty in every mode but bridge."""
    why: str = ""
    """Why it is not connected to a bridge although that was asked for, or empty."""

    @property
    def resolv_conf(self) -> str:
        """The text of its /etc/resolv.conf."""
        return self.resolver.text

    @property
    def target(self) -> str:
        """The address that the proxy connects to, from inside; empty where no port can be published."""
        return {BRIDGE: self.address, LOOPBACK: "127.0.0.1"}.get(self.mode, "")


class Published(NamedTuple):
    """What the ports phase made."""

    listeners: list[socket.socket]
    """In the order in which the proxy's command line counts them; the caller closes them."""
    proxy: list[str]
    """The proxy's command line (network/proxy.py), empty when no port is published."""
    ports: tuple[PortMapping, ...]
    """The mappings with the host ports that were taken."""


def lease(house: House, container_id: str, request: RunRequest) -> Lease:
    """The container's address and files; the same again for a container that has them already.

    The files are written to the container's folder, if that exists, under the names `hostname`, `hosts` and
    `resolv.conf`; in place, as a running container has them mounted.

    Raises: NotSupported, for a network that this engine does not have; Conflict, when no subnet or address is free.
    """
    made = _lease(house, container_id, request)
    folder = house.layout.container(container_id)
    if os.path.isdir(folder):
        contents = {"hostname": f"{made.hostname}\n", "hosts": made.hosts, "resolv.conf": made.resolv_conf}
        for name, content in contents.items():
            with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
                file.write(content)
    return made


def _lease(house: House, container_id: str, request: RunRequest) -> Lease:
    hostname = request.hostname or container_id[:12]
    if request.network == HOST:
        own = request.hostname or os.uname().nodename
        return Lease(container_id, HOST, own, names.hosts_of_host(), names.resolver(is_shared=True))
    resolver = names.resolver(is_shared=False)
    if request.network == NONE:
        return Lease(container_id, NONE, hostname, names.hosts(hostname, ""), resolver)
    if request.network not in (records.DEFAULT, "default", ""):
        raise NotSupported(
            f"the embedded engine has no network {request.network!r}", hint="it has bridge, none and host"
        )
    network, why = _default_network(house)
    if network is None:
        return Lease(container_id, LOOPBACK, hostname, names.hosts(hostname, ""), resolver, why=why)
    subnet = Subnet.parse(network.subnet)
    address = records.lease(house.database, network.id, container_id, lambda taken: free_address(subnet, taken))
    if address is None:
        raise Conflict(
            f"no address is free in {network.subnet}: each belongs to a container",
            hint="remove some containers, `dockview container prune`",
        )
    return Lease(container_id, BRIDGE, hostname, names.hosts(hostname, address), resolver, network, address)


def _default_network(house: House) -> tuple[NetworkRecord | None, str]:
    """The store's bridge network, made at the first use; or None and why there is none."""
    if house.is_rootless:
        return None, _ROOTLESS
    if (network := records.find(house.database)) is not None:
        return network, ""
    from dockview.engine.network import subnets  # noqa: PLC0415  only the first container of a store comes here

    try:
        with subnets.choosing(), Netlink() as net:
            if (network := records.find(house.database)) is not None:
                return network, ""
            name, subnet = subnets.claim_subnet(net, house.layout.root)
            return records.save(house.database, records.DEFAULT, name, str(subnet), subnet.gateway), ""
    except SyscallError as error:
        return None, f"no bridge can be made: {error}"


def connect(house: House, trace: Recorder, lease: Lease, born: Born, folder: str) -> None:
    """Perform the phase network: what the lease promises is made in the container's namespace, and read back.

    Args:
        house: The store.
        trace: Where the phase is recorded.
        lease: What the container was given.
        born: The container, waiting; its netlink socket is closed here.
        folder: The container's folder, with its hosts and resolv.conf.

    Raises: SyscallError, Conflict; the trace then takes the veth away.
    """
    undo = (lambda: _unwire(lease.container_id)) if lease.mode == BRIDGE else None
    with trace.phase(Phase.NETWORK, check=_check(lease, born), undo=undo) as span:
        span.fact("mode", lease.mode)
        if lease.mode == HOST or born.netlink is None:
            _shared(span, born)
        else:
            with Netlink(born.netlink) as inside:
                bridges.raise_loopback(inside)
                if lease.network is not None:
                    _wire(span, lease, lease.network, born, inside, root=house.layout.root)
                else:
                    _alone(span, lease, inside)
        _name_service(span, lease, folder)


def _check(lease: Lease, born: Born) -> str:
    if lease.mode == HOST:
        return f"readlink /proc/{born.pid}/ns/net"
    user = "" if born.userns_fd is None else "-U --preserve-credentials "
    return f"nsenter -t {born.pid} {user}-n ip -br addr"


def _shared(span: SpanRecorder, born: Born) -> None:
    own, theirs = os.readlink("/proc/self/ns/net"), os.readlink(f"/proc/{born.pid}/ns/net")
    span.fact("namespace", theirs)
    span.fact("shared with host", own == theirs)
    span.fact("outbound", "the host's own")


def _alone(span: SpanRecorder, lease: Lease, inside: Netlink) -> None:
    found = bridges.look(inside)
    span.fact("interface", ", ".join(link.name for link in found.links if link.is_up))
    span.fact("address", str(found.address(found.link("lo")) or "") or None)
    span.fact("outbound", f"none ({lease.why})" if lease.why else "none (network none: loopback only)")


def _wire(span: SpanRecorder, lease: Lease, network: NetworkRecord, born: Born, inside: Netlink, *, root: str) -> None:
    subnet = Subnet.parse(network.subnet)
    with Netlink() as net:
        bridge, is_new = bridges.ensure_bridge(net, network.bridge, subnet, root)
        way_out = outbound.ensure_outbound(network.bridge, subnet)
        wanted = Address(0, lease.address, subnet.prefix)
        bridges.wire(net, inside, born.netns_fd, lease.container_id, bridge=bridge, address=wanted)
        host_end = find_link(net, veth_name(lease.container_id))
    found = bridges.look(inside)
    link = found.link(bridges.INSIDE)
    address, route = found.address(link), found.default_route
    span.fact("bridge", bridge.name)
    span.fact("bridge ifindex", bridge.ifindex)
    if is_new:
        span.fact("bridge is new", value=True)
    if host_end is not None:
        span.fact("veth", host_end.name)
        span.fact("veth ifindex", host_end.ifindex)
        span.fact("veth peer", host_end.peer_index)
        span.fact("veth master", host_end.master_index)
    if link is not None:
        span.fact("interface", link.name)
        span.fact("interface ifindex", link.ifindex)
        span.fact("interface peer", link.peer_index)
        span.fact("mac", link.mac)
    span.fact("address", None if address is None else str(address))
    span.fact("gateway", None if route is None else route.gateway)
    span.fact("routes", found.described_routes())
    span.fact("outbound", way_out.detail)
    span.fact("ip_forward", way_out.forward)


def _name_service(span: SpanRecorder, lease: Lease, folder: str) -> None:
    servers, origin = ", ".join(lease.resolver.servers), Origin.MEASURED
    if lease.resolver.is_fallback:
        # Nothing says that these answer: the host's own servers cannot be reached from the container.
        servers, origin = f"{servers} (docker's rule)", Origin.INFERRED
    span.fact("dns", servers, origin)
    if lease.mode != HOST:
        with open(f"{folder}/hosts", encoding="utf-8") as file:
            span.fact("hosts", " ".join(file.read().splitlines()[-1].split()))


def _unwire(container_id: str) -> None:
    with Netlink() as net:
        bridges.unwire(net, container_id)


def publish(
    house: House, trace: Recorder, request: RunRequest, born: Born, lease: Lease, *, exposed: Sequence[str] = ()
) -> Published:
    """Perform the phase ports: take the host's ports for the container.

    Args:
        house: The store.
        trace: Where the phase is recorded.
        request: The ports that were asked for.
        born: The container, waiting.
        lease: What the container was given of the network.
        exposed: The image's EXPOSEd ports (`80/tcp`), which -P publishes.

    Raises: PortInUse, NotSupported, InvalidRequest, SyscallError; ports that were taken are given back.
    """
    del house, born
    if not request.ports and not request.publish_all:
        trace.skip(Phase.PORTS, why=_unpublished((), lease, exposed))
        return Published([], [], ())
    from dockview.engine.network import ports  # noqa: PLC0415  not every container publishes

    wanted = ports.requested(request.ports, exposed, publish_all=request.publish_all)
    if not wanted or not lease.target:
        trace.skip(Phase.PORTS, why=_unpublished(wanted, lease, exposed))
        return Published([], [], wanted)
    bound: list[Bound] = []
    with trace.phase(Phase.PORTS, undo=lambda: _give_back(bound)) as span:
        bound += ports.bind_all(wanted)
        span.check(_probe(bound[0]))
        for one in bound:
            suffix = "" if one.mapping.protocol == "tcp" else f"/{one.mapping.protocol}"
            for listener in one.listeners:
                where = f"{ports.endpoint(listener)}{suffix}"
                span.fact(where, f"{lease.target}:{one.mapping.container_port}/{one.mapping.protocol}")
                span.fact(f"listener {where}", os.readlink(f"/proc/self/fd/{listener.fileno()}"))
        command = ports.proxy_command(lease.container_id, bound, lease.target)
        span.fact("proxy", command[3])
    return Published(ports.listeners(bound), command, tuple(one.mapping for one in bound))


def _give_back(bound: Sequence[Bound]) -> None:
    for one in bound:
        one.close()


def _unpublished(wanted: Sequence[PortMapping], lease: Lease, exposed: Sequence[str]) -> str:
    if wanted and lease.mode == HOST:
        return "the container shares the host's network: its ports are the host's"
    if wanted:
        return f"network {lease.mode}: the container has no network that a port could lead to"
    offer = f"; the image exposes {', '.join(sorted(exposed))}, which -P publishes" if exposed else ""
    return f"no port is published{offer}"


def _probe(bound: Bound) -> str:
    host_ip, port = bound.mapping.host_ip, bound.mapping.host_port
    if bound.mapping.protocol == "udp":
        return f"ss -ulnp 'sport = :{port}'"
    host = "localhost" if host_ip in ("0.0.0.0", "::") else f"[{host_ip}]" if ":" in host_ip else host_ip  # noqa: S104
    return f"curl -sI {host}:{port}"


def networks(house: House) -> list[Network]:
    """The networks of a store: its bridge, once a container has asked for it, and docker's host and none."""
    found = []
    if (record := records.find(house.database)) is not None:
        found.append(
            Network(
                id=record.id,
                name=record.name,
                driver=record.driver,
                subnet=record.subnet,
                gateway=record.gateway,
                bridge=record.bridge,
                containers=records.addresses(house.database, record.id),
            )
        )
    return [*found, Network(id=HOST, name=HOST, driver=HOST), Network(id=NONE, name=NONE, driver="null")]


def sweep(house: House, live_container_ids: Sequence[str]) -> list[str]:
    """Remove the veths of this store's bridge that belong to none of these containers; their names."""
    if house.is_rootless or (record := records.find(house.database)) is None:
        return []
    with Netlink() as net:
        return bridges.sweep_ports(net, record.bridge, live_container_ids)


def remove_bridge(house: House) -> None:
    """Take away the store's bridge with its rules; the record stays, and the next container makes it again."""
    if house.is_rootless or (record := records.find(house.database)) is None:
        return
    outbound.remove_table(record.bridge)
    with Netlink() as net:
        bridges.delete(net, record.bridge)
