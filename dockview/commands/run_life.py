"""What a `run` or `create` line says of a container's life and rights, as fields of the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dockview.commands.usage import UsageError
from dockview.commands.values_life import label_file
from dockview.engine.model import Healthcheck, RestartPolicy, Ulimit


def life_fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the line sets; those that it leaves out are not in it.

    Raises:
        UsageError: --no-healthcheck together with another flag of health.
    """
    fields: dict[str, Any] = {name: True for name in ("privileged", "init") if options.get(name) is True}
    for flag, field in (("device", "devices"), ("group-add", "group_add"), ("security-opt", "security_opt")):
        if found := options.get(flag):
            fields[field] = tuple(str(item) for item in found)
    if found := options.get("ulimit"):
        fields["ulimits"] = tuple({limit.name: limit for limit in found if isinstance(limit, Ulimit)}.values())
    for flag, field in (("sysctl", "sysctls"), ("log-opt", "log_opts")):
        if found := options.get(flag):
            fields[field] = dict(entry.split("=", 1) for entry in found)
    for flag, field in (("shm-size", "shm_size_bytes"), ("oom-score-adj", "oom_score_adj")):
        if isinstance(options.get(flag), int):
            fields[field] = options[flag]
    if options.get("userns"):
        fields["userns"] = str(options["userns"])
    if isinstance(options.get("restart"), RestartPolicy):
        fields["restart"] = options["restart"]
    if (health := _health(options)) is not None:
        fields["health"] = health
    return fields


def labels_of_files(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels of all --label-file, in their order. Raises: UsageError."""
    return tuple(entry for path in options.get("label-file") or () for entry in label_file(str(path)))


def _health(options: Mapping[str, Any]) -> Healthcheck | None:
    command = options.get("health-cmd")
    durations = {f"{name.replace('-', '_')}_ns": options.get(f"health-{name}")
                 for name in ("interval", "timeout", "start-period")}  # fmt: skip
    retries = options.get("health-retries")
    is_set = bool(command) or retries is not None or any(value is not None for value in durations.values())
    if options.get("no-healthcheck") is True:
        if is_set:
            raise UsageError("--no-healthcheck conflicts with --health-* options")
        return Healthcheck(test=("NONE",))
    if not is_set:
        return None
    return Healthcheck(test=("CMD-SHELL", str(command)) if command else None, retries=retries, **durations)
