"""Netlink against the kernel's own tables: reading needs no rights."""

from __future__ import annotations

import errno
import os
import socket
import struct

import pytest

from dockview.engine.errors import SyscallError
from dockview.engine.network import netlink, rtnetlink
from dockview.engine.network.netlink import Netlink, attribute, attributes, nested, number, number_of, string_of, text


def test_attributes__round_trip_with_padding() -> None:
    data = attribute(1, b"abcde") + text(2, "eth0") + number(3, 70000) + nested(4, number(5, 6))
    assert len(data) % 4 == 0
    found = attributes(data)
    assert found[1] == b"abcde"
    assert string_of(found, 2) == "eth0"
    assert number_of(found, 3) == 70000
    assert number_of(attributes(found[4]), 5) == 6
    assert number_of(found, 9) is None
    assert string_of(found, 9) == ""


@pytest.mark.parametrize("data", [b"", b"\1", struct.pack("=HH", 0, 1), struct.pack("=HH", 3, 1) * 3])
def test_attributes__broken_ones_end_the_list(data: bytes) -> None:
    assert attributes(data) == {}


def test_links__are_those_of_sysfs() -> None:
    with Netlink() as net:
        found = {link.name: link.ifindex for link in rtnetlink.links(net)}
    for name in os.listdir("/sys/class/net"):
        with open(f"/sys/class/net/{name}/ifindex") as file:
            assert found.get(name, int(file.read())) is not None
    assert found["lo"] == socket.if_nametoindex("lo")


def test_find_link__by_name() -> None:
    with Netlink() as net:
        link = rtnetlink.find_link(net, "lo")
        assert link is not None
        assert (link.ifindex, link.mac) == (socket.if_nametoindex("lo"), "00:00:00:00:00:00")
        assert rtnetlink.find_link(net, "dvnothere") is None


def test_addresses__loopback_has_its_own() -> None:
    with Netlink() as net:
        assert "127.0.0.1/8" in [str(a) for a in rtnetlink.addresses(net)]


def test_routes__are_those_of_proc() -> None:
    with Netlink() as net:
        found = {(0 if r.to is None else r.to.first) for r in rtnetlink.routes(net)}
    with open("/proc/net/route") as file:
        wanted = {socket.ntohl(int(line.split()[1], 16)) for line in file.readlines()[1:]}
    assert wanted <= found


def test_request__errors_name_the_message_and_the_object() -> None:
    """Too long a name is refused before any right is looked at, or EPERM comes first for an ordinary user."""
    with Netlink() as net, pytest.raises(SyscallError) as caught:
        rtnetlink.create_bridge(net, "a" * 30, "02:42:00:00:00:01")
    assert caught.value.errno in (errno.ERANGE, errno.EPERM)
    assert caught.value.syscall == "RTM_NEWLINK"
    assert caught.value.path == "a" * 30
    assert caught.value.hint


def test_request__a_second_use_reads_only_its_own_answers() -> None:
    with Netlink() as net:
        first, second = rtnetlink.links(net), rtnetlink.links(net)
    assert [link.ifindex for link in first] == [link.ifindex for link in second]


def test_family__netfilter_can_be_asked() -> None:
    with Netlink(family=netlink.NETLINK_NETFILTER):
        pass
