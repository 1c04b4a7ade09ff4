"""The network phase, compared with what ip(8) says, inside and outside."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from dockview.engine.embedded import leases, listed, network_verbs, wire
from dockview.engine.embedded.house import House
from dockview.engine.errors import Conflict, NotFound
from dockview.engine.lifecycle import Origin, Phase, Status
from dockview.engine.model import NetworkRequest
from dockview.engine.network import names, outbound
from dockview.engine.network.pool import Subnet
from dockview.engine.state import networks as records
from tests.engine.netns_holder import Held, echo, hold
from tests.engine.network_house import Steps, add_container, house, request
from tests.support.waiting import until

pytestmark = pytest.mark.root


@pytest.fixture
def steps() -> Iterator[Steps]:
    with house() as made:
        yield Steps(made)


@pytest.fixture
def held() -> Iterator[Held]:
    with hold() as made:
        yield made


def ip(*argv: str) -> Any:
    done = subprocess.run(["ip", "-j", *argv], capture_output=True, text=True, check=True, timeout=20)
    return json.loads(done.stdout or "[]")


def bridge_of(made: House) -> str:
    record = records.find(made.database)
    assert record is not None
    return record.bridge


def say(address: str, port: int, text: bytes) -> bytes:
    with socket.create_connection((address, port), timeout=10) as client:
        client.sendall(text)
        client.shutdown(socket.SHUT_WR)
        said = b""
        while data := client.recv(65536):
            said += data
    return said


def test_connect__facts_are_what_ip_says(steps: Steps, held: Held) -> None:
    """Each fact of the phase is found by another program, in the place where it belongs."""
    lease = steps.connect(held, request())
    span = steps.span(Phase.NETWORK)
    assert span.status is Status.OK
    inside = held.ip("-d", "addr", "show", "eth0")[0]
    (own,) = [a for a in inside["addr_info"] if a["family"] == "inet"]
    assert span.fact("address") == f"{own['local']}/{own['prefixlen']}"
    assert span.fact("address") == f"{lease.address}/24"
    assert span.fact("mac") == inside["address"]
    assert span.fact("interface") == inside["ifname"]
    assert span.fact("interface ifindex") == inside["ifindex"]
    assert span.fact("interface peer") == inside["link_index"]
    assert {"UP", "LOWER_UP"} <= set(inside["flags"])
    routes = {route["dst"]: route for route in held.ip("route")}
    assert span.fact("gateway") == routes["default"]["gateway"]
    assert len(str(span.fact("routes")).split(", ")) == len(routes)
    host = ip("-d", "link", "show", str(span.fact("veth")))[0]
    assert span.fact("veth ifindex") == host["ifindex"] == inside["link_index"]
    assert span.fact("veth peer") == host["link_index"] == inside["ifindex"]
    assert host["master"] == span.fact("bridge") == bridge_of(steps.house)
    bridge = ip("addr", "show", str(span.fact("bridge")))[0]
    assert span.fact("bridge ifindex") == span.fact("veth master") == bridge["ifindex"]
    assert span.fact("gateway") in [a["local"] for a in bridge["addr_info"]]
    assert span.fact("hosts") == f"{lease.address} {lease.hostname}"


def test_connect__check_shows_the_same(steps: Steps, held: Held) -> None:
    steps.connect(held, request())
    span = steps.span(Phase.NETWORK)
    shown = subprocess.run(["sh", "-c", span.check], capture_output=True, text=True, check=True).stdout
    assert str(span.fact("address")) in shown
    assert f"eth0@if{span.fact('veth ifindex')}" in shown


def test_connect__host_and_container_reach_each_other(steps: Steps, held: Held) -> None:
    lease = steps.connect(held, request())
    with echo(held.inside(), "0.0.0.0", 7000):
        assert say(lease.address, 7000, b"hello") == b"hello<end>"


def test_connect__two_containers_reach_each_other(steps: Steps, held: Held) -> None:
    first = steps.connect(held, request())
    with hold() as other:
        second = steps.connect(other, request())
        assert first.address != second.address
        with echo(held.inside(), first.address, 7000):
            program = f"import socket; c = socket.create_connection(('{first.address}', 7000), 5); c.send(b'x');"
            assert other.run("/usr/bin/python3", "-c", program + "print(c.recv(9))") == "b'x'\n"


def test_connect__second_life_replaces_the_wire_of_the_first(steps: Steps, held: Held) -> None:
    """A restarted container gets the same address, also while the kernel has not yet taken the old namespace down."""
    container_id = add_container(steps.house)
    first = steps.connect(held, request(), container_id)
    with hold() as again:
        second = steps.connect(again, request(), container_id)
        assert second.address == first.address
        with echo(again.inside(), "0.0.0.0", 7000):
            assert say(second.address, 7000, b"second") == b"second<end>"


def test_connect__bridge_that_went_away_is_made_again(steps: Steps, held: Held) -> None:
    steps.connect(held, request())
    wire.remove_bridge(steps.house)
    assert bridge_of(steps.house) not in os.listdir("/sys/class/net")
    with hold() as other:
        lease = steps.connect(other, request())
        assert steps.span(Phase.NETWORK).fact("bridge is new") is True
        with echo(other.inside(), "0.0.0.0", 7000):
            assert say(lease.address, 7000, b"") == b"<end>"


def test_connect__failure_later_takes_the_wire_away(steps: Steps, held: Held) -> None:
    container_id = add_container(steps.house)
    lease = leases.lease(steps.house, container_id, request())

    def fail_later() -> None:
        with steps.recorder() as trace:
            wire.connect(steps.house, trace, lease, held, steps.house.layout.container(container_id))
            assert f"veth{container_id[:7]}" in os.listdir("/sys/class/net")
            raise OSError("later")

    with pytest.raises(OSError, match="later"):
        fail_later()
    assert f"veth{container_id[:7]}" not in os.listdir("/sys/class/net")


def test_connect__interface_that_is_no_bridge_is_left_alone(steps: Steps, held: Held) -> None:
    leases.lease(steps.house, add_container(steps.house), request())
    name = bridge_of(steps.house)
    wire.remove_bridge(steps.house)
    subprocess.run(["ip", "link", "add", name, "type", "veth", "peer", f"{name}p"], check=True)
    try:
        with pytest.raises(Conflict, match="it is no bridge"):
            steps.connect(held, request())
    finally:
        subprocess.run(["ip", "link", "delete", name], check=True)


def test_connect__none_has_loopback_only(steps: Steps, held: Held) -> None:
    lease = steps.connect(held, request("none"))
    span = steps.span(Phase.NETWORK)
    assert [link["ifname"] for link in held.ip("link") if "UP" in link["flags"]] == ["lo"]
    assert (span.fact("mode"), span.fact("interface"), span.fact("address")) == ("none", "lo", "127.0.0.1/8")
    assert lease.target == ""


def test_connect__host_shares_the_namespace(steps: Steps) -> None:
    born = Held(os.getpid(), os.getpid(), None, -1, None)
    lease = steps.connect(born, request("host"))
    span = steps.span(Phase.NETWORK)
    assert span.fact("shared with host") is True
    assert span.fact("namespace") == os.readlink("/proc/self/ns/net")
    with open("/etc/hosts") as file:
        assert lease.hosts == file.read()


def test_lease__unknown_network_is_refused(steps: Steps) -> None:
    with pytest.raises(NotFound, match="network blue not found"):
        leases.lease(steps.house, add_container(steps.house), request("blue"))


def test_lease__files_are_written_in_place(steps: Steps) -> None:
    """A container has the files mounted: a new lease changes them, and not the inode."""
    container_id = add_container(steps.house)
    folder = steps.house.layout.container(container_id)
    lease = leases.lease(steps.house, container_id, request(hostname="box"))
    inode = os.stat(f"{folder}/hosts").st_ino
    assert leases.lease(steps.house, container_id, request(hostname="box")) == lease
    assert os.stat(f"{folder}/hosts").st_ino == inode
    with open(f"{folder}/hosts") as file:
        assert f"{lease.address}\tbox\n" in file.readlines()
    with open(f"{folder}/hostname") as file:
        assert file.read() == "box\n"


def test_lease__many_at_once_get_different_addresses(steps: Steps) -> None:
    ids = [add_container(steps.house) for _ in range(24)]
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda i=i: found.append(leases.lease(steps.house, i, request()).address)) for i in ids
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == len(ids)


def test_lease__address_is_free_again_with_its_container(steps: Steps) -> None:
    first, second = add_container(steps.house), add_container(steps.house)
    address = leases.lease(steps.house, first, request()).address
    steps.house.database.execute("DELETE FROM containers WHERE id = ?", first)
    assert leases.lease(steps.house, second, request()).address == address


def test_lease__full_network_says_so(steps: Steps) -> None:
    leases.lease(steps.house, add_container(steps.house), request())
    steps.house.database.execute("UPDATE networks SET subnet = '172.29.77.0/30', gateway = '172.29.77.1'")
    steps.house.database.execute("DELETE FROM addresses")
    assert leases.lease(steps.house, add_container(steps.house), request()).address == "172.29.77.2"
    with pytest.raises(Conflict, match=r"no address is free in 172\.29\.77\.0/30"):
        leases.lease(steps.house, add_container(steps.house), request())


def test_lease__stores_do_not_share_a_subnet() -> None:
    with ExitStack() as stack:
        found = []
        for _ in range(3):
            made = stack.enter_context(house())
            leases.lease(made, add_container(made), request())
            record = records.find(made.database)
            assert record is not None
            found.append((record.bridge, Subnet.parse(record.subnet)))
        assert len({name for name, _ in found}) == 3
        assert not any(a.overlaps(b) for i, (_, a) in enumerate(found) for _, b in found[i + 1 :])


def test_lease__first_of_a_store_removes_bridges_of_stores_that_are_gone() -> None:
    """The bridge of a store whose folder was deleted goes; one that still has a container's port stays."""
    with house() as gone, house() as inhabited, hold() as held, house() as next_one:
        leases.lease(gone, add_container(gone), request())
        Steps(inhabited).connect(held, request())
        for made in (gone, inhabited):
            os.rename(made.layout.root, f"{made.layout.root}.away")
        try:
            leases.lease(next_one, add_container(next_one), request())
            there = os.listdir("/sys/class/net")
        finally:
            for made in (gone, inhabited):
                os.rename(f"{made.layout.root}.away", made.layout.root)
        assert bridge_of(gone) not in there
        assert outbound.has_table(bridge_of(gone)) is False
        assert {bridge_of(inhabited), bridge_of(next_one)} <= set(there)
        alias = ip("link", "show", bridge_of(next_one))[0]["ifalias"]
        assert alias == f"dockview store {next_one.layout.root}"


def test_sweep__takes_what_belongs_to_no_container(steps: Steps, held: Held) -> None:
    alive = steps.connect(held, request())
    with hold() as other:
        dead = steps.connect(other, request())
        assert wire.sweep(steps.house, [alive.container_id]) == [f"veth{dead.container_id[:7]}"]
        assert wire.sweep(steps.house, [alive.container_id]) == []
        left = {link["ifname"] for link in ip("link", "show", "master", bridge_of(steps.house))}
        assert left == {f"veth{alive.container_id[:7]}"}


def test_networks__names_those_that_are_there(steps: Steps, held: Held) -> None:
    before = {network.name: network for network in listed.list_networks(steps.house)}
    assert list(before) == ["bridge", "host", "none"]
    assert before["bridge"].subnet == ""
    lease = steps.connect(held, request())
    found = {network.name: network for network in listed.list_networks(steps.house)}
    assert list(found) == ["bridge", "host", "none"]
    assert found["bridge"].id == before["bridge"].id
    assert found["bridge"].containers == {lease.container_id: lease.address}


def test_remove_bridge__leaves_nothing(steps: Steps, held: Held) -> None:
    steps.connect(held, request())
    name = bridge_of(steps.house)
    wire.remove_bridge(steps.house)
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
    assert name not in tables
    assert name not in os.listdir("/sys/class/net")
    wire.remove_bridge(steps.house)


@pytest.fixture
def elsewhere(steps: Steps) -> Iterator[Held]:
    """Another network that the host routes to: 198.51.100.2 in a namespace of its own, 198.51.100.1 on the host."""
    name = f"dvt{os.getpid() % 100000}"
    with hold() as made:
        subprocess.run(["ip", "link", "add", name, "type", "veth", "peer", "out0", "netns", str(made.pid)], check=True)
        try:
            subprocess.run(["ip", "addr", "add", "198.51.100.1/24", "dev", name], check=True)
            subprocess.run(["ip", "link", "set", name, "up"], check=True)
            made.run("ip", "addr", "add", "198.51.100.2/24", "dev", "out0")
            made.run("ip", "link", "set", "out0", "up")
            yield made
        finally:
            subprocess.run(["ip", "link", "delete", name], check=True)


SEEN = (
    "import socket; s = socket.create_server(('', 7001)); print('up', flush=True); print(s.accept()[1][0], flush=True)"
)


def test_outbound__leaves_under_the_hosts_address(steps: Steps, held: Held, elsewhere: Held) -> None:
    steps.connect(held, request())
    assert str(steps.span(Phase.NETWORK).fact("outbound")).startswith("masquerade")
    argv = elsewhere.inside("/usr/bin/python3", "-c", SEEN)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "up\n"
        held.run("/usr/bin/python3", "-c", "import socket; socket.create_connection(('198.51.100.2', 7001), 5)")
        assert server.stdout.readline() == "198.51.100.1\n"


def test_outbound__others_do_not_reach_past_the_published_ports(steps: Steps, held: Held, elsewhere: Held) -> None:
    lease = steps.connect(held, request())
    elsewhere.run("ip", "route", "add", "default", "via", "198.51.100.1")
    program = (
        "import socket; s = socket.socket(); s.settimeout(0.3);"
        f"print(s.connect_ex(('{lease.address}', 7000)), s.connect_ex(('198.51.100.1', 1)))"
    )
    with echo(held.inside(), "0.0.0.0", 7000):
        assert say(lease.address, 7000, b"") == b"<end>"
        dropped, refused = elsewhere.run("/usr/bin/python3", "-c", program).split()
    assert dropped == "11"  # EAGAIN, nothing has answered
    assert refused in ("106", "111", "114")


def test_outbound__rules_that_were_flushed_are_made_again(steps: Steps, held: Held) -> None:
    steps.connect(held, request())
    name = bridge_of(steps.house)
    subprocess.run(["nft", "delete", "table", "ip", f"dockview_{name}"], check=True)
    assert outbound.has_table(name) is False
    with hold() as other:
        steps.connect(other, request())
        assert outbound.has_table(name) is True


def test_outbound__without_nft_says_so(steps: Steps, held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    steps.connect(held, request())
    span = steps.span(Phase.NETWORK)
    assert span.status is Status.OK
    assert span.fact("outbound") == "none: nft is not installed"


def test_dns__loopback_servers_give_way_to_dockers_rule(
    steps: Steps, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "_lines", lambda _path: ["nameserver 127.0.0.53", "search example.org"])
    lease = steps.connect(held, request())
    (fact,) = [f for f in steps.span(Phase.NETWORK).facts if f.name == "dns"]
    assert (fact.value, fact.origin) == ("8.8.8.8, 8.8.4.4 (docker's rule)", Origin.INFERRED)
    assert lease.resolv_conf == "nameserver 8.8.8.8\nnameserver 8.8.4.4\nsearch example.org\n"


def test_connect__a_dead_namespace_takes_its_wire_along(steps: Steps) -> None:
    with hold() as brief:
        lease = steps.connect(brief, request())
    until(lambda: f"veth{lease.container_id[:7]}" not in os.listdir("/sys/class/net"), "the veth to go")


FIREWALL = """
import subprocess
import sys
from dockview.engine.network import outbound
def nft(line): subprocess.run(["nft", line], check=True)
told = [outbound.drops_forwarded()]
nft("add table ip filter")
nft("add chain ip filter FORWARD { type filter hook forward priority 0; policy accept; }")
told.append(outbound.drops_forwarded())
nft("chain ip filter FORWARD { policy drop; }")
told.append(outbound.drops_forwarded())
print(*told)
"""


def test_outbound__sees_a_firewall_that_drops_what_is_forwarded() -> None:
    """In a network namespace of its own, where Docker's rule harms nobody."""
    argv = ["unshare", "--net", sys.executable, "-c", FIREWALL]
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=root, timeout=20)
    assert done.stdout.split() == ["False", "False", "True"]


def test_connect__network_that_went_while_its_container_started(steps: Steps, held: Held) -> None:
    """Who removes a network while a container is being put on it leaves no bridge behind, nor does the container."""
    blue = network_verbs.create_network(steps.house, NetworkRequest(name="blue", line="docker network create blue"))
    container_id = add_container(steps.house)
    lease = leases.lease(steps.house, container_id, request("blue"))
    network_verbs.remove_network(steps.house, "blue")

    def start() -> None:
        with steps.recorder() as trace:
            wire.connect(steps.house, trace, lease, held, steps.house.layout.container(container_id))

    with pytest.raises(Conflict, match="network blue was removed meanwhile"):
        start()
    assert blue.bridge not in os.listdir("/sys/class/net")
    assert f"veth{container_id[:7]}" not in os.listdir("/sys/class/net")


def test_create__failure_leaves_nothing(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trace takes record and bridge back."""
    before = set(os.listdir("/sys/class/net"))

    def fail(*_: object) -> None:
        raise OSError("later")

    monkeypatch.setattr(outbound, "ensure_outbound", fail)
    with pytest.raises(OSError, match="later"):
        network_verbs.create_network(steps.house, NetworkRequest(name="blue", line="docker network create blue"))
    assert set(os.listdir("/sys/class/net")) == before
    assert [n.name for n in listed.list_networks(steps.house)] == ["bridge", "host", "none"]
