"""What a container's end means on its networks: `network.json` in the bundle, written by the engine, read by the shim.

    {"networks": [[id, name], …], "leave": [argv…], "helper": [pid, start time] or null}

The engine replaces it whenever the container joins or leaves a network; a container without networks has none.
"""

from __future__ import annotations

import os
import time

from dockview.engine.runtime.codec import loads
from dockview.engine.runtime.state import is_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NAME = "network.json"
_SIGTERM = 15


def read_leave(bundle: str, container_id: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The events to write, in docker's shape, and the program that tells the neighbours; both may be empty."""
    try:
        with open(f"{bundle}/{_NAME}", encoding="utf-8") as file:
            found = loads(file.read())
        now = time.time_ns()
        events = [
            {"Type": "network", "Action": "disconnect",
             "Actor": {"ID": network, "Attributes": {"container": container_id, "name": name, "type": "bridge"}},
             "scope": "local", "time": now // 1_000_000_000, "timeNano": now}
            for network, name in found["networks"]
        ]  # fmt: skip
        return events, list(found["leave"])
    except (OSError, ValueError, KeyError, TypeError):
        return [], []


def end_helper(bundle: str) -> None:
    """End the program that carries a rootless container's packets; one that is gone, or never was, is no error.

    Its start time tells it from another process that has its number now.
    """
    try:
        with open(f"{bundle}/{_NAME}", encoding="utf-8") as file:
            helper = loads(file.read()).get("helper")
        if helper and is_process(helper[0], helper[1]):
            os.kill(helper[0], _SIGTERM)
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        pass
