"""What a request says of a container's life and of its rights, put into the bundle; what cannot work here is refused.

The checks run before anything is created, so that a flag that this machine cannot honour leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dockview.engine.runtime.health_log import forget_health, write_health
from dockview.engine.runtime.policy import forget_policy
from dockview.engine.runtime.signals import signal_number

if TYPE_CHECKING:
    from dockview.engine.embedded.house import House
    from dockview.engine.model import Healthcheck, RunRequest

_DEFAULT_NS = 30_000_000_000
_DEFAULT_RETRIES = 3


def check(house: House, request: RunRequest) -> None:
    """Refuse what cannot work here. Raises: InvalidRequest, NotSupported."""
    if is_plain(request):
        return
    from dockview.engine.embedded.rights import check as check_rights  # noqa: PLC0415  only for the rarer flags

    check_rights(request, is_rootless=house.is_rootless)


def is_plain(request: RunRequest) -> bool:
    """Whether the request has none of the flags that change the process's rights (rights.py)."""
    return not (
        request.privileged
        or request.security_opt
        or request.devices
        or request.sysctls
        or request.group_add
        or request.userns
        or request.ulimits
        or request.shm_size_bytes is not None
        or request.oom_score_adj is not None
    )


def harden(spec: dict[str, Any], request: RunRequest, *, is_rootless: bool) -> None:
    """Put the rights into config.json. Raises: InvalidRequest, NotSupported."""
    if is_plain(request):
        return
    from dockview.engine.embedded.rights import apply  # noqa: PLC0415

    apply(spec, request, is_rootless=is_rootless)


def life_settings(request: RunRequest, config: Mapping[str, Any]) -> dict[str, Any]:
    """What the shim needs for the container's life; only what is not the default, by the names of ShimSettings."""
    settings: dict[str, Any] = {}
    if request.restart.name not in ("", "no"):
        settings["restart"] = {"name": request.restart.name, "max_retries": request.restart.max_retries}
    if stop_signal := request.stop_signal or config.get("StopSignal"):
        settings["stop_signal"] = signal_number(str(stop_signal))
    if request.init:
        settings["init"] = True
    if request.log_opts:
        from dockview.engine.create_life import log_bounds  # noqa: PLC0415  rare

        settings["log_max_bytes"], settings["log_max_files"] = log_bounds(request.log_opts)
    if request.health.test is not None or config.get("Healthcheck"):
        settings["health"] = health_settings(request.health, config.get("Healthcheck") or {})
    return settings


def health_settings(asked: Healthcheck, of_image: Mapping[str, Any]) -> dict[str, Any]:
    """The health check in force: each part the request's, else the image's, else docker's default; {} for none."""
    test = list(asked.test if asked.test is not None else of_image.get("Test") or ())
    if not test or test[0] == "NONE":
        return {}
    argv = ["/bin/sh", "-c", *test[1:]] if test[0] == "CMD-SHELL" else test[1:]

    def pick(own: int | None, name: str, default: int) -> int:
        return own or int(of_image.get(name) or 0) or default

    return {
        "argv": argv,
        "interval_ns": pick(asked.interval_ns, "Interval", _DEFAULT_NS),
        "timeout_ns": pick(asked.timeout_ns, "Timeout", _DEFAULT_NS),
        "start_period_ns": pick(asked.start_period_ns, "StartPeriod", 0),
        "retries": pick(asked.retries, "Retries", _DEFAULT_RETRIES),
    }


def forget_lives(folder: str, *, is_asked: bool) -> None:
    """A container is about to be started anew: what the shim of its last life was told, and has told, is over.

    One that is asked how it is has not answered yet, from the first moment on.
    """
    forget_policy(folder)
    if is_asked:
        write_health(folder, {"Status": "starting", "FailingStreak": 0, "Log": []})
    else:
        forget_health(folder)
