"""Who has a port: from the kernel's table of sockets to the process (proc_pid_net(5), proc_pid_fd(5))."""

from __future__ import annotations

import contextlib
import os
from typing import NamedTuple

_TCP_LISTEN = "0A"
_PROXY = "dockview-proxy"


class Holder(NamedTuple):
    """A process that has a port."""

    pid: int
    name: str
    container: str = ""
    """The short ID of the container that it serves, where it is a proxy of dockview."""

    def __str__(self) -> str:
        who = f"{self.name} (pid {self.pid})"
        return f"container {self.container}, served by {who}" if self.container else who


def find_holder(port: int, protocol: str) -> Holder | None:
    """The process that listens on a port of this host, None when there is none that we may see."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(port, protocol)}
    if not wanted:
        return None
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            folder = f"/proc/{pid}/fd"
            for number in os.listdir(folder):
                if _target(f"{folder}/{number}") in wanted:
                    return _holder(int(pid))
    return None


def _inodes(port: int, protocol: str) -> set[str]:
    found = set()
    for table in (protocol, f"{protocol}6"):
        with contextlib.suppress(OSError), open(f"/proc/net/{table}") as file:
            next(file, None)
            for line in file:
                fields = line.split()
                is_listening = protocol != "tcp" or fields[3] == _TCP_LISTEN
                if is_listening and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(fields[9])
    return found


def _target(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _holder(pid: int) -> Holder:
    with open(f"/proc/{pid}/comm") as file:
        name = file.read().strip()
    container = ""
    if name == _PROXY:
        with contextlib.suppress(OSError, IndexError), open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().decode(errors="replace").split("\0")
            container = words[words.index(next(word for word in words if word.endswith("proxy.py"))) + 1]
    return Holder(pid, name, container)
