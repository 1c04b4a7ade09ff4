"""The phases of a pull: auth → manifest → layers → store."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from dockview.engine.embedded.house import House
from dockview.engine.embedded.layers import Meter, raise_if_set, take_layer
from dockview.engine.embedded.sources import Search, Source
from dockview.engine.errors import Cancelled, DataError, EngineBug, ImageNotFound, Unauthorized
from dockview.engine.hub import catalogue
from dockview.engine.images import blobs, descriptor
from dockview.engine.images.descriptor import CONFIG_LIMIT_BYTES, Descriptor, Manifest
from dockview.engine.images.platform import Platform
from dockview.engine.images.unpack import layer_lock, layer_size
from dockview.engine.lifecycle import Origin, Phase
from dockview.engine.model import Layer
from dockview.engine.recorder import Recorder, SpanRecorder
from dockview.engine.state import images
from dockview.engine.state.images import ImageRecord
from dockview.engine.state.layout import Layout

_AT_ONCE = 3


@dataclass(frozen=True)
class Found:
    """What an image consists of, verified."""

    source: Source
    top_digest: str
    """Of the index, or of the manifest where there is no index: what a repo digest names."""
    manifest_digest: str
    media_type: str
    manifest: Manifest
    config: dict[str, Any]
    diff_ids: tuple[str, ...]


def fetch(house: House, trace: Recorder, search: Search, platform: Platform) -> ImageRecord:
    """Pull from the source that the search has found, or the next one that has the image."""
    with sharing_layers(house):
        found = _find(house, trace, search, platform)
        layers = _fetch_layers(house, trace, found)
        return _store(house, trace, found, layers)


def _find(house: House, trace: Recorder, search: Search, platform: Platform) -> Found:
    while True:
        source = search.source
        if source is None:
            raise EngineBug("a pull without a source")
        found = None
        if _login(trace, search, source):
            found = _read_manifest(house, trace, search, source, platform)
        if found is not None:
            return found
        with trace.phase(Phase.RESOLVE, "next registry") as span:
            search.next_source(span)


class _OrNext:
    """An image that is not in one registry may be in the next: then the phase ends as not done, and not as failed."""

    def __init__(self, search: Search, span: SpanRecorder) -> None:
        self._search, self._span = search, span

    def __enter__(self) -> None: ...

    def __exit__(self, _type: object, error: BaseException | None, _tb: object) -> bool:
        if not isinstance(error, ImageNotFound | Unauthorized) or not self._search.has_more:
            return False
        self._search.give_up(error)
        self._span.skip(error.message)
        return True


def _login(trace: Recorder, search: Search, source: Source) -> bool:
    with trace.phase(Phase.AUTH) as span, _OrNext(search, span):
        source.client.ping()
        login = source.client.login(source.reference.repository)
        if not source.is_hub:  # which listens only while it is pulled from
            span.check(f"curl -si {source.client.endpoint}/v2/")
        for name, value in (("realm", login.realm), ("service", login.service), ("scope", login.scope)):
            if value:
                span.fact(name, value, Origin.REPORTED)
        span.fact("status", login.status)
        if login.scheme:
            span.fact("user", login.user or "anonymous")
    return search.source is source


def _read_manifest(house: House, trace: Recorder, search: Search, source: Source, platform: Platform) -> Found | None:
    reference, client = source.reference, source.client
    what = reference.familiar
    with trace.phase(Phase.MANIFEST) as span, _OrNext(search, span):
        document = client.manifest(reference.repository, reference.digest or reference.tag)
        if not source.is_hub:
            span.check(f"curl -sI -H {shlex.quote('Accept: ' + descriptor.ACCEPT)} {shlex.quote(document.url)}")
        expected = descriptor.supported_digest(reference.digest, what) if reference.digest else ""
        top_digest = blobs.verified(document.body, expected or document.claimed_digest)
        body = descriptor.parse_object(document.body, f"the manifest of {what}")
        media_type = descriptor.media_type(body, document.media_type)
        if media_type in descriptor.INDEXES:
            span.fact("index digest", top_digest)
            blobs.store(house.layout, media_type, document.body)
            chosen, chosen_platform = descriptor.choose(body, platform, what)
            span.fact("platform", str(chosen_platform))
            document = client.manifest(reference.repository, chosen.digest)
            blobs.verified(document.body, chosen.digest)
            body = descriptor.parse_object(document.body, f"the manifest of {what}")
            media_type = descriptor.media_type(body, document.media_type)
            if media_type in descriptor.INDEXES:
                raise DataError(f"the index of {what} leads to another index")
        stored = blobs.store(house.layout, media_type, document.body)
        span.fact("manifest digest", stored.digest)
        if source.is_hub:
            span.check(f"sha256sum {shlex.quote(house.layout.blob(stored.digest))}")
        span.fact("media type", media_type)
        manifest = descriptor.parse_manifest(body, f"the manifest of {what}")
        config = _read_config(house, source, manifest.config, what)
        span.fact("config digest", manifest.config.digest)
        span.fact("layers", len(manifest.layers))
        span.fact("size", sum(layer.size for layer in manifest.layers))
        diff_ids = descriptor.diff_ids(config, manifest.layers, what)
        return Found(source, top_digest, stored.digest, media_type, manifest, config, diff_ids)
    return None


def _read_config(house: House, source: Source, pointer: Descriptor, what: str) -> dict[str, Any]:
    if pointer.size > CONFIG_LIMIT_BYTES:
        raise DataError(f"the config of {what} is longer than {CONFIG_LIMIT_BYTES >> 20} MiB")
    try:
        body = b"".join(source.client.blob(source.reference.repository, pointer))
    except ImageNotFound as error:
        raise DataError(f"the manifest of {what} names a config that is not there") from error
    blobs.verified(body, pointer.digest)
    config = descriptor.parse_object(body, f"the config of {what}")
    blobs.store(house.layout, pointer.media_type, body)
    return config


# Layers


def _fetch_layers(house: House, trace: Recorder, found: Found) -> list[Layer]:
    """All layers, a few at a time. The first failure ends the others, and is the one that is raised."""
    total = len(found.manifest.layers)
    if not total:
        return []
    client = found.source.client
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="layer") as pool:
        jobs = [
            pool.submit(_fetch_layer, house, trace, found, number, f"{number + 1}/{total}") for number in range(total)
        ]
        try:
            wait(jobs, return_when="FIRST_EXCEPTION")
        finally:
            # Also on a KeyboardInterrupt in this thread: nobody may be left blocked in a read.
            if not all(job.done() and not job.exception() for job in jobs if not job.cancelled()):
                for job in jobs:
                    job.cancel()
                client.abort()
    errors = [error for job in jobs if not job.cancelled() and (error := job.exception())]
    for error in sorted(errors, key=lambda item: isinstance(item, Cancelled)):
        raise error
    return [job.result() for job in jobs]


def _fetch_layer(house: House, trace: Recorder, found: Found, number: int, part: str) -> Layer:
    pointer, diff_id = found.manifest.layers[number], found.diff_ids[number]
    layout, aborted = house.layout, found.source.client.aborted
    with trace.phase(Phase.LAYER, part) as span:
        span.fact("digest", pointer.digest)
        span.fact("media type", pointer.media_type)
        span.fact("size", pointer.size)
        with blobs.disk_errors(f"layer {part}"), layer_lock(layout, diff_id, aborted) as is_here:
            raise_if_set(aborted)
            if is_here:
                span.fact("diff ID", diff_id)
                span.fact("shared", True)
                span.check(f"ls {shlex.quote(layout.layer(diff_id))}")
                span.skip("already here: images share layers")
            else:
                _unpack_here_or_anew(house, span, found, pointer, diff_id)
                span.check(f"sha256sum {shlex.quote(layout.blob(pointer.digest))}")
        return Layer(pointer.digest, diff_id, layer_size(layout, diff_id), pointer.media_type)


def _unpack_here_or_anew(house: House, span: SpanRecorder, found: Found, pointer: Descriptor, diff_id: str) -> None:
    """From the blob that an earlier pull has left, or from the registry."""
    layout = house.layout
    if blobs.has(layout, pointer):
        try:
            _unpack_kept(layout, span, found, pointer, diff_id)
        except DataError as error:
            # Blobs are not flushed one by one, so a power cut may have damaged this one; the registry has another.
            span.fact("kept blob", f"damaged, so it is fetched anew: {error}")
            blobs.discard(layout, pointer.digest)
        else:
            return
    try:
        was_resumed = _download(layout, span, found, pointer, diff_id)
    except _DamagedBeginning as error:
        span.fact("kept beginning", f"damaged, so it is fetched anew: {error}")
        was_resumed = _download(layout, span, found, pointer, diff_id)
    if was_resumed:
        span.fact("resumed", "the beginning was here already")


class _DamagedBeginning(DataError):
    """What an earlier try has left, with what has come since, is not the blob."""


def _download(layout: Layout, span: SpanRecorder, found: Found, pointer: Descriptor, diff_id: str) -> bool:
    """From the registry, or what is missing of it; whether an earlier try had left something."""
    client = found.source.client
    start = 0
    with blobs.Ingest(layout, pointer, is_resumable=True) as ingest:

        def chunks() -> Generator[bytes]:
            nonlocal start
            yield from ingest.kept()
            start = ingest.size
            meter = Meter(span, pointer.size, "download", start)
            with contextlib.closing(client.blob(found.source.reference.repository, pointer, start)) as source:
                for chunk in source:
                    ingest.write(chunk)
                    meter.add(len(chunk))
                    yield chunk
            span.fact("speed", meter.speed)

        what = f"layer {pointer.digest[:19]}"
        try:
            with contextlib.closing(chunks()) as stream:
                take_layer(layout, span, ingest, stream, what=what, diff_id=diff_id, stopped=client.aborted)
        except DataError as error:
            if start:
                raise _DamagedBeginning(error.message, hint=error.hint) from error
            raise
    return start > 0


def _unpack_kept(layout: Layout, span: SpanRecorder, found: Found, pointer: Descriptor, diff_id: str) -> None:
    with blobs.Ingest(layout, pointer) as ingest:

        def chunks() -> Generator[bytes]:
            meter = Meter(span, pointer.size, "unpack")
            for chunk in blobs.read(layout, pointer.digest):
                ingest.write(chunk)
                meter.add(len(chunk))
                yield chunk
            span.fact("download", "not needed: the blob is here")

        what = f"layer {pointer.digest[:19]}"
        with contextlib.closing(chunks()) as stream:
            take_layer(layout, span, ingest, stream, what=what, diff_id=diff_id, stopped=found.source.client.aborted)


def _store(house: House, trace: Recorder, found: Found, layers: list[Layer]) -> ImageRecord:
    reference = found.source.reference
    check = f"dockview --root {shlex.quote(house.layout.root)} images --digests"
    with trace.phase(Phase.STORE, check=check) as span:
        record = images.save(
            house.database,
            id=found.manifest.config.digest,
            manifest_digest=found.manifest_digest,
            manifest_media_type=found.media_type,
            config=found.config,
            layers=layers,
            is_hub=found.source.is_hub and catalogue.made(found.manifest.config.digest),
            tag="" if reference.digest else reference.tagged,
            repo_digests=[reference.pinned(found.top_digest)],
        )
        house.images.pop(record.id, None)
        span.fact("image ID", record.id)
        span.fact("repo digest", reference.pinned(found.top_digest))
        span.fact("reference", reference.familiar)
        house.journal.append("image", "pull", reference.familiar, {"name": reference.name})
    return record


@contextlib.contextmanager
def sharing_layers(house: House) -> Iterator[None]:
    """While a pull runs, no other process clears layers that no image has yet (image_verbs.py)."""
    fd = os.open(house.layout.layers, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        yield
    finally:
        os.close(fd)
