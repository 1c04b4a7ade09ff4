"""Published ports: reached from outside, refused while taken."""

from __future__ import annotations

import os
import re
import socket

import pytest

from dockview.engine.api import Engine
from dockview.engine.errors import PortInUse
from dockview.engine.model import ContainerStatus, PortMapping
from tests.support import outside
from tests.support.requests import request
from tests.support.waiting import until

pytestmark = pytest.mark.root


def run_web(engine: Engine, name: str, *, host_port: int = 0) -> int:
    """The hub's web server on a loopback port; the port that it got."""
    ports = (PortMapping(80, host_ip="127.0.0.1", host_port=host_port),)
    container = engine.run(request("hub.localhost/web", name=name, ports=ports))
    return container.ports[0].host_port


def fetch(port: int) -> str:
    """What curl gets, once the server listens."""
    return outside.output("curl", "-s", "--retry", "20", "--retry-all-errors", "--retry-delay", "0", "--retry-max-time",
                          "15", f"http://127.0.0.1:{port}/")  # fmt: skip


def test_published_port__answers_from_the_containers_own_network(engine: Engine) -> None:
    """curl from the host gets a page that names the container's network namespace and address."""
    port = run_web(engine, "web")
    page = fetch(port)
    container = engine.container("web")
    assert container.pid is not None
    inode = outside.namespace(container.pid, "net")
    assert inode != outside.namespace("self", "net")
    assert re.sub(r"\D", "", inode) in page
    assert container.ip in page
    assert f"{container.ip}/" in str(outside.addresses(container.pid)["eth0"])


def test_published_port__is_free_again_after_stop(engine: Engine) -> None:
    """The proxy goes with the container."""
    port = run_web(engine, "web")
    fetch(port)
    engine.stop("web", timeout_s=2)
    until(lambda: _can_bind(port), "the port to be free")


def test_published_port__comes_back_with_start(engine: Engine) -> None:
    """A restarted container answers again; where any free port would do, it may be another one, as docker does it."""
    run_web(engine, "web")
    engine.stop("web", timeout_s=2)
    assert "hostname" in fetch(engine.start("web").ports[0].host_port).lower()


def test_taken_port__names_the_process_and_leaves_nothing(engine: Engine) -> None:
    """Before anything starts, the message says who has the port."""
    engine.pull("hub.localhost/web")
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            run_web(engine, "web", host_port=port)
    assert str(os.getpid()) in f"{caught.value.message} {caught.value.hint}"
    assert str(port) in caught.value.message
    assert list(engine.containers(all=True)) == []


def test_two_containers_one_port__second_is_refused(engine: Engine) -> None:
    """The port of a running container is taken, and the first goes on."""
    port = run_web(engine, "first")
    with pytest.raises(PortInUse):
        run_web(engine, "second", host_port=port)
    assert engine.container("first").status is ContainerStatus.RUNNING
    assert [c.name for c in engine.containers(all=True)] == ["first"]


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
