"""The OCI runtime configuration (config.json) of a container: Docker's defaults, and what the request changes.

The keys are those of the OCI runtime specification 1.2; `process.user.username` carries docker's `--user` as given,
because names can be looked up only inside the container.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dockview.engine.errors import InvalidRequest
from dockview.engine.idmap import id_maps
from dockview.engine.model import RunRequest
from dockview.engine.runtime import caps

DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MASKED_PATHS = (
    "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
    "/sys/devices/virtual/powercap",
)  # fmt: skip
READ_ONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_SAFE = ["nosuid", "noexec", "nodev"]
_PERIOD_US = 100_000


def build_spec(
    image_config: Mapping[str, Any],
    request: RunRequest,
    *,
    container_id: str,
    hostname: str,
    rootless: bool = False,
    binds: Sequence[tuple[str, str, bool]] = (),
    cgroup_path: str = "",
    netns_path: str = "",
) -> dict[str, Any]:
    """Compose config.json.

    Args:
        image_config: the `config` object of the image's configuration (Env, Entrypoint, Cmd, WorkingDir, User, …).
        request: what was asked for; None in it leaves the image's setting.
        container_id: names the cgroup, unless `cgroup_path` does.
        hostname: of the new UTS namespace.
        rootless: adds a user namespace with this user's ID maps.
        binds: (source on the host, destination, whether read-only), such as the generated /etc/hosts.
        cgroup_path: relative to each hierarchy; `dockview/<id>` by default.
        netns_path: the network namespace to join (that of another container); empty for a new one.

    Raises: InvalidRequest, for a container without a command or an unknown capability.
    """
    namespaces = ["mount", "uts", "ipc", "pid", "cgroup"]
    if request.network != "host":
        namespaces.append("network")
    linux: dict[str, Any] = {
        "cgroupsPath": cgroup_path or f"dockview/{container_id}",
        "resources": resources(request),
        "maskedPaths": list(MASKED_PATHS),
        "readonlyPaths": list(READ_ONLY_PATHS),
        # Docker's default profile, which the runtime compiles for the machine it runs on (seccomp.py).
        "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1},
    }
    if rootless:
        namespaces.insert(0, "user")
        linux["uidMappings"], linux["gidMappings"] = id_maps()
    linux["namespaces"] = [
        {"type": name, "path": netns_path} if name == "network" and netns_path else {"type": name}
        for name in namespaces
    ]
    has_group_5 = not rootless or sum(entry["size"] for entry in linux["gidMappings"]) > 5
    return {
        "ociVersion": "1.2.0",
        "hostname": hostname,
        "root": {"path": "rootfs", "readonly": request.read_only},
        "process": _process(image_config, request, hostname),
        "mounts": [*_mounts(has_group_5=has_group_5), *(_bind(*bind) for bind in binds)],
        "linux": linux,
        "annotations": {"dev.dockview.container": container_id},
    }


def _process(config: Mapping[str, Any], request: RunRequest, hostname: str) -> dict[str, Any]:
    names = _capabilities(request)
    return {
        "terminal": request.tty,
        "user": {"uid": 0, "gid": 0, "username": request.user or config.get("User") or ""},
        "args": command(config, request),
        "env": environment(config, request, hostname),
        "cwd": _absolute(request.workdir or config.get("WorkingDir") or "/"),
        "capabilities": {"bounding": names, "effective": names, "permitted": names},
        "noNewPrivileges": False,
    }


def command(config: Mapping[str, Any], request: RunRequest) -> list[str]:
    """ENTRYPOINT and CMD: the request's before the image's; a new entrypoint drops the image's CMD.

    Raises: InvalidRequest where nothing is left to run.
    """
    if request.entrypoint is not None:
        entrypoint, default = list(request.entrypoint), []
    else:
        entrypoint, default = list(config.get("Entrypoint") or ()), list(config.get("Cmd") or ())
    arguments = entrypoint + (list(request.command) or default)
    if not arguments or not arguments[0]:
        raise InvalidRequest("no command specified", hint="the image names none: write one behind the image")
    return arguments


def environment(config: Mapping[str, Any], request: RunRequest, hostname: str) -> list[str]:
    """PATH, HOSTNAME and TERM, then the image's variables, then the request's; the last one of a name wins.

    HOME is set by the runtime from the container's /etc/passwd, unless it stands here.
    """
    defaults = [DEFAULT_PATH, f"HOSTNAME={hostname}"]
    if request.tty:
        defaults.append("TERM=xterm")
    merged: dict[str, str] = {}
    for entry in (*defaults, *(config.get("Env") or ()), *request.env):
        name, equals, value = entry.partition("=")
        if not name or not equals:
            continue
        merged[name] = value
    return [f"{name}={value}" for name, value in merged.items()]


def _absolute(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def _capabilities(request: RunRequest) -> list[str]:
    names = set(caps.DEFAULT)
    added, dropped = _named(request.cap_add), _named(request.cap_drop)
    if "ALL" in dropped:
        names = set()
    if "ALL" in added:
        names = set(caps.NAMES)
    names = (names | (added - {"ALL"})) - (dropped - {"ALL"})
    unknown = names - set(caps.NAMES)
    if unknown:
        raise InvalidRequest(
            f"unknown capability: {', '.join(sorted(unknown))}", hint="capabilities(7) lists them; CAP_ may be left out"
        )
    return [f"CAP_{name}" for name in caps.NAMES if name in names]


def _named(given: Sequence[str]) -> set[str]:
    return {name.upper().removeprefix("CAP_") for name in given}


def resources(request: RunRequest) -> dict[str, Any]:
    """The OCI `linux.resources`: only what the request limits."""
    found: dict[str, Any] = {}
    if request.memory_bytes:
        # As docker: as much swap again as there is memory.
        swap = request.memory_swap_bytes or 2 * request.memory_bytes
        found["memory"] = {"limit": request.memory_bytes, "swap": swap}
    cpu: dict[str, Any] = {}
    if request.nano_cpus:
        cpu |= {"quota": request.nano_cpus * _PERIOD_US // 1_000_000_000, "period": _PERIOD_US}
    if request.cpu_shares:
        cpu["shares"] = request.cpu_shares
    if request.cpuset_cpus:
        cpu["cpus"] = request.cpuset_cpus
    if cpu:
        found["cpu"] = cpu
    if request.pids_limit and request.pids_limit > 0:
        found["pids"] = {"limit": request.pids_limit}
    return found


def _mounts(*, has_group_5: bool) -> list[dict[str, Any]]:
    terminals = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    return [
        _mount("/proc", "proc", "proc", _SAFE),
        _mount("/dev", "tmpfs", "tmpfs", ["nosuid", "nodev", "strictatime", "mode=755", "size=65536k"]),
        _mount("/dev/pts", "devpts", "devpts", [*terminals, *(["gid=5"] if has_group_5 else [])]),
        _mount("/dev/shm", "tmpfs", "shm", [*_SAFE, "mode=1777", "size=65536k"]),
        _mount("/dev/mqueue", "mqueue", "mqueue", _SAFE),
        _mount("/sys", "sysfs", "sysfs", [*_SAFE, "ro"]),
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", [*_SAFE, "ro"]),
    ]


def _mount(destination: str, kind: str, source: str, options: list[str]) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": source, "options": options}


def _bind(source: str, destination: str, is_read_only: bool) -> dict[str, Any]:
    return _mount(destination, "bind", source, ["rbind", "rprivate", "ro" if is_read_only else "rw"])
