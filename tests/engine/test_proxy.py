"""The port proxy, run as the shim runs it, against servers in a network namespace of their own."""

from __future__ import annotations

import hashlib
import os
import select
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from dockview.engine.model import PortMapping
from dockview.engine.network import ports
from dockview.engine.network.holders import find_holder
from tests.engine.netns_holder import Held, echo, hold
from tests.engine.proxying import spawn_proxy
from tests.support.waiting import until

pytestmark = pytest.mark.root
CONTAINER = "c0ffee" * 10


@pytest.fixture
def held() -> Iterator[Held]:
    with hold() as made:
        made.run("ip", "link", "set", "lo", "up")
        yield made


class Served:
    """A running proxy."""

    def __init__(self, process: subprocess.Popen[bytes], bound: list[ports.Bound]) -> None:
        self.process = process
        self.mapping = bound[0].mapping

    @property
    def port(self) -> int:
        return self.mapping.host_port

    def dial(self, host: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection((host, self.port), timeout=10)

    def status(self, field: str) -> str:
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(line for line in file if line.startswith(f"{field}:")).partition(":")[2].strip()


@contextmanager
def serve(held: Held, mapping: PortMapping, target: str = "127.0.0.1") -> Iterator[Served]:
    """A proxy that serves one mapping."""
    bound = ports.bind_all([mapping])
    command = ports.proxy_command(CONTAINER, bound, target)
    with spawn_proxy(held, command, ports.listeners(bound)) as process:
        yield Served(process, bound)


def read_all(client: socket.socket) -> bytes:
    said = b""
    while data := client.recv(65536):
        said += data
    return said


def test_tcp__half_close_is_passed_on_both_ways(held: Held) -> None:
    """The server hears the client's end and can still answer; the client hears the server's end."""
    with echo(held.inside(), "127.0.0.1", 80), serve(held, PortMapping(80)) as served, served.dial() as client:
        client.sendall(b"ping")
        assert client.recv(9) == b"ping"
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"<end>"


def test_tcp__ipv6_clients_are_served_too(held: Held) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this host has no IPv6")
    with echo(held.inside(), "127.0.0.1", 80), serve(held, PortMapping(80)) as served, served.dial("::1") as client:
        client.sendall(b"six")
        assert client.recv(9) == b"six"


def test_tcp__large_streams_arrive_whole(held: Held) -> None:
    """64 MB go in and come out while the reader is at first slower than the writer."""
    chunk = os.urandom(1 << 20)
    with echo(held.inside(), "127.0.0.1", 80), serve(held, PortMapping(80)) as served, served.dial() as client:
        wanted, found = hashlib.sha256(), hashlib.sha256()

        def write() -> None:
            for _ in range(64):
                client.sendall(chunk)
                wanted.update(chunk)
            client.shutdown(socket.SHUT_WR)

        writer = threading.Thread(target=write)
        writer.start()
        received = 0
        while data := client.recv(1 << 20):
            received += len(data)
            found.update(data)
        writer.join()
        wanted.update(b"<end>")
        assert received == (64 << 20) + len(b"<end>")
        assert found.digest() == wanted.digest()


def test_tcp__many_clients_at_once(held: Held) -> None:
    with ExitStack() as stack:
        stack.enter_context(echo(held.inside(), "127.0.0.1", 80))
        served = stack.enter_context(serve(held, PortMapping(80)))
        clients = [stack.enter_context(served.dial()) for _ in range(300)]
        for number, client in enumerate(clients):
            client.sendall(b"%d" % number)
        assert [client.recv(9) for client in clients] == [b"%d" % number for number in range(300)]
        idle = len(os.listdir(f"/proc/{served.process.pid}/fd"))
        for client in clients:
            client.close()
        until(lambda: len(os.listdir(f"/proc/{served.process.pid}/fd")) < idle - 300 * 6 + 10, "connections to end")


def test_tcp__without_a_server_inside_the_client_is_reset(held: Held) -> None:
    with serve(held, PortMapping(80)) as served, served.dial() as client, pytest.raises(ConnectionResetError):
        client.recv(1)


def test_tcp__a_reset_of_the_client_ends_the_connection_inside(held: Held) -> None:
    with echo(held.inside(), "127.0.0.1", 80), serve(held, PortMapping(80)) as served:
        with served.dial() as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        until(lambda: "ESTAB" not in held.run("ss", "-Htn"), "the connection inside to end")


def test_tcp__a_stuck_client_costs_no_cpu(held: Held) -> None:
    """A client that has ended and does not read what comes: the proxy waits, it does not turn in circles."""
    with echo(held.inside(), "127.0.0.1", 80), serve(held, PortMapping(80)) as served, served.dial() as client:
        client.setblocking(False)
        try:
            while True:
                client.send(b"x" * 65536)
        except BlockingIOError:
            pass
        before = -1

        def is_quiet() -> bool:
            nonlocal before
            with open(f"/proc/{served.process.pid}/stat") as file:
                ticks = sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
            select.select([], [], [], 0.2)
            was, before = before, ticks
            return was == ticks

        until(is_quiet, "the proxy to be at rest")


def test_udp__each_client_gets_its_own_answers(held: Held) -> None:
    with (
        echo(held.inside(), "127.0.0.1", 53, "udp"),
        serve(held, PortMapping(53, "udp")) as served,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
    ):
        for client, text in ((one, b"one"), (two, b"two"), (one, b"more")):
            client.settimeout(10)
            client.sendto(text, ("127.0.0.1", served.port))
        assert [one.recv(99), two.recv(99), one.recv(99)] == [b"ONE", b"TWO", b"MORE"]


def test_proxy__is_small_unprivileged_and_inside(held: Held) -> None:
    with echo(held.inside(), "127.0.0.1", 80), serve(held, PortMapping(80)) as served, served.dial() as client:
        client.sendall(b"x")
        client.recv(1)
        assert int(served.status("VmRSS").split()[0]) < 12_000
        assert served.status("Uid").split() == ["65534"] * 4
        assert served.status("Groups") == ""
        assert int(served.status("CapEff"), 16) == 0
        assert os.stat(f"/proc/{served.process.pid}/ns/net").st_ino == os.fstat(held.netns_fd).st_ino


def test_proxy__is_named_when_its_port_is_wanted_by_another(held: Held) -> None:
    with echo(held.inside(), "127.0.0.1", 80), serve(held, PortMapping(80)) as served:
        with served.dial() as client:
            client.sendall(b"x")
            client.recv(1)
        holder = find_holder(served.port, "tcp")
        assert holder is not None
        assert (holder.pid, holder.container) == (served.process.pid, CONTAINER[:12])


def test_proxy__enters_a_user_namespace_first() -> None:
    """As rootless: the network namespace belongs to a user namespace."""
    with hold(user=True) as held:
        held.run("ip", "link", "set", "lo", "up")
        with echo(held.inside(), "127.0.0.1", 80), serve(held, PortMapping(80)) as served, served.dial() as client:
            client.sendall(b"hello")
            assert client.recv(9) == b"hello"
            assert os.stat(f"/proc/{served.process.pid}/ns/user").st_ino == os.fstat(held.userns_fd or -1).st_ino
