"""Images of a daemon: resolve, look, pull, list, remove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dockview.engine.daemon import mapping
from dockview.engine.daemon.client import Daemon
from dockview.engine.daemon.pulling import PullSpans, is_layer
from dockview.engine.errors import ImageNotFound, NotFound
from dockview.engine.lifecycle import Origin, Phase
from dockview.engine.model import Image
from dockview.engine.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Name:
    """A reference, taken apart by the client's rules."""

    asked: str
    registry: str
    repository: str
    """As the registry knows it: library/busybox."""
    pulled: str
    """What is sent to the daemon: everything before the tag or digest."""
    tag: str
    """The tag, or the digest."""


def resolve(trace: Recorder, daemon: Daemon, reference: str) -> Name:
    """Phase RESOLVE: complete the reference. Raises: InvalidReference."""
    with trace.phase(Phase.RESOLVE) as span:
        name = parse(daemon, reference)
        span.fact("registry", name.registry, Origin.INFERRED)
        span.fact("repository", name.repository, Origin.INFERRED)
        span.fact("digest" if ":" in name.tag else "tag", name.tag, Origin.INFERRED)
    return name


def parse(daemon: Daemon, reference: str) -> Name:
    """Take a reference apart. Raises: InvalidReference."""
    from docker.auth import resolve_repository_name  # noqa: PLC0415
    from docker.utils import parse_repository_tag  # noqa: PLC0415

    with daemon.mapped(f'invalid reference "{reference}"'):
        pulled, tag = parse_repository_tag(reference)
        registry, repository = resolve_repository_name(pulled)
    if registry == "docker.io" and "/" not in repository:
        repository = f"library/{repository}"
    return Name(reference, registry, repository, pulled, tag or "latest")


def ensure_image(daemon: Daemon, trace: Recorder, reference: str, *, policy: str, platform: str) -> mapping.Json:
    """Phases RESOLVE and CACHE, and on a miss those of the pull; the image's inspect JSON.

    Raises: InvalidReference, ImageNotFound, Unauthorized, Unavailable, Cancelled.
    """
    name = resolve(trace, daemon, reference)
    with trace.phase(Phase.CACHE, check=f"docker image inspect {reference}") as span:
        found = _look(daemon, reference)
        span.fact("decision", "miss" if found is None else "hit")
        if found is not None:
            image = mapping.image_of_inspect(found)
            span.fact("ID", image.id, Origin.REPORTED)
            span.fact("size", image.size_bytes, Origin.REPORTED)
            span.fact("created", str(found.get("Created") or "") or None, Origin.REPORTED)
    if found is not None and policy != "always":
        return found
    if policy == "never":
        raise ImageNotFound(f"the image {reference} is not here, and --pull never forbids fetching it", hint="pull it")
    return pull_image(daemon, trace, name, platform=platform)


def _look(daemon: Daemon, reference: str) -> mapping.Json | None:
    try:
        with daemon.mapped(f"cannot inspect image {reference}"):
            found: mapping.Json = daemon.api.inspect_image(reference)
    except NotFound:
        return None
    return found


def pull_image(daemon: Daemon, trace: Recorder, name: Name, *, platform: str) -> mapping.Json:
    """Phases AUTH, MANIFEST, LAYER and STORE as far as the daemon's stream tells of them."""
    what = f"cannot pull {name.asked}"
    trace.skip(Phase.AUTH, why="not visible from here: the daemon asks the registry itself")
    with daemon.line(trace.cancel) as api, PullSpans(trace, what) as spans, daemon.mapped(what, trace.cancel):
        with trace.phase(Phase.MANIFEST) as span, daemon.mapped(what, trace.cancel):
            stream = iter(api.pull(name.pulled, tag=name.tag, stream=True, decode=True, platform=platform or None))
            first = None
            for said in stream:
                if is_layer(said):
                    first = said
                    break
                spans.take(said)
            span.fact("repository", name.repository, Origin.INFERRED)
        if first is not None:
            spans.take(first)
        for said in stream:
            spans.take(said)
    trace.cancel.raise_if_set()
    with trace.phase(Phase.STORE, check=f"docker image inspect {name.asked}") as span:
        found = _look(daemon, name.asked)
        if found is None:
            raise ImageNotFound(f"{what}: the daemon ended the pull without an image")
        image = mapping.image_of_inspect(found)
        span.fact("ID", image.id, Origin.REPORTED)
        span.fact("digest", spans.digest or None, Origin.REPORTED)
        span.fact("size", image.size_bytes, Origin.REPORTED)
        span.fact("layers", len(image.layers), Origin.REPORTED)
    return found


def list_images(daemon: Daemon, details: dict[str, Image]) -> Sequence[Image]:
    """All images but the intermediate ones, newest first.

    The daemon's list tells neither platform nor layers nor users: the first two are asked for once an ID (they cannot
    change) and kept in `details`; containers are counted.
    """
    with daemon.mapped("cannot list images"):
        rows = daemon.api.images()
        containers = daemon.api.containers(all=True)
    used: dict[str, int] = {}
    for row in containers:
        used[str(row.get("ImageID"))] = used.get(str(row.get("ImageID")), 0) + 1
    images = []
    for row in rows:
        image = mapping.image_of_list({**row, "Containers": used.get(str(row.get("Id")), 0)})
        if image.id not in details:
            found = _look(daemon, image.id)
            if found is None:  # It was removed meanwhile.
                continue
            details[image.id] = mapping.image_of_inspect(found)
        known = details[image.id]
        images.append(replace(image, layers=known.layers, os=known.os, architecture=known.architecture))
    for image_id in set(details) - {image.id for image in images}:
        details.pop(image_id, None)
    return sorted(images, key=lambda image: image.created_ns or 0, reverse=True)


def remove_image(daemon: Daemon, trace: Recorder, ref: str, *, force: bool) -> Sequence[str]:
    """Phase REMOVE_IMAGE; docker's lines."""
    with trace.phase(Phase.REMOVE_IMAGE) as span, daemon.line(trace.cancel) as api:
        with daemon.mapped(f"cannot remove image {ref}", trace.cancel):
            answer: Any = api.remove_image(ref, force=force)
        lines = [f"{word}: {value}" for row in answer or () for word, value in row.items()]
        span.fact("removed", len(lines), Origin.REPORTED)
    return lines
