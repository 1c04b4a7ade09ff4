"""Joined before it starts: how the output of a container that lives for a moment is not lost.

A daemon lets a client attach to a container that is created and does not run yet, and the docker CLI does so. A run in
the foreground does the same here, and hands the streams to the `attach` that follows it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from dockview.engine.daemon.client import Daemon
from dockview.engine.daemon.mapping import Json
from dockview.engine.daemon.streams import DaemonAttachment
from dockview.engine.model import RunRequest

_UNCLAIMED_S = 5.0
"""A stream that nobody reads would, when its buffers are full, stop the container: it is let go before that."""


class Handover:
    """The streams of runs in the foreground that nobody has taken yet, by container ID."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[DaemonAttachment, bool]] = {}

    @contextlib.contextmanager
    def prepared(self, found: Json, request: RunRequest) -> Iterator[None]:
        """Attach to a container, where the request wants the foreground; the block starts it."""
        if request.detach:
            yield
            return
        container_id = str(found["Id"])
        attachment = DaemonAttachment(
            self._daemon, container_id, is_tty=request.tty, stdin=request.open_stdin, logs=False
        )
        with self._lock:
            self._waiting[container_id] = (attachment, request.open_stdin)
        try:
            yield
        except BaseException:
            self._drop(container_id)
            raise
        if not request.open_stdin:  # Letting go of standard input would end it for the container.
            timer = threading.Timer(_UNCLAIMED_S, self._drop, (container_id,))
            timer.daemon = True
            timer.start()

    def take(self, container_id: str, *, stdin: bool) -> DaemonAttachment | None:
        """The streams from the very beginning on, once."""
        with self._lock:
            attachment, has_stdin = self._waiting.get(container_id, (None, False))
            if attachment is None or has_stdin != stdin:
                return None
            del self._waiting[container_id]
        return attachment

    def _drop(self, container_id: str) -> None:
        with self._lock:
            attachment, _ = self._waiting.pop(container_id, (None, False))
        if attachment is not None:
            attachment.close()

    def close(self) -> None:
        """Let go of what nobody took."""
        for container_id in tuple(self._waiting):
            self._drop(container_id)
