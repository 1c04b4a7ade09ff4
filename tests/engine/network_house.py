"""A store with container records but without containers, for tests of the network alone."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dockview.engine.embedded import leases, publish, wire
from dockview.engine.embedded.house import House
from dockview.engine.embedded.leases import Lease
from dockview.engine.embedded.publish import Published
from dockview.engine.lifecycle import Phase, Record, Span, TraceBuilder
from dockview.engine.model import PortMapping, RunRequest
from dockview.engine.recorder import Recorder
from dockview.engine.state.database import Database
from dockview.engine.state.journal import Journal
from dockview.engine.state.layout import Layout
from dockview.engine.state.traces import Traces
from tests.engine.netns_holder import Held


def request(network: str = "bridge", *ports: PortMapping, **more: Any) -> RunRequest:
    """A run with this network and these ports."""
    return RunRequest(image="web", line="docker run web", network=network, ports=ports, **more)


@contextmanager
def house() -> Iterator[House]:
    """A new store; its bridge and its folder go afterwards."""
    root = tempfile.mkdtemp(prefix="dv-net-")
    layout = Layout(root)
    layout.make()
    database = Database(layout.database)
    made = House(layout, database, Journal(layout.events), Traces(layout, database))
    try:
        database.execute("INSERT INTO images VALUES ('sha256:i', '', '', '{}', '[]', 0, 0, 0)")
        yield made
    finally:
        wire.remove_bridge(made)
        database.close()
        shutil.rmtree(root)


def add_container(made: House) -> str:
    """A container's record and folder; its ID."""
    container_id = os.urandom(32).hex()
    made.database.execute(
        "INSERT INTO containers (id, name, image, image_id, request, created_ns, is_building, owner_pid, owner_start)"
        " VALUES (?, ?, 'web', 'sha256:i', '{}', 0, 0, 0, 0)",
        container_id,
        container_id[:12],
    )
    os.makedirs(made.layout.container(container_id))
    return container_id


@dataclass
class Steps:
    """The phases of the network wing, traced."""

    house: House
    records: list[Record] = field(default_factory=list)

    def recorder(self) -> Recorder:
        """A trace of its own."""
        self.records.clear()
        return Recorder("run", "web", line="docker run web", engine="embedded", sinks=[self.records.append])

    def span(self, phase: Phase) -> Span:
        """What was recorded of a phase."""
        builder = TraceBuilder()
        for record in self.records:
            builder.apply(record)
        assert builder.trace is not None
        found = builder.trace.find(phase)
        assert found is not None
        return found

    def connect(self, held: Held, wanted: RunRequest, container_id: str = "") -> Lease:
        """Lease and connect."""
        container_id = container_id or add_container(self.house)
        lease = leases.lease(self.house, container_id, wanted, is_starting=True)
        with self.recorder() as trace:
            wire.connect(self.house, trace, lease, held, self.house.layout.container(container_id))
        return lease

    def publish(self, held: Held, wanted: RunRequest, lease: Lease, *exposed: str) -> Published:
        """Take the ports."""
        with self.recorder() as trace:
            return publish.publish(self.house, trace, wanted, held, lease, exposed=exposed)
