"""What is known of a container's health: `health.json` in the bundle, which the shim writes and the engine reads.

It has docker's own shape: `Status` (starting, healthy or unhealthy), `FailingStreak`, and `Log`, the last five probes
with `Start`, `End`, `ExitCode` and `Output`.
"""

from __future__ import annotations

import os

from dockview.engine.runtime.codec import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_NAME = "health.json"


def read_health(folder: str) -> dict[str, Any] | None:
    """The health of the container whose bundle this is; None where nobody asks it."""
    try:
        with open(f"{folder}/{_NAME}", encoding="utf-8") as file:
            found: dict[str, Any] = loads(file.read())
    except (OSError, ValueError):
        return None
    return found


def health_status(folder: str) -> str:
    """starting, healthy or unhealthy; empty where nobody asks."""
    found = read_health(folder)
    return "" if found is None else str(found["Status"])


def write_health(folder: str, values: Mapping[str, Any]) -> None:
    """Replace it atomically; a full disk costs the news, never the container."""
    path = f"{folder}/{_NAME}"
    try:
        fd = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, dumps(values).encode())
        finally:
            os.close(fd)
        os.rename(f"{path}.new", path)
    except OSError:
        pass


def forget_health(folder: str) -> None:
    """A container is about to be started anew."""
    try:
        os.unlink(f"{folder}/{_NAME}")
    except OSError:
        pass
