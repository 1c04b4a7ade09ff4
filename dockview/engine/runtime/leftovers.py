"""What a container's shim would have removed, had it not been killed: for the recovery after a crash."""

from __future__ import annotations

import json
import os

from dockview.engine.runtime.cgroups import Cgroup
from dockview.engine.runtime.door import NAME
from dockview.engine.runtime.freezer import frozen, thaw
from dockview.engine.runtime.leave import end_helper
from dockview.engine.runtime.state import ALIVE, read_state


def remove_leftovers(folder: str) -> bool:
    """Remove the control group and the door of the container whose bundle this is; whether nothing is left.

    Idempotent. A container that runs is left as it is.
    """
    state = read_state(folder)
    if state is not None and state.status in ALIVE:
        return False
    end_helper(folder)
    try:
        os.unlink(f"{folder}/{NAME}")
    except OSError:
        pass  # the shim had removed it
    try:
        with open(f"{folder}/config.json", encoding="utf-8") as file:
            path = json.load(file)["linux"]["cgroupsPath"]
        with open(f"{folder}/shim.json", encoding="utf-8") as file:
            rootless = json.load(file)["rootless"]
    except (OSError, ValueError, KeyError):
        return True  # without a bundle there never was a group
    cgroup = Cgroup(path, rootless=rootless)
    cgroup.find()
    if frozen(cgroup.folders) is not False:
        thaw(cgroup.folders)  # what was paused could not even be killed
    return cgroup.remove()
