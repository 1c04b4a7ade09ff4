"""`network connect` and `network disconnect`: a container that exists, and may run, gets one network more or less."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dockview.engine.embedded import neighbours
from dockview.engine.embedded.leases import ROOTLESS, network_of, take_address
from dockview.engine.embedded.wire import make_end, note, write_leave_file
from dockview.engine.errors import Conflict, InvalidRequest, NotFound, NotSupported
from dockview.engine.lifecycle import Phase
from dockview.engine.network import bridge as bridges
from dockview.engine.network.enter import open_inside
from dockview.engine.network.netlink import Netlink
from dockview.engine.network.rtnetlink import add_default_route
from dockview.engine.recorder import SpanRecorder
from dockview.engine.runtime.state import read_state
from dockview.engine.state import containers
from dockview.engine.state import networks as records
from dockview.engine.state.containers import ContainerRecord
from dockview.engine.state.intents import intent
from dockview.engine.state.networks import Membership, NetworkRecord

if TYPE_CHECKING:
    from dockview.engine.embedded.house import House

_SHARED = ("host", "none")


def connect_network(house: House, ref: str, container: str, *, ip: str, aliases: Sequence[str]) -> None:
    """Put a container on one more network. Raises: NotFound, Conflict, InvalidRequest, NotSupported, SyscallError."""
    record = containers.find(house.database, container)
    network = _network(house, ref)
    _check(house, network, record)
    if aliases and network.is_default:
        raise InvalidRequest("network-scoped alias is supported only for containers in user defined networks")
    words = [*(["--ip", ip] if ip else []), *(word for alias in aliases for word in ("--alias", alias))]
    line = shlex.join(["docker", "network", "connect", *words, network.name, record.name])
    with (
        house.traces.record("network connect", record.name, line=line) as trace,
        intent(house.layout, "connect", network=network.id, container=record.id),
    ):
        trace.subject(container=record.id, name=record.name, image=record.image)
        with trace.phase(
            Phase.NETWORK, network.name, undo=lambda: _take_off(house, network, record.id, is_told=True)
        ) as span:
            span.fact("network", network.name)
            take_address(house, network, record.id, ip=ip, aliases=aliases)
            end = _end(house, network, record.id)
            with _inside(house, record) as entered:
                if entered is None:
                    span.fact("address", end.address)
                    span.fact("interface", end.interface)
                    span.fact("connected", "with the next start: the container does not run")
                else:
                    _plug(span, house, record, end, entered)
        trace.commit()


def disconnect_network(house: House, ref: str, container: str, *, force: bool) -> None:
    """Take a container off a network. Raises: NotFound, Conflict."""
    try:
        record = containers.find(house.database, container)
    except NotFound:
        if force:
            return  # an end of a container that is gone: the records have none without their container
        raise
    network = _network(house, ref)
    if not any(end.network.id == network.id for end in records.memberships(house.database, record.id)):
        raise Conflict(f"container {record.name} is not connected to network {network.name}")
    flag = "-f " if force else ""
    line = f"docker network disconnect {flag}{network.name} {record.name}"
    with (
        house.traces.record("network disconnect", record.name, line=line) as trace,
        intent(house.layout, "connect", network=network.id, container=record.id),
    ):
        trace.subject(container=record.id, name=record.name, image=record.image)
        with trace.phase(Phase.NETWORK, network.name) as span:
            span.fact("network", network.name)
            with _inside(house, record) as entered:
                end = _end(house, network, record.id)
                _take_off(house, network, record.id)
                span.fact("address free again", end.address)
                if entered is not None:
                    _unplugged(span, house, record, end, entered)
        trace.commit()


def _network(house: House, ref: str) -> NetworkRecord:
    if house.is_rootless:
        raise NotSupported(f"network {ref}: {ROOTLESS}", hint="run as root, or publish ports (-p)")
    if ref in _SHARED:
        raise Conflict(f"container cannot be connected to or disconnected from {ref} network")
    network, why = network_of(house, ref)
    if network is None:
        raise NotSupported(f"network {ref}: {why}")
    return network


def _check(house: House, network: NetworkRecord, record: ContainerRecord) -> None:
    mode = record.request.network
    if mode == "host" or mode.startswith("container:"):
        raise Conflict(
            "container sharing network namespace with another container or host cannot be connected to any other "
            "network"
        )
    if mode == "none":
        raise Conflict(
            "container cannot be connected to multiple networks with one of the networks in private (none) mode"
        )
    if any(end.network.id == network.id for end in records.memberships(house.database, record.id)):
        raise Conflict(f"endpoint with name {record.name} already exists in network {network.name}")


def _end(house: House, network: NetworkRecord, container_id: str) -> Membership:
    return next(e for e in records.memberships(house.database, container_id) if e.network.id == network.id)


class _Entered(NamedTuple):
    pid: int
    netns_fd: int
    inside: Netlink
    """A socket in that namespace."""


@contextlib.contextmanager
def _inside(house: House, record: ContainerRecord) -> Iterator[_Entered | None]:
    """The network of a container that runs; None of one that does not."""
    folder = house.layout.container(record.id)
    state = read_state(folder)
    if state is not None and state.status == "restarting":
        raise Conflict(f"container {record.name} is restarting, wait until the container is running")
    if state is None or state.status not in ("running", "paused") or state.pid is None:
        yield None
        return
    try:
        fd = os.open(f"/proc/{state.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield None  # it has just ended
        return
    try:
        # The pid is the container's as long as its shim says so, which we ask again now that we hold the namespace.
        again = read_state(folder)
        if again is None or again.pid != state.pid or again.status not in ("running", "paused"):
            yield None
            return
        with Netlink(open_inside(fd)) as inside:
            yield _Entered(state.pid, fd, inside)
    finally:
        os.close(fd)


def _plug(span: SpanRecorder, house: House, record: ContainerRecord, end: Membership, entered: _Entered) -> None:
    span.check(f"nsenter -t {entered.pid} -n ip -br addr")
    has_way_out = bridges.look(entered.inside).default_route is None and not end.network.is_internal
    make_end(span, house, end, entered.netns_fd, entered.inside, has_way_out=has_way_out)
    write_leave_file(house, record.id)
    _tell(span, house, record, end.network, added=[_own_line(record, end)])


def _unplugged(span: SpanRecorder, house: House, record: ContainerRecord, end: Membership, entered: _Entered) -> None:
    inside = entered.inside
    span.check(f"nsenter -t {entered.pid} -n ip -br addr")
    others = records.memberships(house.database, record.id)
    found = _with_way_out(inside, others)
    write_leave_file(house, record.id)
    _tell(span, house, record, end.network, gone=[_own_line(record, end)])
    span.fact("interface", f"{end.interface}: {'still there' if found.link(end.interface) else 'gone'}")
    span.fact("interfaces left", ", ".join(link.name for link in found.links))
    span.fact("routes", found.described_routes())
    if record.ports and not any(other.address == record.address for other in others):
        span.fact("published ports", f"lead to {record.address}, which is gone, until the next start")


def _with_way_out(inside: Netlink, ends: Sequence[Membership]) -> bridges.Inside:
    """What is there, once a default route leads to the first network that is not internal."""
    found = bridges.look(inside)
    way_out = next((end for end in ends if not end.network.is_internal), None)
    if found.default_route is None and way_out is not None and (link := found.link(way_out.interface)) is not None:
        add_default_route(inside, link.ifindex, way_out.network.gateway)
        found = bridges.look(inside)
    return found


def take_off(house: House, network_id: str, container_id: str) -> None:
    """Take a container off a network, after a `connect` or a `disconnect` that ended in the middle. Idempotent.

    Raises: NotFound, Conflict, SyscallError.
    """
    record, network = containers.find(house.database, container_id), records.find_ref(house.database, network_id)
    with _inside(house, record) as entered:
        _take_off(house, network, record.id)
        if entered is None:
            return
        _with_way_out(entered.inside, records.memberships(house.database, record.id))
    write_leave_file(house, record.id)
    neighbours.rewrite_own(house, record.id)
    if not network.is_default:
        neighbours.refresh(house, [network.id])


def _own_line(record: ContainerRecord, end: Membership) -> str:
    return f"{end.address}\t{record.request.hostname or record.id[:12]}"


def _tell(
    span: SpanRecorder,
    house: House,
    record: ContainerRecord,
    network: NetworkRecord,
    *,
    added: Sequence[str] = (),
    gone: Sequence[str] = (),
) -> None:
    neighbours.rewrite_own(house, record.id, added, gone)
    if not network.is_default:
        count = neighbours.refresh(house, [network.id])
        span.fact("names", "by /etc/hosts, rewritten in place in each running container of the network (no daemon)")
        span.fact("hosts files written", count)


def _take_off(house: House, network: NetworkRecord, container_id: str, *, is_told: bool = False) -> None:
    """Remove the wire and the record of it, whatever there is of them."""
    end = next((e for e in records.memberships(house.database, container_id) if e.network.id == network.id), None)
    if end is None:
        return
    with Netlink() as net:
        bridges.unwire(net, container_id, end.interface)
    records.release(house.database, network.id, container_id)
    note(house, "disconnect", network, container_id)
    if is_told:
        write_leave_file(house, container_id)
        neighbours.rewrite_own(house, container_id)
        if not network.is_default:
            neighbours.refresh(house, [network.id])
