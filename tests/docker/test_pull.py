"""Pulls from a real registry through a real daemon."""

from __future__ import annotations

import pytest

from dockview.engine.cancel import CancelToken
from dockview.engine.daemon.engine import DockerEngine
from dockview.engine.errors import Cancelled, ImageNotFound, InvalidReference, NotFound
from dockview.engine.lifecycle import Phase, Record, Status
from tests.docker.conftest import NearbyRegistry
from tests.support.dockerd import PrivateDocker

pytestmark = [pytest.mark.docker, pytest.mark.registry]


def test_pull__one_span_a_layer(engine: DockerEngine, daemon: PrivateDocker, layered: str) -> None:
    """Three layers, three spans, and the image that the docker command sees."""
    image = engine.pull(layered)
    assert daemon.docker("image", "inspect", "-f", "{{.Id}}", layered).stdout.strip() == image.id
    trace = engine.traces()[0]
    layers = [span for span in trace.spans if span.phase is Phase.LAYER]
    assert [(s.status, s.fact("decision")) for s in layers] == [(Status.OK, "pulled")] * len(image.layers)
    auth, store = trace.find(Phase.AUTH), trace.find(Phase.STORE)
    assert auth
    assert store
    assert (auth.status, auth.why.startswith("not visible from here")) == (Status.SKIPPED, True)
    assert str(store.fact("digest")) in image.digests[0]
    assert engine.remove_image(layered)[0] == f"Untagged: {layered}"
    with pytest.raises(NotFound):
        engine.inspect(layered, "image")


def test_pull__cancelled_at_its_first_layer(engine: DockerEngine, layered: str) -> None:
    cancel = CancelToken()

    def on_record(record: Record) -> None:
        if record["t"] == "start" and record["phase"] == Phase.LAYER:
            cancel.cancel()

    with pytest.raises(Cancelled):
        engine.pull(layered, cancel=cancel, on_record=on_record)
    trace = engine.traces()[0]
    assert trace.status is Status.CANCELLED
    assert not [span for span in trace.spans if span.status is Status.RUNNING]


def test_pull__refusals(engine: DockerEngine, nearby_registry: NearbyRegistry) -> None:
    with pytest.raises(ImageNotFound):
        engine.pull(f"{nearby_registry.host}/nothing:1")
    with pytest.raises(InvalidReference):
        engine.pull("Not/A:reference")
