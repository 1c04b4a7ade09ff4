"""The ports phase: taking ports of the host, and saying who has them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from dockview.engine.embedded import leases, publish
from dockview.engine.errors import InvalidRequest, NotSupported, PortInUse
from dockview.engine.lifecycle import Phase, Status
from dockview.engine.model import PortMapping
from dockview.engine.network import pasta, ports
from dockview.engine.network.holders import find_holder
from tests.engine.netns_holder import Held, hold
from tests.engine.network_house import Steps, add_container, house, request


@pytest.fixture
def steps() -> Iterator[Steps]:
    with house() as made:
        yield Steps(made)


def held() -> Held:
    return Held(os.getpid(), os.getpid(), None, -1, None)


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def sockets_of(port: int) -> list[str]:
    shown = subprocess.run(["ss", "-Hltn", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    return sorted(line.split()[3] for line in shown.splitlines())


def test_bind__default_address_takes_both_families() -> None:
    port = free_port()
    bound = ports.bind(PortMapping(80, host_port=port))
    try:
        expected = [f"0.0.0.0:{port}"] + ([f"[::]:{port}"] if socket.has_dualstack_ipv6() else [])
        assert sockets_of(port) == sorted(expected)
    finally:
        bound.close()
    assert sockets_of(port) == []


def test_bind__one_address_takes_only_that() -> None:
    port = free_port()
    bound = ports.bind(PortMapping(80, host_ip="127.0.0.1", host_port=port))
    assert sockets_of(port) == [f"127.0.0.1:{port}"]
    bound.close()


def test_bind__port_0_takes_a_free_one_and_says_which() -> None:
    bound = ports.bind(PortMapping(80))
    assert bound.mapping.host_port == bound.listeners[0].getsockname()[1] > 0
    bound.close()


HOLD = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"


def test_bind__taken_port_names_the_process() -> None:
    argv = [sys.executable, "-I", "-S", "-c", HOLD]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        with open(f"/proc/{other.pid}/comm") as file:
            name = file.read().strip()
        with pytest.raises(PortInUse, match=rf"port {port}/tcp of this host is taken by {name} \(pid {other.pid}\)"):
            ports.bind(PortMapping(80, host_port=port))
        other.communicate("\n", timeout=10)


def test_bind__udp_port_is_never_shared() -> None:
    first = ports.bind(PortMapping(53, "udp"))
    with pytest.raises(PortInUse, match="/udp of this host"):
        ports.bind(PortMapping(53, "udp", host_port=first.mapping.host_port))
    first.close()


def test_bind_all__a_taken_port_gives_the_others_back() -> None:
    free, taken = free_port(), ports.bind(PortMapping(80))
    with pytest.raises(PortInUse):
        ports.bind_all([PortMapping(81, host_port=free), PortMapping(82, host_port=taken.mapping.host_port)])
    assert sockets_of(free) == []
    taken.close()


@pytest.mark.parametrize(
    ("mapping", "error", "words"),
    [
        (PortMapping(80, host_ip="203.0.113.9", host_port=0), InvalidRequest, "does not have the address 203.0.113.9"),
        (PortMapping(80, host_ip="localhost"), InvalidRequest, "'localhost' is no IP address"),
        (PortMapping(80, "sctp"), NotSupported, "cannot publish 80/sctp"),
    ],
)
def test_bind__what_cannot_be(mapping: PortMapping, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ports.bind(mapping)


def test_requested__all_exposed_ports_that_have_no_mapping() -> None:
    asked = PortMapping(80, host_port=8080)
    found = ports.requested([asked, asked], ["80/tcp", "53/udp", "9000-9001"], publish_all=True)
    assert found == (asked, PortMapping(53, "udp"), PortMapping(9000), PortMapping(9001))
    assert ports.requested([asked], ["81/tcp"], publish_all=False) == (asked,)


def test_requested__exposed_nonsense_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="is no port"):
        ports.requested([], ["http"], publish_all=True)


def test_find_holder__nobody() -> None:
    assert find_holder(free_port(), "tcp") is None


@pytest.mark.root
def test_publish__facts_are_the_listeners(steps: Steps) -> None:
    """The phase names each listener's inode, which the kernel lists too, and where it leads."""
    lease = leases.lease(steps.house, add_container(steps.house), request())
    published = steps.publish(held(), request("bridge", PortMapping(80)), lease)
    span = steps.span(Phase.PORTS)
    (mapping,) = published.ports
    inodes = set()
    for table in ("tcp", "tcp6"):
        with open(f"/proc/net/{table}") as file:
            inodes |= {f"socket:[{line.split()[9]}]" for line in file}
    where = f"0.0.0.0:{mapping.host_port}"
    assert span.fact(where) == f"{lease.address}:80/tcp"
    assert span.fact(f"listener {where}") in inodes
    assert span.check == f"curl -sI localhost:{mapping.host_port}"
    assert published.proxy[-len(published.listeners) :] == [f"{lease.address}:80"] * len(published.listeners)
    assert published.proxy[4:8] == [lease.container_id[:12], "{fds}", "{netns}", "{userns}"]
    for listener in published.listeners:
        listener.close()


@pytest.mark.root
def test_publish__failure_later_gives_the_ports_back(steps: Steps) -> None:
    lease = leases.lease(steps.house, add_container(steps.house), request())
    wanted = request("bridge", PortMapping(80, host_port=free_port()))

    def fail_later() -> None:
        with steps.recorder() as trace:
            publish.publish(steps.house, trace, wanted, held(), lease)
            assert sockets_of(wanted.ports[0].host_port)
            raise OSError("later")

    with pytest.raises(OSError, match="later"):
        fail_later()
    assert sockets_of(wanted.ports[0].host_port) == []


@pytest.mark.root
@pytest.mark.parametrize(
    ("network", "mappings", "why"),
    [
        ("bridge", (), "no port is published; the image exposes 80/tcp, which -P publishes"),
        ("host", (PortMapping(80),), "the container shares the host's network: its ports are the host's"),
        ("none", (PortMapping(80),), "network none: the container has no network that a port could lead to"),
    ],
)
def test_publish__nothing_to_publish_says_why(
    steps: Steps, network: str, mappings: tuple[PortMapping, ...], why: str
) -> None:
    wanted = request(network, *mappings)
    lease = leases.lease(steps.house, add_container(steps.house), wanted)
    published = steps.publish(held(), wanted, lease, "80/tcp")
    span = steps.span(Phase.PORTS)
    assert (span.status, span.why) == (Status.SKIPPED, why)
    assert (published.listeners, published.proxy) == ([], [])


@pytest.mark.user
def test_bind__privileged_port_of_an_ordinary_user_has_a_way_out() -> None:
    """Only the binding process needs to be an ordinary user: a child that gives root up asks."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        with os.fdopen(writing, "w") as answer:
            try:
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
                ports.bind(PortMapping(80, host_ip="127.0.0.1", host_port=81))
            except NotSupported as error:
                answer.write(f"{error.message}|{error.hint}")
            answer.flush()
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        message, _, hint = answer.read().partition("|")
    os.waitpid(child, 0)
    assert message == "an ordinary user may not listen on port 81/tcp"
    assert "net.ipv4.ip_unprivileged_port_start=81" in hint


@pytest.mark.root
def test_publish__rootless_leads_to_loopback(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasta, "why_not", lambda: "pasta is not installed")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with hold(user=True) as born:
        lease = steps.connect(born, request())
        span = steps.span(Phase.NETWORK)
        assert span.fact("mode") == "loopback"
        assert str(span.fact("outbound")).startswith("none (rootless: only root may make a bridge); pasta")
        assert [link["ifname"] for link in born.ip("link") if "UP" in link["flags"]] == ["lo"]
        shown = subprocess.run(["sh", "-c", span.check], capture_output=True, text=True, check=True).stdout
        assert "127.0.0.1/8" in shown
        assert lease.target == "127.0.0.1"
