"""Opening an engine and reading what it has, in a thread, while the screen is being built."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dockview.engine.api import Engine
from dockview.lanes import spawn
from dockview.session import Snapshot, take_snapshot

Opened = tuple[Engine, Snapshot]


class Opening:
    """An engine on its way. Ask `result` after `is_done`, or let `tell` call when it is there."""

    def __init__(self, open_engine: Callable[[], Engine]) -> None:
        self._open = open_engine
        self._lock = threading.Lock()
        self._listener: Callable[[Opening], None] | None = None
        self.is_done = False
        self.opened: Opened | None = None
        self.error: Exception | None = None
        spawn("opening", self._work)

    def _work(self) -> None:
        opened: Opened | None = None
        error: Exception | None = None
        try:
            engine = self._open()
            opened = (engine, take_snapshot(engine, is_quick=True))
        except Exception as trouble:  # noqa: BLE001  a worker's boundary: the screen shows it
            error = trouble
        with self._lock:
            self.opened, self.error, self.is_done = opened, error, True
            listener = self._listener
        if listener is not None:
            listener(self)

    def tell(self, listener: Callable[[Opening], None]) -> None:
        """Call the listener once the engine is there, or has failed: at once, or later from the opening thread."""
        with self._lock:
            if not self.is_done:
                self._listener = listener
                return
        listener(self)
