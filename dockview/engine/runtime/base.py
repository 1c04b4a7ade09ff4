"""The host's userland as the base of the hub's own images: what is bound read-only, and where."""

from __future__ import annotations

import os
import sys

_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_FILES = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives")
PYTHON = "/opt/python"
"""Where the images find the interpreter: PYTHON/bin/python3."""


def host_base() -> list[tuple[str, str]]:
    """(source on the host, destination in the container) of every read-only bind, parents first.

    Sources are free of symbolic links. The interpreter is the one that runs dockview (the base of a virtual
    environment, not the environment), whole, so that its library folder comes along.
    """
    found = [(os.path.realpath(path), path) for path in (*_FOLDERS, *_FILES) if os.path.exists(path)]
    return [*found, (os.path.realpath(sys.base_prefix), PYTHON)]
