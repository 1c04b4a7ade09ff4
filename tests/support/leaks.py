"""What a container may leave behind on the machine, and whether a test left any of it.

The kernel takes some things back on its own time (a network namespace goes in a worker, a veth with it), so a
difference counts only if it is still there after a deadline.
"""

from __future__ import annotations

import contextlib
import gc
import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, fields

from tests.support.waiting import until

_OURS = re.compile(rb"dockview/engine/\w+/\w+\.py|\bdockview\x00")
_TOOLS = re.compile(rb"pytest|mypy|ruff|lint-imports")


_SHARED = ("links", "named_namespaces", "rules", "cgroups", "processes")
"""What somebody else's containers also make: not compared where DOCKVIEW_TEST_SHARED says that there are such."""


@dataclass(frozen=True)
class Traces:
    """What is there now, each thing as a line that a person can read."""

    mounts: frozenset[str]
    links: frozenset[str]
    named_namespaces: frozenset[str]
    rules: frozenset[str]
    cgroups: frozenset[str]
    processes: frozenset[str]
    files: Counter[str]

    def left_since(self, before: Traces) -> dict[str, list[str]]:
        """What is here and was not before, by kind."""
        left: dict[str, list[str]] = {}
        for field in fields(self):
            if field.name in _SHARED and os.environ.get("DOCKVIEW_TEST_SHARED"):
                continue
            now, then = getattr(self, field.name), getattr(before, field.name)
            if more := sorted((now - then).elements() if isinstance(now, Counter) else now - then):
                left[field.name] = more
        return left


def look() -> Traces:
    """Take stock of the machine."""
    return Traces(
        mounts=frozenset(_mounts()),
        links=frozenset(os.listdir("/sys/class/net")),
        named_namespaces=frozenset(os.listdir("/run/netns") if os.path.isdir("/run/netns") else ()),
        rules=frozenset(_rules()),
        cgroups=frozenset(_cgroups()),
        processes=frozenset(_processes()),
        files=Counter(_open_files()),
    )


def assert_nothing_left(before: Traces, *, within_s: float = 6) -> None:
    """Fail with a list of what was left since `before`."""
    left: dict[str, list[str]] = {}

    def is_clean() -> bool:
        nonlocal left
        left = look().left_since(before)
        if left.keys() == {"files"}:
            gc.collect()
            left = look().left_since(before)
        return not left

    with contextlib.suppress(AssertionError):
        until(is_clean, "a clean machine", within_s=within_s)
    assert not left, "left behind: " + "; ".join(f"{kind}: {', '.join(what)}" for kind, what in left.items())


def _mounts() -> list[str]:
    with open("/proc/self/mountinfo") as file:
        rows = [line.split() for line in file]
    return [f"{row[4]} ({row[row.index('-') + 1]})" for row in rows]


def _rules() -> list[str]:
    """The tables of nft."""
    if os.geteuid() != 0 or shutil.which("nft") is None:
        return []
    return subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False).stdout.splitlines()


def _cgroups() -> list[str]:
    """Every cgroup below one that is named for dockview; the empty parent may stay, as docker's does."""
    found = []
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        if "dockview" in folder.rpartition("/sys/fs/cgroup")[2]:
            found += [f"{folder}/{name}" for name in names]
        else:
            found += [f"{folder}/{name}" for name in names if name.startswith("dockview-")]
    return found


def _processes() -> list[str]:
    """Shims, proxies and other programs of dockview, and whatever runs in a cgroup of its."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read()
            with open(f"/proc/{pid}/cgroup", "rb") as file:
                group = file.read()
        except OSError:
            continue
        is_program = b"python" in line[:60] and _OURS.search(line) and not _TOOLS.search(line)
        if int(pid) != os.getpid() and (is_program or b"dockview" in group):
            found.append(f"{pid} {line.replace(bytes(1), b' ').decode(errors='replace').strip()}"[:200])
    return found


def _open_files() -> list[str]:
    found = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            target = os.readlink(f"/proc/self/fd/{number}")
            if not target.startswith(("/proc/", "/dev/")):
                found.append(re.sub(r"\d{3,}", "N", target) if target.startswith(("pipe:", "socket:")) else target)
    return found
