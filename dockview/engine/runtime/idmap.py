"""Which IDs exist in a container's user namespace (user_namespaces(7), newuidmap(1), subuid(5)).

`ranges` and `id_maps` are for the engine, which writes the maps into config.json; `write` is for the shim, which tells
the kernel. With newuidmap and a range in /etc/subuid, the container has that range; without, it has root alone, which
is the user outside.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Map = list[dict[str, int]]

_TOOLS = (("uid", "newuidmap"), ("gid", "newgidmap"))


def id_maps() -> tuple[Map, Map]:
    """The OCI `uidMappings` and `gidMappings` for a rootless container of this user."""
    uid, gid = os.geteuid(), os.getegid()
    uids, gids = subordinate_range("/etc/subuid", uid), subordinate_range("/etc/subgid", uid)
    if uids is None or gids is None or not all(_is_installed(tool) for _kind, tool in _TOOLS):
        return _single(uid), _single(gid)
    return _single(uid) + _range(uids), _single(gid) + _range(gids)


def _single(outside: int) -> Map:
    return [{"containerID": 0, "hostID": outside, "size": 1}]


def _range(subordinate: tuple[int, int]) -> Map:
    return [{"containerID": 1, "hostID": subordinate[0], "size": subordinate[1]}]


def _is_installed(tool: str) -> bool:
    return any(os.access(f"{folder}/{tool}", os.X_OK) for folder in os.get_exec_path())


def subordinate_range(path: str, user_id: int) -> tuple[int, int] | None:
    """The first range of a user in /etc/subuid or /etc/subgid: (first ID, how many); None where there is none."""
    import pwd  # noqa: PLC0415

    try:
        name = pwd.getpwuid(user_id).pw_name
    except KeyError:
        name = str(user_id)
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                owner, _, rest = line.strip().partition(":")
                first, _, count = rest.partition(":")
                if owner in (name, str(user_id)) and first.isdigit() and count.isdigit() and int(count) > 0:
                    return int(first), int(count)
    except OSError:
        return None
    return None


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
