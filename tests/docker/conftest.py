"""A daemon of the tests' own with a busybox, an engine that speaks to it, and a registry that the daemon can reach."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from dockview.engine.daemon.engine import DockerEngine
from tests.support.dockerd import PrivateDocker
from tests.support.images import ImageLayout, busybox_layout, layer
from tests.support.require import require
from tests.support.waiting import until

IMAGE = "docker-tests/busybox:latest"


@pytest.fixture(scope="session")
def daemon(private_docker: PrivateDocker, tmp_path_factory: pytest.TempPathFactory) -> PrivateDocker:
    """The tests' daemon, which has IMAGE."""
    private_docker.load(busybox_layout(str(tmp_path_factory.mktemp("image") / "layout")), IMAGE)
    return private_docker


@pytest.fixture
def engine(daemon: PrivateDocker) -> Iterator[DockerEngine]:
    """An engine on the tests' daemon; what it ran goes afterwards."""
    opened = DockerEngine(daemon.host)
    yield opened
    opened.close()
    with contextlib.closing(DockerEngine(daemon.host)) as fresh:
        for container in fresh.containers(all=True):
            fresh.remove(container.id, force=True)


class NearbyRegistry:
    """A docker-registry in the network namespace of a daemon: to the daemon it is loopback."""

    host = "127.0.0.1:5000"

    def __init__(self, daemon: PrivateDocker, folder: str) -> None:
        self._daemon = daemon
        self._folder = folder
        with open(f"{os.path.dirname(daemon.host.removeprefix('unix://'))}/pid") as file:
            self._enter = ["nsenter", "-t", file.read().strip(), "--net"]
        with open(f"{folder}/config.yml", "w") as file:
            storage = {"filesystem": {"rootdirectory": f"{folder}/data"}}
            json.dump({"version": 0.1, "storage": storage, "http": {"addr": self.host}}, file)
        with open(f"{folder}/log", "wb") as log:
            argv = [*self._enter, "docker-registry", "serve", f"{folder}/config.yml"]
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        ask = [*self._enter, "busybox", "wget", "-q", "-O", "/dev/null", f"http://{self.host}/v2/"]
        until(lambda: subprocess.run(ask, capture_output=True, check=False).returncode == 0, "the registry to answer")

    def push(self, layout: ImageLayout, name: str) -> str:
        """Have the daemon push the image of a layout and forget it; its reference."""
        reference = f"{self.host}/{name}"
        self._daemon.load(layout, reference)
        pushed = self._daemon.docker("push", reference)
        assert pushed.returncode == 0, pushed.stderr
        assert self._daemon.docker("rmi", reference).returncode == 0
        return reference

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="session")
def nearby_registry(daemon: PrivateDocker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NearbyRegistry]:
    """The registry beside the daemon."""
    require("registry")
    registry = NearbyRegistry(daemon, str(tmp_path_factory.mktemp("registry")))
    yield registry
    registry.stop()


@pytest.fixture
def layered(nearby_registry: NearbyRegistry, tmp_path: object) -> str:
    """An image of three layers in the registry, which the daemon does not have."""
    layout = ImageLayout(f"{tmp_path}/layout")
    layers = [layer({f"file{number}": os.urandom(300_000)}) for number in range(3)]
    layout.add_image(layers, {"Cmd": ["/none"]})
    return nearby_registry.push(layout, f"layered-{os.urandom(4).hex()}:1")
