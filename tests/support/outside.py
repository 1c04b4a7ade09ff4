"""The truth from outside: what the kernel and other programs say about a container, without asking dockview."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any


def output(*argv: str) -> str:
    """What a program prints. Raises: CalledProcessError."""
    return subprocess.run(argv, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stdout


def namespace(pid: int | str, kind: str) -> str:
    """A namespace as the kernel names it: `pid:[4026531836]`."""
    return os.readlink(f"/proc/{pid}/ns/{kind}")


def status(pid: int) -> dict[str, str]:
    """/proc/PID/status."""
    with open(f"/proc/{pid}/status") as file:
        return {key: value.strip() for key, _, value in (line.partition(":") for line in file)}


def arguments(pid: int) -> list[str]:
    """The command line of a process."""
    with open(f"/proc/{pid}/cmdline") as file:
        return file.read().split("\0")[:-1]


def cgroups(pid: int) -> dict[str, str]:
    """/proc/PID/cgroup as controller list to path."""
    with open(f"/proc/{pid}/cgroup") as file:
        rows = (line.strip().split(":", 2) for line in file)
        return {controllers: path for _, controllers, path in rows}


def mounts(pid: int) -> dict[str, dict[str, Any]]:
    """What findmnt shows of a process's mounts, by mount point."""
    shown = json.loads(output("findmnt", "--json", "--list", "--task", str(pid), "-o", "TARGET,SOURCE,FSTYPE,OPTIONS"))
    return {row["target"]: row for row in shown["filesystems"]}


def inside(pid: int, *argv: str) -> str:
    """What a program of the host prints in the container's network namespace."""
    return output("nsenter", "--target", str(pid), "--net", *argv)


def addresses(pid: int) -> dict[str, list[str]]:
    """`ip -j addr` in the container's network: interface to IPv4 addresses with prefix."""
    shown = json.loads(inside(pid, "ip", "-j", "-4", "addr"))
    return {row["ifname"]: [f"{a['local']}/{a['prefixlen']}" for a in row["addr_info"]] for row in shown}


def default_gateway(pid: int) -> str:
    """`ip -j route` in the container's network: the gateway of the default route."""
    routes = json.loads(inside(pid, "ip", "-j", "route", "show", "default"))
    return str(routes[0]["gateway"]) if routes else ""


def links(pid: int | None = None) -> dict[str, dict[str, Any]]:
    """`ip -j link`, on the host or in a container's network, by name."""
    text = output("ip", "-j", "link") if pid is None else inside(pid, "ip", "-j", "link")
    return {row["ifname"]: row for row in json.loads(text)}


def exists(pid: int) -> bool:
    """Whether there is such a process that is not a zombie."""
    try:
        return status(pid)["State"][0] not in "ZX"
    except OSError:
        return False


def links_with_counters(pid: int) -> list[dict[str, Any]]:
    """`ip -j -s link` in the container's network."""
    found: list[dict[str, Any]] = json.loads(inside(pid, "ip", "-j", "-s", "link"))
    return found
