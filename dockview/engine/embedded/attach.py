"""`attach`: the standard streams of a container that runs."""

from __future__ import annotations

from dockview.engine.embedded.house import House
from dockview.engine.embedded.query import is_running, refuse_restarting
from dockview.engine.errors import Conflict
from dockview.engine.runtime.streams import ShimAttachment
from dockview.engine.state import containers


def attach(house: House, ref: str, *, stdin: bool, logs: bool) -> ShimAttachment:
    """Join the streams. Raises: NotFound, Conflict when the container does not run."""
    record = containers.find(house.database, ref)
    if not is_running(house, record.id):
        raise Conflict(f'container "{record.name}" is not running', hint=f"start it: dockview start {record.name}")
    refuse_restarting(house, record)
    return ShimAttachment(house.layout.container(record.id), stdin=stdin, logs=logs)
