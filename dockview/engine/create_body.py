"""The API request of a run: the JSON body of `POST /containers/create`, and what can be seen to be wrong with it.

Source: Docker Engine API, ContainerCreate.
"""

from __future__ import annotations

import re
from typing import Any

from dockview.engine.create_life import check_life, life_config, life_host_config
from dockview.engine.errors import InvalidRequest
from dockview.engine.model import RunRequest
from dockview.engine.mount_body import host_mounts, volumes_config
from dockview.engine.network_body import check_network, networking_config

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_HOSTNAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?")
_CPUSET = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
_MIN_MEMORY_BYTES = 6 << 20


def create_body(request: RunRequest) -> dict[str, Any]:
    """Docker's own request for the same container; only what the request sets.

    Raises: InvalidRequest, saying which part of the request cannot be right.
    """
    _validate(request)
    check_network(request)
    check_life(request)
    body: dict[str, Any] = {
        "Image": request.image,
        "Cmd": list(request.command) or None,
        "Entrypoint": None if request.entrypoint is None else list(request.entrypoint),
        "Env": list(request.env),
        "Labels": dict(request.labels),
        "Hostname": request.hostname,
        "User": request.user,
        "WorkingDir": request.workdir,
        "Tty": request.tty,
        "OpenStdin": request.open_stdin,
        "StopSignal": request.stop_signal,
        "StopTimeout": request.stop_timeout_s,
        "ExposedPorts": {f"{port.container_port}/{port.protocol}": {} for port in request.ports},
        "Volumes": volumes_config(request),
        **life_config(request),
        "HostConfig": {**_host_config(request), **host_mounts(request), **life_host_config(request)},
        "NetworkingConfig": networking_config(request),
    }
    return {key: value for key, value in body.items() if value not in (None, "", [], {}, False)}


def _host_config(request: RunRequest) -> dict[str, Any]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in request.ports:
        binding = {"HostIp": port.host_ip, "HostPort": str(port.host_port or "")}
        bindings.setdefault(f"{port.container_port}/{port.protocol}", []).append(binding)
    config = {
        "NetworkMode": request.network,
        "Dns": list(request.dns),
        "DnsSearch": list(request.dns_search),
        "ExtraHosts": list(request.add_hosts),
        "PortBindings": bindings,
        "PublishAllPorts": request.publish_all,
        "AutoRemove": request.auto_remove,
        "ReadonlyRootfs": request.read_only,
        "Memory": request.memory_bytes,
        "NanoCpus": request.nano_cpus,
        "PidsLimit": request.pids_limit,
        "MemorySwap": request.memory_swap_bytes,
        "CpuShares": request.cpu_shares,
        "CpusetCpus": request.cpuset_cpus,
        "CapAdd": list(request.cap_add),
        "CapDrop": list(request.cap_drop),
    }
    return {key: value for key, value in config.items() if value not in (None, "", [], {}, False)}


def _check_limits(request: RunRequest) -> None:
    swap, memory = request.memory_swap_bytes, request.memory_bytes
    if swap and swap > 0 and not memory:
        raise InvalidRequest(
            "a limit of memory and swap together needs a limit of memory",
            hint="add --memory, or leave out --memory-swap",
        )
    if swap and memory and 0 < swap < memory:
        raise InvalidRequest(
            "--memory-swap is below --memory", hint="it limits memory and swap together; -1 is unlimited swap"
        )
    if request.cpu_shares is not None and request.cpu_shares < 0:
        raise InvalidRequest("--cpu-shares cannot be negative", hint="1024 is the default, 2 the least")
    if request.cpuset_cpus and not _CPUSET.fullmatch(request.cpuset_cpus):
        raise InvalidRequest(f"invalid value {request.cpuset_cpus} for --cpuset-cpus", hint="for example 0-2,5")


def _validate(request: RunRequest) -> None:
    if request.name and not _NAME.fullmatch(request.name):
        raise InvalidRequest(
            f'invalid container name "{request.name}"',
            hint="a name has two or more of a-z A-Z 0-9 _ . - and begins with a letter or digit",
        )
    if request.hostname and not _HOSTNAME.fullmatch(request.hostname):
        raise InvalidRequest(f'invalid hostname "{request.hostname}"', hint="use letters, digits, - and .")
    for port in request.ports:
        if not 1 <= port.container_port <= 65535 or not 0 <= port.host_port <= 65535:
            raise InvalidRequest(f"invalid port mapping {port}", hint="ports are 1 to 65535")
    if request.memory_bytes is not None and 0 < request.memory_bytes < _MIN_MEMORY_BYTES:
        raise InvalidRequest("the memory limit is below docker's minimum of 6 MB", hint="for example --memory 64m")
    _check_limits(request)
    if request.workdir and not request.workdir.startswith("/"):
        raise InvalidRequest(f'the working directory "{request.workdir}" is not an absolute path')
    if request.pull not in ("missing", "always", "never"):
        raise InvalidRequest(f'invalid --pull "{request.pull}"', hint="use missing, always or never")
    for entry in request.env:
        if "=" not in entry or entry.startswith("="):
            raise InvalidRequest(f'invalid environment variable "{entry}"', hint="write it as KEY=value")
