"""What `inspect` says of networks: the object of a network, and NetworkSettings of a container, in docker's shapes.

Source: Docker Engine API, NetworkInspect and ContainerInspect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dockview.engine.embedded.listed import list_networks
from dockview.engine.embedded.network_verbs import running_members
from dockview.engine.errors import Conflict, NotFound
from dockview.engine.network.pool import mac_of
from dockview.engine.state import networks as records

if TYPE_CHECKING:
    from dockview.engine.embedded.house import House
    from dockview.engine.model import Container, Network
    from dockview.engine.state.containers import ContainerRecord
    from dockview.engine.state.networks import Membership

_NEVER = "0001-01-01T00:00:00Z"


def find_network(house: House, ref: str) -> Network:
    """A network by name, ID, or an unambiguous beginning of an ID. Raises: NotFound, Conflict."""
    known = list_networks(house)
    for network in known:
        if ref in (network.name, network.id):
            return network
    matching = [n for n in known if ref and not set(ref) - set("0123456789abcdef") and n.id.startswith(ref)]
    if not matching:
        raise NotFound(f"network {ref} not found", hint="`dockview network ls` lists them")
    if len(matching) > 1:
        raise Conflict(f"network {ref} is ambiguous ({len(matching)} matches found on ID prefix)", hint="give its name")
    return matching[0]


def inspect_network(house: House, ref: str) -> dict[str, Any]:
    """The object of `docker network inspect`. Raises: NotFound, Conflict."""
    from dockview.engine.embedded.inspect import rfc3339  # noqa: PLC0415

    network = find_network(house, ref)
    record = records.find(house.database, network.name)
    config: list[dict[str, str]] = []
    if record is not None:
        config = [{"Subnet": record.subnet, **({"IPRange": record.ip_range} if record.ip_range else {}),
                   "Gateway": record.gateway}]  # fmt: skip
    options = dict(record.options) if record is not None else {}
    if record is not None:
        options["com.docker.network.bridge.name"] = record.bridge
        if record.is_default:
            options = {"com.docker.network.bridge.default_bridge": "true", **options}
    return {
        "Name": network.name,
        "Id": network.id,
        "Created": _NEVER if network.created_ns is None else rfc3339(network.created_ns),
        "Scope": "local",
        "Driver": network.driver,
        "EnableIPv4": True,
        "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Options": {}, "Config": config},
        "Internal": network.is_internal,
        "Attachable": False,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": {} if record is None else _containers(house, record),
        "Options": options,
        "Labels": dict(network.labels),
    }


def _containers(house: House, record: records.NetworkRecord) -> dict[str, Any]:
    running = set(running_members(house, record))
    names = {row["id"]: row["name"] for row in house.database.query("SELECT id, name FROM containers")}
    prefix = record.subnet.partition("/")[2]
    return {
        member.container_id: {
            "Name": names.get(member.container_id, ""),
            "EndpointID": endpoint_id(record.id, member.container_id),
            "MacAddress": mac_of(member.address),
            "IPv4Address": f"{member.address}/{prefix}",
            "IPv6Address": "",
        }
        for member in records.members(house.database, record.id)
        if member.container_id in running
    }


def endpoint_id(network_id: str, container_id: str) -> str:
    """An ID for a container's place on a network, which has no name of its own here; equal each time."""
    import hashlib  # noqa: PLC0415

    return hashlib.sha256(f"{network_id}{container_id}".encode()).hexdigest()


def network_settings(house: House, record: ContainerRecord, container: Container) -> dict[str, Any]:
    """NetworkSettings: addresses and ports while the container runs, which networks it is on at any time."""
    is_up = container.status.is_alive
    ends = records.memberships(house.database, record.id)
    networks = {end.network.name: _endpoint(end, record, is_up=is_up) for end in ends}
    mode = record.request.network
    if not ends and mode in ("host", "none", "bridge"):
        networks = {mode: _shared_endpoint(house, mode, record, is_up=is_up)}
    default = networks.get(records.DEFAULT, {})
    return {
        "Bridge": "",
        "SandboxID": endpoint_id("", record.id) if is_up else "",
        "SandboxKey": f"/proc/{container.pid}/ns/net" if is_up and container.pid else "",
        "Ports": _ports(container, house, record) if is_up else {},
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        "EndpointID": default.get("EndpointID", ""),
        "Gateway": default.get("Gateway", ""),
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "IPAddress": default.get("IPAddress", ""),
        "IPPrefixLen": default.get("IPPrefixLen", 0),
        "IPv6Gateway": "",
        "MacAddress": default.get("MacAddress", ""),
        "Networks": networks,
    }


def _ports(container: Container, house: House, record: ContainerRecord) -> dict[str, list[dict[str, str]] | None]:
    from dockview.engine.embedded.query import image_config  # noqa: PLC0415

    exposed = image_config(house, record.image_id).get("ExposedPorts") or {}
    ports: dict[str, list[dict[str, str]] | None] = dict.fromkeys(exposed)
    for port in container.ports:
        key = f"{port.container_port}/{port.protocol}"
        ports[key] = [*(ports.get(key) or []), {"HostIp": port.host_ip, "HostPort": str(port.host_port)}]
    return ports


def _endpoint(end: Membership, record: ContainerRecord, *, is_up: bool) -> dict[str, Any]:
    network = end.network
    hostname = record.request.hostname or record.id[:12]
    dns_names = None
    if not network.is_default:
        dns_names = list(dict.fromkeys((record.name, *end.aliases, record.id[:12], hostname)))
    return {
        "IPAMConfig": {"IPv4Address": end.address} if end.is_fixed else None,
        "Links": None,
        "Aliases": list(end.aliases) or None,
        "MacAddress": mac_of(end.address) if is_up else "",
        "DriverOpts": None,
        "GwPriority": 0,
        "NetworkID": network.id,
        "EndpointID": endpoint_id(network.id, record.id) if is_up else "",
        "Gateway": network.gateway if is_up and not network.is_internal else "",
        "IPAddress": end.address if is_up else "",
        "IPPrefixLen": int(network.subnet.partition("/")[2]) if is_up else 0,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "DNSNames": dns_names,
    }


def _shared_endpoint(house: House, name: str, record: ContainerRecord, *, is_up: bool) -> dict[str, Any]:
    """A network without addresses of ours: host, none, and a rootless bridge."""
    network_id = records.predefined_id(house.layout.root, name)
    return {
        "IPAMConfig": None, "Links": None, "Aliases": None, "MacAddress": "", "DriverOpts": None, "GwPriority": 0,
        "NetworkID": network_id, "EndpointID": endpoint_id(network_id, record.id) if is_up else "", "Gateway": "",
        "IPAddress": "", "IPPrefixLen": 0, "IPv6Gateway": "", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0,
        "DNSNames": None,
    }  # fmt: skip
