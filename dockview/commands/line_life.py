"""The words of a docker line that are about a container's life and rights (line.py has the rest)."""

from __future__ import annotations

import shlex

from dockview.engine.model import RunRequest

_UNITS = ((3600 * 10**9, "h"), (60 * 10**9, "m"), (10**9, "s"), (10**6, "ms"), (10**3, "us"), (1, "ns"))


def life_words(request: RunRequest) -> list[str]:
    """The flags that differ from the defaults."""
    words: list[str] = []
    policy = request.restart
    if policy.name not in ("", "no"):
        words += ["--restart", f"{policy.name}:{policy.max_retries}" if policy.max_retries else policy.name]
    words += ["--init"] if request.init else []
    words += ["--privileged"] if request.privileged else []
    for flag, entries in (
        ("--security-opt", request.security_opt),
        ("--device", request.devices),
        ("--group-add", request.group_add),
        ("--sysctl", [f"{key}={value}" for key, value in request.sysctls.items()]),
        ("--ulimit", [f"{u.name}={u.soft}:{u.hard}" for u in request.ulimits]),
        ("--log-opt", [f"{key}={value}" for key, value in request.log_opts.items()]),
    ):
        words += [word for entry in entries for word in (flag, entry)]
    if request.userns:
        words += ["--userns", request.userns]
    if request.shm_size_bytes is not None:
        words += ["--shm-size", str(request.shm_size_bytes)]
    if request.oom_score_adj is not None:
        words += ["--oom-score-adj", str(request.oom_score_adj)]
    return words + _health(request)


def _health(request: RunRequest) -> list[str]:
    health = request.health
    words: list[str] = []
    if health.test is not None and health.test[:1] == ("NONE",):
        words.append("--no-healthcheck")
    elif health.test:
        command = health.test[1] if health.test[0] == "CMD-SHELL" else shlex.join(health.test[1:])
        words += ["--health-cmd", command]
    for flag, value in (
        ("--health-interval", health.interval_ns),
        ("--health-timeout", health.timeout_ns),
        ("--health-start-period", health.start_period_ns),
    ):
        if value is not None:
            words += [flag, _duration(value)]
    return words if health.retries is None else [*words, "--health-retries", str(health.retries)]


def _duration(value_ns: int) -> str:
    if value_ns == 0:
        return "0s"
    return next(f"{value_ns // unit}{name}" for unit, name in _UNITS if value_ns % unit == 0)
