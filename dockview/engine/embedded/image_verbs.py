"""The verbs of images that are here: list, inspect, remove, and what a prune would take.

Deleting is done in two steps: first the records, in a transaction in which a container's claim to its image wins;
then the files, while no pull is running (a pull has layers on the disk before it has a record of them).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from dockview.engine.embedded import resolve
from dockview.engine.embedded.house import House
from dockview.engine.embedded.listed import parse_time
from dockview.engine.errors import Conflict, ImageInUse, InvalidReference
from dockview.engine.images.blobs import half_path, partial_blobs
from dockview.engine.images.reference import Reference
from dockview.engine.images.unpack import layer_size, remove_tree
from dockview.engine.model import PruneItem
from dockview.engine.prune_filter import PruneFilter
from dockview.engine.state import images
from dockview.engine.state.images import ImageRecord


def inspect_image(house: House, ref: str) -> dict[str, Any]:
    """Docker's inspect JSON of an image. Raises: ImageNotFound, Conflict."""
    record = resolve.find_image(house, ref)
    config = record.config
    return {
        "Id": record.id,
        "RepoTags": [Reference.parse(tag).familiar for tag in record.tags],
        "RepoDigests": [_familiar(digest) for digest in record.repo_digests],
        "Parent": "",
        "Comment": "",
        "Created": config.get("created"),
        "DockerVersion": "",
        "Author": config.get("author", ""),
        "Config": _settings(record),
        "Architecture": config.get("architecture", ""),
        **({"Variant": config["variant"]} if config.get("variant") else {}),
        "Os": config.get("os", ""),
        "Size": record.size_bytes,
        "GraphDriver": {"Name": "overlay2", "Data": _overlay(house, record)},
        "RootFS": {"Type": "layers", "Layers": [layer.diff_id for layer in record.layers]},
        "Metadata": {"LastTagTime": _rfc3339(record.pulled_ns)},
        "Descriptor": {"mediaType": record.manifest_media_type, "digest": record.manifest_digest},
    }


def remove_image(house: House, ref: str, force: bool, is_used: Callable[[str], list[str]]) -> list[str]:
    """Take a name away, and delete the image with what nobody else needs once it was the last; docker's lines.

    `is_used` gives the names of the containers that have an image. Force removes all names of an image at once, but
    never an image that a container needs.

    Raises: ImageNotFound, Conflict (an ID of an image with several names), ImageInUse.
    """
    record = resolve.find_image(house, ref)
    named = _name_in(house, ref, record)
    if not named and len(record.tags) > 1 and not force:
        raise Conflict(
            f"image {record.id[7:19]} has several names: {', '.join(record.tags)}", hint="name one, or use --force"
        )
    leaving = [named] if named else list(record.tags)
    if set(record.tags) <= set(leaving) and (users := is_used(record.id)):
        raise ImageInUse(
            f"image {ref} is used by container {', '.join(users)}", hint=f"`dockview rm {' '.join(users)}` first"
        )
    is_last = not set(record.tags) - set(leaving)
    if is_last:
        images.delete(house.database, record.id)  # with its names, or not at all
        leaving += [name for name in record.repo_digests if name not in leaving]
    else:
        for name in leaving:
            images.untag(house.database, name)
    house.images.pop(record.id, None)
    lines = []
    for name in leaving:
        house.journal.append("image", "untag", record.id, {"name": _familiar(name)})
        lines.append(f"Untagged: {_familiar(name)}")
    if not is_last:
        return lines
    house.journal.append("image", "delete", record.id, {"name": record.id})
    lines.append(f"Deleted: {record.id}")
    with _no_pulls(house) as is_alone:
        if is_alone:
            lines += [f"Deleted: {layer}" for layer in _clear(house, *_unneeded(house))]
    return lines


# Prune


def unused(house: House, used_image_ids: Iterable[str], wanted: PruneFilter | None = None) -> list[PruneItem]:
    """What nobody needs: images without a name (or, with a filter that says so, without a container), and leftovers.

    The bytes of layers and blobs count for the first image that goes and is the last to need them.
    """
    used = set(used_image_ids)
    wanted = wanted or PruneFilter()
    records = images.everything(house.database)
    going = [record for record in records if record.id not in used and _may_go(record, wanted)]
    staying = [record for record in records if record not in going]
    layers, blobs = _needed(staying)
    items = []
    for record in going:
        own_layers = {layer.diff_id for layer in record.layers} - layers
        own_blobs = _blobs_of(record) - blobs
        layers, blobs = layers | own_layers, blobs | own_blobs
        sizes = [layer_size(house.layout, item) for item in own_layers] + [_blob_size(house, b) for b in own_blobs]
        name = _familiar(record.tags[0]) if record.tags else record.id[7:19]
        why = "no container uses it" if record.tags else "it has no name, and no container uses it"
        items.append(PruneItem("image", record.id, name, _sum(sizes), why))
    if not wanted.is_open:
        return items  # a leftover has neither label nor age
    why = "no image needs it"
    items += [
        PruneItem("layer", item, item[7:19], layer_size(house.layout, item), why)
        for item in sorted(_layers_here(house) - layers)
        if os.path.isdir(house.layout.layer(item))
    ]
    items += [
        PruneItem("blob", item, item[7:19], _blob_size(house, item), why) for item in sorted(_blobs_here(house) - blobs)
    ]
    return items


def _may_go(record: ImageRecord, wanted: PruneFilter) -> bool:
    labels = _settings(record).get("Labels") or {}
    return not (wanted.is_dangling and record.tags) and wanted.passes(labels, parse_time(record.config.get("created")))


def delete_unused(house: House, items: Sequence[PruneItem], used_image_ids: Iterable[str] = ()) -> list[PruneItem]:
    """Remove what unused() named, except what has come into use since; the items that went."""
    used, gone = set(used_image_ids), []
    for item in items:
        if item.kind == "image" and item.id not in used:
            with contextlib.suppress(ImageInUse):
                images.delete(house.database, item.id)
                house.images.pop(item.id, None)
                house.journal.append("image", "delete", item.id, {"name": item.name})
                gone.append(item)
    with _no_pulls(house) as is_alone:
        if not is_alone:
            return gone
        layers, blobs = _unneeded(house)
        named = {item.id for item in items if item.kind in ("layer", "blob")}
        gone += [item for item in items if item.id in named and item.id in layers | blobs]
        _clear(house, layers, blobs)
    return gone


def _unneeded(house: House) -> tuple[set[str], set[str]]:
    layers, blobs = _needed(images.everything(house.database))
    return _layers_here(house) - layers, _blobs_here(house) - blobs


def _clear(house: House, layers: set[str], blobs: set[str]) -> list[str]:
    """Remove layers and blobs from the disk; the layers that went."""
    for diff_id in sorted(layers):
        # Half a layer must never be seen under its name: a later pull would take it for the whole.
        aside = half_path(house.layout, "layer")
        with contextlib.suppress(FileNotFoundError):
            os.rename(os.path.dirname(house.layout.layer(diff_id)), aside)
        remove_tree(aside)
    for digest in blobs:
        for path in (house.layout.blob(digest), house.layout.partial_blob(digest)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
    return sorted(layers)


def _needed(records: Iterable[ImageRecord]) -> tuple[set[str], set[str]]:
    layers: set[str] = set()
    blobs: set[str] = set()
    for record in records:
        layers |= {layer.diff_id for layer in record.layers}
        blobs |= _blobs_of(record)
    return layers, blobs


def _blobs_of(record: ImageRecord) -> set[str]:
    tops = {digest.partition("@")[2] for digest in record.repo_digests}
    return {record.id, record.manifest_digest, *tops, *(layer.digest for layer in record.layers)}


def _layers_here(house: House) -> set[str]:
    return {f"sha256:{name}" for name in os.listdir(house.layout.layers) if re.fullmatch("[0-9a-f]{64}", name)}


def _blobs_here(house: House) -> set[str]:
    """Blobs, and beginnings of blobs that a pull may take up again."""
    whole = {f"sha256:{name}" for name in os.listdir(f"{house.layout.root}/blobs/sha256")}
    return whole | set(partial_blobs(house.layout))


def _blob_size(house: House, digest: str) -> int | None:
    try:
        return os.stat(house.layout.blob(digest)).st_size
    except FileNotFoundError:
        return partial_blobs(house.layout).get(digest, 0)


def _sum(sizes: Sequence[int | None]) -> int | None:
    return None if None in sizes else sum(size for size in sizes if size is not None)


@contextlib.contextmanager
def _no_pulls(house: House) -> Iterator[bool]:
    """Whether no pull is running; none begins to fetch layers while the block runs (see fetch.py)."""
    fd = os.open(house.layout.layers, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(fd)


# Words


def _rfc3339(time_ns: int) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time_ns // 1_000_000_000))
    return f"{whole}.{time_ns % 1_000_000_000:09d}Z"


def _settings(record: ImageRecord) -> dict[str, Any]:
    settings = record.config.get("config")
    return settings if isinstance(settings, dict) else {}


def _overlay(house: House, record: ImageRecord) -> dict[str, str]:
    folders = [house.layout.layer(layer.diff_id) for layer in reversed(record.layers)]
    return {"UpperDir": folders[0], "LowerDir": ":".join(folders[1:])} if folders else {}


def _name_in(house: House, ref: str, record: ImageRecord) -> str:
    """The name of the record that a ref spells, empty where the ref is an ID."""
    try:
        references = resolve.candidates(house, Reference.parse(ref))
    except InvalidReference:
        return ""
    for reference in references:
        for name in (reference.tagged, reference.pinned(reference.digest) if reference.digest else ""):
            if name and name in (*record.tags, *record.repo_digests):
                return name
    return ""


def _familiar(name: str) -> str:
    return Reference.parse(name).familiar
