"""Binds that share mounts with the host (mount_namespaces(7)): shared and slave propagation.

A container's mount namespace is cut off from the host's at once, so that nothing done in it is seen outside. A bind
that wants to share is therefore cloned before the cut (open_tree(2)), while it still is of the host's peer group, and
attached to its place inside when that exists (move_mount(2)). Both calls came with Linux 5.2.
"""

from __future__ import annotations

import ctypes
import os

from dockview.engine.runtime import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MS_SHARED = 1 << 20
KINDS = {
    "shared": MS_SHARED, "rshared": MS_SHARED | linux.MS_REC,
    "slave": linux.MS_SLAVE, "rslave": linux.MS_SLAVE | linux.MS_REC,
    "private": linux.MS_PRIVATE, "rprivate": linux.MS_PRIVATE | linux.MS_REC,
}  # fmt: skip
"""The options of an OCI mount that say how it propagates, and their flags."""
_SYS_OPEN_TREE, _SYS_MOVE_MOUNT = 428, 429
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_OPEN_TREE_CLONE, _MOVE_MOUNT_F_EMPTY_PATH = 1, 4


def clones(spec: dict[str, Any]) -> dict[str, int]:
    """Destination to a descriptor of the cloned tree, for the binds that share; to be called before the cut.

    Raises: SyscallFailed.
    """
    found: dict[str, int] = {}
    for entry in spec["mounts"]:
        wanted = [option for option in entry.get("options", ()) if "shared" in option or "slave" in option]
        if entry.get("type") == "bind" and wanted:
            found[entry["destination"]] = linux._syscall(  # noqa: SLF001  a neighbour with rare calls
                "open_tree", _SYS_OPEN_TREE, ctypes.c_int(_AT_FDCWD), os.fsencode(entry["source"]),
                ctypes.c_uint(_OPEN_TREE_CLONE | os.O_CLOEXEC | _AT_RECURSIVE), path=entry["source"],
            )  # fmt: skip
    return found


def attach(tree: int, destination: str, options: list[str]) -> None:
    """Put a clone in its place, with the propagation that was asked for. Raises: SyscallFailed."""
    linux._syscall(  # noqa: SLF001
        "move_mount", _SYS_MOVE_MOUNT, ctypes.c_int(tree), b"", ctypes.c_int(_AT_FDCWD), os.fsencode(destination),
        ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH), path=destination,
    )  # fmt: skip
    os.close(tree)
    for option in options:
        if option in KINDS:
            linux.mount("", destination, "", KINDS[option])
