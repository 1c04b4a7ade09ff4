"""How a caller stops a long operation from another thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from dockview.engine.errors import Cancelled


class CancelToken:
    """A caller's way to stop a long operation from another thread.

    An operation asks `raise_if_set()` between steps and registers, while it blocks, a closer that unblocks it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_set = False
        self._closers: list[Callable[[], None]] = []

    @property
    def is_set(self) -> bool:
        """Whether cancel() was called."""
        return self._is_set

    def cancel(self) -> None:
        """Ask the operation to stop and unblock it; it undoes what it did and raises Cancelled."""
        with self._lock:
            self._is_set = True
            closers, self._closers = self._closers, []
        for close in closers:
            with contextlib.suppress(OSError):
                close()

    def raise_if_set(self) -> None:
        """Raises: Cancelled, once cancel() was called."""
        if self._is_set:
            raise Cancelled("cancelled")

    @contextlib.contextmanager
    def closing(self, close: Callable[[], None]) -> Iterator[None]:
        """While the block runs, cancel() also calls `close`, from its own thread."""
        with self._lock:
            self._closers.append(close)
        try:
            self.raise_if_set()
            yield
        finally:
            with self._lock, contextlib.suppress(ValueError):
                self._closers.remove(close)
