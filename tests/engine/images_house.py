"""A store of its own for tests of images, and pulls whose trace can be looked at."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dockview.engine.cancel import CancelToken
from dockview.engine.embedded.house import House, RegistrySettings
from dockview.engine.embedded.pull import ensure_image
from dockview.engine.lifecycle import Trace, TraceBuilder
from dockview.engine.recorder import Recorder
from dockview.engine.state.database import Database
from dockview.engine.state.images import ImageRecord
from dockview.engine.state.journal import Journal
from dockview.engine.state.layout import Layout
from dockview.engine.state.traces import Traces


def open_house(root: str, **settings: Any) -> House:
    """A store; its registries are the hub alone unless told otherwise."""
    layout = Layout(root)
    layout.make()
    database = Database(layout.database)
    search = settings.pop("search", ("hub.localhost",))
    return House(
        layout,
        database,
        Journal(layout.events),
        Traces(layout, database),
        RegistrySettings(search=search, **settings),
    )


class Pull:
    """One pull, and what it left in its trace."""

    def __init__(self, house: House, *, cancel: CancelToken | None = None) -> None:
        self.house = house
        self.cancel = cancel
        self._builder = TraceBuilder()
        self.records: list[Mapping[str, Any]] = []

    def _sink(self, record: Mapping[str, Any]) -> None:
        self.records.append(record)
        self._builder.apply(record)

    def __call__(self, reference: str, **options: str) -> ImageRecord:
        with Recorder(
            "pull", reference, line=f"docker pull {reference}", engine="embedded", sinks=[self._sink],
            cancel=self.cancel,
        ) as trace:  # fmt: skip
            return ensure_image(self.house, trace, reference, **options)

    @property
    def trace(self) -> Trace:
        """What was done."""
        trace = self._builder.trace
        assert trace is not None
        return trace

    def phases(self) -> list[str]:
        """The labels and states of the spans, in order of their beginning."""
        return [f"{span.label} {span.status}" for span in self.trace.spans]


def leftovers(house: House) -> list[str]:
    """Half files, and layers that are not whole."""
    layout = house.layout
    found = os.listdir(layout.tmp)
    for name in os.listdir(layout.layers):
        if not os.path.isdir(f"{layout.layers}/{name}/diff"):
            found.append(f"layers/{name}")
    return found


@contextmanager
def closing(house: House) -> Iterator[House]:
    """Close its database afterwards."""
    try:
        yield house
    finally:
        house.database.close()
