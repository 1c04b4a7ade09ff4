"""`save`: images as one archive, from the blobs as they were pulled.

The manifest is the one that was pulled, with its digest, unless a layer has to be written in another form: a zstd layer
is inflated, because docker before version 23 cannot read it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from dockview.engine.cancel import CancelToken
from dockview.engine.embedded import resolve
from dockview.engine.embedded.fetch import sharing_layers
from dockview.engine.embedded.house import House
from dockview.engine.embedded.layers import Meter
from dockview.engine.errors import DataError, ImageNotFound, InvalidReference, InvalidRequest
from dockview.engine.images import blobs, descriptor
from dockview.engine.images.archive import IMAGE_NAME, REF_NAME, TarWriter, Write
from dockview.engine.images.compression import Detect
from dockview.engine.images.descriptor import Descriptor
from dockview.engine.images.reference import Reference
from dockview.engine.images.unpack import layer_blob
from dockview.engine.lifecycle import Phase, Record
from dockview.engine.model import Layer
from dockview.engine.recorder import Recorder
from dockview.engine.state import images
from dockview.engine.state.images import ImageRecord

_HEAD_BYTES = 4


@dataclass(frozen=True, slots=True)
class _Part:
    """A blob of the archive, and the file that holds it."""

    pointer: Descriptor
    path: str


@dataclass(frozen=True, slots=True)
class _Packed:
    """An image as the archive has it."""

    names: tuple[Reference, ...]
    manifest: Descriptor
    manifest_body: bytes
    config: _Part
    layers: tuple[_Part, ...]


def save(
    house: House,
    refs: Sequence[str],
    write: Write,
    cancel: CancelToken,
    on_record: Callable[[Record], None] | None = None,
) -> None:
    """Write images to an archive. Raises: ImageNotFound, InvalidRequest, DataError, Cancelled."""
    if not refs:
        raise InvalidRequest("nothing to save", hint="name one or more images")
    line = shlex.join(["docker", "save", *refs])
    with (
        house.traces.record("save", " ".join(refs), line=line, cancel=cancel, on_record=on_record) as trace,
        sharing_layers(house),
        ExitStack() as stack,
    ):
        trace.subject(image=refs[0])
        with trace.phase(Phase.RESOLVE) as span:
            wanted = _wanted(house, refs)
            for record, names in wanted:
                span.fact(", ".join(name.familiar for name in names) or record.id[7:19], record.id)
        with trace.phase(Phase.MANIFEST) as span:
            packed = [_pack(house, record, names, stack) for record, names in wanted]
            for image in packed:
                span.fact("manifest digest", image.manifest.digest)
        _write(trace, packed, TarWriter(write))
        trace.commit()
    for record, _names in wanted:
        house.journal.append("image", "save", record.id, {"name": record.id})


def _wanted(house: House, refs: Sequence[str]) -> list[tuple[ImageRecord, tuple[Reference, ...]]]:
    """The images, each once, with the names under which they were asked for (none where by ID)."""
    found: dict[str, tuple[ImageRecord, dict[str, Reference]]] = {}
    for ref in refs:
        for record, name in _named(house, ref):
            names = found.setdefault(record.id, (record, {}))[1]
            if name is not None:
                names[name.canonical] = name
    return [(record, tuple(names.values())) for record, names in found.values()]


def _named(house: House, ref: str) -> list[tuple[ImageRecord, Reference | None]]:
    try:
        candidates = resolve.candidates(house, Reference.parse(ref))
    except InvalidReference:
        candidates = ()
    is_bare = "@" not in ref and ":" not in ref.rpartition("/")[2]
    for reference in candidates:
        if is_bare:
            # Without a tag docker saves all tags of the repository.
            tags = images.tags_of(house.database, reference.name)
            if tags:
                return [(images.by_id(house.database, image_id), Reference.parse(tag)) for tag, image_id in tags]
        elif (hit := resolve.local(house, [reference])) is not None:
            return [(hit[1], None if reference.digest else reference)]
    if (record := images.by_id_prefix(house.database, ref)) is None:
        raise ImageNotFound(f"no such image: {ref}", hint="`dockview images` lists what is here")
    return [(record, None)]


def _pack(house: House, record: ImageRecord, names: tuple[Reference, ...], stack: ExitStack) -> _Packed:
    config_path = house.layout.blob(record.id)
    try:
        config = _Part(Descriptor(descriptor.OCI_CONFIG, record.id, os.path.getsize(config_path)), config_path)
    except FileNotFoundError as error:
        raise _gone(record, "its config") from error
    layers = tuple(_layer(house, record, layer, stack) for layer in record.layers)
    body = _original(house, record, layers)
    media_type = record.manifest_media_type
    if body is None:
        media_type = descriptor.OCI_MANIFEST
        body = manifest_of(config.pointer, [part.pointer for part in layers])
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    return _Packed(names, Descriptor(media_type, digest, len(body)), body, config, layers)


def manifest_of(config: Descriptor, layers: Sequence[Descriptor]) -> bytes:
    """An OCI manifest."""
    parts = [{"mediaType": item.media_type, "digest": item.digest, "size": item.size} for item in (config, *layers)]
    return json.dumps(
        {"schemaVersion": 2, "mediaType": descriptor.OCI_MANIFEST, "config": parts[0], "layers": parts[1:]},
        separators=(",", ":"),
    ).encode()


def _original(house: House, record: ImageRecord, layers: Sequence[_Part]) -> bytes | None:
    """The manifest as it was pulled, if the layers are the ones that it names."""
    try:
        body = b"".join(blobs.read(house.layout, record.manifest_digest))
    except FileNotFoundError:
        return None
    named = descriptor.parse_manifest(descriptor.parse_object(body, "the manifest"), "the manifest").layers
    return body if [item.digest for item in named] == [part.pointer.digest for part in layers] else None


def _layer(house: House, record: ImageRecord, layer: Layer, stack: ExitStack) -> _Part:
    layout = house.layout
    for digest in (layer.digest, layer_blob(layout, layer.diff_id)):
        path = layout.blob(digest) if digest else ""
        if path and os.path.exists(path):
            break
    else:
        raise _gone(record, f"the blob of layer {layer.diff_id[:19]}")
    with open(path, "rb") as file:
        inflate = Detect()
        for _ in inflate.feed(file.read(_HEAD_BYTES)):
            pass
    if inflate.name == "zstd":
        return _inflated(house, layer, digest, stack)
    media_type = descriptor.OCI_LAYER_GZIP if inflate.name else descriptor.OCI_LAYER
    return _Part(Descriptor(media_type, digest, os.path.getsize(path)), path)


def _inflated(house: House, layer: Layer, digest: str, stack: ExitStack) -> _Part:
    """A zstd layer as plain tar, in a half file that goes with the stack."""
    inflate = Detect()
    ingest = stack.enter_context(blobs.Ingest(house.layout))
    for chunk in blobs.read(house.layout, digest):
        for piece in inflate.feed(chunk):
            ingest.write(piece)
    inflate.finish()
    if (computed := ingest.verify()) != layer.diff_id:
        raise blobs.mismatch(layer.diff_id, computed)
    return _Part(Descriptor(descriptor.OCI_LAYER, layer.diff_id, ingest.size), ingest.path)


def _gone(record: ImageRecord, what: str) -> DataError:
    name = record.tags[0] if record.tags else record.id[7:19]
    return DataError(f"{what} is not here any more, so {name} cannot be saved", hint=f"`dockview pull {name}` first")


def _write(trace: Recorder, packed: Sequence[_Packed], tar: TarWriter) -> None:
    tar.folder("blobs/")
    tar.folder("blobs/sha256/")
    layers = {part.pointer.digest: part for image in packed for part in image.layers}
    for number, part in enumerate(layers.values(), start=1):
        with trace.phase(Phase.LAYER, f"{number}/{len(layers)}", check=f"sha256sum {shlex.quote(part.path)}") as span:
            span.fact("digest", part.pointer.digest)
            span.fact("size", part.pointer.size)
            meter = Meter(span, part.pointer.size, "write")
            tar.file(_name(part.pointer), part.pointer.size, _verified(trace, part, meter.add))
    with trace.phase(Phase.STORE) as span:
        written = set(layers)
        for image in packed:
            if image.config.pointer.digest not in written:
                tar.file(_name(image.config.pointer), image.config.pointer.size, _verified(trace, image.config))
            if image.manifest.digest not in written:
                tar.file(_name(image.manifest), image.manifest.size, [image.manifest_body])
            written |= {image.config.pointer.digest, image.manifest.digest}
        tar.document("index.json", _index(packed))
        tar.document("manifest.json", [_docker(image) for image in packed])
        tar.document("oci-layout", {"imageLayoutVersion": "1.0.0"})
        tar.finish()
        span.fact("images", len(packed))


def _name(pointer: Descriptor) -> str:
    return f"blobs/{pointer.digest.replace(':', '/')}"


def _verified(trace: Recorder, part: _Part, progress: Callable[[int], None] = lambda _size: None) -> Iterator[bytes]:
    """The bytes of a blob; a damaged one ends the archive instead of spoiling it unseen."""
    computed = hashlib.sha256()
    with open(part.path, "rb", buffering=0) as file:
        while chunk := file.read(1 << 20):
            trace.cancel.raise_if_set()
            computed.update(chunk)
            progress(len(chunk))
            yield chunk
    if (digest := f"sha256:{computed.hexdigest()}") != part.pointer.digest:
        raise blobs.mismatch(part.pointer.digest, digest)


def _index(packed: Sequence[_Packed]) -> dict[str, object]:
    entries: list[dict[str, object]] = []
    for image in packed:
        pointer: dict[str, object] = {
            "mediaType": image.manifest.media_type, "digest": image.manifest.digest, "size": image.manifest.size,
        }  # fmt: skip
        named = [{IMAGE_NAME: name.canonical, REF_NAME: name.tag} for name in image.names]
        entries += [{**pointer, "annotations": names} for names in named] or [pointer]
    return {"schemaVersion": 2, "mediaType": descriptor.OCI_INDEX, "manifests": entries}


def _docker(image: _Packed) -> dict[str, object]:
    return {
        "Config": _name(image.config.pointer),
        "RepoTags": [name.familiar for name in image.names] or None,
        "Layers": [_name(part.pointer) for part in image.layers],
    }
