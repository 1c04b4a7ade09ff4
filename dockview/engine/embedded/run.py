"""`run`, `create` and `start`: the stories of a container's birth."""

from __future__ import annotations

from dockview.engine.api import OnAttach, OnRecord
from dockview.engine.cancel import CancelToken
from dockview.engine.embedded.create import create
from dockview.engine.embedded.house import House
from dockview.engine.embedded.launch import launch
from dockview.engine.embedded.query import is_running
from dockview.engine.lifecycle import Phase
from dockview.engine.model import RunRequest
from dockview.engine.state import containers
from dockview.engine.state.containers import ContainerRecord
from dockview.engine.state.images import by_id


def run(
    house: House,
    request: RunRequest,
    cancel: CancelToken | None,
    on_record: OnRecord | None,
    on_attach: OnAttach | None,
) -> ContainerRecord:
    """Create and start a container."""
    with house.traces.record(
        "run", request.name or request.image, line=request.line, cancel=cancel, on_record=on_record
    ) as trace:
        record, image = create(house, trace, request)
        record = launch(house, trace, record, image, on_attach)
        containers.commit(house.database, record.id)
        trace.commit()
    return record


def create_only(
    house: House, request: RunRequest, cancel: CancelToken | None, on_record: OnRecord | None = None
) -> str:
    """Create a container without starting it; its ID."""
    with house.traces.record(
        "create", request.name or request.image, line=request.line, cancel=cancel, on_record=on_record
    ) as trace:
        record, _image = create(house, trace, request)
        containers.commit(house.database, record.id)
        trace.commit()
    return record.id


def start(house: House, ref: str, cancel: CancelToken | None, on_attach: OnAttach | None = None) -> str:
    """Start a container that exists and does not run; its ID. One that runs is left as it is."""
    record = containers.find(house.database, ref)
    if is_running(house, record.id):
        return record.id
    with house.traces.record("start", record.name, line=f"docker start {record.name}", cancel=cancel) as trace:
        trace.subject(container=record.id, name=record.name, image=record.image)
        with trace.phase(Phase.CONNECT, check="dockview version") as span:
            span.fact("engine", "embedded: in this process, no daemon")
            span.fact("store", house.layout.root)
        launch(house, trace, record, by_id(house.database, record.image_id), on_attach)
        trace.commit()
    return record.id
