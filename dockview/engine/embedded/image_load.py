"""`load`: the images of an archive, docker's or an OCI layout, taken into the store as a pull takes them.

The archive is first spooled into half files, because its index may come last; every blob is then verified, unpacked and
named as if it came from a registry.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from dockview.engine.cancel import CancelToken
from dockview.engine.embedded.fetch import sharing_layers
from dockview.engine.embedded.house import House
from dockview.engine.embedded.image_save import manifest_of
from dockview.engine.embedded.layers import Meter, raise_if_set, stopping, take_layer
from dockview.engine.errors import DataError, ImageNotFound, InvalidReference, NotSupported
from dockview.engine.hub import catalogue
from dockview.engine.images import blobs, descriptor
from dockview.engine.images.archive import IMAGE_NAME, REF_NAME, Spool, json_list, spool_archive
from dockview.engine.images.compression import Detect
from dockview.engine.images.descriptor import Descriptor
from dockview.engine.images.platform import Platform
from dockview.engine.images.reference import Reference
from dockview.engine.images.unpack import half_layer, layer_blob, layer_lock, layer_size
from dockview.engine.lifecycle import Phase, Record
from dockview.engine.model import Layer
from dockview.engine.recorder import Recorder, SpanRecorder
from dockview.engine.state import images
from dockview.engine.state.images import ImageRecord
from dockview.engine.state.layout import Layout


@dataclass(frozen=True)
class _Packed:
    """An image in the archive."""

    config: bytes
    layers: tuple[tuple[str, Descriptor | None], ...]
    """The path of each layer's file, and what is said of it; docker's older form says nothing."""
    names: tuple[Reference, ...] = ()
    manifest: tuple[str, bytes] | None = None
    """Media type and body, where the archive has one."""


def load(
    house: House,
    archive: Iterable[bytes],
    cancel: CancelToken,
    on_record: Callable[[Record], None] | None = None,
) -> list[str]:
    """Take in every image of an archive; docker's lines. Raises: DataError, OutOfSpace, NotSupported, Cancelled."""
    lines: list[str] = []
    with (
        house.traces.record("load", "archive", line="docker load", cancel=cancel, on_record=on_record) as trace,
        sharing_layers(house),
        half_layer(house.layout) as folder,
        stopping(trace.cancel, house.closing) as stopped,
    ):
        with trace.phase(Phase.MANIFEST) as span:
            meter = Meter(span, None, "read")

            def progress(size: int) -> None:
                trace.cancel.raise_if_set()
                meter.add(size)

            packed = _understood(spool_archive(archive, folder, progress))
            span.fact("images", len(packed))
        for image in packed:
            lines += _take(house, trace, image, stopped)
        trace.commit()
    return lines


# What is in the archive


def _understood(spool: Spool) -> list[_Packed]:
    """The images; an OCI layout says more, docker's manifest.json has the names. Raises: DataError."""
    named = _docker_entries(spool) if spool.path("manifest.json") else []
    if spool.path("index.json") is not None:
        found = [image for entry in _index_entries(spool.body("index.json")) for image in _from_index(spool, entry)]
        return _with_names(found, named)
    if not named:
        if spool.path("repositories") is not None:
            raise NotSupported(
                "the archive was written by docker before version 1.10", hint="load and save it with a newer docker"
            )
        raise DataError(
            "the archive holds no images: neither manifest.json nor index.json is in it",
            hint="`dockview import` makes an image of a plain file system",
        )
    return named


def _docker_entries(spool: Spool) -> list[_Packed]:
    found = []
    for entry in json_list(spool.body("manifest.json"), "manifest.json"):
        if not isinstance(entry, dict):
            raise DataError("manifest.json has an entry that is no object")
        layers, tags = entry.get("Layers") or [], entry.get("RepoTags") or []
        if not (isinstance(entry.get("Config"), str) and _are_texts(layers) and _are_texts(tags)):
            raise DataError("manifest.json has an entry that names no config, or layers that are no names")
        paths = tuple((spool.needed(name), None) for name in layers)
        found.append(_Packed(spool.body(entry["Config"]), paths, tuple(Reference.parse(tag) for tag in tags)))
    return found


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(item, str) for item in values)


def _index_entries(body: bytes) -> list[dict[str, Any]]:
    entries = descriptor.parse_object(body, "index.json").get("manifests")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DataError("index.json lists no manifests")
    return entries


def _from_index(spool: Spool, entry: dict[str, Any]) -> Iterator[_Packed]:
    pointer = descriptor.pointer(entry, "index.json")
    body = _blob(spool, pointer)
    document = descriptor.parse_object(body, "the manifest")
    media_type = descriptor.media_type(document, pointer.media_type)
    if media_type in descriptor.INDEXES:
        try:
            pointer, _platform = descriptor.choose(document, Platform.host(), "the archive")
        except ImageNotFound:
            # One platform was saved of an index that has several: take what is there.
            chosen = [item for item in _index_entries(body) if spool.path(_name(str(item.get("digest"))))]
            if len(chosen) != 1:
                raise
            pointer = descriptor.pointer(chosen[0], "the archive")
        body = _blob(spool, pointer)
        document = descriptor.parse_object(body, "the manifest")
        media_type = descriptor.media_type(document, pointer.media_type)
    manifest = descriptor.parse_manifest(document, "the manifest")
    layers = tuple((spool.needed(_name(layer.digest)), layer) for layer in manifest.layers)
    name = _annotated(entry.get("annotations"))
    yield _Packed(_blob(spool, manifest.config), layers, (name,) if name else (), (media_type, body))


def _annotated(notes: Any) -> Reference | None:
    """The name that an index gives a manifest; a bare tag is none."""
    if not isinstance(notes, dict):
        return None
    for text in (notes.get(IMAGE_NAME), notes.get(REF_NAME)):
        if isinstance(text, str) and (":" in text or "/" in text):
            try:
                return Reference.parse(text)
            except InvalidReference:
                continue
    return None


def _with_names(found: Sequence[_Packed], named: Sequence[_Packed]) -> list[_Packed]:
    """Each image once, with all its names."""
    names: dict[bytes, dict[str, Reference]] = {}
    for image in (*found, *named):
        names.setdefault(image.config, {}).update({name.canonical: name for name in image.names})
    once = {image.config: image for image in reversed(found)}
    return [replace(image, names=tuple(names[image.config].values())) for image in reversed(once.values())]


def _name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/', 1)}"


def _blob(spool: Spool, pointer: Descriptor) -> bytes:
    body = spool.body(_name(pointer.digest))
    blobs.verified(body, pointer.digest)
    return body


# Into the store


def _take(house: House, trace: Recorder, image: _Packed, stopped: threading.Event) -> list[str]:
    config = descriptor.parse_object(image.config, "the config")
    named = [said for _path, said in image.layers]
    diff_ids = descriptor.diff_ids(config, named, "the archive")
    parts = []
    for number, (packed, diff_id) in enumerate(zip(image.layers, diff_ids, strict=True), start=1):
        with trace.phase(Phase.LAYER, f"{number}/{len(diff_ids)}") as span:
            parts.append(_layer(house.layout, span, packed, diff_id, stopped))
    with trace.phase(Phase.STORE) as span:
        pointer = blobs.store(house.layout, descriptor.OCI_CONFIG, image.config)
        manifest = image.manifest
        if manifest is None or [part.digest for part in parts] != [said.digest for said in named if said]:
            # The archive has none, or one that speaks of other blobs than those that are here.
            manifest = (descriptor.OCI_MANIFEST, manifest_of(pointer, parts))
        stored = blobs.store(house.layout, *manifest)
        layers = [
            Layer(part.digest, diff_id, layer_size(house.layout, diff_id), part.media_type)
            for part, diff_id in zip(parts, diff_ids, strict=True)
        ]
        record = keep(house, pointer.digest, stored, config, layers)
        span.fact("image ID", record.id)
        lines = name_it(house, record, image.names, span)
    house.journal.append("image", "load", record.id, {"name": record.id})
    loaded = [f"Loaded image: {name.familiar}" for name in image.names] or [f"Loaded image ID: {record.id}"]
    return lines + loaded


def keep(
    house: House, image_id: str, manifest: Descriptor, config: dict[str, Any], layers: Sequence[Layer]
) -> ImageRecord:
    """The record of an image that came without a registry; the one that is here already, if it is."""
    with contextlib.suppress(ImageNotFound):
        return images.by_id(house.database, image_id)
    return images.save(
        house.database, id=image_id, manifest_digest=manifest.digest, manifest_media_type=manifest.media_type,
        config=config, layers=layers, is_hub=catalogue.made(image_id), tag="", repo_digests=(),
    )  # fmt: skip  # a config's digest stands for all that the image holds, whichever way it came


def name_it(house: House, record: ImageRecord, names: Sequence[Reference], span: SpanRecorder) -> list[str]:
    """Give an image its names; docker's words about the images that lose them."""
    lines = []
    for name in names:
        before = images.by_reference(house.database, name.tagged)
        images.tag(house.database, record.id, name.tagged)
        span.fact("reference", name.familiar)
        if before is not None and before.id != record.id:
            house.images.pop(before.id, None)
            lines.append(
                f"The image {name.familiar} already exists, renaming the old one with ID {before.id} to empty string"
            )
    house.images.pop(record.id, None)
    return lines


def _layer(
    layout: Layout,
    span: SpanRecorder,
    packed: tuple[str, Descriptor | None],
    diff_id: str,
    stopped: threading.Event,
) -> Descriptor:
    """One layer, unless it is here; its blob."""
    path, said = packed
    with blobs.disk_errors("the layer"), layer_lock(layout, diff_id, stopped) as is_here:
        raise_if_set(stopped)
        if is_here:
            span.fact("diff ID", diff_id)
            span.skip("already here: images share layers")
            digest = layer_blob(layout, diff_id)
            with contextlib.suppress(OSError):
                return Descriptor(_media_type(layout.blob(digest)), digest, os.path.getsize(layout.blob(digest)))
            # Its blob has gone: what came with the archive takes its place.
            return _store_blob(layout, path, said, diff_id)
        size = os.path.getsize(path)
        span.fact("size", size)
        with blobs.Ingest(layout, said, path=path) as ingest, closing(_metered(ingest, span, size)) as chunks:
            taken = take_layer(
                layout, span, ingest, chunks, what=f"layer {diff_id[:19]}", diff_id=diff_id, stopped=stopped
            )
        return Descriptor(taken.media_type, taken.digest, taken.blob_bytes)


def _metered(ingest: blobs.Ingest, span: SpanRecorder, size: int) -> Generator[bytes]:
    meter = Meter(span, size, "unpack")
    for chunk in ingest.kept():
        meter.add(len(chunk))
        yield chunk


def _store_blob(layout: Layout, path: str, said: Descriptor | None, diff_id: str) -> Descriptor:
    inflate, plain = Detect(), hashlib.sha256()
    with blobs.Ingest(layout, said, path=path) as ingest:
        for chunk in ingest.kept():
            for piece in inflate.feed(chunk):
                plain.update(piece)
        inflate.finish()
        if (computed := f"sha256:{plain.hexdigest()}") != diff_id:
            raise blobs.mismatch(diff_id, computed)
        digest = ingest.verify()
        ingest.commit()
        return Descriptor(descriptor.layer_type(inflate.name), digest, ingest.size)


def _media_type(path: str) -> str:
    inflate = Detect()
    with open(path, "rb") as file:
        for _ in inflate.feed(file.read(4)):
            pass
    return descriptor.layer_type(inflate.name)
