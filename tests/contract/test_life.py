"""Restart policies, health checks and rights: one body for every engine."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest

from dockview.engine.api import Engine
from dockview.engine.errors import DockviewError
from dockview.engine.model import ContainerStatus, Healthcheck, RestartPolicy, Ulimit
from tests.contract.test_engines import either  # noqa: F401  a fixture
from tests.support import outside
from tests.support.requests import request
from tests.support.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.registry]


def actions_of(engine: Engine, container_id: str) -> list[str]:
    """What has happened to a container so far, without its networks."""
    with contextlib.closing(engine.events(since_ns=0, until_ns=time.time_ns())) as stream:
        return [e.action for e in stream if e.actor_id == container_id and e.type == "container"]


def test_on_failure(either: tuple[Engine, str]) -> None:  # noqa: F811
    """As often as the policy says."""
    engine, image = either
    policy = RestartPolicy(name="on-failure", max_retries=2)
    made = engine.run(request(image, "sh", "-c", "echo here; exit 3", name="again", pull="never", restart=policy))
    until(lambda: engine.inspect("again")["State"]["Status"] == "exited", "its last life")
    shown = engine.inspect("again")
    assert (shown["RestartCount"], shown["State"]["ExitCode"]) == (2, 3)
    assert shown["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 2}
    assert [record.text for record in engine.logs("again")] == ["here"] * 3
    actions = [action for action in actions_of(engine, made.id) if action in ("start", "die")]
    assert actions == ["start", "die"] * 3


def test_always__until_it_is_stopped(either: tuple[Engine, str]) -> None:  # noqa: F811
    """`restarting` counts as running; a stop is the end."""
    engine, image = either
    engine.run(request(image, "false", name="loop", pull="never", restart=RestartPolicy(name="always")))
    until(lambda: engine.inspect("loop")["State"]["Restarting"], "the wait between two lives")
    engine.stop("loop", timeout_s=0)
    assert engine.container("loop").status is ContainerStatus.EXITED
    engine.remove("loop")


def test_restart(either: tuple[Engine, str]) -> None:  # noqa: F811
    """Stop and start; the order of events is docker's."""
    engine, image = either
    made = engine.run(request(image, "sleep", "600", name="again", pull="never"))
    after = engine.restart("again", timeout_s=0)
    assert (after.id, after.status) == (made.id, ContainerStatus.RUNNING)
    assert after.pid != made.pid
    actions = [action for action in actions_of(engine, made.id) if action != "kill"]
    assert actions[-4:] == ["die", "stop", "start", "restart"]
    assert engine.traces("again", limit=1)[0].verb == "restart"


def test_health(either: tuple[Engine, str]) -> None:  # noqa: F811
    """From starting to healthy, with the log of the probes."""
    engine, image = either
    check = Healthcheck(test=("CMD-SHELL", "echo probed"), interval_ns=100_000_000, timeout_ns=5_000_000_000)
    made = engine.run(request(image, "sleep", "600", name="patient", pull="never", health=check))
    until(lambda: engine.container("patient").health == "healthy", "the first probe")
    probe = engine.inspect("patient")["State"]["Health"]["Log"][0]
    assert (probe["ExitCode"], probe["Output"]) == (0, "probed\n")
    until(lambda: "health_status: healthy" in actions_of(engine, made.id), "the event")


def test_rights(either: tuple[Engine, str]) -> None:  # noqa: F811
    """What the kernel says of the process, and inspect of the request."""
    engine, image = either
    engine.run(request(
        image, "sleep", "600", name="set", pull="never", ulimits=(Ulimit("nofile", 100, 200),), oom_score_adj=300,
        sysctls={"net.ipv4.ip_default_ttl": "77"}, group_add=("1234",), shm_size_bytes=8 << 20,
        security_opt=("no-new-privileges",),
    ))  # fmt: skip
    pid = engine.container("set").pid
    assert pid is not None
    with open(f"/proc/{pid}/limits") as file:
        assert next(line for line in file if line.startswith("Max open files")).split()[3:5] == ["100", "200"]
    with open(f"/proc/{pid}/oom_score_adj") as file:
        assert file.read() == "300\n"
    status = outside.status(pid)
    assert "1234" in status["Groups"].split()
    assert status["NoNewPrivs"] == "1"
    assert outside.inside(pid, "cat", "/proc/sys/net/ipv4/ip_default_ttl").strip() == "77"
    config = engine.inspect("set")["HostConfig"]
    assert (config["ShmSize"], config["OomScoreAdj"], config["GroupAdd"]) == (8 << 20, 300, ["1234"])
    assert config["Sysctls"] == {"net.ipv4.ip_default_ttl": "77"}


def test_init(either: tuple[Engine, str]) -> None:  # noqa: F811
    """The command is not the first process, and its code is the container's."""
    engine, image = either
    engine.run(request(image, "sh", "-c", "echo $$; exit 5", name="reaped", pull="never", init=True))
    assert engine.wait("reaped") == 5
    assert [record.text != "1" for record in engine.logs("reaped")] == [True]


@pytest.mark.parametrize(
    "settings",
    [
        {"restart": RestartPolicy(name="sometimes")},
        {"restart": RestartPolicy(name="always", max_retries=3)},
        {"restart": RestartPolicy(name="always"), "auto_remove": True},
        {"sysctls": {"kernel.panic": "1"}},
        {"log_opts": {"soup": "1"}},
    ],
)
def test_refused(either: tuple[Engine, str], settings: dict[str, Any]) -> None:  # noqa: F811
    """Nothing is left of what cannot be."""
    engine, image = either
    with pytest.raises(DockviewError):
        engine.run(request(image, "true", name="never", pull="never", **settings))
    assert not engine.containers(all=True)
