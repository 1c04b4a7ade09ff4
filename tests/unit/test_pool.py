from __future__ import annotations

import itertools

import pytest

from dockview.engine.network.pool import (
    DEFAULT_ROOT,
    Subnet,
    address_text,
    bridge_name,
    candidates,
    free_address,
    free_subnet,
    mac_of,
    veth_name,
)
from dockview.engine.network.rtnetlink import IFNAMSIZ


@pytest.mark.parametrize(
    ("text", "expected"),
    [("172.30.0.0/16", "172.30.0.0/16"), ("172.30.5.9/16", "172.30.0.0/16"), ("10.0.0.1/32", "10.0.0.1/32")],
)
def test_subnet__parse_clears_host_bits(text: str, expected: str) -> None:
    assert str(Subnet.parse(text)) == expected


@pytest.mark.parametrize("text", ["", "172.30.0.0", "172.30.0.0/33", "300.1.1.1/8", "a/b", "fe80::/64"])
def test_subnet__parse_refuses_what_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Subnet.parse(text)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("172.30.0.0/16", "172.30.9.0/24", True),
        ("172.30.9.0/24", "172.30.0.0/16", True),
        ("172.30.0.0/16", "172.31.0.0/16", False),
        ("172.29.255.0/24", "172.30.0.0/16", False),
        ("0.0.0.0/1", "10.0.0.0/8", True),
    ],
)
def test_subnet__overlaps(left: str, right: str, expected: bool) -> None:
    assert Subnet.parse(left).overlaps(Subnet.parse(right)) is expected


def test_subnet__gateway_is_the_first_address() -> None:
    assert Subnet.parse("172.30.0.0/16").gateway == "172.30.0.1"


def test_candidates__default_store_wants_its_own_network_first() -> None:
    assert str(next(candidates(DEFAULT_ROOT))) == "172.30.0.0/16"


def test_candidates__others_take_small_ones_that_do_not_overlap() -> None:
    found = list(candidates("/somewhere"))
    assert {subnet.prefix for subnet in found} == {24}
    assert all(a.first + a.size <= b.first or b.first + b.size <= a.first for a, b in itertools.pairwise(found))
    assert len(set(found)) == len(found) > 500


def test_free_subnet__skips_what_overlaps() -> None:
    taken = [Subnet.parse("172.29.0.0/23"), Subnet.parse("172.29.2.128/25")]
    assert str(free_subnet(candidates("/x"), taken)) == "172.29.3.0/24"


def test_free_subnet__none_when_all_is_taken() -> None:
    assert free_subnet(candidates("/x"), [Subnet.parse("0.0.0.0/0")]) is None


def test_free_address__lowest_that_is_free() -> None:
    subnet = Subnet.parse("172.29.0.0/24")
    assert free_address(subnet, set()) == "172.29.0.2"
    assert free_address(subnet, {"172.29.0.2", "172.29.0.4"}) == "172.29.0.3"


def test_free_address__full_network_gives_none_and_never_the_broadcast() -> None:
    subnet = Subnet.parse("10.0.0.0/29")
    taken: set[str] = set()
    while (address := free_address(subnet, taken)) is not None:
        taken.add(address)
    assert sorted(taken) == [f"10.0.0.{last}" for last in range(2, 7)]


def test_names__fit_the_kernel_and_tell_whose_they_are() -> None:
    assert bridge_name(DEFAULT_ROOT) == "dv0"
    assert bridge_name("/a") != bridge_name("/b")
    assert veth_name("abcdef0123456789") == "vethabcdef0"
    assert all(len(name) < IFNAMSIZ for name in (bridge_name("/a" * 500), veth_name("f" * 64)))


def test_mac__is_local_unicast_and_made_from_the_address() -> None:
    assert mac_of("172.30.0.2") == "02:42:ac:1e:00:02"


def test_address_text() -> None:
    assert address_text(0xAC1E0002) == "172.30.0.2"
