"""What the daemon's list of containers leaves out: exact times, pid, OOM. Asked for once a life of each container.

The list says `Up 3 minutes`, and inspect when exactly; so an answer is kept for as long as it agrees with the list.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace

from dockview.engine.daemon import mapping
from dockview.engine.daemon.client import Daemon
from dockview.engine.errors import NotFound
from dockview.engine.model import Container, ContainerStatus

_ASKED_AT_ONCE = 64
"""A list must not wait for hundreds of answers; what is left out now is asked for by the next list."""

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 2592000, "year": 31536000}
_AGE = re.compile(r"(?:(\d+)|about an?|less than a) (second|minute|hour|day|week|month|year)s?")


class Details:
    """Remembers what inspect told about each container."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._known: dict[str, Container] = {}

    def fill(self, listed: Sequence[tuple[Container, str]]) -> list[Container]:
        """The containers of a list, each with its status as the list words it, completed as far as is known."""
        asked = 0
        filled = []
        for container, said in listed:
            known = self._known.get(container.id)
            is_known = known is not None and _agrees(known, container, said)
            if not is_known and container.status is not ContainerStatus.CREATED:
                known = self._ask(container.id) if asked < _ASKED_AT_ONCE else None
                asked += 1
            filled.append(container if known is None else _completed(container, known))
        if len(self._known) > 2 * len(listed) + 100:
            here = {container.id for container, _ in listed}
            self._known = {key: known for key, known in self._known.items() if key in here}
        return filled

    def forget(self, container_id: str) -> None:
        """Something happened to a container: what was known of it may be of its last life."""
        self._known.pop(container_id, None)

    def _ask(self, container_id: str) -> Container | None:
        try:
            with self._daemon.mapped("cannot inspect a container"):
                known = mapping.container_of_inspect(self._daemon.api.inspect_container(container_id))
        except NotFound:
            self._known.pop(container_id, None)
            return None
        self._known[container_id] = known
        return known


def _completed(listed: Container, known: Container) -> Container:
    if known.status is not listed.status:  # It changed between the two questions.
        return listed
    return replace(
        listed, started_ns=known.started_ns, finished_ns=known.finished_ns, pid=known.pid, tty=known.tty,
        oom_killed=known.oom_killed, restart_count=known.restart_count, auto_remove=known.auto_remove,
        error=known.error,
    )  # fmt: skip


def _agrees(known: Container, listed: Container, said: str) -> bool:
    """Whether what is known can be of the same life as the row of the list."""
    if (known.status, known.exit_code) != (listed.status, listed.exit_code):
        return False
    since_ns = known.finished_ns if known.finished_ns is not None else known.started_ns
    age = _AGE.search(said.lower())
    if since_ns is None or age is None:
        return False
    unit_s = _UNITS[age[2]]
    said_s = int(age[1]) * unit_s if age[1] else unit_s
    return abs((time.time_ns() - since_ns) / 1e9 - said_s) <= 1.5 * unit_s
