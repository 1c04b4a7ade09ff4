"""A program for an ordinary user: the network and ports phases on a store of its own; prints the outcome as JSON."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from typing import Any

from dockview.engine.embedded import wire
from dockview.engine.embedded.doctor import doctor
from dockview.engine.lifecycle import Phase
from dockview.engine.model import PortMapping
from tests.engine.netns_holder import echo, hold
from tests.engine.network_house import Steps, house, request
from tests.engine.proxying import spawn_proxy


def main() -> None:
    """Connect, publish, speak through the proxy, examine."""
    told: dict[str, Any] = {"euid": os.geteuid()}
    with house() as store, hold(user=True) as held:
        steps = Steps(store)
        wanted = request("bridge", PortMapping(80))
        lease = steps.connect(held, wanted)
        network = steps.span(Phase.NETWORK)
        told["network"] = {fact.name: fact.value for fact in network.facts}
        told["up"] = [link["ifname"] for link in held.ip("link") if "UP" in link["flags"]]
        told["check"] = subprocess.run(["sh", "-c", network.check], capture_output=True, text=True, check=True).stdout
        published = steps.publish(held, wanted, lease)
        with echo(held.inside(), "0.0.0.0", 80), spawn_proxy(held, published.proxy, published.listeners):
            address = ("127.0.0.1", published.ports[0].host_port)
            with socket.create_connection(address, timeout=10) as client:
                client.sendall(b"hello")
                client.shutdown(socket.SHUT_WR)
                said = b""
                while data := client.recv(99):
                    said += data
            told["said"] = said.decode()
        told["findings"] = {finding.topic: finding.state for finding in doctor(store)}
        told["left"] = os.listdir(store.layout.tmp)
        told["swept"] = wire.sweep(store, [])
    print(json.dumps(told))


if __name__ == "__main__":
    main()
