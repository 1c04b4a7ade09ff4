"""Published ports, the phase ports: the host's ports are taken before the start, their proxy's command is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from dockview.engine.embedded.leases import CONTAINER, HOST, Lease
from dockview.engine.lifecycle import Phase
from dockview.engine.model import PortMapping, RunRequest
from dockview.engine.recorder import Recorder

if TYPE_CHECKING:
    import socket

    from dockview.engine.embedded.house import House
    from dockview.engine.network.ports import Bound
    from dockview.engine.runtime.launch import Born


class Published(NamedTuple):
    """What the ports phase made."""

    listeners: list[socket.socket]
    """In the order in which the proxy's command line counts them; the caller closes them."""
    proxy: list[str]
    """The proxy's command line (network/proxy.py), empty when no port is published."""
    ports: tuple[PortMapping, ...]
    """The mappings with the host ports that were taken."""


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
    if wanted and lease.mode == CONTAINER:
        return "the container shares another one's network: its ports are published there"
    if wanted and lease.ends:
        return "the container's networks are internal: nothing from outside may reach it"
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
