"""Names of containers on networks of the user's own: who finds whom, by name, alias and short ID.

There is no daemon that could answer questions. Instead each container's /etc/hosts, which it has mounted, holds a
block with the running containers on its networks, and whoever changes that (start, stop, connect, disconnect, rm,
rename) rewrites the blocks of all that it concerns: in place, as a mount stays with its inode, and under a lock, as
several processes may do so at once. Every rewrite begins from the records and from who runs; so the last one is right.
What a container has written into its hosts file itself stays.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dockview.engine.runtime.state import read_state
from dockview.engine.state import networks as records
from dockview.engine.state.database import Database
from dockview.engine.state.layout import Layout

if TYPE_CHECKING:
    from dockview.engine.embedded.house import House
    from dockview.engine.state.networks import Membership

_BEGIN = "# containers on the same networks; dockview keeps these lines"
_END = "# end of containers"
_LARGEST = 1 << 20
"""A container may write into its hosts file what it likes; more than this is not read back."""
_PACKAGE_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


class _Member(NamedTuple):
    network_id: str
    container_id: str
    name: str
    address: str
    aliases: tuple[str, ...]

    @property
    def line(self) -> str:
        found = dict.fromkeys((self.name, *self.aliases, self.container_id[:12]))
        return f"{self.address}\t{' '.join(found)}\n"


def block_for(house: House, ends: Iterable[Membership]) -> str:
    """The block of a container that is about to start: its neighbours that run, and itself."""
    own = list(ends)
    return _block(_present(house.layout, house.database, {end.container_id for end in own}), _networks(own))


def _networks(ends: Iterable[Membership]) -> list[str]:
    return [end.network.id for end in ends if not end.network.is_default]


def refresh(house: House, network_ids: Collection[str], *, joining: str = "") -> int:
    """Rewrite the blocks of the running containers on these networks; how many hosts files there were.

    `joining` is a container that counts as running, as it is about to start.
    """
    return _refresh(house.layout, house.database, network_ids, joining=joining)


def refresh_around(house: House, container_id: str) -> None:
    """Rewrite what concerns a container: it has a new name, has come or has gone."""
    refresh(house, records.own_networks(house.database, container_id))


def _refresh(layout: Layout, database: Database, network_ids: Collection[str], *, joining: str = "") -> int:
    if not network_ids:
        return 0
    with _alone(layout):
        present = _present(layout, database, {joining} - {""})
        of_container: dict[str, list[str]] = {}
        for member in present:
            of_container.setdefault(member.container_id, []).append(member.network_id)
        count = 0
        for container_id, networks in of_container.items():
            if set(networks) & set(network_ids):
                _rewrite(f"{layout.container(container_id)}/hosts", _block(present, networks))
                count += 1
        return count


def rewrite_own(house: House, container_id: str, added: Sequence[str] = (), gone: Sequence[str] = ()) -> None:
    """Give a running container's hosts file lines of its own (`address<tab>name`), and take such lines away."""
    with _alone(house.layout):
        networks = records.own_networks(house.database, container_id)
        block = _block(_present(house.layout, house.database, set()), networks) if networks else ""
        _rewrite(f"{house.layout.container(container_id)}/hosts", block, added, gone)


def _present(layout: Layout, database: Database, joining: Collection[str]) -> list[_Member]:
    """The containers on networks of the user's own that run, or are said to."""
    rows = database.query(
        "SELECT a.network_id, a.container_id, c.name, a.address, a.aliases FROM addresses a"
        " JOIN containers c ON c.id = a.container_id JOIN networks n ON n.id = a.network_id"
        " WHERE n.name != ? ORDER BY c.created_ns, c.id",
        records.DEFAULT,
    )
    known: dict[str, bool] = {}
    found = []
    for row in rows:
        container_id = row["container_id"]
        if container_id not in known:
            known[container_id] = container_id in joining or _is_running(layout, container_id)
        if known[container_id]:
            aliases = records.aliases_of(row["aliases"])
            found.append(_Member(row["network_id"], container_id, row["name"], row["address"], aliases))
    return found


def _is_running(layout: Layout, container_id: str) -> bool:
    state = read_state(layout.container(container_id))
    return state is not None and state.status in ("running", "paused", "restarting")


def _block(present: Sequence[_Member], networks: Collection[str]) -> str:
    lines = [member.line for member in present if member.network_id in networks]
    return f"{_BEGIN}\n{''.join(lines)}{_END}\n"


def _rewrite(path: str, block: str, added: Sequence[str] = (), gone: Sequence[str] = ()) -> None:
    """Put the block, and lines of the container's own, into a hosts file, in place."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return  # it is being removed
    try:
        before = os.pread(fd, _LARGEST, 0).decode("utf-8", "surrogateescape")
        lines, inside = [], False
        for line in before.splitlines(keepends=True):
            inside = inside or line.rstrip("\n") == _BEGIN
            if not inside and line.rstrip("\n") not in gone:
                lines.append(line)
            inside = inside and line.rstrip("\n") != _END
        own = [f"{line}\n" for line in added if f"{line}\n" not in lines]
        if lines and not lines[-1].endswith("\n"):
            lines.append("\n")
        after = "".join([*lines, *own, block]).encode("utf-8", "surrogateescape")
        if after != before.encode("utf-8", "surrogateescape"):
            os.pwrite(fd, after, 0)
            os.ftruncate(fd, len(after))
    except OSError:
        pass  # a full disk: the names are stale, the containers live
    finally:
        os.close(fd)


@contextlib.contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    fd = os.open(f"{layout.root}/names.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def leave_command(root: str, container_id: str) -> list[str]:
    """What the shim of a container becomes at its end: the program that tells the neighbours."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from dockview.engine.embedded.neighbours import left; left(sys.argv[2], sys.argv[3])"
    )
    return [sys.executable, "-c", code, _PACKAGE_ROOT, root, container_id]


def left(root: str, container_id: str) -> None:
    """A container has ended: its neighbours forget its names."""
    layout = Layout(root)
    database = Database(layout.database)
    try:
        _refresh(layout, database, records.own_networks(database, container_id))
    finally:
        database.close()
