"""`HostConfig` and `Healthcheck` of inspect: what was asked for, on top of docker's own defaults, which it prints too.

Source: Docker Engine API, ContainerInspect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dockview.engine.create_body import create_body
from dockview.engine.create_life import life_config
from dockview.engine.model import RunRequest
from dockview.engine.runtime.spec import MASKED_PATHS, READ_ONLY_PATHS

_SHM_BYTES = 64 << 20
_EMPTY = ("VolumeDriver", "Cgroup", "PidMode", "UTSMode", "UsernsMode", "CgroupParent", "CpusetCpus", "CpusetMems",
          "ContainerIDFile", "Isolation")  # fmt: skip
_UNSET = ("Binds", "VolumesFrom", "CapAdd", "CapDrop", "ExtraHosts", "GroupAdd", "Links", "SecurityOpt", "PidsLimit",
          "DeviceCgroupRules", "DeviceRequests", "MemorySwappiness", "OomKillDisable")  # fmt: skip
_ZERO = ("OomScoreAdj", "CpuShares", "Memory", "NanoCpus", "BlkioWeight", "CpuPeriod", "CpuQuota", "MemoryReservation",
         "MemorySwap")  # fmt: skip
_OFF = ("AutoRemove", "Privileged", "PublishAllPorts", "ReadonlyRootfs")
_LISTS = ("Dns", "DnsOptions", "DnsSearch", "Devices", "Ulimits")


def host_config(request: RunRequest) -> dict[str, Any]:
    """The object of inspect."""
    asked: dict[str, Any] = create_body(request).get("HostConfig", {})
    defaults: dict[str, Any] = {
        **dict.fromkeys(_EMPTY, ""), **dict.fromkeys(_UNSET), **dict.fromkeys(_ZERO, 0), **dict.fromkeys(_OFF, False),
        **{name: [] for name in _LISTS},
        "LogConfig": {"Type": "json-file", "Config": {}},
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "PortBindings": {}, "ShmSize": _SHM_BYTES, "IpcMode": "private", "CgroupnsMode": "private",
        "Runtime": "dockview", "ConsoleSize": [0, 0],
        "MaskedPaths": None if request.privileged else list(MASKED_PATHS),
        "ReadonlyPaths": None if request.privileged else list(READ_ONLY_PATHS),
    }  # fmt: skip
    if request.memory_bytes and request.memory_swap_bytes is None:
        defaults["MemorySwap"] = 2 * request.memory_bytes
    return {**defaults, **asked}


def healthcheck(request: RunRequest, of_image: Mapping[str, Any]) -> dict[str, Any]:
    """`{"Healthcheck": …}` where the request or the image has one, else nothing."""
    asked = life_config(request).get("Healthcheck")
    found = of_image.get("Healthcheck")
    if not asked and not found:
        return {}
    return {"Healthcheck": {**(found or {}), **(asked or {})}}
