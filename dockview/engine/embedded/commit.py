"""`commit`: the writable layer of a container becomes the top layer of a new image."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from dockview.engine.embedded import views
from dockview.engine.embedded.discard import note
from dockview.engine.embedded.fetch import sharing_layers
from dockview.engine.embedded.house import House
from dockview.engine.embedded.image_load import name_it
from dockview.engine.embedded.image_names import new_name
from dockview.engine.embedded.image_save import manifest_of
from dockview.engine.embedded.layers import Meter, Taken, stopping, take_layer
from dockview.engine.embedded.query import image_of, is_running
from dockview.engine.errors import Conflict, NotSupported
from dockview.engine.image_changes import apply_changes
from dockview.engine.images import blobs, descriptor
from dockview.engine.images.descriptor import Descriptor
from dockview.engine.lifecycle import Phase
from dockview.engine.model import Layer
from dockview.engine.recorder import Recorder, SpanRecorder
from dockview.engine.runtime.state import read_state
from dockview.engine.state import containers, images
from dockview.engine.state.containers import ContainerRecord
from dockview.engine.state.images import ImageRecord
from dockview.engine.state.intents import intent


def commit(
    house: House, ref: str, reference: str, *, author: str, message: str, changes: Sequence[str], pause: bool
) -> str:
    """Make the image; its ID. Raises: InvalidRequest, InvalidReference, OutOfSpace, Cancelled."""
    record = containers.find(house.database, ref)
    image = image_of(house, record.image_id)
    name = new_name(reference) if reference else None
    settings = apply_changes(_settings(image, record), changes)
    line = shlex.join(["docker", "commit", record.name, *([reference] if reference else [])])
    with house.traces.record("commit", record.name, line=line) as trace, sharing_layers(house):
        trace.subject(container=record.id, name=record.name, image=record.image)
        with trace.phase(Phase.COMMIT) as span, _still(house, record, span, wanted=pause):
            taken = _layer(house, trace, record, span)
        with trace.phase(Phase.STORE, check="dockview images") as span:
            body = json.dumps(_config(image, settings, taken, author, message), separators=(",", ":")).encode()
            config = blobs.store(house.layout, descriptor.OCI_CONFIG, body)
            below = [
                Descriptor(layer.media_type or descriptor.OCI_LAYER_GZIP, layer.digest, _blob_bytes(house, layer))
                for layer in image.layers
            ]
            top = Descriptor(taken.media_type, taken.digest, taken.blob_bytes)
            manifest = blobs.store(house.layout, descriptor.OCI_MANIFEST, manifest_of(config, [*below, top]))
            layer = Layer(taken.digest, taken.diff_id, taken.unpacked.size_bytes, taken.media_type)
            # What was made here from an image of the hub still needs the hub's base below it.
            made = images.save(
                house.database, id=config.digest, manifest_digest=manifest.digest,
                manifest_media_type=manifest.media_type, config=json.loads(body), layers=[*image.layers, layer],
                is_hub=image.is_hub, tag="", repo_digests=(),
            )  # fmt: skip
            span.fact("image ID", made.id)
            span.fact("layers", len(made.layers))
            if name is not None:
                name_it(house, made, [name], span)
        note(house, "commit", record, imageID=made.id, imageRef=name.familiar if name else "")
        trace.commit()
    return made.id


def _layer(house: House, trace: Recorder, record: ContainerRecord, span: SpanRecorder) -> Taken:
    """The writable layer, as an archive that is hashed, kept and unpacked at once."""
    work = views.Work(house, {**views.upper_job(house, record), "action": "layer"})
    with (
        contextlib.closing(views.Archive(work)) as archive,
        stopping(trace.cancel, house.closing) as stopped,
        blobs.Ingest(house.layout) as ingest,
    ):
        meter = Meter(span, None, "read")

        def chunks() -> Generator[bytes]:
            for chunk in archive:
                ingest.write(chunk)
                meter.add(len(chunk))
                yield chunk

        with contextlib.closing(chunks()) as stream:
            return take_layer(
                house.layout, span, ingest, stream, what="the writable layer", diff_id="", stopped=stopped
            )


@contextlib.contextmanager
def _still(house: House, record: ContainerRecord, span: SpanRecorder, *, wanted: bool) -> Iterator[None]:
    """Freeze a running container meanwhile, so that its files agree with each other; where that can be done."""
    from dockview.engine.embedded.pause import pause  # noqa: PLC0415

    if not wanted or not is_running(house, record.id):
        yield
        return
    state = read_state(house.layout.container(record.id))
    if state is not None and state.paused:
        span.fact("paused", "it was before, and stays so")
        yield
        return
    with intent(house.layout, "pause", container=record.id):
        try:
            pause(house, record.id, is_paused=True)
        except (NotSupported, Conflict) as error:
            span.fact("paused", f"no: {error.message}")
            yield
            return
        span.fact("paused", True)
        try:
            yield
        finally:
            with contextlib.suppress(Conflict):
                pause(house, record.id, is_paused=False)


def _settings(image: ImageRecord, record: ContainerRecord) -> dict[str, Any]:
    """The image's settings with what the container was told at its run, as docker's commit takes them over."""
    config = image.config.get("config")
    settings: dict[str, Any] = dict(config) if isinstance(config, dict) else {}
    request = record.request
    environment = dict(entry.partition("=")[::2] for entry in (*(settings.get("Env") or ()), *request.env))
    if environment:
        settings["Env"] = [f"{key}={value}" for key, value in environment.items()]
    if request.entrypoint is not None:
        settings["Entrypoint"] = list(request.entrypoint) or None
        settings["Cmd"] = None
    if request.command:
        settings["Cmd"] = list(request.command)
    told = {"User": request.user, "WorkingDir": request.workdir, "StopSignal": request.stop_signal}
    settings |= {key: value for key, value in told.items() if value}
    if request.labels:
        settings["Labels"] = {**(settings.get("Labels") or {}), **request.labels}
    if request.ports:
        ports: dict[str, Any] = {f"{port.container_port}/{port.protocol}": {} for port in request.ports}
        settings["ExposedPorts"] = {**(settings.get("ExposedPorts") or {}), **ports}
    return settings


def _config(image: ImageRecord, settings: dict[str, Any], taken: Taken, author: str, message: str) -> dict[str, Any]:
    now_ns = time.time_ns()
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_ns // 1_000_000_000))
    created = f"{seconds}.{now_ns % 1_000_000_000:09d}Z"
    command = settings.get("Cmd") or []
    step = {"created": created, "created_by": " ".join(map(str, command)), "comment": message, "author": author}
    return {
        **image.config,
        "created": created,
        **({"author": author} if author else {}),
        "config": {key: value for key, value in settings.items() if value is not None},
        "rootfs": {"type": "layers", "diff_ids": [*(layer.diff_id for layer in image.layers), taken.diff_id]},
        "history": [
            *(image.config.get("history") or ()), {key: value for key, value in step.items() if value}
        ],
    }  # fmt: skip


def _blob_bytes(house: House, layer: Layer) -> int:
    try:
        return os.stat(house.layout.blob(layer.digest)).st_size
    except FileNotFoundError:
        return 0
