"""Runs on a real daemon, compared with /proc and with what the docker command says."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from dockview.engine.api import Attachment
from dockview.engine.cancel import CancelToken
from dockview.engine.daemon.engine import DockerEngine
from dockview.engine.errors import Cancelled, Conflict, ImageNotFound, NameInUse, NotFound, PortInUse, StartFailed
from dockview.engine.lifecycle import NAMESPACES, Origin, Phase, Record, Status, Trace
from dockview.engine.model import ContainerStatus, PortMapping
from tests.docker.conftest import IMAGE
from tests.support.dockerd import PrivateDocker
from tests.support.requests import request
from tests.support.waiting import until

pytestmark = pytest.mark.docker


def _trace(engine: DockerEngine, ref: str, verb: str) -> Trace:
    return next(trace for trace in engine.traces(ref) if trace.verb == verb)


def _exited(engine: DockerEngine, ref: str) -> Trace:
    until(lambda: any(t.find(Phase.EXITED) for t in engine.traces(ref)), f"{ref} to be seen to exit")
    return next(t for t in engine.traces(ref) if t.find(Phase.EXITED))


def test_run__evidence_is_what_proc_says(engine: DockerEngine) -> None:
    """Namespaces, cgroup, mounts and capabilities in the trace are those of the process."""
    container = engine.run(request(IMAGE, "sleep", "600", name="seen", memory_bytes=64 << 20))
    trace, pid = _trace(engine, "seen", "run"), container.pid
    for part in NAMESPACES:
        span = trace.find(Phase.NAMESPACES, part)
        assert span is not None
        assert (span.fact("container"), span.fact("host")) == tuple(
            os.readlink(f"/proc/{who}/ns/{part}") for who in (pid, "self")
        )
    cgroup, rootfs, security = (trace.find(p) for p in (Phase.CGROUP, Phase.ROOTFS, Phase.SECURITY))
    assert cgroup
    assert rootfs
    assert security
    assert str(cgroup.fact("path")) in Path(f"/proc/{pid}/cgroup").read_text()
    assert cgroup.fact("memory") == str(64 << 20)
    assert rootfs.fact("mounts") == len(Path(f"/proc/{pid}/mountinfo").read_text().splitlines())
    assert str(security.fact("capabilities")).endswith(f"({_status(pid, 'CapEff')})")
    assert {f.origin for f in security.facts} == {Origin.MEASURED}
    network = trace.find(Phase.NETWORK)
    assert network is not None
    assert network.fact("address") == f"{container.ip}/16"
    assert {f.origin for f in network.facts} == {Origin.REPORTED}


def _status(pid: int | None, name: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))


def test_run__ends_its_trace_when_the_container_exits(engine: DockerEngine) -> None:
    """The run returns, and its trace goes on: RUNNING, then EXITED with the code."""
    records: list[Record] = []
    engine.run(request(IMAGE, "sh", "-c", "exit 7", name="brief"), on_record=records.append)
    trace = _exited(engine, "brief")
    running, exited = trace.find(Phase.RUNNING), trace.find(Phase.EXITED)
    assert running
    assert exited
    assert (running.status, exited.fact("exit code"), trace.is_live) == (Status.OK, 7, False)
    until(lambda: any(r.get("phase") == "exited" for r in records), "the caller to be told, too")


@pytest.mark.parametrize(("settings", "command", "kind"), [
    ({}, ("no-such-program",), StartFailed), ({}, ("/etc",), StartFailed),
    ({"auto_remove": True}, ("no",), StartFailed),
    ({"ports": (PortMapping(80, host_port=8123),)}, ("true",), PortInUse), ({"name": "holder"}, ("true",), NameInUse),
])  # fmt: skip
def test_failed_run__leaves_nothing(
    engine: DockerEngine, settings: dict[str, object], command: tuple[str, ...], kind: type[Exception]
) -> None:
    """Whatever fails: no container is left, and the undo is in the trace."""
    holder = engine.run(
        request(IMAGE, "sleep", "600", name="holder", ports=(PortMapping(80, host_port=8123),), detach=True)
    )
    with pytest.raises(kind):
        engine.run(request(IMAGE, *command, **settings))
    assert [c.id for c in engine.containers(all=True)] == [holder.id]
    trace = engine.traces()[0]
    assert trace.status is Status.FAILED
    assert any(span.is_undo for span in trace.spans) is (kind is not NameInUse)


def test_cancelled_run__leaves_nothing(engine: DockerEngine) -> None:
    """Cancelled as soon as the container exists: it does not any more afterwards."""
    cancel = CancelToken()

    def on_record(record: Record) -> None:
        if record["t"] == "start" and record["phase"] == Phase.START:
            cancel.cancel()

    with pytest.raises(Cancelled):
        engine.run(request(IMAGE, "sleep", "600", name="unborn"), cancel=cancel, on_record=on_record)
    assert list(engine.containers(all=True)) == []


def test_missing_image__never_pulled(engine: DockerEngine) -> None:
    with pytest.raises(ImageNotFound):
        engine.run(request("docker-tests/none:1", "true", pull="never"))


def test_attach__streams_apart_and_stdin(engine: DockerEngine) -> None:
    """Input goes in, both streams come out as what they are, and the end of input is the end."""
    script = "read line; echo out $line; echo err $line >&2; cat"
    engine.run(request(IMAGE, "sh", "-c", script, name="talker", open_stdin=True, detach=False))
    attachment = engine.attach("talker", stdin=True, logs=True)
    attachment.write(b"hello\nmore\n")
    attachment.close_stdin()
    seen: dict[str, bytes] = {"stdout": b"", "stderr": b""}
    while (piece := attachment.read()) is not None:
        seen[piece[0]] += piece[1]
    assert attachment.exit_code == 0
    attachment.close()
    assert seen == {"stdout": b"out hello\nmore\n", "stderr": b"err hello\n"}
    assert engine.wait("talker") == 0


def test_attach__output_of_a_moment_is_not_lost(engine: DockerEngine) -> None:
    """A container of --rm that is gone before anybody could attach; its code is known all the same."""
    joined: list[Attachment] = []
    run = request(IMAGE, "sh", "-c", "echo was here; exit 9", auto_remove=True, detach=False)
    engine.run(run, on_attach=joined.append)
    assert joined[0].read() == ("stdout", b"was here\n")
    assert joined[0].read() is None
    assert joined[0].exit_code == 9
    joined[0].close()
    until(lambda: not engine.containers(all=True), "the container to be gone")


def test_attach__terminal_with_a_size(engine: DockerEngine) -> None:
    """With -t there is one stream, and the size arrives inside."""
    script = "while read line; do busybox stty size; done"
    engine.run(request(IMAGE, "sh", "-c", script, name="screen", tty=True, open_stdin=True))
    attachment = engine.attach("screen", stdin=True)
    assert attachment.is_tty
    attachment.resize(41, 137)
    attachment.write(b"go\n")
    seen = b""
    while b"41 137" not in seen:
        piece = attachment.read()
        assert piece is not None
        seen += piece[1]
    attachment.close()
    attachment.close()


def test_attach__to_what_has_ended(engine: DockerEngine) -> None:
    """The daemon would never end such a stream."""
    engine.run(request(IMAGE, "true", name="over"))
    engine.wait("over")
    with pytest.raises(Conflict):
        engine.attach("over", logs=True)


def test_list__knows_each_life_exactly(engine: DockerEngine) -> None:
    """Times and pid in the list are those of inspect, also after a second start."""
    engine.run(request(IMAGE, "sleep", "600", name="twice"))
    assert engine.containers()[0].pid == engine.container("twice").pid
    engine.stop("twice", timeout_s=0)
    stopped = engine.containers(all=True)[0]
    assert (stopped.exit_code, stopped.finished_ns) == (137, engine.container("twice").finished_ns)
    engine.start("twice")
    again, shown = engine.containers()[0], engine.container("twice")
    assert (again.pid, again.started_ns) == (shown.pid, shown.started_ns)


def test_logs__streams_times_and_tail(engine: DockerEngine) -> None:
    engine.run(request(IMAGE, "sh", "-c", "echo a; echo b >&2; seq 1 100; printf end", name="writer"))
    engine.wait("writer")
    records = list(engine.logs("writer"))
    assert sorted((r.stream, r.text) for r in records if not r.text.isdigit()) == [
        ("stderr", "b"), ("stdout", "a"), ("stdout", "end"),
    ]  # fmt: skip
    assert [r.text for r in engine.logs("writer", tail=3)][-1] == "end"
    assert all(r.time_ns >= engine.container("writer").created_ns for r in records)
    assert list(engine.logs("writer", since_ns=records[-1].time_ns + 1)) == []


def test_runs_of_others__appear_as_traces(engine: DockerEngine, daemon: PrivateDocker) -> None:
    """What the docker command does is followed live, with the same evidence."""
    follower = engine.follow_traces()
    seen: list[str] = []
    ended = threading.Event()

    def follow() -> None:
        for _, record in follower:
            if record["t"] == "start":
                seen.append(record["phase"])
            if record["t"] == "end" and seen[-1:] == ["exited"]:
                ended.set()

    reader = threading.Thread(target=follow)
    reader.start()
    engine.run(request(IMAGE, "true", name="first"))  # Returns after the subscription to the events.
    engine.remove("first", force=True)
    _exited(engine, "first")
    seen.clear()
    ended.clear()
    done = daemon.docker("run", "--name", "theirs", IMAGE, "sh", "-c", "sleep 1; exit 4")
    assert done.returncode == 4
    assert ended.wait(10)
    follower.close()
    reader.join()
    assert [p for p in seen if p != "namespaces"] == [
        "create", "start", "cgroup", "rootfs", "network", "ports", "security", "running", "exited",
    ]  # fmt: skip
    trace = _trace(engine, "theirs", "run")
    exited, user = trace.find(Phase.EXITED), trace.find(Phase.NAMESPACES, "pid")
    assert exited
    assert user
    assert (exited.fact("exit code"), user.status) == (4, Status.OK)


def test_stop_kill_remove(engine: DockerEngine) -> None:
    engine.run(request(IMAGE, "sleep", "600", name="victim"))
    with pytest.raises(Conflict):
        engine.remove("victim")
    engine.kill("victim", "SIGKILL")
    assert engine.wait("victim") == 137
    assert _exited(engine, "victim").find(Phase.EXITED).fact("signal sent") == "9"  # type: ignore[union-attr]
    assert engine.stop("victim").status is ContainerStatus.EXITED
    with pytest.raises(Conflict):
        engine.kill("victim")
    engine.remove("victim")
    with pytest.raises(NotFound):
        engine.container("victim")


def test_prune__removes_what_was_shown(engine: DockerEngine, daemon: PrivateDocker) -> None:
    """Containers, networks and volumes; what came into use after the plan is kept, with the reason."""
    engine.run(request(IMAGE, "true", name="done"))
    engine.wait("done")
    for name in ("lonely", "busy"):
        daemon.docker("network", "create", name)
        daemon.docker("volume", "create", name)
    assert "volume" not in {item.kind for item in engine.prune_plan(["volume"]).items}
    plan = engine.prune_plan(["container", "network", "volume"], filters={"all": ["true"]})
    assert sorted((item.kind, item.name) for item in plan.items) == [
        ("container", "done"), ("network", "busy"), ("network", "lonely"), ("volume", "busy"), ("volume", "lonely"),
    ]  # fmt: skip
    daemon.docker("run", "-d", "--name", "user", "--network", "busy", "-v", "busy:/data", IMAGE, "sleep", "600")
    report = engine.prune(plan)
    assert sorted(item.name for item in report.removed) == ["done", "lonely", "lonely"]
    assert sorted((item.kind, item.name) for item, _ in report.kept) == [("network", "busy"), ("volume", "busy")]
    engine.remove("user", force=True)
    engine.prune(engine.prune_plan(["network", "volume"], filters={"all": ["true"]}))
    assert [v.name for v in engine.volumes()] == []


def test_start__again(engine: DockerEngine) -> None:
    """A second life is a trace of its own."""
    engine.create(request(IMAGE, "sh", "-c", "exit 3", name="again"))
    assert engine.container("again").status is ContainerStatus.CREATED
    engine.start("again")
    assert engine.wait("again") == 3
    engine.start("again")
    engine.wait("again")
    assert [t.verb for t in engine.traces("again")] == ["start", "start", "create"]
