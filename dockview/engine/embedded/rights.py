"""The rarer rights of a container: ulimits, sysctls, devices, groups, security options, --privileged."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from typing import Any

from dockview.engine.errors import InvalidRequest, NotSupported
from dockview.engine.model import RunRequest
from dockview.engine.runtime import caps
from dockview.engine.runtime.limits import NAMES, SYSCTLS_OF_IPC, current

_KERNEL_OF_UTS = ("kernel.domainname", "kernel.hostname")
_LEFT_OUT_OF_DEV = ("/dev/pts", "/dev/shm", "/dev/fd", "/dev/mqueue", "/dev/console", "/dev/.lxc", "/dev/.lxd-mounts")
_DEV_OF_OURS = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx")


def check(request: RunRequest, *, is_rootless: bool) -> None:
    """Refuse what cannot work here, with the reason. Raises: InvalidRequest, NotSupported."""
    for name in request.sysctls:
        _check_sysctl(name, request)
    for limit in request.ulimits:
        if limit.name not in NAMES:
            raise InvalidRequest(f"invalid ulimit type: {limit.name}", hint=f"one of {', '.join(sorted(NAMES))}")
        hard = current(limit.name)[1]
        if is_rootless and hard != -1 and (limit.hard == -1 or limit.hard > hard):
            raise NotSupported(
                f"--ulimit {limit.name}: the hard limit {limit.hard} is above this user's own, {hard}",
                hint="only root may raise a hard limit",
            )
    _check_oom(request, is_rootless=is_rootless)
    if request.userns not in ("", "host"):
        raise InvalidRequest(f'invalid userns mode "{request.userns}"', hint="the only one is host")
    if request.userns == "host" and is_rootless:
        raise NotSupported(
            "--userns host: without root a container needs a user namespace of its own", hint="run dockview as root"
        )
    list(_devices(request, is_rootless=is_rootless))
    security_options(request)


def _check_oom(request: RunRequest, *, is_rootless: bool) -> None:
    score = request.oom_score_adj
    if score is None:
        return
    if not -1000 <= score <= 1000:
        raise InvalidRequest(f"invalid value {score}, range for oom score adj is [-1000, 1000]")
    with open("/proc/self/oom_score_adj") as file:
        own = int(file.read())
    if is_rootless and score < own:
        raise NotSupported(
            f"--oom-score-adj {score}: only root may go below this process's own score, {own}",
            hint=f"use {own} or more, or run dockview as root",
        )


def _check_sysctl(name: str, request: RunRequest) -> None:
    if name.startswith("net."):
        if request.network == "host" or request.network.startswith("container:"):
            raise InvalidRequest(
                f"sysctl {name} is not allowed: the container does not own its network namespace",
                hint="leave it out, or give the container a network of its own",
            )
    elif name not in SYSCTLS_OF_IPC and not name.startswith("fs.mqueue."):
        owned = "the container's own host name is set by --hostname" if name in _KERNEL_OF_UTS else ""
        raise InvalidRequest(
            f"sysctl {name} is not in a namespace: it would change the whole machine",
            hint=owned or "kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.* and net.* can be set for a container",
        )
    if not os.path.exists(_sysctl_path(name)):
        raise NotSupported(f"this kernel has no sysctl {name}", hint="see `sysctl -a`")


def _sysctl_path(name: str) -> str:
    return "/proc/sys/" + name.replace(".", "/")


def security_options(request: RunRequest) -> tuple[bool, str | dict[str, Any] | None]:
    """(no_new_privs, the seccomp profile: None for the default, "unconfined", or the content of a file).

    Raises: InvalidRequest, NotSupported.
    """
    is_bound, profile = False, None
    for option in request.security_opt:
        name, _, value = option.replace(":", "=", 1).partition("=") if "=" not in option else option.partition("=")
        if name == "no-new-privileges":
            if value not in ("", "true", "false"):
                raise InvalidRequest(f'invalid --security-opt 2: "{option}"')
            is_bound = value != "false"
        elif name == "seccomp":
            profile = value if value in ("unconfined", "builtin") else _read_profile(value)
            profile = None if profile == "builtin" else profile
        elif name in ("apparmor", "label", "systempaths", "mask", "unmask"):
            if (name, value) in (("apparmor", "unconfined"), ("label", "disable")):
                continue  # nothing of the kind confines a container here
            raise NotSupported(f"--security-opt {option} is not in this version of dockview")
        else:
            raise InvalidRequest(f'invalid --security-opt 2: "{option}"')
    return is_bound, profile


def _read_profile(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            profile = json.load(file)
    except OSError as error:
        raise InvalidRequest(f"opening seccomp profile ({path}) failed: {error.strerror}") from None
    except ValueError as error:
        raise InvalidRequest(f"decoding seccomp profile ({path}) failed: {error}") from None
    if not isinstance(profile, dict) or "defaultAction" not in profile:
        raise InvalidRequest(f"the seccomp profile {path} has no defaultAction", hint="docker's JSON format is needed")
    return profile


def _devices(request: RunRequest, *, is_rootless: bool) -> Iterator[tuple[str, str]]:
    """(node on the host, path inside) of every device that was asked for. Raises: InvalidRequest, NotSupported."""
    for entry in request.devices:
        source, _, rest = entry.partition(":")
        target, _, rights = rest.partition(":")
        if rest and not rest.startswith("/"):
            target, rights = "", rest
        if rights and (set(rights) - set("rwm") or len(set(rights)) != len(rights)):
            raise InvalidRequest(f"invalid device mode: {rights}")
        if rights and not {"r", "w"} <= set(rights):
            raise NotSupported(
                f"--device {entry}: rights other than rw are not enforced here, so they are not promised",
                hint="leave them out",
            )
        target = target or source
        for node in _nodes(source, entry):
            if is_rootless and not os.access(node, os.R_OK | os.W_OK):
                raise NotSupported(f"--device {node}: this user may not read and write it", hint="run dockview as root")
            yield node, target + node[len(source) :]


def _nodes(source: str, entry: str) -> Iterator[str]:
    try:
        mode = os.stat(source).st_mode
    except OSError as error:
        raise InvalidRequest(
            f'error gathering device information while adding custom device "{source}": {error.strerror}'
        ) from None
    if stat.S_ISDIR(mode):
        yield from _tree(source)
    elif stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        yield source
    else:
        raise InvalidRequest(f"--device {entry}: {source} is not a device node")


def _tree(folder: str) -> Iterator[str]:
    for base, _folders, names in os.walk(folder):
        for name in names:
            path = f"{base}/{name}"
            try:
                mode = os.lstat(path).st_mode
            except OSError:
                continue
            if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
                yield path


def apply(spec: dict[str, Any], request: RunRequest, *, is_rootless: bool) -> None:
    """Put them into config.json; dockview's own additions are `process.groups` and `process.seccomp`.

    Raises: InvalidRequest, NotSupported.
    """
    process, linux = spec["process"], spec["linux"]
    if request.ulimits:
        process["rlimits"] = [
            {"type": f"RLIMIT_{limit.name.upper()}", "soft": limit.soft, "hard": limit.hard}
            for limit in request.ulimits
        ]
    if request.oom_score_adj is not None:
        process["oomScoreAdj"] = request.oom_score_adj
    if request.sysctls:
        linux["sysctl"] = dict(request.sysctls)
    if request.group_add:
        process["groups"] = list(request.group_add)
    if request.shm_size_bytes is not None:
        for mount in spec["mounts"]:
            if mount["destination"] == "/dev/shm":
                mount["options"] = [o for o in mount["options"] if not o.startswith("size=")]
                mount["options"].append(f"size={request.shm_size_bytes}")
    devices = {target: node for node, target in _devices(request, is_rootless=is_rootless)}
    is_bound, profile = security_options(request)
    process["noNewPrivileges"] = is_bound
    if request.privileged:
        _free(spec)
        devices = {**{node: node for node in _host_devices(is_rootless=is_rootless)}, **devices}
    if devices:
        linux["devices"] = [{"path": target, "source": node} for target, node in devices.items()]
    if profile == "unconfined":
        linux.pop("seccomp", None)
    elif isinstance(profile, Mapping):
        from dockview.engine.runtime.profile import compiled  # noqa: PLC0415  rare

        granted = {name.removeprefix("CAP_") for name in process["capabilities"]["bounding"]}
        process["seccomp"] = compiled(profile, granted)
        linux["seccomp"] = {"defaultAction": str(profile["defaultAction"])}


def _free(spec: dict[str, Any]) -> None:
    """--privileged: every capability, no filter, nothing masked, /sys and the control groups for writing."""
    names = [f"CAP_{name}" for name in caps.NAMES[: caps.last() + 1]]
    spec["process"]["capabilities"] = {"bounding": names, "effective": names, "permitted": names}
    spec["process"]["isPrivileged"] = True
    linux = spec["linux"]
    linux.pop("seccomp", None)
    linux["maskedPaths"], linux["readonlyPaths"] = [], []
    for mount in spec["mounts"]:
        if mount["destination"] in ("/sys", "/sys/fs/cgroup"):
            mount["options"] = [option for option in mount["options"] if option != "ro"]


def _host_devices(*, is_rootless: bool) -> Iterator[str]:
    for node in _tree("/dev"):
        if node in _DEV_OF_OURS or any(node == left or node.startswith(left + "/") for left in _LEFT_OUT_OF_DEV):
            continue
        if not is_rootless or os.access(node, os.R_OK | os.W_OK):
            yield node
