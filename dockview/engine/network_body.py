"""The network part of a container's API request: what of it goes together, and docker's own words where it does not.

Source: Docker Engine API, ContainerCreate; the rules of its daemon for network modes.
"""

from __future__ import annotations

import re
from typing import Any

from dockview.engine.errors import InvalidRequest
from dockview.engine.model import RunRequest

_BUILTIN = ("bridge", "default", "host", "none", "")
_NAME = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]*")
_ADDRESS = re.compile(r"[0-9a-fA-F:.\[\]]+|host-gateway")


def is_own_network(request: RunRequest) -> bool:
    """Whether the network is one that a user has made."""
    return request.network not in _BUILTIN and not request.network.startswith("container:")


def networking_config(request: RunRequest) -> dict[str, Any]:
    """The request's NetworkingConfig; empty where there is nothing to say."""
    endpoint: dict[str, Any] = {}
    if request.network_aliases:
        endpoint["Aliases"] = list(request.network_aliases)
    if request.ip:
        endpoint["IPAMConfig"] = {"IPv4Address": request.ip}
    return {"EndpointsConfig": {request.network: endpoint}} if endpoint else {}


def check_network(request: RunRequest) -> None:
    """Look for flags that do not go together. Raises: InvalidRequest."""
    is_joined = request.network.startswith("container:")
    if is_joined:
        if not request.network.removeprefix("container:"):
            raise InvalidRequest("invalid container format container:<name|id>")
        for what, is_given in (
            ("hostname", request.hostname),
            ("dns", request.dns or request.dns_search),
            ("custom host-to-IP mapping", request.add_hosts),
            ("port publishing", request.ports or request.publish_all),
        ):
            if is_given:
                raise InvalidRequest(
                    f"conflicting options: {what} and the container type network mode",
                    hint="the container has the network, the names and the ports of the other one",
                )
    if request.network_aliases and not is_own_network(request):
        raise InvalidRequest(
            "network-scoped alias is supported only for containers in user defined networks",
            hint="make one: dockview network create",
        )
    if request.ip and not is_own_network(request):
        raise InvalidRequest(
            "user specified IP address is supported on user defined networks only",
            hint="make one: dockview network create --subnet",
        )
    for alias in request.network_aliases:
        check_alias(alias)
    for entry in request.add_hosts:
        name, _, address = entry.partition(":")
        if not _NAME.fullmatch(name) or not _ADDRESS.fullmatch(address):
            raise InvalidRequest(f'bad format for add-host: "{entry}"', hint="write NAME:ADDRESS or NAME:host-gateway")
    for text in request.dns:
        if not re.fullmatch(r"[0-9a-fA-F:.]+", text):
            raise InvalidRequest(f"invalid IP address for --dns: {text}")
    for text in request.dns_search:
        if not re.fullmatch(r"[a-zA-Z0-9_.-]+", text):
            raise InvalidRequest(f"invalid domain for --dns-search: {text}")


def check_alias(alias: str) -> None:
    """A name that goes into hosts files. Raises: InvalidRequest."""
    if not _NAME.fullmatch(alias):
        raise InvalidRequest(f"invalid network alias {alias!r}", hint="use letters, digits, _ . and -")
