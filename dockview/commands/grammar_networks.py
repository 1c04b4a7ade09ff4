"""The flags of network verbs, and of `run` and `create` as far as they are about the network."""

from __future__ import annotations

from dockview.commands.flags import Flag, many, missing, switch, value
from dockview.commands.network_values import added_host, address, ipv4, network, pair, search_domain
from dockview.commands.values import label

RUN_NETWORK_FLAGS: tuple[Flag, ...] = (
    many("add-host", "", "list", "Add a custom host-to-IP mapping (host:ip)", convert=added_host),
    many("dns", "", "list", "Set custom DNS servers", convert=address),
    many("dns-search", "", "list", "Set custom DNS search domains", convert=search_domain),
    value("ip", "", "string", "IPv4 address (e.g., 172.30.100.104)", convert=ipv4),
    value("network", "", "network", "Connect a container to a network", convert=network, aliases=("net",)),
    many("network-alias", "", "list", "Add network-scoped alias for the container", aliases=("net-alias",)),
)

CREATE_FLAGS: tuple[Flag, ...] = (
    value("driver", "d", "string", 'Driver to manage the Network (default "bridge")'),
    many("gateway", "", "strings", "IPv4 Gateway for the subnet"),
    switch("internal", "", "Restrict external access to the network"),
    many("ip-range", "", "strings", "Allocate container ip from a sub-range"),
    many("label", "", "list", "Set metadata on a network", convert=label),
    many("opt", "o", "map", "Set driver specific options", convert=pair),
    many("subnet", "", "strings", "Subnet in CIDR format that represents a network segment"),
    *missing(
        "attachable", "aux-address=", "config-from=", "config-only", "ingress", "ipam-driver=", "ipam-opt=", "ipv4",
        "ipv6", "scope=",
    ),
)  # fmt: skip

CONNECT_FLAGS: tuple[Flag, ...] = (
    many("alias", "", "strings", "Add network-scoped alias for the container"),
    value("ip", "", "string", "IPv4 address (e.g., 172.30.100.104)", convert=ipv4),
    *missing("driver-opt=", "gw-priority=", "ip6=", "link=", "link-local-ip="),
)
