"""What a container's end means on its networks: `network.json` in the bundle, written by the engine, read by the shim.

    {"networks": [[id, name], …], "leave": [argv…]}

The engine replaces it whenever the container joins or leaves a network; a container without networks has none.
"""

from __future__ import annotations

import time

from dockview.engine.runtime.codec import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NAME = "network.json"


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
