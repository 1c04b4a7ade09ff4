"""The part of the API request that is about a container's life and rights (create_body.py has the rest).

Source: Docker Engine API, ContainerCreate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dockview.engine.errors import InvalidRequest, NotSupported
from dockview.engine.model import RunRequest

_POLICIES = ("", "no", "always", "on-failure", "unless-stopped")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([kmg]?)b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 10, "m": 20, "g": 30}
_MIN_PROBE_NS = 1_000_000


def check_life(request: RunRequest) -> None:
    """Raises: InvalidRequest, NotSupported for what cannot be right, wherever it is sent."""
    policy = request.restart
    if policy.name not in _POLICIES:
        raise InvalidRequest(
            f"invalid restart policy: unknown policy '{policy.name}'; use one of 'no', 'always', 'on-failure',"
            " or 'unless-stopped'"
        )
    if policy.max_retries and policy.name != "on-failure":
        raise InvalidRequest("invalid restart policy: maximum retry count can only be used with 'on-failure'")
    if policy.max_retries < 0:
        raise InvalidRequest("invalid restart policy: maximum retry count cannot be negative")
    if request.auto_remove and policy.name not in ("", "no"):
        raise InvalidRequest(
            "conflicting options: cannot specify both --restart and --rm",
            hint="a container that is removed at its end cannot be started again",
        )
    health = request.health
    times = (("Interval", health.interval_ns), ("Timeout", health.timeout_ns), ("StartPeriod", health.start_period_ns))
    if health.test == ("NONE",) and (health.retries or any(value for _name, value in times)):
        raise InvalidRequest("--no-healthcheck conflicts with --health-* options")
    for name, value in times:
        if value and value < _MIN_PROBE_NS:
            raise InvalidRequest(f"{name} in Healthcheck cannot be less than 1ms")
    if health.retries is not None and health.retries < 0:
        raise InvalidRequest("Retries in Healthcheck cannot be negative")
    if request.shm_size_bytes is not None and request.shm_size_bytes < 0:
        raise InvalidRequest("SHM size can not be less than 0")
    if request.log_opts:
        log_bounds(request.log_opts)


def log_bounds(options: Mapping[str, str]) -> tuple[int, int]:
    """(size at which a log is rotated, how many files there may be) of docker's json-file driver.

    Raises: InvalidRequest, NotSupported.
    """
    known = {"max-size", "max-file"}
    for name in options:
        if name in ("labels", "labels-regex", "env", "env-regex", "tag", "compress", "mode", "max-buffer-size"):
            raise NotSupported(f"--log-opt {name} is not in this version of dockview")
        if name not in known:
            raise InvalidRequest(f"unknown log opt '{name}' for json-file log driver")
    size = 0
    if text := options.get("max-size"):
        found = _SIZE.fullmatch(text.strip())
        if text != "-1" and found is None:
            raise InvalidRequest(f"invalid size: '{text}'")
        size = 0 if found is None else int(float(found[1]) * (1 << _POWERS[found[2].lower()]))
        if found is not None and size <= 0:
            raise InvalidRequest("max-size must be a positive number")
    files = options.get("max-file", "1")
    if not files.isdecimal() or int(files) < 1:
        raise InvalidRequest("max-file cannot be less than 1")
    if int(files) > 1 and not size:
        raise InvalidRequest(
            "max-size must be specified when max-file is greater than 1", hint="--log-opt max-size=10m"
        )
    return size, int(files)


def life_config(request: RunRequest) -> dict[str, Any]:
    """The keys beside HostConfig."""
    health = request.health
    keys = {
        "Test": None if health.test is None else list(health.test), "Interval": health.interval_ns,
        "Timeout": health.timeout_ns, "StartPeriod": health.start_period_ns, "Retries": health.retries,
    }  # fmt: skip
    found = {key: value for key, value in keys.items() if value is not None}
    return {"Healthcheck": found} if found else {}


def life_host_config(request: RunRequest) -> dict[str, Any]:
    """The keys of HostConfig; only what the request sets."""
    config: dict[str, Any] = {
        "Privileged": request.privileged,
        "SecurityOpt": list(request.security_opt),
        "Devices": [_device(entry) for entry in request.devices],
        "Sysctls": dict(request.sysctls),
        "GroupAdd": list(request.group_add),
        "UsernsMode": request.userns,
        "ShmSize": request.shm_size_bytes,
        "Ulimits": [{"Name": u.name, "Soft": u.soft, "Hard": u.hard} for u in request.ulimits],
        "OomScoreAdj": request.oom_score_adj,
        "Init": request.init,
    }
    if request.restart.name not in ("", "no"):
        config["RestartPolicy"] = {"Name": request.restart.name, "MaximumRetryCount": request.restart.max_retries}
    if request.log_opts:
        config["LogConfig"] = {"Type": "json-file", "Config": dict(request.log_opts)}
    return {key: value for key, value in config.items() if value not in (None, "", [], {}, False)}


def _device(entry: str) -> dict[str, str]:
    source, _, rest = entry.partition(":")
    target, _, rights = rest.partition(":")
    if rest and not rest.startswith("/"):
        target, rights = "", rest
    return {"PathOnHost": source, "PathInContainer": target or source, "CgroupPermissions": rights or "rwm"}
