"""What is to be born: the bundle's two files read once by the shim, with the channels that its children inherit."""

from __future__ import annotations

import os

from dockview.engine.runtime import linux
from dockview.engine.runtime.codec import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dockview.engine.runtime.sync import Channel

NAMESPACE_FLAGS = {
    "user": linux.CLONE_NEWUSER, "mnt": linux.CLONE_NEWNS, "uts": linux.CLONE_NEWUTS, "ipc": linux.CLONE_NEWIPC,
    "net": linux.CLONE_NEWNET, "pid": linux.CLONE_NEWPID, "cgroup": linux.CLONE_NEWCGROUP,
}  # fmt: skip
"""In the order in which they are left; named as in /proc/PID/ns."""
_OCI_NAMES = {"mount": "mnt", "network": "net"}


class Plan:
    """The container to be: `spec` is config.json, `settings` is shim.json."""

    def __init__(self, bundle: str, control: Channel, inner: Channel) -> None:
        self.bundle = bundle
        self.control = control
        """To the engine, for trace records."""
        self.inner = inner
        """To the shim."""
        self.spec: dict[str, Any] = _read(f"{bundle}/config.json")
        self.settings: dict[str, Any] = _read(f"{bundle}/shim.json")
        self.stdio: list[int] = []
        """The container's ends of its streams, without a pty."""
        self.trees: dict[str, int] = {}
        """Binds that share mounts with the host (sharing.py): destination to a descriptor."""
        oci = {_OCI_NAMES.get(entry["type"], entry["type"]): entry for entry in self.spec["linux"]["namespaces"]}
        self.joined_namespaces: dict[str, str] = {name: entry["path"] for name, entry in oci.items() if "path" in entry}
        """Namespace to the path of the one that is joined instead of making a new one."""
        self.new_namespaces = frozenset(oci.keys() - self.joined_namespaces.keys())


def _read(path: str) -> Any:
    with open(path, encoding="utf-8") as file:
        return loads(file.read())


def namespace_links(pid: int | str, names: tuple[str, ...] = tuple(NAMESPACE_FLAGS)) -> dict[str, str]:
    """Namespace to its link text, such as `pid:[4026531836]`, of those that can be read (namespaces(7))."""
    links: dict[str, str] = {}
    for name in names:
        try:
            links[name] = os.readlink(f"/proc/{pid}/ns/{name}")
        except OSError:
            continue
    return links
