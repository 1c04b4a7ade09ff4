"""What `info` says of the machine and the store, in docker's keys. Source: Docker Engine API, SystemInfo."""

from __future__ import annotations

import os
import platform
from typing import Any

from dockview import __version__
from dockview.engine.embedded.house import House
from dockview.engine.runtime.cgroups import version


def details(house: House) -> dict[str, Any]:
    """Docker's keys, as far as they mean something here."""
    system = os.uname()
    release = _os_release()
    options = ["name=seccomp,profile=default", *(["name=rootless"] if house.is_rootless else [])]
    return {
        "Driver": "overlay2",
        "DriverStatus": [["Backing Filesystem", _file_system(house.layout.root)]],
        "LoggingDriver": "json-file",
        "CgroupDriver": "cgroupfs",
        "CgroupVersion": version(),
        "KernelVersion": system.release,
        "OperatingSystem": release.get("PRETTY_NAME", system.sysname),
        "OSVersion": release.get("VERSION_ID", ""),
        "OSType": "linux",
        "Architecture": system.machine,
        "NCPU": len(os.sched_getaffinity(0)),
        "MemTotal": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "DockerRootDir": house.layout.root,
        "Name": system.nodename,
        "ServerVersion": __version__,
        "Runtimes": {"dockview": {"path": "built in"}},
        "DefaultRuntime": "dockview",
        "SecurityOptions": options,
        "Plugins": {"Volume": ["local"], "Network": ["bridge", "host", "null"], "Log": ["json-file"]},
        "Swarm": {"LocalNodeState": "inactive"},
        "LiveRestoreEnabled": True,
    }


def _os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _file_system(path: str) -> str:
    """The type of the file system that holds a path, from /proc/self/mountinfo."""
    found, kind = "", "unknown"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                before, _, after = line.partition(" - ")
                place = before.split(" ")[4]
                if len(place) >= len(found) and f"{path}/".startswith(place.rstrip("/") + "/"):
                    found, kind = place, after.split(" ")[0]
    except OSError:
        pass
    return kind
