"""What takes space: the writable layers of containers, and the layers that images share."""

from __future__ import annotations

import os
import stat
from collections import Counter
from dataclasses import replace

from dockview.engine.embedded.house import House
from dockview.engine.embedded.listed import list_images, list_volumes
from dockview.engine.embedded.query import list_containers
from dockview.engine.embedded.trees import tree_size
from dockview.engine.images.unpack import layer_size
from dockview.engine.model import Container, DiskUsage, ImageUse, VolumeUse
from dockview.engine.state import volumes


def with_sizes(house: House, listed: list[Container]) -> list[Container]:
    """Containers with the bytes that each has written, and those of its whole file system."""
    images = {image.id: image.size_bytes for image in list_images(house)}
    sized = []
    for container in listed:
        written = written_bytes(f"{house.layout.container(container.id)}/upper")
        below = images.get(container.image_id)
        whole = None if written is None or below is None else written + below
        sized.append(replace(container, size_rw_bytes=written, size_root_fs_bytes=whole))
    return sized


def written_bytes(upper: str) -> int | None:
    """Bytes in the files of a writable layer, hard links counted once, as docker counts; None where unreadable."""
    total, seen, stack = 0, set(), [upper]
    while stack:
        try:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
                        continue
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
                        seen.add((status.st_dev, status.st_ino))
                        total += status.st_size
        except FileNotFoundError:
            continue
        except PermissionError:
            return None
    return total


def disk_usage(house: House, *, details: bool) -> DiskUsage:
    """Bytes on disk, counted now."""
    layout = house.layout
    usage = DiskUsage(
        images_bytes=_layers_bytes(house),
        containers_bytes=tree_size(layout.containers),
        volumes_bytes=tree_size(f"{layout.root}/volumes"),
        cache_bytes=0,
        blobs_bytes=tree_size(f"{layout.root}/blobs"),
    )
    if not details:
        return usage
    return replace(
        usage,
        images=_images(house),
        containers=tuple(with_sizes(house, list_containers(house, everything=True))),
        volumes=_volumes(house),
    )


def _layers_bytes(house: House) -> int | None:
    """Of every unpacked layer, as counted when it was unpacked; walked through where nobody wrote that down."""
    total = 0
    for name in os.listdir(house.layout.layers):
        if len(name) != 64:
            continue
        size = layer_size(house.layout, f"sha256:{name}")
        if size is None:
            size = tree_size(f"{house.layout.layers}/{name}")
        if size is None:
            return None
        total += size
    return total


def _images(house: House) -> tuple[ImageUse, ...]:
    found = list_images(house)
    users = Counter(diff_id for image in found for diff_id in {layer.diff_id for layer in image.layers})
    uses = []
    for image in found:
        shared = [layer.size_bytes for layer in image.layers if users[layer.diff_id] > 1]
        shared_bytes = None if None in shared else sum(size for size in shared if size is not None)
        is_known = shared_bytes is not None and image.size_bytes is not None
        unique = image.size_bytes - shared_bytes if is_known else None  # type: ignore[operator]
        uses.append(ImageUse(image, shared_bytes, unique))
    return tuple(uses)


def _volumes(house: House) -> tuple[VolumeUse, ...]:
    users = volumes.users(house.database)
    return tuple(VolumeUse(volume, len(users.get(volume.name, ()))) for volume in list_volumes(house))
