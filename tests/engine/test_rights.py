"""Flags that change a container's rights and limits: the kernel says what is in force."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dockview.engine.api import Engine
from dockview.engine.errors import InvalidRequest, NotSupported
from dockview.engine.lifecycle import Phase
from dockview.engine.model import ContainerStatus, ExecRequest, Healthcheck, Ulimit
from tests.support import outside
from tests.support.requests import request
from tests.support.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.registry]


def output(engine: Engine, image: str, *command: str, **settings: Any) -> str:
    """What a container that is run with these settings writes."""
    engine.run(request(image, *command, name="asked", **settings))
    engine.wait("asked")
    return "\n".join(record.text for record in engine.logs("asked"))


def fact(engine: Engine, phase: Phase, name: str) -> object:
    """A fact of the newest run."""
    trace = next(trace for trace in engine.traces() if trace.verb == "run")
    span = trace.find(phase)
    assert span is not None
    return span.fact(name)


def test_ulimit_and_oom_score(engine: Engine, busybox_image: str) -> None:
    """As /proc/PID/limits has them, seen from outside."""
    limits = (Ulimit("nofile", 100, 200), Ulimit("core", 0, 0))
    engine.run(request(busybox_image, "sleep", "600", name="small", ulimits=limits, oom_score_adj=300))
    pid = engine.container("small").pid
    told = {line[:25].strip(): line[25:].split()[:2] for line in Path(f"/proc/{pid}/limits").read_text().splitlines()}
    assert (told["Max open files"], told["Max core file size"]) == (["100", "200"], ["0", "0"])
    assert Path(f"/proc/{pid}/oom_score_adj").read_text() == "300\n"
    assert fact(engine, Phase.SECURITY, "ulimit nofile") == "100 200"
    command = ("sh", "-c", "ulimit -n; cat /proc/self/oom_score_adj")
    attachment = engine.exec("small", ExecRequest(command=command, line=""))
    assert b"".join(piece for _stream, piece in iter(attachment.read, None)).split() == [b"100", b"300"]
    attachment.close()
    config = engine.inspect("small")["HostConfig"]
    assert config["Ulimits"][0] == {"Name": "nofile", "Soft": 100, "Hard": 200}
    assert config["OomScoreAdj"] == 300


def test_sysctl__in_its_own_namespaces(engine: Engine, busybox_image: str) -> None:
    """Set inside, and the host's own value is what it was."""
    names = ("net.ipv4.ip_default_ttl", "kernel.shmmni")
    before = [Path("/proc/sys/" + name.replace(".", "/")).read_text() for name in names]
    engine.run(request(busybox_image, "sleep", "600", name="set", sysctls={names[0]: "77", names[1]: "1234"}))
    pid = engine.container("set").pid
    assert pid is not None
    assert outside.inside(pid, "cat", "/proc/sys/net/ipv4/ip_default_ttl").strip() == "77"
    assert fact(engine, Phase.ROOTFS, "sysctl kernel.shmmni") == "1234"
    assert [Path("/proc/sys/" + name.replace(".", "/")).read_text() for name in names] == before


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"sysctls": {"kernel.panic": "1"}}, InvalidRequest),
        ({"sysctls": {"kernel.hostname": "x"}}, InvalidRequest),
        ({"sysctls": {"net.ipv4.ip_forward": "1"}, "network": "host"}, InvalidRequest),
        ({"ulimits": (Ulimit("soup", 1, 1),)}, InvalidRequest),
        ({"oom_score_adj": 2000}, InvalidRequest),
        ({"devices": ("/dev/nothing-of-the-kind",)}, InvalidRequest),
        ({"devices": ("/dev/null:/dev/mine:r",)}, NotSupported),
        ({"userns": "private"}, InvalidRequest),
        ({"security_opt": ("seccomp=/nowhere/profile.json",)}, InvalidRequest),
        ({"security_opt": ("apparmor=mine",)}, NotSupported),
        ({"security_opt": ("soup",)}, InvalidRequest),
        ({"log_opts": {"max-file": "3"}}, InvalidRequest),
        ({"log_opts": {"soup": "3"}}, InvalidRequest),
        ({"health": Healthcheck(test=("NONE",), retries=3)}, InvalidRequest),
    ],
)
def test_refused(engine: Engine, busybox_image: str, settings: dict[str, Any], error: type[Exception]) -> None:
    """What cannot be right, or cannot be done, leaves nothing behind."""
    with pytest.raises(error):
        engine.run(request(busybox_image, "true", **settings))
    assert not engine.containers(all=True)


def test_shm_size(engine: Engine, busybox_image: str) -> None:
    """The size of /dev/shm, as its file system has it."""
    engine.run(request(busybox_image, "sleep", "600", name="shm", shm_size_bytes=8 << 20))
    found = os.statvfs(f"/proc/{engine.container('shm').pid}/root/dev/shm")
    assert found.f_blocks * found.f_frsize == 8 << 20


def test_group_add(engine: Engine, busybox_image: str) -> None:
    """Numbers and names, also beside an explicit group."""
    engine.run(request(busybox_image, "sleep", "600", name="member", user="1000:1000", group_add=("1234", "root")))
    pid = engine.container("member").pid
    assert pid is not None
    assert sorted(outside.status(pid)["Groups"].split()) == ["0", "1234"]


def test_no_new_privileges(engine: Engine, busybox_image: str) -> None:
    """The kernel's own flag."""
    engine.run(request(busybox_image, "sleep", "600", name="bound", security_opt=("no-new-privileges",)))
    pid = engine.container("bound").pid
    assert pid is not None
    assert outside.status(pid)["NoNewPrivs"] == "1"
    assert fact(engine, Phase.SECURITY, "no_new_privs") is True


def test_seccomp__unconfined(engine: Engine, busybox_image: str) -> None:
    """No filter at all."""
    engine.run(request(busybox_image, "sleep", "600", name="free", security_opt=("seccomp=unconfined",)))
    pid = engine.container("free").pid
    assert pid is not None
    assert outside.status(pid)["Seccomp"] == "0"


def test_seccomp__profile(engine: Engine, busybox_image: str, tmp_path: Path) -> None:
    """A profile in docker's format: the calls that it names fail with its errno, names that do not exist are told."""
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [
            {"names": ["mkdir", "mkdirat", "no_such_call"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13},
            {"names": ["setpriority"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
             "args": [{"index": 2, "value": 5, "op": "SCMP_CMP_GT"}]},
        ],
    }  # fmt: skip
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(profile))
    script = "mkdir /new; nice -n 3 true && echo three; nice -n 7 true || echo seven"
    said = output(engine, busybox_image, "sh", "-c", script, security_opt=(f"seccomp={path}",))
    assert "Permission denied" in said
    assert fact(engine, Phase.SECURITY, "seccomp") is not None
    unknown = fact(engine, Phase.SECURITY, "seccomp unknown names")
    assert unknown is not None
    assert "no_such_call" in str(unknown)


def test_privileged(engine: Engine, busybox_image: str) -> None:
    """All that this process has itself, no filter, nothing masked."""
    engine.run(request(busybox_image, "sleep", "600", name="mighty", privileged=True))
    pid = engine.container("mighty").pid
    assert pid is not None
    status = outside.status(pid)
    with open("/proc/self/status") as file:
        own = dict(line.split(":\t") for line in file.read().splitlines() if ":\t" in line)["CapBnd"]
    assert (status["CapEff"], status["Seccomp"]) == (own, "0")
    mounts = outside.mounts(pid)
    assert "/proc/sys" not in mounts
    assert "rw" in mounts["/sys"]["options"].split(",")
    assert engine.inspect("mighty")["HostConfig"]["Privileged"] is True


def test_device(engine: Engine, busybox_image: str) -> None:
    """The very node, under another name."""
    engine.run(request(busybox_image, "sleep", "600", name="node", devices=("/dev/null:/dev/mine",)))
    inside = os.stat(f"/proc/{engine.container('node').pid}/root/dev/mine")
    assert inside.st_rdev == os.stat("/dev/null").st_rdev
    assert fact(engine, Phase.ROOTFS, "device /dev/mine") == "c 1:3"


def test_init__reaps_and_passes_signals_on(engine: Engine, busybox_image: str) -> None:
    """The command is a child of the first process, which reaps orphans and takes over its exit code."""
    script = 'trap "exit 5" TERM; (sleep 0.01 &) ; echo $$; while :; do sleep 0.05; done'
    engine.run(request(busybox_image, "sh", "-c", script, name="reaped", init=True))
    pid = engine.container("reaped").pid
    assert pid is not None
    assert Path(f"/proc/{pid}/comm").read_text() == "docker-init\n"
    until(lambda: list(engine.logs("reaped")), "its first word")
    assert [record.text for record in engine.logs("reaped")] == ["2"]
    assert engine.stop("reaped").exit_code == 5
    engine.run(request(busybox_image, "sh", "-c", "kill -KILL $$", name="struck", init=True))
    assert engine.wait("struck") == 137


def test_health__from_starting_to_healthy_and_back(engine: Engine, busybox_image: str) -> None:
    """The shim asks, and tells by the state, the events and the log of the last five."""
    check = Healthcheck(test=("CMD-SHELL", "echo probed; test -e /well"), interval_ns=50_000_000, retries=2)
    made = engine.run(request(busybox_image, "sleep", "600", name="patient", health=check))
    assert engine.container("patient").health in ("starting", "unhealthy")
    until(lambda: engine.container("patient").health == "unhealthy", "two failures")
    root = f"/proc/{engine.container('patient').pid}/root"
    Path(f"{root}/well").write_text("")
    until(lambda: engine.container("patient").health == "healthy", "a success")
    until(lambda: len(engine.inspect("patient")["State"]["Health"]["Log"]) == 5, "five probes")
    health = engine.inspect("patient")["State"]["Health"]
    assert (health["Status"], health["FailingStreak"]) == ("healthy", 0)
    assert (health["Log"][-1]["ExitCode"], health["Log"][-1]["Output"]) == (0, "probed\n")
    stream = engine.events(since_ns=0)
    wanted = ["health_status: unhealthy", "health_status: healthy"]
    seen: list[str] = []
    for event in stream:
        seen += [event.action] if event.actor_id == made.id and event.action.startswith("health") else []
        if seen == wanted:
            break
    stream.close()
    engine.stop("patient", timeout_s=0)
    assert engine.container("patient").status is ContainerStatus.EXITED


def test_health__a_probe_that_takes_too_long(engine: Engine, busybox_image: str) -> None:
    """It is killed, and counts as a failure, in docker's words."""
    check = Healthcheck(test=("CMD", "sleep", "60"), interval_ns=20_000_000, timeout_ns=100_000_000, retries=1)
    engine.run(request(busybox_image, "sleep", "600", name="slow", health=check))
    until(lambda: engine.container("slow").health == "unhealthy", "the first probe's end")
    probe = engine.inspect("slow")["State"]["Health"]["Log"][0]
    assert (probe["ExitCode"], probe["Output"]) == (-1, "Health check exceeded timeout (100ms)")
