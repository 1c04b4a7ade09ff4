"""Telling the kernel which IDs exist in a container's user namespace (user_namespaces(7), newuidmap(1)).

For the shim, which may know only its own folder; which IDs these are, the engine has written into config.json
(engine/idmap.py).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Map = list[dict[str, int]]

_TOOLS = (("uid", "newuidmap"), ("gid", "newgidmap"))


def write(pid: int, linux_spec: dict[str, Any]) -> str:
    """Write the maps of the user namespace that `pid` has made; how it was done.

    Raises: OSError.
    """
    maps = {"uid": linux_spec["uidMappings"], "gid": linux_spec["gidMappings"]}
    is_range = any(len(entries) > 1 for entries in maps.values())
    # A tool without its setuid bit, or a range that the administrator took away, leaves the user's own ID: both files
    # are still unwritten when the first tool fails.
    if is_range and all(_run_tool(tool, pid, maps[kind]) for kind, tool in _TOOLS):
        return "newuidmap"
    for name, text in (
        ("setgroups", "deny"), ("uid_map", _line(maps["uid"][0])), ("gid_map", _line(maps["gid"][0])),
    ):  # fmt: skip
        with open(f"/proc/{pid}/{name}", "w", encoding="ascii") as file:
            file.write(text)
    return "single ID"


def _line(entry: dict[str, int]) -> str:
    return f"{entry['containerID']} {entry['hostID']} {entry['size']}"


def _run_tool(tool: str, pid: int, entries: Map) -> bool:
    arguments = [tool, str(pid)]
    for entry in entries:
        arguments += _line(entry).split()
    try:
        child = os.posix_spawnp(tool, arguments, os.environ)
    except OSError:
        return False
    return os.waitpid(child, 0)[1] == 0


def shown(pid: int) -> str:
    """The uid map of a process in one line, such as `0→1000 (1), 1→100000 (65536)`."""
    try:
        with open(f"/proc/{pid}/uid_map") as file:
            entries = [line.split() for line in file]
    except OSError:
        return ""
    return ", ".join(f"{inside}→{outside} ({size})" for inside, outside, size in entries)
