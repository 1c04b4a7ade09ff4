"""From docker's JSON to the values of the model. Every field may be missing: unknown stays None.

Sources: Docker Engine API (ContainerList, ContainerInspect, ImageList, ImageInspect, NetworkList, VolumeList,
SystemInfo, SystemDataUsage, SystemEvents).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from dockview.engine.daemon.connection import Endpoint
from dockview.engine.model import (
    Container,
    ContainerStatus,
    DiskUsage,
    EngineInfo,
    Event,
    Image,
    Layer,
    Network,
    PortMapping,
    Volume,
)

Json = Mapping[str, Any]

_SECOND = 1_000_000_000
_EXITED = re.compile(r"(?:Exited|Restarting) \((-?\d+)\)")
_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")


def nanoseconds(text: str | None) -> int | None:
    """RFC 3339 with up to nine decimals as nanoseconds since the epoch; None for docker's zero time and nonsense."""
    if not text or text.startswith("0001-"):
        return None
    whole, fraction, zone = text[:19], "", text[19:]
    if zone.startswith("."):
        digits = len(zone) - len(zone[1:].lstrip("0123456789"))
        fraction, zone = zone[1:digits], zone[digits:]
    try:
        return _seconds(whole, zone) * _SECOND + int(f"{fraction:0<9.9}")
    except ValueError:
        return None


def timestamp(ns: int) -> str:
    """Nanoseconds since the epoch as the API's `since` and `until` take them."""
    return f"{ns // _SECOND}.{ns % _SECOND:09}"


@functools.lru_cache(maxsize=64)
def _seconds(whole: str, zone: str) -> int:
    return int(datetime.fromisoformat(whole + (zone or "Z")).timestamp())


def container_of_list(row: Json) -> Container:
    """A row of `GET /containers/json`, which tells neither the pid nor the times of start and end."""
    status = _status(row.get("State"))
    said = str(row.get("Status") or "")
    exited = _EXITED.search(said)
    health = _HEALTH.search(said)
    names = [name.lstrip("/") for name in row.get("Names") or () if name.count("/") <= 1]
    network, ip = _address(row.get("NetworkSettings"))
    return Container(
        id=str(row.get("Id") or ""),
        name=names[0] if names else "",
        image=str(row.get("Image") or ""),
        image_id=str(row.get("ImageID") or ""),
        command=str(row.get("Command") or ""),
        created_ns=int(row.get("Created") or 0) * _SECOND,
        status=status,
        exit_code=int(exited[1]) if exited and status is not ContainerStatus.RUNNING else None,
        ports=tuple(sorted({p for p in map(_listed_port, row.get("Ports") or ()) if p}, key=str)),
        labels=dict(row.get("Labels") or {}),
        ip=ip,
        network=network or _network_mode(row),
        health=health[1] if health else "",
        mounts=_mounted(row),
    )


def container_of_inspect(found: Json) -> Container:
    """The answer of `GET /containers/ID/json`."""
    state = found.get("State") or {}
    config = found.get("Config") or {}
    status = _status(state.get("Status"))
    has_ended = (
        status in (ContainerStatus.EXITED, ContainerStatus.DEAD) and nanoseconds(state.get("FinishedAt")) is not None
    )
    network, ip = _address(found.get("NetworkSettings"))
    return Container(
        id=str(found.get("Id") or ""),
        name=str(found.get("Name") or "").lstrip("/"),
        image=str(config.get("Image") or ""),
        image_id=str(found.get("Image") or ""),
        command=" ".join([str(found.get("Path") or ""), *(found.get("Args") or ())]).strip(),
        created_ns=nanoseconds(found.get("Created")) or 0,
        status=status,
        pid=state.get("Pid") or None,
        exit_code=state.get("ExitCode") if has_ended else None,
        oom_killed=state.get("OOMKilled") if nanoseconds(state.get("StartedAt")) else None,
        started_ns=nanoseconds(state.get("StartedAt")),
        finished_ns=nanoseconds(state.get("FinishedAt")) if has_ended else None,
        ports=published_ports(found),
        labels=dict(config.get("Labels") or {}),
        ip=ip,
        network=network or _network_mode(found),
        health=str((state.get("Health") or {}).get("Status") or ""),
        restart_count=found.get("RestartCount"),
        tty=bool(config.get("Tty")),
        auto_remove=bool((found.get("HostConfig") or {}).get("AutoRemove")),
        error=str(state.get("Error") or ""),
        mounts=_mounted(found),
    )


def _mounted(row: Json) -> tuple[str, ...]:
    """Names of volumes, paths of binds."""
    return tuple(str(mount.get("Name") or mount.get("Source") or "") for mount in row.get("Mounts") or ())


def published_ports(found: Json) -> tuple[PortMapping, ...]:
    """The published ports of an inspected container."""
    ports: list[PortMapping] = []
    for target, bindings in ((found.get("NetworkSettings") or {}).get("Ports") or {}).items():
        number, _, protocol = str(target).partition("/")
        ports += [
            PortMapping(int(number), protocol or "tcp", str(b.get("HostIp") or ""), int(b.get("HostPort") or 0))
            for b in bindings or ()
        ]
    return tuple(ports)


def _listed_port(row: Json) -> PortMapping | None:
    public, private = row.get("PublicPort"), row.get("PrivatePort")
    if not public or not private:
        return None
    return PortMapping(int(private), str(row.get("Type") or "tcp"), str(row.get("IP") or ""), int(public))


def _status(word: Any) -> ContainerStatus:
    try:
        return ContainerStatus(str(word).lower())
    except ValueError:
        return ContainerStatus.UNKNOWN


def _address(settings: Json | None) -> tuple[str, str]:
    """The first network, and the address on it."""
    for name, network in ((settings or {}).get("Networks") or {}).items():
        return str(name), str((network or {}).get("IPAddress") or "")
    return "", str((settings or {}).get("IPAddress") or "")


def _network_mode(row: Json) -> str:
    mode = str((row.get("HostConfig") or {}).get("NetworkMode") or "")
    return "bridge" if mode == "default" else mode


def image_of_list(row: Json) -> Image:
    """A row of `GET /images/json`, which does not tell the layers; a count of -1 containers is "not counted"."""
    containers = row.get("Containers")
    created = row.get("Created")
    return Image(
        id=str(row.get("Id") or ""),
        tags=_named(row.get("RepoTags")),
        digests=_named(row.get("RepoDigests")),
        created_ns=created * _SECOND if isinstance(created, int) and created > 0 else None,
        size_bytes=row.get("Size"),
        labels=dict(row.get("Labels") or {}),
        containers=containers if isinstance(containers, int) and containers >= 0 else None,
    )


def image_of_inspect(found: Json) -> Image:
    """The answer of `GET /images/NAME/json`; the daemon does not tell the digests of the blobs."""
    return Image(
        id=str(found.get("Id") or ""),
        tags=_named(found.get("RepoTags")),
        digests=_named(found.get("RepoDigests")),
        created_ns=nanoseconds(found.get("Created")),
        size_bytes=found.get("Size"),
        layers=tuple(Layer("", diff_id, None) for diff_id in (found.get("RootFS") or {}).get("Layers") or ()),
        architecture=str(found.get("Architecture") or ""),
        os=str(found.get("Os") or ""),
        labels=dict((found.get("Config") or {}).get("Labels") or {}),
    )


def _named(names: Any) -> tuple[str, ...]:
    return tuple(name for name in names or () if not name.startswith("<none>"))


def network(row: Json) -> Network:
    """A row of `GET /networks`, or the answer of `GET /networks/ID`, which alone names the containers."""
    pool: Json = next(iter((row.get("IPAM") or {}).get("Config") or ()), {})
    containers = row.get("Containers") or {}
    return Network(
        id=str(row.get("Id") or ""),
        name=str(row.get("Name") or ""),
        driver=str(row.get("Driver") or ""),
        subnet=str(pool.get("Subnet") or ""),
        gateway=str(pool.get("Gateway") or ""),
        bridge=str((row.get("Options") or {}).get("com.docker.network.bridge.name") or ""),
        containers={c: str((end or {}).get("IPv4Address") or "").partition("/")[0] for c, end in containers.items()},
        created_ns=nanoseconds(row.get("Created")),
        is_internal=bool(row.get("Internal")),
        labels=dict(row.get("Labels") or {}),
    )


def ends_on(name: str, containers: Iterable[Json]) -> dict[str, Json]:
    """Who is on a network, from rows of `GET /containers/json`: the list of networks does not tell."""
    ends: dict[str, Json] = {}
    for row in containers:
        end = ((row.get("NetworkSettings") or {}).get("Networks") or {}).get(name)
        if end is not None:
            ends[str(row.get("Id") or "")] = {"IPv4Address": end.get("IPAddress")}
    return ends


def volume(row: Json) -> Volume:
    """A row of `GET /volumes` or of the volumes of `GET /system/df`."""
    size = (row.get("UsageData") or {}).get("Size")
    return Volume(
        name=str(row.get("Name") or ""),
        driver=str(row.get("Driver") or ""),
        mountpoint=str(row.get("Mountpoint") or ""),
        created_ns=nanoseconds(row.get("CreatedAt")),
        size_bytes=size if isinstance(size, int) and size >= 0 else None,
        labels=dict(row.get("Labels") or {}),
    )


def disk_usage(found: Json) -> DiskUsage:
    """The answer of `GET /system/df`."""
    return DiskUsage(
        images_bytes=found.get("LayersSize"),
        containers_bytes=_sum(row.get("SizeRw") or 0 for row in _rows(found, "Containers")),
        volumes_bytes=_sum(volume(row).size_bytes for row in _rows(found, "Volumes")),
        cache_bytes=_sum(row.get("Size") for row in _rows(found, "BuildCache")),
    )


def _rows(found: Json, key: str) -> Any:
    return found.get(key) or ()


def _sum(sizes: Any) -> int | None:
    known = list(sizes)
    return None if None in known else sum(known)


def engine_info(info: Json, version: Json, endpoint: Endpoint) -> EngineInfo:
    """The answers of `GET /info` and `GET /version`."""
    options = info.get("SecurityOptions")
    return EngineInfo(
        kind="docker",
        name=endpoint.name,
        version=str(version.get("Version") or ""),
        api_version=str(version.get("ApiVersion") or ""),
        os=str(info.get("OperatingSystem") or version.get("Os") or ""),
        architecture=str(info.get("Architecture") or version.get("Arch") or ""),
        kernel=str(info.get("KernelVersion") or version.get("KernelVersion") or ""),
        rootless=None if options is None else any("rootless" in str(option) for option in options),
        endpoint=endpoint.host,
        cgroup_version=str(info.get("CgroupVersion") or ""),
        details=dict(info),
        components=tuple(version.get("Components") or ()),
    )


def event(said: Json) -> Event:
    """One object of `GET /events`."""
    actor = said.get("Actor") or {}
    return Event(
        time_ns=int(said.get("timeNano") or int(said.get("time") or 0) * _SECOND),
        type=str(said.get("Type") or ""),
        action=str(said.get("Action") or said.get("status") or ""),
        actor_id=str(actor.get("ID") or said.get("id") or ""),
        attributes={str(k): str(v) for k, v in (actor.get("Attributes") or {}).items()},
    )
