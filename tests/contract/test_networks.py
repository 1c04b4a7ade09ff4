"""Networks of one's own: both engines make them, connect to them and find names on them alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dockview.engine.api import Engine
from dockview.engine.errors import Conflict, InvalidRequest, NotFound
from dockview.engine.model import NetworkRequest
from tests.contract.test_engines import either as _either
from tests.support.requests import request

pytestmark = [pytest.mark.root, pytest.mark.registry]
either = _either


@pytest.fixture
def net(either: tuple[Engine, str]) -> Iterator[tuple[Engine, str]]:
    """Each engine, without networks of earlier tests; those of this one go with their containers."""
    yield either
    engine, _image = either
    for container in engine.containers(all=True):
        engine.remove(container.id, force=True)
    for network in engine.networks():
        if network.name not in ("bridge", "host", "none"):
            engine.remove_network(network.id)


def make(engine: Engine, name: str = "blue", **settings: object) -> str:
    return engine.create_network(NetworkRequest(name=name, line=f"docker network create {name}", **settings)).id  # type: ignore[arg-type]


def test_create__is_listed_and_inspected(net: tuple[Engine, str]) -> None:
    """The subnet that was asked for, docker's keys."""
    engine, _image = net
    network_id = make(engine, subnet="10.77.5.0/24", gateway="10.77.5.9", is_internal=True, labels={"team": "a"})
    found = next(n for n in engine.networks() if n.name == "blue")
    assert (found.id, found.driver, found.subnet, found.gateway) == (network_id, "bridge", "10.77.5.0/24", "10.77.5.9")
    assert (found.is_internal, dict(found.labels)) == (True, {"team": "a"})
    shown = engine.inspect("blue", "network")
    assert (shown["Id"], shown["Driver"], shown["Scope"], shown["Internal"]) == (network_id, "bridge", "local", True)
    assert shown["IPAM"]["Config"] == [{"Subnet": "10.77.5.0/24", "Gateway": "10.77.5.9"}]
    assert (shown["Containers"], shown["Labels"]) == ({}, {"team": "a"})
    assert engine.inspect(network_id[:8], "network")["Name"] == "blue"


def test_create__always_has_the_three(net: tuple[Engine, str]) -> None:
    """As in docker."""
    engine, _image = net
    assert {"bridge", "host", "none"} <= {network.name for network in engine.networks()}


def test_create__name_or_subnet_taken(net: tuple[Engine, str]) -> None:
    """A second one of that name, and one that overlaps, are refused."""
    engine, _image = net
    make(engine, subnet="10.77.5.0/24")
    with pytest.raises(Conflict):
        make(engine)
    with pytest.raises((Conflict, InvalidRequest)):
        make(engine, "green", subnet="10.77.0.0/16")
    assert [n.name for n in engine.networks() if n.name in ("blue", "green")] == ["blue"]


def test_run__with_an_address_and_an_alias(net: tuple[Engine, str]) -> None:
    """The address is the one asked for; inspect says so in docker's shape."""
    engine, image = net
    make(engine, subnet="10.77.5.0/24")
    container = engine.run(request(
        image, "sleep", "600", name="first", pull="never", network="blue", ip="10.77.5.7", network_aliases=("one",)
    ))  # fmt: skip
    end = engine.inspect("first")["NetworkSettings"]["Networks"]["blue"]
    assert (end["IPAddress"], end["IPPrefixLen"], end["Gateway"]) == ("10.77.5.7", 24, "10.77.5.1")
    assert end["IPAMConfig"] == {"IPv4Address": "10.77.5.7"}
    assert "one" in end["Aliases"]
    there = engine.inspect("blue", "network")["Containers"][container.id]
    assert (there["Name"], there["IPv4Address"]) == ("first", "10.77.5.7/24")


def test_names__are_found_by_name_alias_and_short_id(net: tuple[Engine, str]) -> None:
    """A container reaches another one of its network by each of its names."""
    engine, image = net
    make(engine)
    first = engine.run(request(
        image, "sleep", "600", name="first", pull="never", network="blue", network_aliases=("one",)
    ))  # fmt: skip
    for name in ("first", "one", first.id[:12]):
        asking = engine.run(request(image, "busybox", "ping", "-c", "1", "-W", "5", name, pull="never", network="blue"))
        assert engine.wait(asking.id) == 0, name
    stranger = engine.run(request(image, "busybox", "ping", "-c", "1", "-W", "2", "first", pull="never"))
    assert engine.wait(stranger.id) != 0


def test_connect__while_it_runs(net: tuple[Engine, str]) -> None:
    """A second network comes and goes."""
    engine, image = net
    make(engine)
    make(engine, "green", subnet="10.77.6.0/24")
    engine.run(request(image, "sleep", "600", name="first", pull="never", network="blue"))
    engine.connect_network("green", "first", ip="10.77.6.9", aliases=("uno",))
    ends = engine.inspect("first")["NetworkSettings"]["Networks"]
    assert (set(ends), ends["green"]["IPAddress"]) == ({"blue", "green"}, "10.77.6.9")
    asking = engine.run(request(image, "busybox", "ping", "-c", "1", "-W", "5", "uno", pull="never", network="green"))
    assert engine.wait(asking.id) == 0
    with pytest.raises(Conflict):
        engine.connect_network("green", "first")
    engine.disconnect_network("green", "first")
    assert set(engine.inspect("first")["NetworkSettings"]["Networks"]) == {"blue"}
    with pytest.raises(Conflict):
        engine.disconnect_network("green", "first")


def test_remove__not_while_a_running_container_is_on_it(net: tuple[Engine, str]) -> None:
    """Nor one that is always there."""
    engine, image = net
    make(engine)
    engine.run(request(image, "sleep", "600", name="first", pull="never", network="blue"))
    with pytest.raises(Conflict):
        engine.remove_network("blue")
    engine.remove("first", force=True)
    engine.remove_network("blue")
    assert "blue" not in [n.name for n in engine.networks()]
    with pytest.raises(NotFound):
        engine.remove_network("blue")
    with pytest.raises(Conflict):
        engine.remove_network("bridge")


def test_run__unknown_network(net: tuple[Engine, str]) -> None:
    """Refused, and no container is left."""
    engine, image = net
    with pytest.raises(NotFound):
        engine.run(request(image, "true", name="never", pull="never", network="nowhere"))
    assert list(engine.containers(all=True)) == []


@pytest.mark.parametrize(
    "settings",
    [{"ip": "172.17.0.9"}, {"network_aliases": ("one",)}, {"network": "container:x", "hostname": "box"}],
)
def test_run__what_does_not_go_together(net: tuple[Engine, str], settings: dict[str, object]) -> None:
    """Addresses and aliases are for networks of one's own; who joins has the other one's name."""
    engine, image = net
    with pytest.raises(InvalidRequest):
        engine.run(request(image, "true", name="never", pull="never", **settings))


def test_container_mode__shares_the_network(net: tuple[Engine, str]) -> None:
    """The second container sees the first one's address and its hosts file."""
    engine, image = net
    first = engine.run(request(image, "sleep", "600", name="first", pull="never"))
    second = engine.run(request(
        image, "sh", "-c", "ip addr; hostname", name="second", pull="never", network="container:first"
    ))  # fmt: skip
    assert engine.wait("second") == 0
    said = [record.text for record in engine.logs("second")]
    assert any(first.ip in line for line in said)
    assert said[-1] == first.id[:12]
    assert second.id != first.id


def test_dns_and_hosts__as_asked_for(net: tuple[Engine, str]) -> None:
    """--dns, --dns-search and --add-host end in the container's files."""
    engine, image = net
    engine.run(request(
        image, "sh", "-c", "cat /etc/resolv.conf; cat /etc/hosts", name="first", pull="never", dns=("192.0.2.53",),
        dns_search=("example.org",), add_hosts=("db:192.0.2.8",),
    ))  # fmt: skip
    engine.wait("first")
    said = [record.text.split() for record in engine.logs("first")]
    assert ["nameserver", "192.0.2.53"] in said
    assert ["search", "example.org"] in said
    assert ["192.0.2.8", "db"] in said


def test_prune__takes_networks_that_nobody_is_on(net: tuple[Engine, str]) -> None:
    """One with a container stays."""
    engine, image = net
    make(engine)
    make(engine, "green")
    engine.run(request(image, "sleep", "600", name="first", pull="never", network="green"))
    plan = engine.prune_plan(["network"])
    assert [item.name for item in plan.items] == ["blue"]
    assert [item.name for item in engine.prune(plan).removed] == ["blue"]
    assert "green" in [n.name for n in engine.networks()]


def test_events__of_a_network(net: tuple[Engine, str]) -> None:
    """create, connect, disconnect, destroy."""
    engine, image = net
    network_id = make(engine)
    engine.run(request(image, "sleep", "600", name="first", pull="never", network="blue"))
    engine.disconnect_network("blue", "first")
    engine.remove_network("blue")
    stream = engine.events(since_ns=0)
    seen: list[str] = []
    for event in stream:
        if event.type == "network" and event.actor_id == network_id:
            if seen[-1:] != [event.action]:  # a daemon says some of it twice
                seen.append(event.action)
            assert event.attributes["name"] == "blue"
        if seen[-1:] == ["destroy"]:
            break
    stream.close()
    assert seen == ["create", "connect", "disconnect", "destroy"]
