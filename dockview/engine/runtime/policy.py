"""The restart policy of a container, as it stands in the bundle.

It is that of shim.json, until the engine's `update` replaces it by `restart.json`, which the shim reads at the end of
each life.
"""

from __future__ import annotations

import os

from dockview.engine.runtime.codec import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_NAME = "restart.json"


def has_policy(bundle: str, settings: Mapping[str, Any]) -> bool:
    """Whether a policy was given, at the birth or since."""
    return bool(settings.get("restart")) or os.path.exists(f"{bundle}/{_NAME}")


def read_policy(bundle: str, settings: Mapping[str, Any]) -> tuple[str, int]:
    """(name, most retries; 0 is no bound) as it is now."""
    found = settings.get("restart") or {}
    try:
        with open(f"{bundle}/{_NAME}", encoding="utf-8") as file:
            found = loads(file.read())
    except (OSError, ValueError):
        pass  # it was never changed
    return str(found.get("name", "no")), int(found.get("max_retries", 0))


def write_policy(bundle: str, name: str, max_retries: int) -> None:
    """Change the policy of a container that runs. Raises: OSError."""
    path = f"{bundle}/{_NAME}"
    fd = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, dumps({"name": name, "max_retries": max_retries}).encode())
    finally:
        os.close(fd)
    os.rename(f"{path}.new", path)


def forget_policy(bundle: str) -> None:
    """A container is about to be started anew: shim.json says what holds."""
    try:
        os.unlink(f"{bundle}/{_NAME}")
    except OSError:
        pass
