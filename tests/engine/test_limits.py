"""Limits, pause, what is used, and update, held against the kernel's own files and counters."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from dockview.engine.api import Engine
from dockview.engine.errors import Conflict, InvalidRequest
from dockview.engine.lifecycle import Phase
from dockview.engine.model import ContainerStatus, RestartPolicy, UpdateRequest
from tests.support import outside
from tests.support.cli import CommandLine
from tests.support.requests import HUB, request
from tests.support.waiting import until

pytestmark = pytest.mark.root
BOX = f"{HUB}/box"
CGROUP = "/sys/fs/cgroup"
IS_V1 = os.path.isdir(f"{CGROUP}/memory")
v1 = pytest.mark.skipif(not IS_V1, reason="the files of cgroup v1")


def in_force(container_id: str, controller: str, name: str) -> str:
    with open(f"{CGROUP}/{controller}/dockview/{container_id}/{name}") as file:
        return file.read().strip()


def evidence(engine: Engine, verb: str) -> dict[str, Any]:
    """The facts of phase CGROUP of the newest trace of a verb."""
    trace = next(t for t in engine.traces("box") if t.verb == verb)
    span = trace.find(Phase.CGROUP)
    assert span is not None
    return {fact.name: fact.value for fact in span.facts}


@v1
def test_run__limits_are_in_force_and_told(engine: Engine) -> None:
    box = engine.run(request(
        BOX, "sleep", "600", name="box", memory_bytes=64 << 20, memory_swap_bytes=80 << 20, nano_cpus=500_000_000,
        cpu_shares=300, cpuset_cpus="0", pids_limit=40,
    ))  # fmt: skip
    assert in_force(box.id, "memory", "memory.limit_in_bytes") == str(64 << 20)
    assert in_force(box.id, "memory", "memory.memsw.limit_in_bytes") == str(80 << 20)
    assert in_force(box.id, "cpu", "cpu.cfs_quota_us") == "50000"
    assert in_force(box.id, "cpu", "cpu.shares") == "300"
    assert in_force(box.id, "cpuset", "cpuset.cpus") == "0"
    assert in_force(box.id, "pids", "pids.max") == "40"
    assert box.pid is not None
    assert outside.status(box.pid)["Cpus_allowed_list"] == "0"
    told = evidence(engine, "run")
    assert {"memory.max": 64 << 20, "memory.swap.max": 16 << 20, "cpu.max": "50000 100000", "cpu.shares": 300,
            "cpuset.cpus": "0", "pids.max": 40}.items() <= told.items()  # fmt: skip
    shown = engine.inspect("box")["HostConfig"]
    assert (shown["MemorySwap"], shown["CpuShares"], shown["CpusetCpus"]) == (80 << 20, 300, "0")
    engine.remove("box", force=True)
    assert not os.path.exists(f"{CGROUP}/cpuset/dockview/{box.id}")


@pytest.mark.parametrize(
    "settings",
    [
        {"memory_swap_bytes": 64 << 20}, {"memory_bytes": 64 << 20, "memory_swap_bytes": 32 << 20},
        {"cpuset_cpus": "0-999"}, {"cpuset_cpus": "one"}, {"nano_cpus": 999_000_000_000}, {"cpu_shares": -1},
    ],
)  # fmt: skip
def test_run__limits_that_cannot_be(engine: Engine, settings: dict[str, Any]) -> None:
    """Refused before anything is made."""
    with pytest.raises(InvalidRequest):
        engine.run(request(BOX, "true", **settings))
    assert list(engine.containers(all=True)) == []
    assert list(engine.images()) == []


def test_out_of_memory__is_told_from_a_kill(engine: Engine) -> None:
    """Both end by SIGKILL with 137; only the kernel's counter knows the difference."""
    hog = ("BURN_CPUS=0", "BURN_MEMORY_MB=400")
    engine.run(request(f"{HUB}/burner", name="hog", env=hog, memory_bytes=48 << 20, memory_swap_bytes=48 << 20))
    assert engine.wait("hog") == 137
    engine.run(request(BOX, "sleep", "600", name="killed", memory_bytes=48 << 20))
    engine.kill("killed")
    assert engine.wait("killed") == 137
    assert [engine.container(name).oom_killed for name in ("hog", "killed")] == [True, False]
    assert engine.inspect("hog")["State"]["OOMKilled"] is True
    stream = engine.events(since_ns=0, until_ns=time.time_ns())
    actions = [event.action for event in stream if event.attributes.get("name") == "hog"]
    assert [a for a in actions if a in ("start", "oom", "die")] == ["start", "oom", "die"]


@v1
def test_update__in_force_at_once_and_after_a_restart(engine: Engine) -> None:
    box = engine.run(request(BOX, "sleep", "600", name="box"))
    wanted = UpdateRequest(
        memory_bytes=64 << 20, memory_swap_bytes=-1, nano_cpus=250_000_000, cpu_shares=2000, cpuset_cpus="1",
        pids_limit=30,
    )  # fmt: skip
    engine.update("box", wanted)
    assert box.pid is not None
    for _ in range(2):
        assert in_force(box.id, "memory", "memory.limit_in_bytes") == str(64 << 20)
        assert int(in_force(box.id, "memory", "memory.memsw.limit_in_bytes")) > 1 << 60
        assert in_force(box.id, "cpu", "cpu.cfs_quota_us") == "25000"
        assert in_force(box.id, "cpu", "cpu.shares") == "2000"
        assert in_force(box.id, "pids", "pids.max") == "30"
        assert outside.status(engine.container("box").pid or 0)["Cpus_allowed_list"] == "1"
        engine.stop("box", timeout_s=0)
        engine.start("box")
    told = evidence(engine, "update")
    assert (told["memory.max"], told["memory.max before"], told["cpuset.cpus"]) == (64 << 20, "max", "1")
    engine.update("box", UpdateRequest(pids_limit=-1))
    assert in_force(box.id, "pids", "pids.max") == "max"
    assert in_force(box.id, "cpu", "cpu.shares") == "2000"


def test_update__memory_above_its_swap_limit(engine: Engine) -> None:
    """Docker's own rule."""
    engine.run(request(BOX, "sleep", "600", name="box", memory_bytes=64 << 20))
    with pytest.raises(InvalidRequest, match="memoryswap"):
        engine.update("box", UpdateRequest(memory_bytes=512 << 20))
    engine.update("box", UpdateRequest(memory_bytes=512 << 20, memory_swap_bytes=1 << 30))


def test_pause__no_process_runs(engine: Engine) -> None:
    """Frozen, the burner uses no CPU time; let go, it does."""
    burner = engine.run(request(f"{HUB}/burner", name="burner"))
    engine.pause("burner")
    shown = engine.inspect("burner")["State"]
    assert (engine.container("burner").status, shown["Status"], shown["Paused"], shown["Running"]) == (
        ContainerStatus.PAUSED, "paused", True, True,
    )  # fmt: skip
    with pytest.raises(Conflict, match="already paused"):
        engine.pause("burner")
    before = next(engine.stats("burner")).cpu_total_ns
    assert burner.pid is not None
    until(lambda: outside.status(burner.pid or 0)["State"].startswith(("D", "T", "S")), "the process to be frozen")
    stream = engine.stats("burner")
    assert [next(stream).cpu_total_ns, next(stream).cpu_total_ns] == [before, before]
    stream.close()
    engine.unpause("burner")
    with pytest.raises(Conflict, match="not paused"):
        engine.unpause("burner")
    until(lambda: (next(engine.stats("burner")).cpu_total_ns or 0) > (before or 0), "the burner to burn")
    actions = [event.action for event in engine.events(since_ns=0, until_ns=time.time_ns())]
    assert [a for a in actions if "pause" in a] == ["pause", "unpause"]


@pytest.mark.parametrize("verb", ["stop", "kill", "remove"])
def test_pause__a_paused_container_can_be_ended(engine: Engine, verb: str) -> None:
    """As docker: the signal is sent, and the container let go to take it."""
    engine.run(request(BOX, "sleep", "600", name="box"))
    engine.pause("box")
    if verb == "stop":
        engine.stop("box", timeout_s=0)
    elif verb == "kill":
        engine.kill("box")
    else:
        engine.remove("box", force=True)
        return
    assert engine.wait("box") == 137
    assert engine.container("box").status is ContainerStatus.EXITED


def test_pause__of_what_does_not_run(engine: Engine) -> None:
    engine.run(request(BOX, "true", name="done"))
    engine.wait("done")
    with pytest.raises(Conflict):
        engine.pause("done")
    with pytest.raises(Conflict):
        engine.stats("done")
    with pytest.raises(Conflict):
        engine.top("done")


def test_stats__as_the_kernel_counts(engine: Engine) -> None:
    """One busy CPU with a limit of a half is about fifty per cent; memory and tasks are the kernel's."""
    burner = engine.run(request(f"{HUB}/burner", name="burner", nano_cpus=500_000_000, memory_bytes=64 << 20))
    stream = engine.stats("burner")
    first, second = next(stream), next(stream)
    stream.close()
    assert (first.cpu_percent, first.container_id, first.name) == (None, burner.id, "burner")
    assert second.cpu_percent is not None
    assert 1 < second.cpu_percent < 75
    assert second.memory_limit_bytes == 64 << 20
    assert second.pids == 2
    assert second.memory_bytes is not None
    assert 0 < second.memory_bytes < 64 << 20
    assert second.memory_percent == second.memory_bytes / (64 << 20) * 100
    received = sum(
        row["stats64"]["rx"]["bytes"] for row in outside.links_with_counters(burner.pid or 0) if row["ifname"] != "lo"
    )
    assert second.network_received_bytes is not None
    assert second.network_received_bytes <= received
    engine.stop("burner", timeout_s=0)
    assert list(stream) == []


def test_stats__on_the_hosts_network_is_not_counted(engine: Engine) -> None:
    engine.run(request(BOX, "sleep", "600", name="box", network="host"))
    sample = next(engine.stats("box"))
    assert (sample.network_received_bytes, sample.network_sent_bytes) == (None, None)


def test_top__the_processes_of_the_container_alone(engine: Engine) -> None:
    box = engine.run(request(BOX, "sh", "-c", "sleep 601 & sleep 602", name="box"))

    def commands() -> list[str]:
        table = engine.top("box")
        return sorted(row[table.titles.index("CMD")] for row in table.rows)

    until(lambda: commands()[1:] == ["sleep 601", "sleep 602"], "both to run")
    table = engine.top("box", "-o pid,ppid,comm")
    assert table.titles == ("PID", "PPID", "COMMAND")
    assert next(row for row in table.rows if row[0] == str(box.pid))[2] == "sh"
    with pytest.raises(InvalidRequest):
        engine.top("box", "--no-such-option")


def test_from_the_command_line(dockview: CommandLine) -> None:
    dockview.ok("run", "-d", "--name", "box", "-m", "64m", "--cpuset-cpus", "0", BOX, "sleep", "600")
    assert dockview.ok("update", "--memory", "32m", "--memory-swap", "64m", "box") == "box"
    row = dockview.json("stats", "--no-stream", "--format", "json", "box")
    assert (row["Name"], row["PIDs"], row["MemUsage"].rpartition(" / ")[2]) == ("box", "1", "32MiB")
    assert row["CPUPerc"].endswith("%")
    lines = dockview.ok("top", "box").splitlines()
    assert lines[0].split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert lines[1].endswith("sleep 600")
    assert dockview.ok("pause", "box") == "box"
    assert "(Paused)" in dockview.ok("ps", "--format", "{{.Status}}")
    assert dockview("exec", "box", "true").returncode == 1
    assert dockview.ok("unpause", "box") == "box"
    refused = dockview("run", "--rm", "--cpuset-cpus", "999", BOX, "true")
    assert (refused.returncode, "not available" in refused.stderr) == (125, True)


def test_update__stays_for_the_next_life(engine: Engine) -> None:
    """What the shim starts again by itself has the new limit, too."""
    engine.run(request(BOX, "sh", "-c", "sleep 0.2; exit 1", name="box", restart=RestartPolicy(name="always")))
    engine.update("box", UpdateRequest(pids_limit=30))
    until(lambda: (engine.container("box").restart_count or 0) >= 2, "two more lives")
    until(lambda: engine.container("box").pid is not None, "a life")
    box = engine.container("box")
    assert in_force(box.id, "pids", "pids.max") == "30"


def test_pause__a_killed_shim_leaves_nothing_frozen(engine: Engine) -> None:
    """SIGKILL does not end a frozen process: whoever looks next lets it go, to its end."""
    box = engine.run(request(BOX, "sleep", "600", name="box"))
    engine.pause("box")
    assert box.pid is not None
    os.kill(int(outside.status(box.pid)["PPid"]), signal.SIGKILL)
    until(lambda: engine.container("box").status is ContainerStatus.DEAD, "the shim's end to be seen")
    until(lambda: not outside.exists(box.pid or 0), "the process to end")
