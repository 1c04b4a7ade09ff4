"""`network create`, `rm`, `connect`, `disconnect` and `ls`: the user's own networks, each a bridge with a subnet."""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dockview.engine.embedded.leases import ROOTLESS
from dockview.engine.embedded.listed import PREDEFINED, to_network
from dockview.engine.embedded.wire import note, remove_bridge_of
from dockview.engine.errors import Conflict, DockviewError, InvalidRequest, NotFound, NotSupported
from dockview.engine.lifecycle import Phase
from dockview.engine.model import Network, NetworkRequest, PruneItem
from dockview.engine.network import bridge as bridges
from dockview.engine.network import outbound, subnets
from dockview.engine.network.netlink import Netlink
from dockview.engine.network.pool import Subnet, network_bridge
from dockview.engine.network.rtnetlink import IFNAMSIZ, addresses
from dockview.engine.recorder import SpanRecorder
from dockview.engine.runtime.state import read_state
from dockview.engine.state import networks as records
from dockview.engine.state.networks import NetworkRecord

if TYPE_CHECKING:
    from dockview.engine.embedded.house import House

BRIDGE_NAME = "com.docker.network.bridge.name"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_INTERFACE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


def running_members(house: House, record: NetworkRecord) -> list[str]:
    """The IDs of the containers on a network that run."""
    found = []
    for container_id in records.addresses(house.database, record.id):
        state = read_state(house.layout.container(container_id))
        if state is not None and state.status in ("running", "paused", "restarting"):
            found.append(container_id)
    return found


def create_network(house: House, request: NetworkRequest) -> Network:
    """Make a network: a record, a bridge, its rules. Raises: Conflict, InvalidRequest, NotSupported, SyscallError."""
    with house.traces.record("network create", request.name, line=request.line) as trace:
        with trace.phase(Phase.PARSE) as span:
            span.fact("request", "POST /networks/create")
            for name, value in _body(request).items():
                span.fact(name, value)
            _check(house, request)
        made: list[NetworkRecord] = []
        with trace.phase(Phase.NETWORK, undo=lambda: _discard(house, made)) as span:
            with subnets.choosing(), Netlink() as net:
                record = _record(house, request, net)
                records.insert(house.database, record)
                made.append(record)
                span.check(f"ip -br addr show {record.bridge}")
                bridge, is_new = bridges.ensure_bridge(
                    net, record.bridge, Subnet.parse(record.subnet), house.layout.root, gateway=record.gateway
                )
                own = next((a for a in addresses(net) if a.link_index == bridge.ifindex), None)
            ensure = outbound.ensure_internal if record.is_internal else outbound.ensure_outbound
            way_out = ensure(record.bridge, Subnet.parse(record.subnet))
            span.fact("network", record.name)
            span.fact("ID", record.id)
            span.fact("bridge", bridge.name)
            span.fact("bridge ifindex", bridge.ifindex)
            span.fact("bridge is new", is_new)
            span.fact("subnet", record.subnet)
            span.fact("gateway", None if own is None else str(own))
            span.fact("outbound", way_out.detail)
            span.fact("ip_forward", way_out.forward)
            _tell_isolation(span, record)
        trace.commit()
    note(house, "create", record)
    return to_network(house, record)


def _tell_isolation(span: SpanRecorder, record: NetworkRecord) -> None:
    if outbound.has_table(record.bridge):
        span.fact("isolation", f"other networks are kept out by nft table ip {outbound.table_name(record.bridge)}")
    else:
        span.fact("isolation", "none: without nft, other networks of this host get through")


def _body(request: NetworkRequest) -> Mapping[str, Any]:
    named = {
        "name": request.name, "driver": request.driver, "subnet": request.subnet, "gateway": request.gateway,
        "ip range": request.ip_range, "internal": request.is_internal,
    }  # fmt: skip
    return {key: value for key, value in named.items() if value}


def _check(house: House, request: NetworkRequest) -> None:
    if request.name in (*PREDEFINED, "default"):
        raise Conflict(f"operation is not permitted on predefined {request.name} network", hint="choose another name")
    if not _NAME.fullmatch(request.name):
        raise InvalidRequest(
            f'invalid network name "{request.name}"', hint="use a-z A-Z 0-9 _ . - and begin with a letter or digit"
        )
    if request.driver != "bridge":
        raise NotSupported(
            f'the embedded engine has no network driver "{request.driver}"', hint="it has bridge; leave --driver out"
        )
    for key in request.options:
        if key != BRIDGE_NAME:
            raise NotSupported(f"network option {key} is not in this version", hint=f"there is {BRIDGE_NAME}")
    wanted = request.options.get(BRIDGE_NAME, "")
    if wanted and (not _INTERFACE.fullmatch(wanted) or len(wanted) >= IFNAMSIZ):
        raise InvalidRequest(f"{wanted!r} is no name for an interface", hint="at most 15 letters, digits, _ . -")
    if house.is_rootless:
        raise NotSupported(
            f"network {request.name} cannot be made; {ROOTLESS}",
            hint="run as root; an ordinary user's containers meet by published ports (-p)",
        )
    _check_subnet(request)


def _check_subnet(request: NetworkRequest) -> None:
    if not request.subnet:
        for what, text in (("gateway", request.gateway), ("ip-range", request.ip_range)):
            if text:
                raise InvalidRequest(f"no matching subnet for {what} {text}", hint="give the --subnet, too")
        return
    subnet = _subnet(request.subnet, "subnet")
    if str(subnet) != request.subnet:
        raise InvalidRequest(f"invalid subnet {request.subnet}: it should be {subnet}")
    if not 8 <= subnet.prefix <= 30:
        raise InvalidRequest(f"invalid subnet {request.subnet}: the prefix must be between 8 and 30 bits")
    if request.gateway and not _is_host(subnet, request.gateway):
        raise InvalidRequest(f"no matching subnet for gateway {request.gateway}", hint=f"choose one in {subnet}")
    if request.ip_range:
        within = _subnet(request.ip_range, "ip-range")
        if within.prefix < subnet.prefix or not within.overlaps(subnet):
            raise InvalidRequest(f"no matching subnet for range {request.ip_range}", hint=f"choose a part of {subnet}")


def _subnet(text: str, what: str) -> Subnet:
    if ":" in text:
        raise NotSupported(f"{what} {text}: the embedded engine's networks are IPv4", hint="for example 10.5.0.0/24")
    wrong = InvalidRequest(f"invalid {what} {text}: invalid CIDR block notation", hint="such as 10.5.0.0/24")
    if text.count(".") != 3 or "/" not in text:
        raise wrong
    try:
        return Subnet.parse(text)
    except ValueError:
        raise wrong from None


def _is_host(subnet: Subnet, address: str) -> bool:
    try:
        inside = address.count(".") == 3 and subnet.holds(address)
    except ValueError:
        return False
    return inside and address not in (str(subnet).partition("/")[0], subnet.broadcast)


def _record(house: House, request: NetworkRequest, net: Netlink) -> NetworkRecord:
    """The record to be; to be called within `choosing`. Raises: Conflict, where the subnet is taken."""
    network_id = os.urandom(32).hex()
    known = [record for record in records.everything(house.database) if record.name != request.name]
    if request.subnet:
        subnet = Subnet.parse(request.subnet)
        for record in known:
            if Subnet.parse(record.subnet).overlaps(subnet):
                raise Conflict(
                    f"invalid pool request: Pool overlaps with other one on this address space: network {record.name} "
                    f"has {record.subnet}",
                    hint="choose another --subnet, or leave it out",
                )
        if found := bridges.overlapped(net, subnet, ""):
            raise Conflict(f"the subnet {subnet} overlaps with this host's {found}", hint="see `ip route`")
    else:
        subnet = subnets.choose_subnet(net, [Subnet.parse(record.subnet) for record in known])
    return NetworkRecord(
        id=network_id, name=request.name, driver="bridge",
        bridge=request.options.get(BRIDGE_NAME) or network_bridge(network_id), subnet=str(subnet),
        gateway=request.gateway or subnet.gateway, created_ns=time.time_ns(), is_own_subnet=bool(request.subnet),
        ip_range=request.ip_range, is_internal=request.is_internal, labels=request.labels, options=request.options,
    )  # fmt: skip


def _discard(house: House, made: Sequence[NetworkRecord]) -> None:
    for record in made:
        remove_bridge_of(record)
        records.delete(house.database, record.id)


def find(house: House, ref: str) -> NetworkRecord:
    """A network that a user may change. Raises: NotFound, Conflict for one that is always there."""
    if ref in PREDEFINED or ref in [records.predefined_id(house.layout.root, name) for name in PREDEFINED]:
        raise Conflict(f"{ref} is a pre-defined network and cannot be removed")
    record = records.find_ref(house.database, ref)
    if record.is_default:
        raise Conflict(f"{record.name} is a pre-defined network and cannot be removed")
    return record


def remove_network(house: House, ref: str) -> None:
    """Remove a network with its bridge and rules. Raises: NotFound, Conflict while a running container is on it."""
    record = find(house, ref)
    line = f"docker network rm {shlex.quote(record.name)}"
    with house.traces.record("network rm", record.name, line=line) as trace:
        with trace.phase(Phase.REMOVE, "network", check="dockview network ls") as span:
            remove_record(house, record, span)
        trace.commit()


def remove_record(house: House, record: NetworkRecord, span: SpanRecorder) -> None:
    """What `rm` and `prune` do. Raises: Conflict while a running container is on it."""
    running = running_members(house, record)
    if running:
        names = [row["name"] for row in house.database.query("SELECT id, name FROM containers") if row["id"] in running]
        raise Conflict(
            f"error while removing network: network {record.name} has active endpoints: {', '.join(sorted(names))}",
            hint="stop these containers first, or take them off: dockview network disconnect",
        )
    remove_bridge_of(record)
    records.delete(house.database, record.id)
    # A container that was starting may have made it again before the record went; from now on it cannot.
    remove_bridge_of(record)
    note(house, "destroy", record)
    span.fact("network", record.name)
    span.fact("bridge", record.bridge)
    span.fact("subnet free again", record.subnet)
    span.fact("bridge is gone", not os.path.exists(f"/sys/class/net/{record.bridge}"))


def unused(house: House, gone: set[str], passes: Any) -> list[PruneItem]:
    """The networks that no container is on, running or not; `gone` are those that the same prune removes first."""
    return [
        PruneItem("network", record.id, record.name, 0, "no container is on it")
        for record in records.everything(house.database)
        if not record.is_default
        and not set(records.addresses(house.database, record.id)) - gone
        and passes(record.labels, record.created_ns)
    ]


def prune_network(house: House, item: PruneItem) -> str:
    """Remove one network that a plan names; the reason why not, or empty."""
    try:
        record = records.find_ref(house.database, item.id)
        if records.addresses(house.database, record.id):
            return "a container is on it"
        remove_bridge_of(record)
        records.delete(house.database, record.id)
        remove_bridge_of(record)
    except NotFound:
        return "it is gone already"
    except (DockviewError, OSError) as error:
        return str(error)
    note(house, "destroy", record)
    return ""
