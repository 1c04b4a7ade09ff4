"""Several programs on one store, and containers that outlive them."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
from collections.abc import Iterator

import pytest

from dockview.engine.api import Engine
from dockview.engine.errors import Cancelled, NameInUse
from dockview.engine.lifecycle import Phase, TraceBuilder
from dockview.engine.model import ContainerStatus
from tests.support import outside, stores
from tests.support.cli import CommandLine
from tests.support.requests import request
from tests.support.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.registry]


@contextlib.contextmanager
def another(root: str) -> Iterator[Engine]:
    """A second engine on the same store."""
    with contextlib.closing(stores.open_embedded(root)) as engine:
        yield engine


def test_container__outlives_the_engine_that_started_it(root_dir: str, busybox_image: str) -> None:
    """Closing leaves it running; opening again shows it, its log and its trace."""
    with another(root_dir) as first:
        container = first.run(request(busybox_image, "sh", "-c", "echo here; sleep 600", name="loner"))
    with another(root_dir) as second:
        found = second.container("loner")
        assert (found.id, found.status) == (container.id, ContainerStatus.RUNNING)
        assert found.pid is not None
        assert outside.exists(found.pid)
        until(lambda: [r.text for r in second.logs("loner")] == ["here"], "the first line of the log")
        running = second.traces("loner", limit=1)[0].find(Phase.RUNNING)
        assert running is not None
        assert running.end_ns is None


def test_command_line__is_seen_by_an_open_engine(engine: Engine, dockview: CommandLine, busybox_image: str) -> None:
    """A run typed in another terminal arrives record by record, and makes a whole trace."""
    stream = engine.follow_traces()
    builder = TraceBuilder()
    assert dockview.ok("run", "-d", "--name", "other", busybox_image, "true")
    chosen = ""
    for trace_id, record in stream:
        if record["t"] == "trace" and record["verb"] == "run":
            chosen = trace_id
        if trace_id == chosen:
            builder.apply(record)
        trace = builder.trace
        if trace is not None and not trace.is_live and trace.find(Phase.EXITED):
            break
    stream.close()
    assert builder.trace is not None
    assert builder.trace.container_name == "other"
    assert [c.name for c in engine.containers(all=True)] == ["other"]


def test_same_name_at_once__one_gets_it(root_dir: str, busybox_image: str) -> None:
    """Uniqueness is held by the store, not by luck."""
    with another(root_dir) as engine:
        engine.pull(busybox_image)

    def attempt(_number: int) -> str:
        with another(root_dir) as mine:
            try:
                return mine.run(request(busybox_image, "true", name="wanted")).id
            except NameInUse:
                return ""

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        winners = list(filter(None, pool.map(attempt, range(4))))
    assert len(winners) == 1
    with another(root_dir) as engine:
        engine.wait("wanted")
        assert [c.id for c in engine.containers(all=True)] == winners


def test_runs_at_once__each_has_its_own_address(root_dir: str, dockview: CommandLine, busybox_image: str) -> None:
    """Several processes on a fresh store: one pull's worth of layers, one bridge, distinct addresses."""
    names = [f"c{number}" for number in range(4)]
    started = [dockview.start("run", "-d", "--name", name, busybox_image, "sleep", "600") for name in names]
    for process in started:
        _out, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
    with another(root_dir) as engine:
        found = {container.name: container for container in engine.containers()}
        assert sorted(found) == names
        assert len({container.ip for container in found.values()}) == 4
        for container in found.values():
            assert container.pid is not None
            assert container.ip in str(outside.addresses(container.pid)["eth0"])


def test_close__unblocks_what_waits(root_dir: str, busybox_image: str) -> None:
    """A wait and a followed log end when the engine closes, and the container goes on."""
    engine = stores.open_embedded(root_dir)
    container = engine.run(request(busybox_image, "sleep", "600", name="sleeper"))
    stream = engine.logs("sleeper", follow=True)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(engine.wait, "sleeper")
        reading = pool.submit(list, stream)
        assert not waiting.done()
        engine.close()
        assert isinstance(waiting.exception(timeout=10), Cancelled)
        reading.exception(timeout=10)
    assert container.pid is not None
    assert outside.exists(container.pid)


def test_shim__is_small_and_alone(engine: Engine, busybox_image: str) -> None:
    """What stays beside a container: a session of its own, under 12 MB, with nothing but its own files open."""
    engine.run(request(busybox_image, "sleep", "600", name="sleeper"))
    pid = engine.container("sleeper").pid
    assert pid is not None
    shim = int(outside.status(pid)["PPid"])
    assert any(word.endswith("shim.py") for word in outside.arguments(shim))
    assert os.getsid(shim) != os.getsid(0)
    assert int(outside.status(shim)["VmRSS"].split()[0]) < 12 * 1024
