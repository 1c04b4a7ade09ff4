"""A container's life after its birth: running, stopped, started again, removed, pruned."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dockview.engine.api import Engine
from dockview.engine.errors import Conflict, ImageInUse, NotFound
from dockview.engine.lifecycle import Phase
from dockview.engine.model import ContainerStatus
from tests.support import outside
from tests.support.images import ImageLayout, Registry, layer
from tests.support.requests import request
from tests.support.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.registry]
LOOP = ("/bin/sh", "-c", 'trap "exit 3" TERM; while :; do sleep 0.05; done')


def pid_of(engine: Engine, ref: str) -> int:
    """The host's pid of a running container's first process."""
    pid = engine.container(ref).pid
    assert pid is not None
    return pid


def test_run__process_is_the_one_that_the_kernel_runs(engine: Engine, busybox_image: str) -> None:
    """The pid is of the very command, and the container dies with it."""
    engine.run(request(busybox_image, "sleep", "600", name="sleeper"))
    pid = pid_of(engine, "sleeper")
    assert outside.arguments(pid)[-2:] == ["sleep", "600"]
    os.kill(pid, 9)
    assert engine.wait("sleeper") == 137
    assert engine.container("sleeper").status is ContainerStatus.EXITED


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_exit_code__is_the_processes_own(engine: Engine, busybox_image: str, code: int) -> None:
    """What the command returns is what is recorded."""
    engine.run(request(busybox_image, "sh", "-c", f"exit {code}", name="brief"))
    assert engine.wait("brief") == code
    assert engine.container("brief").exit_code == code


def test_stop__gives_the_process_its_chance(engine: Engine, busybox_image: str) -> None:
    """SIGTERM comes first, and a handler's own exit code counts."""
    engine.run(request(busybox_image, *LOOP, name="loop"))
    until(lambda: _handles_term(pid_of(engine, "loop")), "the handler of SIGTERM")
    stopped = engine.stop("loop", timeout_s=10)
    assert (stopped.status, stopped.exit_code) == (ContainerStatus.EXITED, 3)


def test_stop__kills_what_does_not_listen(engine: Engine, busybox_image: str) -> None:
    """After the grace comes SIGKILL."""
    engine.run(request(busybox_image, "sleep", "600", name="deaf"))  # pid 1 without a handler ignores SIGTERM
    pid = pid_of(engine, "deaf")
    stopped = engine.stop("deaf", timeout_s=0)
    assert (stopped.status, stopped.exit_code) == (ContainerStatus.EXITED, 137)
    assert not outside.exists(pid)


def test_stop__already_exited_is_noop(engine: Engine, busybox_image: str) -> None:
    """As docker does."""
    engine.run(request(busybox_image, "true", name="done"))
    engine.wait("done")
    before = engine.container("done")
    assert engine.stop("done") == before


def test_kill__of_an_exited_container_is_a_conflict(engine: Engine, busybox_image: str) -> None:
    """There is nobody to send it to."""
    engine.run(request(busybox_image, "true", name="done"))
    engine.wait("done")
    with pytest.raises(Conflict):
        engine.kill("done")


def test_start__runs_again_with_its_writable_layer(engine: Engine, busybox_image: str) -> None:
    """What the first life wrote, the second one reads."""
    engine.run(request(busybox_image, "sh", "-c", "cat /root/mark; echo again > /root/mark", name="twice"))
    engine.wait("twice")
    first = engine.container("twice")
    engine.start("twice")
    assert engine.wait("twice") == 0
    assert [record.text for record in engine.logs("twice")][-1] == "again"
    assert engine.container("twice").id == first.id
    assert Phase.START in {span.phase for span in engine.traces("twice", limit=1)[0].spans}


def test_remove__running_needs_force(engine: Engine, busybox_image: str) -> None:
    """Without force it goes on; with force its process is gone, and so is all of it."""
    container = engine.run(request(busybox_image, "sleep", "600", name="web"))
    pid = pid_of(engine, "web")
    with pytest.raises(Conflict):
        engine.remove("web")
    assert outside.exists(pid)
    engine.remove("web", force=True)
    assert not outside.exists(pid)
    with pytest.raises(NotFound):
        engine.container("web")
    assert not os.path.exists(f"{engine.info().endpoint}/containers/{container.id}")


def test_remove__traces_stay(engine: Engine, busybox_image: str) -> None:
    """How a container lived can be read after it is gone."""
    container = engine.run(request(busybox_image, "true", name="gone"))
    engine.wait("gone")
    engine.remove("gone")
    assert {"run", "rm"} <= {trace.verb for trace in engine.traces(container.id)}


def test_auto_remove__leaves_no_container(engine: Engine, busybox_image: str) -> None:
    """`--rm` is the shim's last act, whoever is looking."""
    engine.run(request(busybox_image, "true", name="brief", auto_remove=True))
    until(lambda: not engine.containers(all=True), "the container to remove itself")
    assert os.listdir(f"{engine.info().endpoint}/containers") == []


def test_prune__removes_what_the_plan_names(engine: Engine, busybox_image: str) -> None:
    """The plan touches nothing; the prune takes just that, and says how much it freed."""
    engine.run(request(busybox_image, "sleep", "600", name="alive"))
    engine.run(request(busybox_image, "sh", "-c", "seq 20000 > /root/big", name="done"))
    engine.wait("done")
    plan = engine.prune_plan(["container"])
    assert [(item.kind, item.name) for item in plan.items] == [("container", "done")]
    assert plan.size_bytes is not None
    assert plan.size_bytes > 100_000
    assert len(engine.containers(all=True)) == 2
    report = engine.prune(plan)
    assert [item.name for item in report.removed] == ["done"]
    assert report.freed_bytes == plan.size_bytes
    assert [c.name for c in engine.containers(all=True)] == ["alive"]


def test_prune__keeps_what_came_into_use(engine: Engine, busybox_image: str) -> None:
    """Between preview and prune somebody started it."""
    engine.run(request(busybox_image, "sh", "-c", "test -e /root/x && sleep 600; echo > /root/x", name="again"))
    engine.wait("again")
    plan = engine.prune_plan(["container"])
    engine.start("again")
    report = engine.prune(plan)
    assert report.removed == ()
    assert [item.name for item, _why in report.kept] == ["again"]
    assert engine.container("again").status is ContainerStatus.RUNNING


def test_prune__image_without_a_name_frees_its_layers(engine: Engine, registry: Registry, tmp_path: Path) -> None:
    """As docker's `image prune`, it takes what has lost its name; its blobs and unpacked layers go with it."""
    first, second = ImageLayout(f"{tmp_path}/first"), ImageLayout(f"{tmp_path}/second")
    shared = layer({"shared": b"x" * 1000})
    first.add_image([shared, layer({"one": b"y" * 1000})], {})
    second.add_image([shared, layer({"two": b"z" * 1000})], {})
    old = engine.pull(registry.push(first, "moved"))
    assert engine.prune_plan(["image"]).items == ()
    new = engine.pull(registry.push(second, "moved"))
    plan = engine.prune_plan(["image"])
    assert [item.id for item in plan.items if item.kind == "image"] == [old.id]
    engine.prune(plan)
    assert [image.id for image in engine.images()] == [new.id]
    root = engine.info().endpoint
    assert sorted(os.listdir(f"{root}/layers")) == sorted(item.diff_id.partition(":")[2] for item in new.layers)
    kept = os.listdir(f"{root}/blobs/sha256")
    assert {item.digest.partition(":")[2] for item in old.layers[1:]}.isdisjoint(kept)


def test_remove_image__in_use_is_refused(engine: Engine, busybox_image: str) -> None:
    """A container needs it; once that is gone, so may be the image."""
    engine.run(request(busybox_image, "true", name="user"))
    engine.wait("user")
    with pytest.raises(ImageInUse, match="user"):
        engine.remove_image(busybox_image)
    engine.remove("user")
    engine.remove_image(busybox_image)
    assert list(engine.images()) == []


def test_logs__follow_until_the_end(engine: Engine, busybox_image: str) -> None:
    """Both streams, in order, and the stream ends with the container."""
    script = "for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.05; done"
    engine.run(request(busybox_image, "sh", "-c", script, name="talker"))
    records = list(engine.logs("talker", follow=True))
    assert [r.text for r in records if r.stream == "stdout"] == ["out 1", "out 2", "out 3"]
    assert [r.text for r in records if r.stream == "stderr"] == ["err 1", "err 2", "err 3"]
    assert [r.time_ns for r in records] == sorted(r.time_ns for r in records)


def test_logs__tail(engine: Engine, busybox_image: str) -> None:
    """The last lines only, whatever came before."""
    engine.run(request(busybox_image, "seq", "5000", name="counter"))
    engine.wait("counter")
    assert [record.text for record in engine.logs("counter", tail=2)] == ["4999", "5000"]
    assert len(list(engine.logs("counter"))) == 5000


def test_environment_and_command__are_those_of_image_and_request(engine: Engine, busybox_image: str) -> None:
    """The image's environment, the request's on top, the hostname, the working directory."""
    script = 'echo "$GREETING $NAME $(hostname 2>/dev/null || cat /etc/hostname) $PWD $HOME"'
    settings = {"env": ("NAME=x y",), "hostname": "box", "workdir": "/root"}
    engine.run(request(busybox_image, "sh", "-c", script, name="env", **settings))
    engine.wait("env")
    assert [record.text for record in engine.logs("env")] == ["hello x y box /root /root"]


def test_events__order_is_create_start_die_destroy(engine: Engine, busybox_image: str) -> None:
    """Docker's order, even for a command that ends at once."""
    container = engine.run(request(busybox_image, "true", name="brief"))
    engine.wait("brief")
    until(lambda: "die" in _actions(engine, container.id), "the die event")
    engine.remove("brief")
    assert [a for a in _actions(engine, container.id) if a != "attach"] == ["create", "start", "die", "destroy"]


def _actions(engine: Engine, container_id: str) -> list[str]:
    return [
        event.action for event in engine.events(since_ns=0, until_ns=time.time_ns()) if event.actor_id == container_id
    ]


def _handles_term(pid: int) -> bool:
    return bool(int(outside.status(pid)["SigCgt"], 16) & (1 << 14))
