"""The engine's side of the shim's door (door.py): connecting to it."""

from __future__ import annotations

import os
import socket

from dockview.engine.runtime.door import NAME


def connect(folder: str) -> socket.socket:
    """A connection to the shim of the container whose bundle this is.

    The socket is reached through a descriptor of its folder, since a socket's address holds 107 bytes only.

    Raises: OSError (FileNotFoundError, ConnectionRefusedError) where no shim listens.
    """
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    endpoint = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        endpoint.connect(f"/proc/self/fd/{fd}/{NAME}")
    except OSError:
        endpoint.close()
        raise
    finally:
        os.close(fd)
    return endpoint
