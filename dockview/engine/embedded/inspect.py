"""`inspect`: docker's keys and shapes, filled from the record, the image's config and the live truth.

Source: Docker Engine API, ContainerInspect.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dockview.engine.embedded.host_config import healthcheck, host_config
from dockview.engine.embedded.house import House
from dockview.engine.embedded.network_inspect import network_settings
from dockview.engine.embedded.query import argv_of, image_config, image_of, to_container
from dockview.engine.model import Container
from dockview.engine.mount_body import mount_points, volumes_config
from dockview.engine.runtime.health_log import read_health
from dockview.engine.runtime.state import ShimState, read_state
from dockview.engine.state.containers import ContainerRecord
from dockview.engine.state.volumes import mounts_of

_NEVER = "0001-01-01T00:00:00Z"


def inspect_container(house: House, record: ContainerRecord) -> dict[str, Any]:
    """The object of `docker container inspect`."""
    container = to_container(house, record)
    folder = house.layout.container(record.id)
    argv = argv_of(house, record)
    return {
        "Id": record.id,
        "Created": rfc3339(record.created_ns),
        "Path": argv[0] if argv else "",
        "Args": argv[1:],
        "State": _with_health(_state(container, read_state(folder)), folder, container),
        "Image": record.image_id,
        "ResolvConfPath": f"{folder}/resolv.conf",
        "HostnamePath": f"{folder}/hostname",
        "HostsPath": f"{folder}/hosts",
        "LogPath": house.layout.log(record.id),
        "Name": f"/{record.name}",
        "RestartCount": container.restart_count or 0,
        "Driver": "overlay2",
        "Platform": "linux",
        "HostConfig": host_config(record.request),
        "GraphDriver": {"Name": "overlay2", "Data": _overlay(house, record, folder)},
        "Mounts": _mounts(house, record),
        "Config": _config(house, record),
        "NetworkSettings": network_settings(house, record, container),
    }


def _with_health(state: dict[str, Any], folder: str, container: Container) -> dict[str, Any]:
    """State with its Health, where the container is asked how it is."""
    found = read_health(folder) if container.started_ns is not None else None
    if found is None:
        return state
    return {**state, "Health": {**found, "Status": found["Status"] if state["Running"] else "unhealthy"}}


def _state(container: Container, state: ShimState | None) -> dict[str, Any]:
    return {
        "Status": str(container.status),
        "Running": container.status.is_alive,
        "Paused": container.status == "paused",
        "Restarting": container.status == "restarting",
        "OOMKilled": container.oom_killed,
        "Dead": container.status == "dead",
        "Pid": container.pid or 0,
        "ExitCode": container.exit_code if state is not None else 0,
        "Error": container.error,
        "StartedAt": _NEVER if container.started_ns is None else rfc3339(container.started_ns),
        "FinishedAt": _NEVER if container.finished_ns is None else rfc3339(container.finished_ns),
    }


def _overlay(house: House, record: ContainerRecord, folder: str) -> dict[str, str]:
    lowers = [house.layout.layer(layer.diff_id) for layer in image_of(house, record.image_id).layers]
    return {
        "LowerDir": ":".join(reversed(lowers)),
        "MergedDir": f"{folder}/rootfs",
        "UpperDir": f"{folder}/upper",
        "WorkDir": f"{folder}/work",
    }


def _config(house: House, record: ContainerRecord) -> dict[str, Any]:
    image = image_config(house, record.image_id)
    request = record.request
    return {
        "Hostname": request.hostname or record.id[:12],
        "User": request.user or image.get("User", ""),
        "Tty": request.tty,
        "OpenStdin": request.open_stdin,
        "ExposedPorts": image.get("ExposedPorts") or {},
        "Env": [*(image.get("Env") or []), *request.env],
        "Cmd": list(request.command) or image.get("Cmd"),
        "Image": record.image,
        "Volumes": {**(image.get("Volumes") or {}), **volumes_config(request)} or None,
        "WorkingDir": request.workdir or image.get("WorkingDir", ""),
        "Entrypoint": image.get("Entrypoint") if request.entrypoint is None else list(request.entrypoint),
        "Labels": {**(image.get("Labels") or {}), **request.labels},
        "StopSignal": request.stop_signal or image.get("StopSignal", ""),
        **healthcheck(request, image),
    }


def _mounts(house: House, record: ContainerRecord) -> list[dict[str, Any]]:
    mounts = mounts_of(house.database, record.id)
    return mount_points(mounts, {mount.source: house.layout.volume(mount.source) for mount in mounts})


def rfc3339(time_ns: int) -> str:
    """A time as docker writes it: UTC with nanoseconds."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"
