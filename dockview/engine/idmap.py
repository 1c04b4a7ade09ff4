"""Which IDs an ordinary user has in a user namespace (user_namespaces(7), newuidmap(1), subuid(5)).

With newuidmap and a range in /etc/subuid, images and containers have that range; without, there is only root inside,
which is the user outside. For the engine; the shim, which may know only its own folder, writes what config.json says
(runtime/idmap.py).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    Map = list[dict[str, int]]

_TOOLS = ("newuidmap", "newgidmap")


def id_maps() -> tuple[Map, Map]:
    """The OCI `uidMappings` and `gidMappings` of this user."""
    uid, gid = os.geteuid(), os.getegid()
    uids, gids = subordinate_range("/etc/subuid", uid), subordinate_range("/etc/subgid", uid)
    if uids is None or gids is None or not all(_is_installed(tool) for tool in _TOOLS):
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


def write_id_maps(pid: int) -> None:
    """Write the maps of the user namespace that a child of the engine has just made. Raises: OSError."""
    import subprocess  # noqa: PLC0415

    maps = id_maps()
    if all(len(entries) > 1 for entries in maps):
        try:
            for tool, entries in zip(_TOOLS, maps, strict=True):
                words = [str(entry[key]) for entry in entries for key in ("containerID", "hostID", "size")]
                subprocess.run([tool, str(pid), *words], check=True, capture_output=True, timeout=10)
        except (OSError, subprocess.SubprocessError):
            pass  # a tool without its setuid bit, or a range that the administrator took away: one ID is left
        else:
            return
    for name, line in (("setgroups", "deny"), ("uid_map", f"0 {os.geteuid()} 1"), ("gid_map", f"0 {os.getegid()} 1")):
        with open(f"/proc/{pid}/{name}", "w", encoding="ascii") as file:
            file.write(line)
