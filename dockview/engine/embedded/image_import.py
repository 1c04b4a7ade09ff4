"""`import`: an image of one layer from the tar archive of a file system."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from typing import Any

from dockview.engine.cancel import CancelToken
from dockview.engine.embedded.fetch import sharing_layers
from dockview.engine.embedded.house import House
from dockview.engine.embedded.image_load import keep, name_it
from dockview.engine.embedded.image_names import new_name
from dockview.engine.embedded.image_save import manifest_of
from dockview.engine.embedded.layers import Meter, stopping, take_layer
from dockview.engine.image_changes import apply_changes
from dockview.engine.images import blobs, descriptor
from dockview.engine.images.descriptor import Descriptor
from dockview.engine.images.platform import Platform
from dockview.engine.lifecycle import Phase, Record
from dockview.engine.model import Layer


def import_image(
    house: House,
    archive: Iterable[bytes],
    reference: str,
    *,
    changes: Sequence[str],
    message: str,
    platform: str,
    cancel: CancelToken,
    on_record: Callable[[Record], None] | None = None,
) -> str:
    """Make the image; its ID. Raises: InvalidRequest, InvalidReference, DataError, OutOfSpace, Cancelled."""
    name = new_name(reference) if reference else None
    settings = apply_changes({}, changes)
    target = Platform.parse(platform) if platform else Platform.host()
    line = shlex.join(["docker", "import", "-", *([reference] if reference else [])])
    with (
        house.traces.record("import", reference or "archive", line=line, cancel=cancel, on_record=on_record) as trace,
        sharing_layers(house),
        stopping(trace.cancel, house.closing) as stopped,
    ):
        with trace.phase(Phase.LAYER, "1/1") as span, blobs.Ingest(house.layout) as ingest:
            meter = Meter(span, None, "read")

            def chunks() -> Generator[bytes]:
                for chunk in archive:
                    ingest.write(chunk)
                    meter.add(len(chunk))
                    yield chunk

            with closing(chunks()) as stream:
                taken = take_layer(house.layout, span, ingest, stream, what="the archive", diff_id="", stopped=stopped)
        with trace.phase(Phase.STORE) as span:
            body = json.dumps(_config(target, settings, taken.diff_id, message), separators=(",", ":")).encode()
            config = blobs.store(house.layout, descriptor.OCI_CONFIG, body)
            layer = Descriptor(taken.media_type, taken.digest, taken.blob_bytes)
            manifest = blobs.store(house.layout, descriptor.OCI_MANIFEST, manifest_of(config, [layer]))
            record = keep(
                house, config.digest, manifest, json.loads(body),
                [Layer(taken.digest, taken.diff_id, taken.unpacked.size_bytes, taken.media_type)],
            )  # fmt: skip
            span.fact("image ID", record.id)
            if name is not None:
                name_it(house, record, [name], span)
        house.journal.append("image", "import", record.id, {"name": name.familiar if name else record.id})
        trace.commit()
    return record.id


def _config(target: Platform, settings: dict[str, Any], diff_id: str, message: str) -> dict[str, Any]:
    now_ns = time.time_ns()
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_ns // 1_000_000_000))
    created = f"{seconds}.{now_ns % 1_000_000_000:09d}Z"
    return {
        "architecture": target.architecture,
        **({"variant": target.variant} if target.variant else {}),
        "os": target.os,
        "created": created,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": created, "comment": message or "Imported from -"}],
    }
