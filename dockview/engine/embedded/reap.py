"""What is left of a `--rm` container's life: its shim becomes this program and removes it."""

from __future__ import annotations

import contextlib

from dockview.engine.embedded.engine import EmbeddedEngine
from dockview.engine.errors import NotFound


def reap(root: str, container_id: str) -> None:
    """Remove the container; somebody else may have been faster."""
    with contextlib.closing(EmbeddedEngine(root)) as engine, contextlib.suppress(NotFound):
        engine.remove(container_id)
