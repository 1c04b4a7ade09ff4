"""The restart policy and the verb restart, on the real kernel: nobody but the shim is there to do it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import urllib.request
from collections.abc import Callable

import pytest

from dockview.engine.api import Engine
from dockview.engine.errors import InvalidRequest
from dockview.engine.lifecycle import Phase, Span, Status
from dockview.engine.model import ContainerStatus, PortMapping, RestartPolicy, UpdateRequest
from tests.support import outside
from tests.support.requests import HUB, request
from tests.support.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.registry]
ALWAYS = RestartPolicy(name="always")


def ended(engine: Engine, ref: str) -> Callable[[], bool]:
    """Whether the container has had its last life."""
    return lambda: engine.container(ref).status is ContainerStatus.EXITED


def lives(engine: Engine, ref: str, phase: Phase) -> list[Span]:
    """The spans of a phase in the trace of the run."""
    trace = next(trace for trace in engine.traces(ref) if trace.verb == "run")
    return [span for span in trace.spans if span.phase is phase]


def restarted(engine: Engine, ref: str, count: int) -> Callable[[], bool]:
    """Whether it runs in its so-manieth life."""
    return lambda: (engine.container(ref).restart_count, engine.container(ref).status) == (
        count, ContainerStatus.RUNNING,
    )  # fmt: skip


def test_on_failure__as_often_as_said(engine: Engine, busybox_image: str) -> None:
    """Three lives with two restarts, each in the log, the trace and the events."""
    policy = RestartPolicy(name="on-failure", max_retries=2)
    container = engine.run(request(busybox_image, "sh", "-c", "echo here; exit 3", name="again", restart=policy))
    until(ended(engine, "again"), "the container to get there")
    found = engine.container("again")
    assert (found.exit_code, found.restart_count) == (3, 2)
    assert engine.inspect("again")["RestartCount"] == 2
    assert [record.text for record in engine.logs("again")] == ["here"] * 3
    assert [span.part for span in lives(engine, "again", Phase.RUNNING)] == ["", "2", "3"]
    assert [span.part for span in lives(engine, "again", Phase.EXITED)] == ["", "2", "3"]
    assert {span.status for span in lives(engine, "again", Phase.EXITED)} == {Status.OK}
    assert [span.fact("waited") for span in lives(engine, "again", Phase.START)][1:] == ["0.1 s", "0.2 s"]
    assert actions_of(engine, container.id) == ["create", *["start", "die"] * 3]


def actions_of(engine: Engine, container_id: str) -> list[str]:
    """What has happened to a container so far."""
    with contextlib.closing(engine.events(since_ns=0, until_ns=time.time_ns())) as stream:
        return [event.action for event in stream if event.actor_id == container_id]


def test_on_failure__a_success_is_the_end(engine: Engine, busybox_image: str) -> None:
    """Exit code 0 is no failure."""
    engine.run(request(busybox_image, "true", name="fine", restart=RestartPolicy(name="on-failure")))
    engine.wait("fine")
    until(ended(engine, "fine"), "the container to get there")
    assert engine.container("fine").restart_count == 0


def test_always__keeps_network_port_and_layer(engine: Engine) -> None:
    """A killed server is back under the same address and port, in the same network namespace, with its files."""
    made = engine.run(request(f"{HUB}/web", name="web", restart=ALWAYS, ports=(PortMapping(80, host_ip="127.0.0.1"),)))
    before = engine.container("web")
    assert before.pid is not None
    network, group = outside.namespace(before.pid, "net"), cgroup_of(before.pid)
    with open(f"/proc/{before.pid}/root/kept", "w") as file:
        file.write("here")
    until(lambda: answers(made.ports[0].host_port), "the server's first answer")
    os.kill(before.pid, signal.SIGKILL)
    until(restarted(engine, "web", 1), "the container to get there")
    after = engine.container("web")
    assert after.pid is not None
    assert after.pid != before.pid
    assert (after.ip, after.ports) == (before.ip, before.ports)
    assert outside.namespace(after.pid, "net") == network
    assert cgroup_of(after.pid) == group
    with open(f"/proc/{after.pid}/root/kept") as file:
        assert file.read() == "here"
    until(lambda: answers(made.ports[0].host_port), "the container to get there")
    engine.remove("web", force=True)


def answers(port: int) -> bool:
    """Whether the published port leads to the server."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def cgroup_of(pid: int) -> str:
    """The groups of a process."""
    with open(f"/proc/{pid}/cgroup") as file:
        return file.read()


def test_stop__ends_it(engine: Engine, busybox_image: str) -> None:
    """A stopped container stays stopped, whatever its policy; and starts again by hand."""
    for policy in ("always", "unless-stopped"):
        engine.run(request(busybox_image, "sleep", "600", name=policy, restart=RestartPolicy(name=policy)))
        found = engine.stop(policy, timeout_s=0)
        assert (found.status, found.exit_code) == (ContainerStatus.EXITED, 137)
    assert engine.start("always").restart_count == 0
    engine.kill("always")
    engine.wait("always")
    until(ended(engine, "always"), "the container to get there")


def test_stop__while_it_waits(engine: Engine, busybox_image: str) -> None:
    """Between two lives it is `restarting`, for docker a kind of running; a stop ends the wait."""
    engine.run(request(busybox_image, "false", name="loop", restart=ALWAYS))
    until(lambda: engine.container("loop").status is ContainerStatus.RESTARTING, "the container to get there")
    state = engine.inspect("loop")["State"]
    assert (state["Status"], state["Running"], state["Restarting"], state["Pid"]) == ("restarting", True, True, 0)
    found = engine.stop("loop")
    assert (found.status, found.exit_code) == (ContainerStatus.EXITED, 1)
    engine.remove("loop")


def test_update__changes_the_policy_of_a_life(engine: Engine, busybox_image: str) -> None:
    """A running container can be told to come back once."""
    engine.run(request(busybox_image, "sh", "-c", "sleep 600", name="later"))
    pid = engine.container("later").pid
    engine.update("later", UpdateRequest(restart=RestartPolicy(name="on-failure", max_retries=1)))
    assert pid is not None
    until(ended_after_restart(engine, "later"), "the container to get there")
    assert engine.inspect("later")["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 1}


def ended_after_restart(engine: Engine, ref: str) -> Callable[[], bool]:
    """Kill whatever runs, until the last life is over."""

    def look() -> bool:
        found = engine.container(ref)
        if found.status is ContainerStatus.RUNNING and found.pid is not None:
            try:
                os.kill(found.pid, signal.SIGKILL)
            except ProcessLookupError:
                return False
        return found.status is ContainerStatus.EXITED

    return look


def test_restart__stops_and_starts_in_one_trace(engine: Engine, busybox_image: str) -> None:
    """Docker's order of events; the container is a new process with its old files."""
    made = engine.run(request(busybox_image, "sleep", "600", name="again"))
    after = engine.restart("again", timeout_s=0)
    assert (after.id, after.status) == (made.id, ContainerStatus.RUNNING)
    assert after.pid != made.pid
    trace = engine.traces("again", limit=1)[0]
    assert trace.verb == "restart"
    seen = [span.phase for span in trace.spans]
    assert seen.index(Phase.STOP) < seen.index(Phase.NAMESPACES) < seen.index(Phase.START)
    assert actions_of(engine, made.id) == ["create", "start", "die", "stop", "start", "restart"]
    engine.stop("again", timeout_s=0)
    assert engine.restart("again").status is ContainerStatus.RUNNING


def test_restart__keeps_what_is_run_with_rm(engine: Engine, busybox_image: str) -> None:
    """A --rm container outlives its restart, and goes at its end."""
    engine.run(request(busybox_image, "sleep", "600", name="brief", auto_remove=True))
    assert engine.restart("brief", timeout_s=0).status is ContainerStatus.RUNNING
    engine.stop("brief", timeout_s=0)
    until(lambda: not engine.containers(all=True), "the container to get there")


def test_killed_shim__leaves_no_life_behind(engine: Engine, busybox_image: str) -> None:
    """The policy is the shim's: when that is killed, also in a later life, the container is dead and can go."""
    engine.run(request(busybox_image, "sh", "-c", "test -e /second && exec sleep 600; touch /second; exit 1",
                       name="orphan", restart=ALWAYS))  # fmt: skip
    until(restarted(engine, "orphan", 1), "the container to get there")
    pid = engine.container("orphan").pid
    assert pid is not None
    os.kill(int(outside.status(pid)["PPid"]), signal.SIGKILL)
    until(lambda: engine.container("orphan").status is ContainerStatus.DEAD, "the container to get there")
    until(lambda: not outside.exists(pid), "the command to die with its shim")
    engine.remove("orphan")


@pytest.mark.parametrize(
    ("policy", "settings"),
    [
        (RestartPolicy(name="sometimes"), {}),
        (RestartPolicy(name="always", max_retries=3), {}),
        (ALWAYS, {"auto_remove": True}),
    ],
)
def test_refused(engine: Engine, busybox_image: str, policy: RestartPolicy, settings: dict[str, bool]) -> None:
    """What docker refuses, before anything is created."""
    with pytest.raises(InvalidRequest):
        engine.run(request(busybox_image, "true", name="never", restart=policy, **settings))
    assert not engine.containers(all=True)
