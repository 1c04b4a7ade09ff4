"""`doctor`: what this machine can do for containers, found out by trying, and what to install for the rest.

`missing` is something that no container can do without, `limited` is something that some containers will miss. The
trials run in a program of its own (probe.py); nothing is changed, nothing is left, and nothing is asked of a network.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping

from dockview.engine.embedded.house import House
from dockview.engine.embedded.probe import NAMESPACES
from dockview.engine.idmap import subordinate_range
from dockview.engine.model import Finding
from dockview.engine.network import outbound, pasta
from dockview.engine.runtime import cgroups, seccomp

OK, LIMITED, MISSING = "ok", "limited", "missing"
_PROBE_DEADLINE_S = 20
_WANTED_CONTROLLERS = ("memory", "cpu", "pids")
_LOW_SPACE_BYTES = 1 << 30
_USER_SWITCHES = (
    ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
)


def doctor(house: House) -> list[Finding]:
    """Examine the machine; one finding a topic, the most basic first."""
    tried = _probe(house)
    examinations: list[Callable[[], Finding]] = [
        lambda: _user(house),
        _kernel,
        lambda: _namespaces(house, tried),
        lambda: _user_namespaces(tried),
        lambda: _id_range(house),
        lambda: _overlay(house, tried),
        lambda: _cgroups(house),
        _seccomp,
        lambda: _bridge(house, tried),
        lambda: _outbound(house),
        _ports,
        lambda: _store(house),
        lambda: _registries(house),
        _docker,
    ]
    return [examine() for examine in examinations]


def _probe(house: House) -> Mapping[str, int]:
    """Errno by trial, 0 where it worked; empty where not even the program could be run."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "probe.py")
    with _scratch(house) as folder:
        argv = [sys.executable, "-I", "-S", program, "user" if house.is_rootless else "root", folder]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=_PROBE_DEADLINE_S, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return {}
    lines = (line.split() for line in done.stdout.splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) == 2}


@contextlib.contextmanager
def _scratch(house: House) -> Iterator[str]:
    """An empty folder on the store's file system, gone afterwards."""
    folder = tempfile.mkdtemp(prefix="doctor-", dir=house.layout.tmp)
    try:
        yield folder
    finally:
        # overlay leaves a folder in its workdir that nobody may read, its owner included.
        with contextlib.suppress(OSError):
            os.rmdir(f"{folder}/work/work")
        shutil.rmtree(folder, ignore_errors=True)


def _user(house: House) -> Finding:
    if not house.is_rootless:
        return Finding("user", OK, "root: containers get a bridge, outbound traffic and every limit")
    return Finding(
        "user",
        LIMITED,
        f"uid {os.geteuid()}, rootless: containers have published ports, but no networks of their own",
        "run as root for bridges",
    )


def _kernel() -> Finding:
    system = os.uname()
    return Finding("kernel", OK, f"{system.sysname} {system.release} on {system.machine}")


def _namespaces(house: House, tried: Mapping[str, int]) -> Finding:
    if not tried:
        return Finding("namespaces", MISSING, "not known: the program that tries them could not be run")
    # As root a container shares the user namespace, so that one is not among what root needs.
    needed = [kind for kind in NAMESPACES if kind != "user" or house.is_rootless]
    refused = {kind: tried[kind] for kind in needed if tried.get(kind)}
    if not refused:
        return Finding("namespaces", OK, f"{' '.join(needed)}: each was made")
    words = ", ".join(f"{kind}: {_name(number)}" for kind, number in refused.items())
    return Finding("namespaces", MISSING, f"refused: {words}", _namespace_remedy(house))


def _namespace_remedy(house: House) -> str:
    if not house.is_rootless:
        return "this root lacks CAP_SYS_ADMIN (is this a container?): start it with more rights"
    return _switch() or "run as root"


def _switch() -> str:
    for path, value, setting in _USER_SWITCHES:
        if _sysctl(path) == value:
            return f"sysctl {setting}"
    return ""


def _user_namespaces(tried: Mapping[str, int]) -> Finding:
    limit = _sysctl("user/max_user_namespaces")
    detail = f"at most {limit} of them" if limit else "without a limit that can be read"
    if (number := tried.get("user")) == 0:
        return Finding("user namespaces", OK, f"allowed, {detail}")
    why = "not known" if number is None else _name(number)
    return Finding("user namespaces", LIMITED, f"refused ({why}), {detail}: no rootless containers", _switch())


def _id_range(house: House) -> Finding:
    topic = "user IDs"
    tools = [tool for tool in ("newuidmap", "newgidmap") if shutil.which(tool) is None]
    if not house.is_rootless:
        return Finding(topic, OK, "root: all of them")
    if tools:
        return Finding(topic, LIMITED, f"only one in a container: there is no {' or '.join(tools)}", "apt: uidmap")
    uid = os.geteuid()
    found = subordinate_range("/etc/subuid", uid)
    if found is None or subordinate_range("/etc/subgid", uid) is None:
        lacking = "/etc/subuid" if found is None else "/etc/subgid"
        remedy = f"usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $(id -un {uid})"
        return Finding(topic, LIMITED, f"only one in a container: {lacking} has no range for uid {uid}", remedy)
    return Finding(topic, OK, f"{found[1]} in a container, from {found[0]} up, by newuidmap")


def _overlay(house: House, tried: Mapping[str, int]) -> Finding:
    number = tried.get("overlay")
    if number == 0:
        return Finding("overlayfs", OK, "mounted over folders of the store")
    if number is None:
        return Finding("overlayfs", MISSING, "not known: the program that tries it could not be run")
    if number == errno.ENODEV:
        return Finding("overlayfs", MISSING, "this kernel does not have it", "modprobe overlay")
    if number == errno.EINVAL:
        remedy = "put the store on ext4, xfs or btrfs: --root or DOCKVIEW_ROOT"
        return Finding("overlayfs", MISSING, f"the file system of {house.layout.root} cannot hold one", remedy)
    return Finding("overlayfs", MISSING, f"refused: {_name(number)}", "Linux 5.11 or newer lets users mount it")


def _cgroups(house: House) -> Finding:
    try:
        have = cgroups.hierarchies()
    except OSError as error:
        return Finding("cgroups", LIMITED, f"not known: {error}")
    if not have.version:
        return Finding("cgroups", LIMITED, "none is mounted: no limits, no pause", "mount a cgroup2 file system")
    writable = [name for name in _WANTED_CONTROLLERS if _may_limit(house, have, name)]
    lacking = [name for name in _WANTED_CONTROLLERS if name not in writable]
    if not lacking:
        return Finding("cgroups", OK, f"version {have.version}; limits of {', '.join(writable)}")
    remedy = "log in through systemd with cgroup v2, which delegates" if house.is_rootless else ""
    return Finding("cgroups", LIMITED, f"version {have.version}; no limits of {', '.join(lacking)}", remedy)


def _may_limit(house: House, have: cgroups.Hierarchies, controller: str) -> bool:
    """Whether a group with that controller could be made where a container's would be."""
    own = _own_groups() if house.is_rootless else {}
    if controller in have.v1:
        return os.access(have.v1[controller] + own.get(controller, ""), os.W_OK)
    if have.v2 is None:
        return False
    folder = have.v2 + own.get("", "")
    try:
        with open(f"{folder}/cgroup.controllers") as file:
            return controller in file.read().split() and os.access(folder, os.W_OK)
    except OSError:
        return False


def _own_groups() -> dict[str, str]:
    """Controller to the path of this process's own group; the unified one is under the empty name (cgroups(7))."""
    groups = {}
    with contextlib.suppress(OSError), open("/proc/self/cgroup") as file:
        for line in file:
            _, names, path = line.rstrip("\n").split(":", 2)
            groups.update(dict.fromkeys(names.split(","), path))
    return groups


def _seccomp() -> Finding:
    if not os.path.exists("/proc/sys/kernel/seccomp/actions_avail"):
        return Finding("seccomp", LIMITED, "this kernel has no system call filter")
    if not seccomp.is_known():
        return Finding("seccomp", LIMITED, f"no filter is written for {os.uname().machine}")
    return Finding("seccomp", OK, "dangerous system calls are refused in containers")


def _bridge(house: House, tried: Mapping[str, int]) -> Finding:
    if house.is_rootless:
        return Finding("bridge", LIMITED, "containers are not connected to each other", "run as root")
    refused = {kind: tried.get(kind) for kind in ("bridge", "veth") if tried.get(kind) != 0}
    if not refused:
        return Finding("bridge", OK, "a bridge and a veth pair were made, in a namespace that is gone again")
    words = ", ".join(f"{kind}: {'not known' if number is None else _name(number)}" for kind, number in refused.items())
    return Finding("bridge", LIMITED, f"refused: {words}; containers get a loopback network", "modprobe bridge veth")


def _outbound(house: House) -> Finding:
    topic = "outbound"
    if house.is_rootless:
        return _rootless_outbound(topic)
    if shutil.which("nft") is None:
        return Finding(topic, LIMITED, "nft is not installed: containers reach only each other", "apt: nftables")
    if outbound.drops_forwarded():
        return Finding(
            topic,
            LIMITED,
            "the host's firewall drops what it forwards (Docker sets this): containers may not get out",
            "iptables -I DOCKER-USER -i dv+ -j ACCEPT; iptables -I DOCKER-USER -o dv+ -j ACCEPT",
        )
    forwarding = {True: "IPv4 is forwarded", False: "IPv4 is not forwarded yet: the first container switches it on"}
    now = outbound.is_forwarding()
    if now is None:
        return Finding(topic, LIMITED, f"{outbound.FORWARD_SWITCH} cannot be read")
    if not now and not os.access(outbound.FORWARD_SWITCH, os.W_OK):
        return Finding(topic, LIMITED, "IPv4 is not forwarded", "sysctl net.ipv4.ip_forward=1")
    return Finding(topic, OK, f"nft masquerades; {forwarding[now]}")


def _rootless_outbound(topic: str) -> Finding:
    why_not = pasta.why_not()
    if not why_not:
        return Finding(topic, OK, "pasta carries the packets of rootless containers")
    remedy = "apt: passt" if "not installed" in why_not else "chmod 0666 /dev/net/tun (udev's default)"
    return Finding(topic, LIMITED, f"rootless containers reach nothing else: {why_not}", f"{remedy}; or run as root")


def _ports() -> Finding:
    start = _sysctl("net/ipv4/ip_unprivileged_port_start") or "1024"
    if os.geteuid() == 0 or start == "0":
        return Finding("ports", OK, "every port can be published")
    remedy = "sysctl net.ipv4.ip_unprivileged_port_start=80"
    return Finding("ports", LIMITED, f"ports from {start} up can be published", remedy)


def _store(house: House) -> Finding:
    root = house.layout.root
    try:
        space = os.statvfs(root)
    except OSError as error:
        return Finding("store", MISSING, f"{root}: {error.strerror}", "name another with --root or DOCKVIEW_ROOT")
    free = space.f_bavail * space.f_frsize
    detail = f"{root}, {free / 1e9:.1f} GB free"
    if not os.access(root, os.W_OK):
        return Finding("store", MISSING, f"{detail}, not writable", "name another with --root or DOCKVIEW_ROOT")
    if free < _LOW_SPACE_BYTES:
        return Finding("store", LIMITED, detail, "dockview system prune")
    return Finding("store", OK, detail)


def _registries(house: House) -> Finding:
    order = ", then ".join(house.registries.search)
    return Finding("registries", OK, f"short names are looked up in {order}; none was asked now")


def _docker() -> Finding:
    """A daemon is a second engine, and nothing that the embedded one needs."""
    named = os.environ.get("DOCKER_HOST", "")
    if named and not named.startswith("unix://"):
        return Finding("docker daemon", OK, f"DOCKER_HOST names {named}; it was not asked")
    path = named.removeprefix("unix://") or "/var/run/docker.sock"
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return Finding("docker daemon", OK, f"none ({path} is no socket); only the docker engine needs it")
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            probe.connect(path)
    except FileNotFoundError:
        return Finding("docker daemon", OK, f"none at {path}; only the docker engine needs it")
    except PermissionError:
        remedy = "join the group docker: usermod -aG docker USER"
        return Finding("docker daemon", LIMITED, f"{path} may not be used by uid {os.geteuid()}", remedy)
    except OSError as error:
        return Finding("docker daemon", LIMITED, f"{path}: {error.strerror or error}", "is dockerd running?")
    return Finding("docker daemon", OK, f"answers at {path}")


def _sysctl(path: str) -> str:
    """The value of a kernel setting, empty where there is none."""
    try:
        with open(f"/proc/sys/{path}") as file:
            return file.read().strip()
    except OSError:
        return ""


def _name(number: int) -> str:
    return errno.errorcode.get(number, f"exit code {number}")
