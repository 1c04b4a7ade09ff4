"""The control groups of a container that exists, found by its bundle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

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


def save_resources(folder: str, resources: Mapping[str, Any]) -> None:
    """Put new limits into the bundle, for the next life that the shim gives the container by itself."""
    path = f"{folder}/config.json"
    try:
        with open(path, encoding="utf-8") as file:
            spec = json.load(file)
    except FileNotFoundError:
        return  # it was never started: its first start writes the bundle
    spec["linux"]["resources"] = dict(resources)
    fd = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "w", encoding="utf-8") as file:
        json.dump(spec, file, ensure_ascii=True)
    os.rename(f"{path}.new", path)
