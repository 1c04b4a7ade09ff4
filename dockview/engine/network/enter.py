"""A netlink socket inside the network namespace of a process that runs."""

from __future__ import annotations

import ctypes
import os
import socket
import threading

from dockview.engine.errors import SyscallError
from dockview.engine.network.netlink import NETLINK_ROUTE

_CLONE_NEWNET = 0x40000000


def open_inside(netns_fd: int) -> socket.socket:
    """A NETLINK_ROUTE socket opened in a network namespace; it belongs to that namespace for good.

    A thread of its own enters (setns(2) moves one thread only) and ends, so that no other work is ever done in there.

    Raises: SyscallError.
    """
    opened: list[socket.socket] = []
    failed: list[int] = []

    def enter() -> None:
        if ctypes.CDLL(None, use_errno=True).setns(netns_fd, _CLONE_NEWNET) != 0:
            failed.append(ctypes.get_errno())
            return
        try:
            endpoint = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_ROUTE)
            endpoint.bind((0, 0))
        except OSError as error:
            failed.append(error.errno or 0)
        else:
            opened.append(endpoint)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if not opened:
        raise SyscallError("setns", failed[0] if failed else 0, f"net namespace {os.fstat(netns_fd).st_ino}")
    return opened[0]
