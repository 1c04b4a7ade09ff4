"""Mounts in the words of the Docker Engine API: what a create request asks for, and what inspect shows.

Source: Docker Engine API, ContainerCreate (HostConfig.Binds, Mounts, Tmpfs, VolumesFrom; Config.Volumes).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dockview.engine.model import Mount, RunRequest


def volumes_config(request: RunRequest) -> dict[str, Any]:
    """`Volumes`: the anonymous ones of -v."""
    return {mount.target: {} for mount in request.mounts if _is_bare(mount)}


def host_mounts(request: RunRequest) -> dict[str, Any]:
    """The keys of `HostConfig` that are about mounts; only what the request sets."""
    found = {
        "Binds": [bind_text(mount) for mount in request.mounts if _is_bind(mount)],
        "Mounts": [_mount(mount) for mount in request.mounts if not mount.is_short],
        "Tmpfs": {
            mount.target: tmpfs_options(mount) for mount in request.mounts if mount.is_short and mount.type == "tmpfs"
        },
        "VolumesFrom": list(request.volumes_from),
    }
    return {key: value for key, value in found.items() if value}


def _is_bare(mount: Mount) -> bool:
    return mount.is_short and mount.type == "volume" and not mount.source


def _is_bind(mount: Mount) -> bool:
    return mount.is_short and mount.type != "tmpfs" and bool(mount.source)


def bind_text(mount: Mount) -> str:
    """`source:target[:options]`."""
    options = ("ro" if mount.read_only else "", mount.propagation, "nocopy" if mount.no_copy else "", mount.relabel)
    return ":".join(filter(None, (mount.source, mount.target, ",".join(filter(None, options)))))


def tmpfs_options(mount: Mount) -> str:
    """The options of a tmpfs as mount(8) takes them."""
    size = "" if mount.tmpfs_size_bytes is None else f"size={mount.tmpfs_size_bytes}"
    mode = "" if mount.tmpfs_mode is None else f"mode={mount.tmpfs_mode:o}"
    return ",".join(filter(None, (mount.tmpfs_options, size, mode)))


def _mount(mount: Mount) -> dict[str, Any]:
    shown: dict[str, Any] = {"Type": mount.type, "Source": mount.source, "Target": mount.target}
    if mount.read_only:
        shown["ReadOnly"] = True
    if mount.propagation:
        shown["BindOptions"] = {"Propagation": mount.propagation}
    if mount.no_copy:
        shown["VolumeOptions"] = {"NoCopy": True}
    sizes = {"SizeBytes": mount.tmpfs_size_bytes, "Mode": mount.tmpfs_mode}
    if sizes := {key: value for key, value in sizes.items() if value is not None}:
        shown["TmpfsOptions"] = sizes
    return {key: value for key, value in shown.items() if value != ""}


def mount_points(mounts: Sequence[Mount], folders: dict[str, str]) -> list[dict[str, Any]]:
    """`Mounts` of inspect; `folders` has the folder of each volume by its name."""
    shown = []
    for mount in mounts:
        if mount.type == "tmpfs" and mount.is_short:
            continue  # docker shows --tmpfs in HostConfig alone
        given = ("ro" if mount.read_only else "", mount.propagation, mount.relabel) if mount.is_short else ()
        mode = ",".join(filter(None, given)) or ("z" if mount.type == "volume" else "")
        point: dict[str, Any] = {"Type": mount.type}
        if mount.type == "volume":
            point |= {"Name": mount.source, "Source": folders[mount.source], "Driver": "local"}
        else:
            point["Source"] = mount.source
        propagation = (mount.propagation or "rprivate") if mount.type == "bind" else ""
        shown.append({
            **point, "Destination": mount.target, "Mode": mode, "RW": not mount.read_only, "Propagation": propagation,
        })  # fmt: skip
    return shown
