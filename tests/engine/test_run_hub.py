"""A first run, all the way through: hello-world from the hub, on a machine without docker.io."""

from __future__ import annotations

import pytest

from dockview.engine.api import Engine
from dockview.engine.lifecycle import NAMESPACES, PULL_PHASES, RUN_PHASES, Phase, Status, Trace
from dockview.engine.model import ContainerStatus
from tests.support.requests import request
from tests.support.waiting import until

pytestmark = pytest.mark.root


def finished_trace(engine: Engine, ref: str) -> Trace:
    """The newest trace of a container, once nothing more will come."""
    return until(lambda: next((t for t in engine.traces(ref, limit=1) if not t.is_live), None), f"the trace of {ref}")


def order_of(trace: Trace) -> list[Phase]:
    """The phases in the order in which each began."""
    return list(dict.fromkeys(span.phase for span in sorted(trace.spans, key=lambda span: span.start_ns)))


def test_first_run__falls_back_to_the_hub_and_shows_every_phase(engine: Engine) -> None:
    """Every phase of the table, in order, each with evidence, and the container's code at the end."""
    container = engine.run(request("hello-world", name="hello"))
    assert engine.wait("hello") == 0
    trace = finished_trace(engine, "hello")
    assert order_of(trace) == list(RUN_PHASES)
    assert {span.status for span in trace.spans} <= {Status.OK, Status.SKIPPED}
    assert [s.part for s in trace.spans if s.phase is Phase.NAMESPACES] == list(NAMESPACES)
    assert [s.label for s in trace.spans if s.status is Status.OK and not s.facts and s.phase is not Phase.PARSE] == []
    assert trace.container_id == container.id
    assert (trace.container_name, trace.image) == ("hello", "hello-world")


def test_first_run__says_why_it_went_to_the_hub(engine: Engine) -> None:
    """The resolve phase names docker.io, and what kept it from answering."""
    image = engine.pull("hello-world")
    resolve = engine.traces(limit=1)[0].find(Phase.RESOLVE)
    assert resolve is not None
    said = " ".join(f"{fact.name}: {fact.value}" for fact in resolve.facts)
    assert "docker.io" in said
    assert "unreachable" in said
    assert image.tags == ("hub.localhost/hello-world:latest",) or "hello-world:latest" in image.tags


def test_second_run__is_a_cache_hit_and_pulls_nothing(engine: Engine) -> None:
    """What is here is not fetched again."""
    engine.run(request("hello-world", name="first"))
    engine.run(request("hello-world", name="second"))
    engine.wait("second")
    trace = finished_trace(engine, "second")
    assert not PULL_PHASES & set(order_of(trace))
    cache = trace.find(Phase.CACHE)
    assert cache is not None
    assert "hit" in str(cache.fact("decision"))
    engine.wait("first")


def test_first_run__verifies_what_it_downloads(engine: Engine) -> None:
    """Each layer shows a computed digest that is the one the manifest named."""
    engine.pull("hub.localhost/hello-world")
    trace = engine.traces(limit=1)[0]
    layers = [span for span in trace.spans if span.phase is Phase.LAYER]
    digests = {layer.digest for layer in engine.images()[0].layers}
    assert len(layers) == len(digests)
    assert {
        value for span in layers for value in map(str, (f.value for f in span.facts)) if value in digests
    } == digests
    for span in layers:
        assert span.progress is not None
        assert span.progress.current == span.progress.total


def test_run__prints_its_greeting(engine: Engine) -> None:
    """The log holds what the process wrote."""
    engine.run(request("hub.localhost/hello-world", name="hello"))
    engine.wait("hello")
    lines = [record.text for record in engine.logs("hello")]
    assert any("Hello" in line for line in lines)
    assert engine.container("hello").status is ContainerStatus.EXITED


@pytest.mark.parametrize("name", ["hello-world", "web", "box", "flaky", "db", "chatty", "burner"])
def test_pull__every_image_of_the_hub(engine: Engine, name: str) -> None:
    """What the hub offers can be fetched through the registry client and is listed afterwards."""
    image = engine.pull(f"hub.localhost/{name}")
    assert image.id.startswith("sha256:")
    assert [i.id for i in engine.images()] == [image.id]
    assert all(layer.size_bytes for layer in image.layers)
