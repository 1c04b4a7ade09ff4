"""What takes space on a daemon: `GET /system/df`, and the sizes in lists of containers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dockview.engine.daemon import mapping
from dockview.engine.model import Container, DiskUsage, ImageUse, VolumeUse


def disk_usage(found: mapping.Json) -> DiskUsage:
    """The answer of `GET /system/df` with its rows."""
    return replace(
        mapping.disk_usage(found),
        images=tuple(_image(row) for row in found.get("Images") or ()),
        containers=tuple(sized(mapping.container_of_list(row), row) for row in found.get("Containers") or ()),
        volumes=tuple(_volume(row) for row in found.get("Volumes") or ()),
        cache=tuple(dict(row) for row in found.get("BuildCache") or ()),
    )


def sized(container: Container, row: mapping.Json) -> Container:
    """A container of a list that was asked for with sizes; docker leaves a zero out."""
    return replace(
        container, size_rw_bytes=int(row.get("SizeRw") or 0), size_root_fs_bytes=int(row.get("SizeRootFs") or 0)
    )


def _image(row: mapping.Json) -> ImageUse:
    image = mapping.image_of_list(row)
    shared = _known(row.get("SharedSize"))
    unique = None if shared is None or image.size_bytes is None else image.size_bytes - shared
    return ImageUse(image, shared, unique)


def _volume(row: mapping.Json) -> VolumeUse:
    return VolumeUse(mapping.volume(row), _known((row.get("UsageData") or {}).get("RefCount")))


def _known(number: Any) -> int | None:
    """Docker's -1 is "not counted"."""
    return number if isinstance(number, int) and number >= 0 else None


def inspect_container(api: Any, ref: str, *, size: bool) -> dict[str, Any]:
    """Docker's inspect JSON; with `size` what it has written, which the SDK has no parameter for."""
    found: dict[str, Any]
    if not size:
        found = api.inspect_container(ref)
        return found
    answer = api._get(api._url("/containers/{0}/json", ref), params={"size": 1})  # noqa: SLF001  the SDK has no other
    found = api._result(answer, json=True)  # noqa: SLF001
    return found
