"""The network of a container, once its namespaces exist: the phase network.

Bridge, veth pair, address, gateway for each network that leases.py has promised; every fact is read back from the
kernel. A container on several networks has a span for each, the further ones with the network's name as part.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dockview.engine.embedded.leases import CONTAINER, HOST, LOOPBACK, Lease
from dockview.engine.errors import Conflict
from dockview.engine.lifecycle import Origin, Phase
from dockview.engine.network import bridge as bridges
from dockview.engine.network import outbound
from dockview.engine.network.netlink import Netlink
from dockview.engine.network.pool import Subnet, veth_name
from dockview.engine.network.rtnetlink import Address, find_link
from dockview.engine.recorder import Recorder, SpanRecorder
from dockview.engine.runtime.leave import end_helper
from dockview.engine.state import networks as records
from dockview.engine.state.networks import Membership

if TYPE_CHECKING:
    from dockview.engine.embedded.house import House
    from dockview.engine.runtime.launch import Born

LEAVE_FILE = "network.json"
"""In the bundle, for the shim's end: the events to write, and the program to become."""


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
    undo = (lambda: _unwire(house, lease)) if lease.ends or lease.mode == LOOPBACK else None
    inside = None if born.netlink is None else Netlink(born.netlink)
    try:
        with trace.phase(Phase.NETWORK, check=_check(lease, born), undo=undo) as span:
            span.fact("mode", lease.mode)
            if lease.mode == CONTAINER:
                _share(span, lease, born)
            elif lease.mode == HOST or inside is None:
                _shared(span, born)
            else:
                bridges.raise_loopback(inside)
                if lease.ends:
                    if lease.moved:
                        span.fact("subnet moved", lease.moved)
                    make_end(span, house, lease.ends[0], born.netns_fd, inside, has_way_out=_is_first_out(lease, 0))
                else:
                    _alone(span, lease, inside, born, trace=trace, folder=folder)
            _name_service(span, lease, lease.folder or folder)
            if len(lease.ends) == 1:
                _tell_neighbours(span, house, lease)
        for number, end in enumerate(lease.ends[1:], 1):
            with trace.phase(Phase.NETWORK, end.network.name, check=_check(lease, born)) as span:
                if inside is not None:
                    make_end(span, house, end, born.netns_fd, inside, has_way_out=_is_first_out(lease, number))
                if number == len(lease.ends) - 1:
                    _tell_neighbours(span, house, lease)
    finally:
        if inside is not None:
            inside.close()
    if lease.ends:
        write_leave_file(house, lease.container_id)


def _is_first_out(lease: Lease, number: int) -> bool:
    return lease.way_out is not None and lease.way_out is lease.ends[number]


def write_leave_file(house: House, container_id: str) -> None:
    """Write down for the shim what is to be said and done on the network when the container ends."""
    ends = records.memberships(house.database, container_id)
    leave: dict[str, Any] = {"networks": [[end.network.id, end.network.name] for end in ends], "leave": []}
    if any(not end.network.is_default for end in ends):
        from dockview.engine.embedded.neighbours import leave_command  # noqa: PLC0415  not on the default network

        leave["leave"] = leave_command(house.layout.root, container_id)
    _replace_leave(house.layout.container(container_id), leave)


def _replace_leave(folder: str, leave: Mapping[str, Any]) -> None:
    path = f"{folder}/{LEAVE_FILE}"
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(leave, file)
    os.replace(f"{path}.new", path)


def note(house: House, action: str, network: records.NetworkRecord, container_id: str = "") -> None:
    """Write an event of a network to the journal."""
    more = {"container": container_id} if container_id else {}
    house.journal.append("network", action, network.id, {**more, "name": network.name, "type": network.driver})


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


def _share(span: SpanRecorder, lease: Lease, born: Born) -> None:
    """The network of another container. Raises: Conflict, where that one has ended meanwhile."""
    own = os.readlink(f"/proc/{born.pid}/ns/net")
    try:
        other = os.readlink(lease.netns_path)
    except OSError:
        other = ""
    if own != other:
        raise Conflict("the container whose network is to be shared has ended meanwhile")
    span.fact("namespace", own)
    span.fact("shared with container", os.path.basename(lease.folder)[:12])
    span.fact("shared with pid", lease.joined_pid)
    span.fact("outbound", "the other container's own")


def _alone(span: SpanRecorder, lease: Lease, inside: Netlink, born: Born, *, trace: Recorder, folder: str) -> None:
    detail = f"none ({lease.why})" if lease.why else "none (network none: loopback only)"
    if lease.mode == LOOPBACK and born.userns_fd is not None:
        from dockview.engine.network import pasta  # noqa: PLC0415  rootless

        attached = pasta.attach(born.pid, trace.cancel)
        detail = attached.detail if attached.is_open else f"{detail}; {attached.detail}"
        if attached.is_open:
            span.fact("mode", "pasta")
            span.fact("pasta pid", attached.pid)
            _replace_leave(folder, {"networks": [], "leave": [], "helper": [attached.pid, attached.start]})
    found = bridges.look(inside)
    span.fact("interface", ", ".join(link.name for link in found.links if link.is_up))
    own = [str(address) for address in found.addresses]
    span.fact("address", ", ".join(own) or None)
    if found.default_route is not None:
        span.fact("gateway", found.default_route.gateway or None)
        span.fact("routes", found.described_routes())
    span.fact("outbound", detail)


def make_end(
    span: SpanRecorder, house: House, end: Membership, netns_fd: int, inside: Netlink, *, has_way_out: bool
) -> None:
    """Put a container's namespace on one network, and tell what is there then. Raises: SyscallError, Conflict."""
    network = end.network
    subnet = Subnet.parse(network.subnet)
    with Netlink() as net:
        bridge, is_new = bridges.ensure_bridge(net, network.bridge, subnet, house.layout.root, gateway=network.gateway)
        ensure = outbound.ensure_internal if network.is_internal else outbound.ensure_outbound
        way_out = ensure(network.bridge, subnet)
        bridges.wire(
            net, inside, netns_fd, end.container_id, bridge=bridge, interface=end.interface,
            address=Address(0, end.address, subnet.prefix), gateway=network.gateway if has_way_out else "",
        )  # fmt: skip
        host_end = find_link(net, veth_name(end.container_id, end.interface))
    recorded = network if network.is_default else records.find(house.database, network.name)
    if recorded is None or recorded.id != network.id:
        remove_bridge_of(network)  # which this container has just made again
        raise Conflict(f"network {network.name} was removed meanwhile")
    found = bridges.look(inside)
    link = found.link(end.interface)
    address, route = found.address(link), found.default_route
    if not network.is_default:
        span.fact("network", network.name)
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
    if not network.is_default:
        has_rules = outbound.has_table(network.bridge)
        table = f"other networks are kept out by nft table ip {outbound.table_name(network.bridge)}"
        span.fact("isolation", table if has_rules else "none: without nft, other networks of this host get through")
    note(house, "connect", network, end.container_id)


def _tell_neighbours(span: SpanRecorder, house: House, lease: Lease) -> None:
    networks = [end.network.id for end in lease.ends if not end.network.is_default]
    if not networks:
        return
    from dockview.engine.embedded import neighbours  # noqa: PLC0415  not on the default network

    count = neighbours.refresh(house, networks, joining=lease.container_id)
    span.fact("names", "by /etc/hosts: dockview rewrites it in each container whenever one comes or goes (no daemon)")
    span.fact("hosts files written", count)


def _name_service(span: SpanRecorder, lease: Lease, folder: str) -> None:
    servers, origin = ", ".join(lease.resolver.servers), Origin.MEASURED
    if lease.resolver.is_fallback:
        # Nothing says that these answer: the host's own servers cannot be reached from the container.
        servers, origin = f"{servers} (docker's rule)", Origin.INFERRED
    span.fact("dns", servers, origin)
    if lease.mode != HOST:
        with open(f"{folder}/hosts", encoding="utf-8", errors="replace") as file:
            lines = [" ".join(line.split()) for line in file]
        own = lease.address or "127.0.1.1"
        span.fact("hosts", next((line for line in lines if line.startswith(f"{own} ")), lines[-1] if lines else None))


def _unwire(house: House, lease: Lease) -> None:
    end_helper(house.layout.container(lease.container_id))
    if not lease.ends:
        return
    with Netlink() as net:
        for end in lease.ends:
            bridges.unwire(net, lease.container_id, end.interface)
    networks = [end.network.id for end in lease.ends if not end.network.is_default]
    if networks:
        from dockview.engine.embedded.neighbours import refresh  # noqa: PLC0415

        refresh(house, networks)


def sweep(house: House, live_container_ids: Sequence[str]) -> list[str]:
    """Remove the veths of this store's bridges that belong to none of these containers; their names."""
    if house.is_rootless or not (networks := records.everything(house.database)):
        return []
    with Netlink() as net:
        return [name for network in networks for name in bridges.sweep_ports(net, network.bridge, live_container_ids)]


def remove_bridge(house: House) -> None:
    """Take away the store's bridges with their rules; the records stay, and the next container makes them again."""
    if house.is_rootless:
        return
    for record in records.everything(house.database):
        remove_bridge_of(record)


def remove_bridge_of(record: records.NetworkRecord) -> None:
    """Take away one network's bridge with its rules; none is no error."""
    outbound.remove_table(record.bridge)
    with Netlink() as net:
        bridges.delete(net, record.bridge)
