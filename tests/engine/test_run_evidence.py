"""What the trace shows, compared with what /proc, findmnt, ip and ps say, asked independently."""

from __future__ import annotations

import os
import subprocess

import pytest

from dockview.engine.api import Engine
from dockview.engine.lifecycle import NAMESPACES, Origin, Phase, Span, Status, Trace
from dockview.engine.model import PortMapping
from tests.support import outside
from tests.support.requests import request
from tests.support.waiting import until

pytestmark = pytest.mark.root
MEMORY, CPUS, PIDS = 64 * 1024 * 1024, 0.5, 50


@pytest.fixture
def trace(engine: Engine) -> Trace:
    """The trace of a web server that runs, with limits and a port."""
    limits = {"memory_bytes": MEMORY, "nano_cpus": int(CPUS * 1e9), "pids_limit": PIDS}
    ports = (PortMapping(80, host_ip="127.0.0.1"),)
    engine.run(request("hub.localhost/web", name="web", ports=ports, **limits))
    return until(
        lambda: next((t for t in engine.traces("web", limit=1) if t.find(Phase.RUNNING)), None), "the running phase"
    )


@pytest.fixture
def pid(engine: Engine, trace: Trace) -> int:
    """The host's pid of its first process."""
    found = engine.container("web").pid
    assert found is not None
    return found


def shown(trace: Trace, phase: Phase, part: str | None = None) -> Span:
    """A phase that must be in the trace, done."""
    span = trace.find(phase, part)
    assert span is not None, f"no {phase} {part or ''}"
    return span


def test_namespaces__are_those_of_the_process(trace: Trace, pid: int) -> None:
    """Each inode is the one in /proc/PID/ns, beside the host's own, and `is_new` is their difference."""
    for part in NAMESPACES:
        span = shown(trace, Phase.NAMESPACES, part)
        container, host = outside.namespace(pid, part), outside.namespace("self", part)
        assert (span.fact("container"), span.fact("host")) == (container, host), part
        assert span.fact("is_new") == (container != host), part


def test_cgroup__limits_are_in_the_kernel(trace: Trace, pid: int) -> None:
    """The path is the process's, and the limits shown are what the kernel's files hold."""
    span = shown(trace, Phase.CGROUP)
    paths = set(outside.cgroups(pid).values())
    said = [str(fact.value) for fact in span.facts]
    assert any(path in text for path in paths - {"/"} for text in said), (paths, said)
    limits = _limits_of(pid)
    assert limits["memory"] == str(MEMORY)
    assert limits["pids"] == str(PIDS)
    assert limits["cpu"] == CPUS
    assert str(PIDS) in said


def test_rootfs__mounts_are_those_of_the_process(trace: Trace, pid: int) -> None:
    """Their number, and the layers below the root, as findmnt sees them."""
    span = shown(trace, Phase.ROOTFS)
    with open(f"/proc/{pid}/mountinfo") as file:
        rows = [line.split() for line in file]
    assert span.fact("mounts") == len(rows)
    root = outside.mounts(pid)["/"]
    assert root["fstype"] == "overlay"
    assert str(span.fact("upperdir")) in root["options"]
    writable = shown(trace, Phase.WRITABLE)
    assert os.path.isdir(str(writable.fact("upperdir")))
    assert {"/proc", "/dev", "/sys"} <= set(outside.mounts(pid))


def test_rootfs__nothing_is_mounted_on_the_host(trace: Trace, engine: Engine) -> None:
    """The overlay lives in the container's mount namespace alone."""
    with open("/proc/self/mountinfo") as file:
        assert engine.info().endpoint not in file.read()


def test_network__addresses_and_wire_are_the_kernels(trace: Trace, pid: int) -> None:
    """Address, gateway, the two ends of the wire and their bridge, as ip sees them on both sides."""
    span = shown(trace, Phase.NETWORK)
    assert span.fact("address") in outside.addresses(pid)["eth0"]
    assert span.fact("gateway") == outside.default_gateway(pid)
    host, inside = outside.links()[str(span.fact("veth"))], outside.links(pid)["eth0"]
    assert (span.fact("veth ifindex"), span.fact("veth peer")) == (host["ifindex"], inside["ifindex"])
    assert (span.fact("interface ifindex"), span.fact("interface peer")) == (inside["ifindex"], host["ifindex"])
    assert span.fact("mac") == inside["address"]
    assert host["master"] == span.fact("bridge")
    assert span.fact("bridge ifindex") == outside.links()[str(span.fact("bridge"))]["ifindex"]


def test_network__names_inside_are_those_shown(trace: Trace, pid: int) -> None:
    """/etc/hosts and /etc/resolv.conf inside the container say what the facts say."""
    span = shown(trace, Phase.NETWORK)
    with open(f"/proc/{pid}/root/etc/hosts") as file:
        assert str(span.fact("hosts")).split() in [line.split() for line in file]
    with open(f"/proc/{pid}/root/etc/resolv.conf") as file:
        servers = [line.split()[1] for line in file if line.startswith("nameserver")]
    assert servers
    assert all(server in str(span.fact("dns")) for server in servers)


def test_ports__listener_is_held_by_the_proxy(trace: Trace, engine: Engine) -> None:
    """The port that is shown is the one that the kernel has a listener for."""
    port = engine.container("web").ports[0].host_port
    assert any(f"127.0.0.1:{port}" in fact.name for fact in shown(trace, Phase.PORTS).facts)
    assert f"127.0.0.1:{port}" in outside.output("ss", "-Hltn", f"sport = :{port}")


def test_security__is_what_proc_status_says(trace: Trace, pid: int) -> None:
    """Capabilities, seccomp, no_new_privs and uid, as /proc/PID/status has them."""
    span, status = shown(trace, Phase.SECURITY), outside.status(pid)
    values = " ".join(str(fact.value) for fact in span.facts)
    assert status["CapEff"] in values
    assert span.fact("no_new_privs") == (status["NoNewPrivs"] == "1")
    assert span.fact("uid") == int(status["Uid"].split()[1])
    assert str(span.fact("seccomp")).startswith("filter") == (status["Seccomp"] == "2")


def test_start__pid_and_command_are_those_of_ps(trace: Trace, pid: int) -> None:
    """The pid on the host and inside, and the arguments, as ps and /proc show them."""
    span = shown(trace, Phase.START)
    values = {fact.value for fact in span.facts}
    assert pid in values
    assert 1 in values
    assert outside.status(pid)["NSpid"].split() == [str(pid), "1"]
    args = outside.output("ps", "-o", "args=", "-p", str(pid)).strip()
    assert str(span.fact("argv")).split()[-1] == args.split()[-1]


def test_create__folder_and_log_exist(trace: Trace, engine: Engine) -> None:
    """What the create phase names is on the disk, and is the container's."""
    span = shown(trace, Phase.CREATE)
    assert span.fact("ID") == engine.container("web").id
    assert os.path.isfile(f"{span.fact('folder')}/config.json")
    assert os.path.isfile(str(span.fact("log")))


def test_checks__each_runs_and_changes_nothing(trace: Trace, engine: Engine, pid: int) -> None:
    """Every command that is offered as a proof succeeds in a shell while the container runs."""
    port = engine.container("web").ports[0].host_port
    outside.output("curl", "-s", "--retry", "50", "--retry-all-errors", f"http://127.0.0.1:{port}/")
    failed = []
    for span in trace.spans:
        if not span.check or span.check.startswith("dockview "):
            continue  # those of dockview itself are run with the store's root, in the tests of the command line
        if span.phase in (Phase.AUTH, Phase.MANIFEST):
            continue  # the hub listens only while a pull is at work; with a registry they are run in its tests
        done = subprocess.run(
            ["sh", "-c", span.check], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False
        )
        if done.returncode != 0 or not (done.stdout or span.phase is Phase.WRITABLE):
            failed.append(f"{span.label}: {span.check}: {done.returncode} {done.stderr}")
    assert failed == []
    assert engine.container("web").pid == pid


def test_facts__say_how_they_are_known(trace: Trace) -> None:
    """An origin each; the kernel's facts are measured."""
    kernel = {Phase.NAMESPACES, Phase.CGROUP, Phase.ROOTFS, Phase.SECURITY, Phase.START}
    measured = {fact.origin for span in trace.spans if span.phase in kernel for fact in span.facts}
    assert measured == {Origin.MEASURED}


def test_spans__follow_each_other(trace: Trace) -> None:
    """Each phase begins after the ones before it, and every one but the life itself has ended."""
    starts = [span.start_ns for span in trace.spans if span.phase is not Phase.LAYER]
    assert starts == sorted(starts)
    assert [span.label for span in trace.spans if span.status is Status.RUNNING] == ["running"]
    assert all(span.end_ns >= span.start_ns for span in trace.spans if span.end_ns is not None)


def _limits_of(pid: int) -> dict[str, str | float]:
    """The limits of a process's group, from whichever version of control groups holds them."""
    groups, limits = outside.cgroups(pid), {}
    files = {
        "memory": ("memory/{}/memory.limit_in_bytes", "{}/memory.max"),
        "pids": ("pids/{}/pids.max", "{}/pids.max"),
        "cpu": ("cpu/{}/cpu.cfs_quota_us", "{}/cpu.max"),
    }
    for name, (first, second) in files.items():
        path = next((path for names, path in groups.items() if name in names.split(",")), None)
        where = first.format(path.strip("/")) if path is not None else second.format(groups[""].strip("/"))
        with open(f"/sys/fs/cgroup/{where}") as file:
            value = file.read().strip()
        limits[name] = value if name != "cpu" else int(value.split()[0]) / 100_000
    return limits
