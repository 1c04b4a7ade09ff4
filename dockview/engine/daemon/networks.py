"""The verbs on a daemon's networks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from dockview.engine.daemon import mapping
from dockview.engine.daemon.client import Daemon
from dockview.engine.errors import Conflict, DockviewError, NotFound, Unauthorized
from dockview.engine.lifecycle import Origin, Phase
from dockview.engine.model import Network, NetworkRequest
from dockview.engine.recorder import Recorder, SpanRecorder


@contextlib.contextmanager
def _allowed(daemon: Daemon, what: str) -> Iterator[None]:
    """Errors of a network verb: a daemon says 403 (forbidden), or 500, of what the state of things does not allow."""
    try:
        with daemon.mapped(what):
            yield
    except DockviewError as error:
        if isinstance(error, Unauthorized) or "is not connected to" in error.message:
            raise Conflict(error.message, hint=error.hint) from error
        raise


def create(daemon: Daemon, trace: Recorder, request: NetworkRequest) -> Network:
    """Make a network. Raises: Conflict, InvalidRequest."""
    with trace.phase(Phase.PARSE) as span:
        span.fact("request", "POST /networks/create")
        span.fact("name", request.name)
    with trace.phase(Phase.NETWORK, check=f"docker network inspect {request.name}") as span:
        with _allowed(daemon, f"cannot create network {request.name}"):
            made = daemon.api.create_network(
                request.name, driver=request.driver, internal=request.is_internal, labels=dict(request.labels),
                options=dict(request.options), ipam=_ipam(request), check_duplicate=True,
            )  # fmt: skip
        trace.commit()
        found = _inspect(daemon, str(made["Id"]))
        network = mapping.network(found)
        span.fact("ID", network.id, Origin.REPORTED)
        span.fact("subnet", network.subnet or None, Origin.REPORTED)
        span.fact("gateway", network.gateway or None, Origin.REPORTED)
    return network


def _ipam(request: NetworkRequest) -> dict[str, Any] | None:
    if not (request.subnet or request.gateway or request.ip_range):
        return None
    pool = {"Subnet": request.subnet, "Gateway": request.gateway, "IPRange": request.ip_range}
    return {"Driver": "default", "Config": [{key: value for key, value in pool.items() if value}]}


def _inspect(daemon: Daemon, ref: str) -> dict[str, Any]:
    with daemon.mapped(f"cannot inspect network {ref}"):
        found: dict[str, Any] = daemon.api.inspect_network(ref)
    return found


def remove(daemon: Daemon, trace: Recorder, ref: str) -> None:
    """Remove a network. Raises: Conflict while a running container is on it."""
    with trace.phase(Phase.REMOVE, "network", check="docker network ls") as span:
        network = mapping.network(_inspect(daemon, ref))
        span.fact("network", network.name, Origin.REPORTED)
        span.fact("subnet", network.subnet or None, Origin.REPORTED)
        with _allowed(daemon, f"cannot remove network {ref}"):
            daemon.api.remove_network(network.id)


def connect(daemon: Daemon, trace: Recorder, ref: str, container_id: str, *, ip: str, aliases: Sequence[str]) -> None:
    """Put a container on one more network. Raises: Conflict, InvalidRequest."""
    with trace.phase(Phase.NETWORK, ref, check=f"docker inspect {container_id[:12]}") as span:
        span.fact("network", ref)
        with _allowed(daemon, f"cannot connect to network {ref}"):
            daemon.api.connect_container_to_network(
                container_id, ref, ipv4_address=ip or None, aliases=list(aliases) or None
            )
        _tell(daemon, span, ref, container_id)


def disconnect(daemon: Daemon, trace: Recorder, ref: str, container_id: str, *, force: bool) -> None:
    """Take a container off a network. Raises: Conflict, where it is not on it."""
    with trace.phase(Phase.NETWORK, ref, check=f"docker inspect {container_id[:12]}") as span:
        span.fact("network", ref)
        with _allowed(daemon, f"cannot disconnect from network {ref}"):
            daemon.api.disconnect_container_from_network(container_id, ref, force=force)


def _tell(daemon: Daemon, span: SpanRecorder, ref: str, container_id: str) -> None:
    try:
        with daemon.mapped("cannot look at the container"):
            found = daemon.api.inspect_container(container_id)
    except NotFound:
        return
    end = ((found.get("NetworkSettings") or {}).get("Networks") or {}).get(ref) or {}
    for name, key in (("address", "IPAddress"), ("gateway", "Gateway"), ("mac", "MacAddress")):
        span.fact(name, end.get(key) or None, Origin.REPORTED)
