"""`restart`: stop and start in one trace; a container that does not run is started."""

from __future__ import annotations

from dockview.engine.cancel import CancelToken
from dockview.engine.embedded.discard import note
from dockview.engine.embedded.house import House
from dockview.engine.embedded.launch import hold, launch
from dockview.engine.embedded.query import is_running
from dockview.engine.embedded.stop import grace_of, perform
from dockview.engine.lifecycle import Phase
from dockview.engine.state import containers
from dockview.engine.state.images import by_id


def restart(house: House, ref: str, timeout_s: int | None, wanted: str, cancel: CancelToken | None) -> str:
    """Restart a container; its ID. Raises: as stop and start do."""
    record = containers.find(house.database, ref)
    options = ("" if timeout_s is None else f"-t {timeout_s} ") + (f"-s {wanted} " if wanted else "")
    with house.traces.record(
        "restart", record.name, line=f"docker restart {options}{record.name}", cancel=cancel
    ) as trace:
        trace.subject(container=record.id, name=record.name, image=record.image)
        with trace.phase(Phase.CONNECT, check="dockview version") as span:
            span.fact("engine", "embedded: in this process, no daemon")
            span.fact("store", house.layout.root)
        with hold(house.layout.container(record.id), trace.cancel) as held:
            if is_running(house, record.id):
                perform(house, trace, record, wanted, grace_of(record, timeout_s), why="restart", keeps=True)
                note(house, "stop", record)
            else:
                trace.skip(Phase.STOP, why="it does not run")
            launch(house, trace, record, by_id(house.database, record.image_id), None, held=held)
        trace.commit()
    note(house, "restart", record)
    return record.id
