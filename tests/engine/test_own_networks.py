"""Networks of one's own on the real kernel: what ip(8), nft(8) and the containers themselves say."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dockview.engine.api import Engine
from dockview.engine.errors import Conflict, InvalidRequest, NotFound
from dockview.engine.lifecycle import Phase, Status
from dockview.engine.model import Network, NetworkRequest, PortMapping
from tests.support import outside
from tests.support.cli import CommandLine
from tests.support.requests import request
from tests.support.waiting import until

pytestmark = pytest.mark.root
WEB, BOX = "hub.localhost/web", "hub.localhost/box"


@pytest.fixture(autouse=True)
def _no_networks_left(engine: Engine) -> Iterator[None]:
    yield
    for container in engine.containers(all=True):
        engine.remove(container.id, force=True)
    for network in engine.networks():
        if network.name not in ("bridge", "host", "none"):
            engine.remove_network(network.id)


def make(engine: Engine, name: str = "blue", **settings: Any) -> Network:
    return engine.create_network(NetworkRequest(name=name, line=f"docker network create {name}", **settings))


def pid_of(engine: Engine, name: str) -> int:
    pid = engine.container(name).pid
    assert pid is not None
    return pid


def run(engine: Engine, name: str, network: str = "blue", **settings: Any) -> str:
    """A container that sleeps; its ID."""
    return engine.run(request(BOX, "sleep", "600", name=name, network=network, **settings)).id


def hosts(engine: Engine, name: str) -> dict[str, str]:
    """Name to address, as the container's own /etc/hosts has it."""
    with open(f"/proc/{pid_of(engine, name)}/root/etc/hosts") as file:
        rows = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {word: row[0] for row in reversed(rows) for word in row[1:]}


def routes(pid: int) -> dict[str, Any]:
    return {row["dst"]: row for row in json.loads(outside.inside(pid, "ip", "-j", "route"))}


def test_create__makes_a_bridge_that_ip_shows(engine: Engine) -> None:
    """Bridge, gateway and rules are there at once, and gone with the network; the trace says what the kernel says."""
    network = make(engine, subnet="10.88.3.0/24", gateway="10.88.3.7")
    (link,) = json.loads(outside.output("ip", "-j", "addr", "show", network.bridge))
    assert [f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["family"] == "inet"] == ["10.88.3.7/24"]
    (trace,) = [t for t in engine.traces(limit=5) if t.verb == "network create"]
    span = trace.find(Phase.NETWORK)
    assert span is not None
    assert (span.status, span.fact("gateway")) == (Status.OK, "10.88.3.7/24")
    assert span.fact("bridge ifindex") == link["ifindex"]
    assert network.bridge in subprocess.run(["sh", "-c", span.check], capture_output=True, text=True, check=True).stdout
    assert network.bridge in outside.output("nft", "list", "tables")
    engine.remove_network("blue")
    assert network.bridge not in os.listdir("/sys/class/net")
    assert network.bridge not in outside.output("nft", "list", "tables")


def test_names__come_and_go_with_the_containers(engine: Engine) -> None:
    """Each knows the others by name, alias and short ID, whoever came first; who ends is forgotten, also by itself."""
    make(engine)
    first = run(engine, "first", network_aliases=("uno",))
    second = run(engine, "second")
    one, two = engine.container("first").ip, engine.container("second").ip
    for name in ("first", "second"):
        known = hosts(engine, name)
        assert (known["first"], known["uno"], known[first[:12]]) == (one, one, one)
        assert (known["second"], known[second[:12]]) == (two, two)
    os.kill(pid_of(engine, "second"), 9)
    until(lambda: "second" not in hosts(engine, "first"), "the neighbour to be forgotten")
    engine.start("second")
    assert hosts(engine, "first")["second"] == two
    engine.remove("second", force=True)
    assert "second" not in hosts(engine, "first")
    assert hosts(engine, "first")["uno"] == one


def test_names__what_the_container_wrote_itself_stays(engine: Engine) -> None:
    """A line of the container's own survives the rewriting; the mounted file keeps its inode."""
    make(engine)
    run(engine, "first")
    path = f"/proc/{pid_of(engine, 'first')}/root/etc/hosts"
    inode = os.stat(path).st_ino
    with open(path, "a") as file:
        file.write("192.0.2.7\tmine")
    run(engine, "second")
    engine.remove("second", force=True)
    assert hosts(engine, "first")["mine"] == "192.0.2.7"
    assert os.stat(path).st_ino == inode


def test_names__of_many_that_start_at_once(engine: Engine) -> None:
    """Whatever the order in which they finish: in the end everybody knows everybody."""
    make(engine)
    engine.pull(BOX)
    names = [f"box{number}" for number in range(6)]
    threads = [threading.Thread(target=run, args=(engine, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({engine.container(name).ip for name in names}) == len(names)
    for name in names:
        assert set(names) <= hosts(engine, name).keys()


def test_names__not_on_the_default_network(engine: Engine) -> None:
    """As in docker: there a container knows only itself."""
    run(engine, "first", "bridge")
    run(engine, "second", "bridge")
    assert "first" not in hosts(engine, "second")
    assert hosts(engine, "second")[engine.container("second").id[:12]] == engine.container("second").ip


def test_connect__adds_an_interface_to_what_runs(engine: Engine) -> None:
    """eth1 with the second network's address, which `ip` shows inside; disconnect takes it away."""
    make(engine)
    green = make(engine, "green", subnet="10.88.4.0/24")
    container = run(engine, "first")
    run(engine, "other", "green")
    engine.connect_network("green", "first", ip="10.88.4.99", aliases=("uno",))
    pid = pid_of(engine, "first")
    assert outside.addresses(pid)["eth1"] == ["10.88.4.99/24"]
    assert hosts(engine, "other")["uno"] == "10.88.4.99"
    assert hosts(engine, "first")["other"] == engine.container("other").ip
    trace = engine.traces("first", limit=1)[0]
    span = trace.find(Phase.NETWORK, "green")
    assert span is not None
    assert (trace.verb, span.fact("interface"), span.fact("address")) == ("network connect", "eth1", "10.88.4.99/24")
    assert span.fact("veth") in outside.links()
    assert outside.links()[str(span.fact("veth"))]["master"] == green.bridge
    engine.disconnect_network("green", "first")
    assert "eth1" not in outside.addresses(pid)
    assert "uno" not in hosts(engine, "other")
    assert "other" not in hosts(engine, "first")
    assert f"veth{container[:7]}1" not in outside.links()


def test_connect__survives_a_restart(engine: Engine) -> None:
    """Both networks are wired again, each with its address; each has a span of its own."""
    make(engine)
    make(engine, "green")
    run(engine, "first")
    engine.connect_network("green", "first")
    before = outside.addresses(pid_of(engine, "first"))
    engine.stop("first", timeout_s=0)
    engine.start("first")
    assert outside.addresses(pid_of(engine, "first")) == before
    trace = engine.traces("first", limit=1)[0]
    assert [span.part for span in trace.spans if span.phase is Phase.NETWORK] == ["", "green"]


def test_disconnect__the_way_out_moves_to_the_other_network(engine: Engine) -> None:
    """The default route leads through whatever network is left; with none left there is none."""
    blue, green = make(engine), make(engine, "green")
    run(engine, "first")
    pid = pid_of(engine, "first")
    engine.connect_network("green", "first")
    assert routes(pid)["default"]["gateway"] == blue.gateway
    engine.disconnect_network("blue", "first")
    assert routes(pid)["default"]["gateway"] == green.gateway
    engine.disconnect_network("green", "first")
    assert "default" not in routes(pid)


LISTEN = "import socket; s = socket.create_server(('', 7000)); print('up', flush=True); s.accept()"


def reaches(pid: int, address: str, port: int = 7000) -> bool:
    """Whether a program in the container's network gets through to a server."""
    program = f"import socket; socket.create_connection(('{address}', {port}), 0.5)"
    argv = ["nsenter", "-t", str(pid), "-n", "/usr/bin/python3", "-c", program]
    return subprocess.run(argv, capture_output=True, check=False, timeout=20).returncode == 0


def test_isolation__networks_do_not_reach_each_other(engine: Engine) -> None:
    """A neighbour gets through, a container of another network does not, nor one of the default network."""
    make(engine)
    make(engine, "green")
    for name, network in (("first", "blue"), ("near", "blue"), ("far", "green"), ("default", "bridge")):
        run(engine, name, network)
    address = engine.container("first").ip
    argv = ["nsenter", "-t", str(pid_of(engine, "first")), "-n", "/usr/bin/python3", "-c"]
    server = f"{LISTEN}\nwhile True: s.accept()"
    with subprocess.Popen([*argv, server], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            assert reaches(pid_of(engine, "near"), address)
            assert not reaches(pid_of(engine, "far"), address)
            assert not reaches(pid_of(engine, "default"), address)
        finally:
            process.kill()


def test_internal__has_neighbours_and_no_way_out(engine: Engine) -> None:
    """No default route; even with one, the rules drop what is for elsewhere. The trace says so."""
    network = make(engine, is_internal=True)
    run(engine, "first")
    pid = pid_of(engine, "first")
    assert "default" not in routes(pid)
    span = engine.traces("first", limit=1)[0].find(Phase.NETWORK)
    assert span is not None
    assert "internal" in str(span.fact("outbound"))
    assert "masquerade" not in outside.output("nft", "list", "table", "ip", f"dockview_{network.bridge}")
    outside.inside(pid, "ip", "route", "add", "default", "via", network.gateway)
    make(engine, "green")
    run(engine, "far", "green")
    assert not reaches(pid, engine.container("far").ip)


def test_ip_range__addresses_come_from_it(engine: Engine) -> None:
    """A sub-range is where addresses are taken from, and when it is full that is said."""
    make(engine, subnet="10.88.5.0/24", ip_range="10.88.5.128/31")
    for name, address in (("first", "10.88.5.128"), ("second", "10.88.5.129")):
        run(engine, name)
        assert outside.addresses(pid_of(engine, name))["eth0"] == [f"{address}/24"]
    with pytest.raises(Conflict, match=r"no address is free in 10\.88\.5\.128/31"):
        run(engine, "third")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"subnet": "10.88.5.1/24"}, "it should be 10.88.5.0/24"),
        ({"subnet": "10.88.5.0"}, "invalid CIDR"),
        ({"subnet": "10.88.5.0/31"}, "between 8 and 30"),
        ({"gateway": "10.88.5.1"}, "no matching subnet for gateway"),
        ({"subnet": "10.88.5.0/24", "gateway": "10.88.6.1"}, "no matching subnet for gateway"),
        ({"subnet": "10.88.5.0/24", "ip_range": "10.88.0.0/16"}, "no matching subnet for range"),
        ({"name": "a b"}, "invalid network name"),
    ],
)
def test_create__what_cannot_be_right(engine: Engine, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        make(engine, settings.pop("name", "blue"), **settings)
    assert "blue" not in [n.name for n in engine.networks()]


def test_create__subnet_of_this_host_is_refused(engine: Engine) -> None:
    """What the host has an address in, or a route to, is not taken from it."""
    name = f"dvt{os.getpid() % 100000}"
    outside.output("ip", "link", "add", name, "type", "bridge")
    try:
        outside.output("ip", "addr", "add", "198.51.100.1/24", "dev", name)
        outside.output("ip", "link", "set", name, "up")
        with pytest.raises(Conflict, match=r"overlaps with this host's address 198\.51\.100\.1/24"):
            make(engine, subnet="198.51.100.0/25")
        with pytest.raises(Conflict, match="overlaps with this host's"):
            make(engine, subnet="198.51.100.128/25")
        assert engine.traces(limit=1)[0].status is Status.FAILED
    finally:
        outside.output("ip", "link", "delete", name)


def test_start__after_a_reboot_with_a_new_route(engine: Engine) -> None:
    """Bridges are gone, a route has come: the default network moves and says so, one of the user's is refused."""
    make(engine, subnet="10.88.7.0/24")
    engine.create(request(BOX, "sleep", "600", name="first"))
    engine.create(request(BOX, "sleep", "600", name="second", network="blue"))
    before = {network.name: network for network in engine.networks()}
    name = f"dvt{os.getpid() % 100000}"
    for network in ("bridge", "blue"):
        outside.output("ip", "link", "delete", before[network].bridge)
    outside.output("ip", "link", "add", name, "type", "bridge")
    try:
        outside.output("ip", "link", "set", name, "up")
        for network in ("bridge", "blue"):
            outside.output("ip", "route", "add", before[network].subnet, "dev", name)
        engine.start("first")
        span = engine.traces("first", limit=1)[0].find(Phase.NETWORK)
        assert span is not None
        assert before["bridge"].subnet in str(span.fact("subnet moved"))
        moved = next(network for network in engine.networks() if network.name == "bridge")
        assert moved.subnet != before["bridge"].subnet
        assert outside.default_gateway(pid_of(engine, "first")) == moved.gateway
        with pytest.raises(Conflict, match=r"10\.88\.7\.0/24 of network blue overlaps"):
            engine.start("second")
    finally:
        outside.output("ip", "link", "delete", name)
    engine.start("second")


def test_container_mode__is_one_network_namespace(engine: Engine) -> None:
    """Both have the same namespace, as the kernel says; a stopped one cannot be joined."""
    run(engine, "first", "bridge")
    engine.run(request(BOX, "sleep", "600", name="second", network="container:first"))
    assert outside.namespace(pid_of(engine, "first"), "net") == outside.namespace(pid_of(engine, "second"), "net")
    assert outside.namespace(pid_of(engine, "first"), "mnt") != outside.namespace(pid_of(engine, "second"), "mnt")
    span = engine.traces("second", limit=1)[0].find(Phase.NETWORK)
    assert span is not None
    assert (span.fact("mode"), span.fact("shared with pid")) == ("container", pid_of(engine, "first"))
    engine.stop("second", timeout_s=0)
    assert "eth0" in outside.addresses(pid_of(engine, "first"))
    engine.stop("first", timeout_s=0)
    with pytest.raises(Conflict, match="cannot join network of a non running container: first"):
        engine.start("second")


def test_remove__a_stopped_container_misses_its_network(engine: Engine) -> None:
    """As in docker: the network may go while its containers stand, which then cannot start."""
    make(engine)
    run(engine, "first")
    engine.stop("first", timeout_s=0)
    engine.remove_network("blue")
    with pytest.raises(NotFound, match="network blue not found"):
        engine.start("first")
    make(engine)
    engine.start("first")
    assert "eth0" in outside.addresses(pid_of(engine, "first"))


def test_published_port__on_an_own_network(engine: Engine) -> None:
    """The proxy leads to the container's address there."""
    make(engine)
    ports = (PortMapping(80, host_ip="127.0.0.1"),)
    container = engine.run(request(WEB, name="web", network="blue", ports=ports))
    port = container.ports[0].host_port
    page = outside.output(
        "curl", "-s", "--retry", "20", "--retry-all-errors", "--retry-delay", "0", "--retry-max-time", "15",
        f"http://127.0.0.1:{port}/",
    )  # fmt: skip
    assert engine.container("web").ip in page


def test_command_line__the_life_of_a_network(dockview: CommandLine) -> None:
    """What docker prints, where docker prints it."""
    network_id = dockview.ok("network", "create", "--subnet", "10.88.9.0/24", "--label", "a=b", "blue")
    assert len(network_id) == 64
    assert dockview.ok("network", "ls", "-q", "--no-trunc", "--filter", "name=blue") == network_id
    assert dockview.ok("network", "ls", "--filter", "type=custom", "--format", "{{.Name}} {{.Driver}}") == "blue bridge"
    assert dockview.ok("network", "ls", "-q", "--filter", "label=nope") == ""
    dockview.ok("run", "-d", "--name", "web", "--net", "blue", "--ip", "10.88.9.9", "--network-alias", "w",
                "-p", "127.0.0.1::80", WEB)  # fmt: skip
    address = dockview.ok("port", "web", "80")
    assert dockview.ok("port", "web") == f"80/tcp -> {address}"
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=10):
        pass
    assert dockview("port", "web", "81").returncode == 1
    shown = dockview.ok("inspect", "-f", "{{.NetworkSettings.Networks.blue.IPAddress}}", "web")
    assert shown == "10.88.9.9"
    refused = dockview("network", "rm", "blue")
    assert refused.returncode == 1
    assert "has active endpoints" in refused.stderr
    assert dockview.ok("network", "create", "green")
    assert dockview.ok("network", "connect", "green", "web") == ""
    assert dockview.ok("network", "disconnect", "green", "web") == ""
    assert dockview.ok("network", "rm", "green") == "green"
    dockview.ok("rm", "-f", "web")
    pruned = dockview.ok("network", "prune", "-f")
    assert "blue" in pruned
    assert dockview("run", "--rm", "--network", "blue", BOX, "true").returncode == 125


def test_host_gateway__is_the_bridge(engine: Engine) -> None:
    """--add-host name:host-gateway leads to this host's address on the container's network."""
    network = make(engine)
    run(engine, "first", add_hosts=("outside:host-gateway", "db:192.0.2.8"))
    known = hosts(engine, "first")
    assert (known["outside"], known["db"]) == (network.gateway, "192.0.2.8")


def test_internal__publishes_nothing(engine: Engine) -> None:
    """As in docker: an internal network is not opened by -p; the trace says why."""
    make(engine, is_internal=True)
    engine.run(request(WEB, name="web", network="blue", ports=(PortMapping(80, host_ip="127.0.0.1"),)))
    span = engine.traces("web", limit=1)[0].find(Phase.PORTS)
    assert span is not None
    assert (span.status, span.why) == (
        Status.SKIPPED, "the container's networks are internal: nothing from outside may reach it"
    )  # fmt: skip


def test_list__names_all_networks_of_a_container(engine: Engine) -> None:
    make(engine)
    run(engine, "first", "bridge")
    engine.connect_network("blue", "first")
    assert set(engine.container("first").network.split(",")) == {"bridge", "blue"}
