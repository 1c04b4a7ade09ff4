"""Signals as items of a queue, so that they are acted upon by code that may block and take locks."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
from types import FrameType
from typing import Any, Self

from dockview.commands.values import signal_name

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_TAKEN = (*ENDING, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)
_ENOUGH = 3
"""How often ctrl-c is pressed by somebody who no longer wants to wait."""


class SignalQueue:
    """While entered, signals do not act but become ("signal", number) items; other threads may put items, too.

    The third SIGINT, SIGTERM or SIGHUP while nobody has taken the first ends the process at once.
    """

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._earlier: dict[int, Any] = {}
        self._pressed = 0
        self.parting = ""
        """What is said to standard error when the process ends at the third signal."""

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._earlier = {number: signal.signal(number, self._on_signal) for number in _TAKEN}
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._pressed += 1
            if self._pressed >= _ENOUGH:
                self.on_enough()
                with contextlib.suppress(OSError):
                    os.write(2, self.parting.encode(errors="replace"))
                os._exit(128 + number)
        self._items.put(("signal", number))

    def on_enough(self) -> None:
        """What must be put right before the process ends at the third signal; a raw terminal, for one."""

    def put(self, kind: str, value: Any = None) -> None:
        """Add an item, from any thread."""
        self._items.put((kind, value))

    def get(self) -> tuple[str, Any]:
        """Wait for the next item; signal handlers run meanwhile."""
        return self._items.get()

    def name(self, number: int) -> str:
        """`SIGTERM` of 15."""
        return signal_name(str(number))
