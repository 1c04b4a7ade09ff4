"""Threads for the finite calls of an engine, so that the screen never waits for one.

A *lane* is one thread for one purpose (the lists, the detail); of the jobs that wait for it only the newest counts, so
a slow engine never has a heap of old questions in front of the new one, and one purpose never starves another (as
they would in a shared pool of workers). A verb gets a thread of its own. All are daemon threads: leaving the app
closes the engine, which unblocks them, and waits for none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

Job = Callable[[], None]


class Lane:
    """One thread that does the newest job asked for."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._turn = threading.Condition()
        self._next: Job | None = None
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def ask(self, job: Job) -> None:
        """Do this next, in place of whatever still waits."""
        with self._turn:
            self._next = job
            if self._thread is None and not self._is_closed:
                self._thread = spawn(self._name, self._work)
            self._turn.notify()

    def close(self) -> None:
        """Take no more jobs; the one at work ends by itself."""
        with self._turn:
            self._is_closed, self._next = True, None
            self._turn.notify()

    def _work(self) -> None:
        while True:
            with self._turn:
                while self._next is None:
                    if self._is_closed:
                        return
                    self._turn.wait()
                job, self._next = self._next, None
            job()


def spawn(name: str, job: Job) -> threading.Thread:
    """Do a job in a thread of its own."""
    thread = threading.Thread(target=job, name=name, daemon=True)
    thread.start()
    return thread
