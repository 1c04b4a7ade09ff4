"""ID maps of the user namespace that an ordinary user unpacks in (user_namespaces(7), newuidmap(1), subuid(5)).

With newuidmap and a range in /etc/subuid, the IDs of an image are the user's own range; without, there is only
root inside, which is the user outside.
"""

from __future__ import annotations

import os
import pwd
import shutil


def subordinate_range(path: str, user_id: int) -> tuple[int, int] | None:
    """The first range of a user in /etc/subuid or /etc/subgid: (first ID, how many); None where there is none."""
    try:
        name = pwd.getpwuid(user_id).pw_name
    except KeyError:
        name = ""
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
    """Write the maps of the user namespace that a process has just made. Raises: OSError."""
    uid, gid = os.geteuid(), os.getegid()
    uids, gids = subordinate_range("/etc/subuid", uid), subordinate_range("/etc/subgid", uid)
    if uids and gids and shutil.which("newuidmap") and shutil.which("newgidmap"):
        import subprocess  # noqa: PLC0415

        try:
            for tool, inside, (first, count) in (("newuidmap", uid, uids), ("newgidmap", gid, gids)):
                subprocess.run(
                    [tool, str(pid), "0", str(inside), "1", "1", str(first), str(count)],
                    check=True, capture_output=True, timeout=10,
                )  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            pass  # a tool without its setuid bit, or a range that the administrator took away: one ID is left
        else:
            return
    for name, line in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/{pid}/{name}", "w", encoding="ascii") as file:
            file.write(line)
