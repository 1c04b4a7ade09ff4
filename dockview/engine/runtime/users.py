"""Who a container runs as: a user as given to docker, looked up in the container's own /etc/passwd and /etc/group.

Called by init after pivot_root, so that the paths are the container's.
"""

from __future__ import annotations

from dockview.engine.runtime.sync import Refused


class Identity:
    """A user as the kernel wants it."""

    def __init__(self, uid: int, gid: int, groups: list[int], home: str) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = groups
        """Supplementary groups."""
        self.home = home


def lookup(
    user: str,
    passwd: str = "/etc/passwd",  # noqa: S107  a path
    group: str = "/etc/group",
    *,
    more: list[str] | tuple[str, ...] = (),
) -> Identity:
    """Resolve `name|uid[:group|gid]`; empty is root. `more` are groups to add, by name or number.

    An explicit group leaves out the supplementary ones, as docker does. An unknown number is taken as it is.

    Raises: Refused (start, 126) for an unknown name.
    """
    name, _, group_name = user.partition(":")
    accounts = _table(passwd, 7)
    groups = _table(group, 4)
    added = _added(more, groups)
    account = _find(accounts, name or "0")
    if account is None and not name.isdigit() and name:
        raise Refused("start", f"unable to find user {name}: no matching entries in passwd file", exit_code=126)
    uid = int(account[2]) if account else int(name or "0")
    gid = int(account[3]) if account else 0
    home = (account[5] if account else "") or "/"
    if group_name:
        entry = _find(groups, group_name)
        if entry is None and not group_name.isdigit():
            raise Refused(
                "start", f"unable to find group {group_name}: no matching entries in group file", exit_code=126
            )
        return Identity(uid, int(entry[2]) if entry else int(group_name), added, home)
    member = account[0] if account else ""
    of_member = [int(entry[2]) for entry in groups if member and member in entry[3].split(",")]
    return Identity(uid, gid, list(dict.fromkeys([*of_member, *added])), home)


def _added(names: list[str] | tuple[str, ...], groups: list[list[str]]) -> list[int]:
    """The numbers of --group-add. Raises: Refused."""
    found = []
    for name in names:
        entry = _find(groups, name)
        if entry is None and not name.isdigit():
            raise Refused("start", f"unable to find group {name}: no matching entries in group file", exit_code=126)
        found.append(int(entry[2]) if entry else int(name))
    return found


def _table(path: str, columns: int) -> list[list[str]]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.rstrip("\n").split(":") for line in file]
    except OSError:
        return []
    # Names stand first and numbers third in both files; what has no number there is not an entry.
    return [row for row in rows if len(row) >= columns and row[2].isdigit() and (columns < 7 or row[3].isdigit())]


def _find(rows: list[list[str]], key: str) -> list[str] | None:
    for row in rows:
        if row[0] == key:
            return row
    for row in rows:
        if row[2] == key:
            return row
    return None
