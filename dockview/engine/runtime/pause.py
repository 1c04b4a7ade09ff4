"""Asking a container's shim to freeze its processes, or to let them go on (door.py)."""

from __future__ import annotations

import errno

from dockview.engine.runtime.codec import dumps, loads
from dockview.engine.runtime.doorbell import connect

_TIMEOUT_S = 15.0


def ask_pause(folder: str, *, is_paused: bool) -> int:
    """0, or the errno: EALREADY where it is so, ENOTSUP without a freezer, ESRCH where the container has ended."""
    try:
        with connect(folder) as endpoint:
            endpoint.settimeout(_TIMEOUT_S)
            endpoint.send(b"P" + dumps({"pause": is_paused}).encode())
            while data := endpoint.recv(4096):
                if data[:1] == b"K":
                    return int(loads(data[1:].decode())["errno"])
                if data[:1] == b"X":
                    break
    except OSError:
        return errno.ESRCH
    return errno.ESRCH
