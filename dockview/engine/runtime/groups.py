"""The control groups of a container that exists, found by its bundle."""

from __future__ import annotations

import json

from dockview.engine.runtime.cgroups import Cgroup


def group_of(folder: str) -> Cgroup:
    """The groups of the container whose bundle this is; `folders` is empty where it has none."""
    try:
        with open(f"{folder}/config.json", encoding="utf-8") as file:
            path = json.load(file)["linux"]["cgroupsPath"]
        with open(f"{folder}/shim.json", encoding="utf-8") as file:
            rootless = json.load(file)["rootless"]
    except (OSError, ValueError, KeyError):
        return Cgroup("dockview/none")
    cgroup = Cgroup(path, rootless=rootless)
    cgroup.find()
    return cgroup
