"""A private registry, alike on every engine: refused, let in, pulled from, left."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockview.engine import open_engine
from dockview.engine.api import Engine
from dockview.engine.errors import DockviewError, InvalidRequest, Unauthorized
from tests.support.dockerd import PrivateDocker
from tests.support.images import ImageLayout
from tests.support.require import require
from tests.support.secure_registry import PASSWORD, USER, SecureRegistry

pytestmark = [pytest.mark.root, pytest.mark.registry]


@pytest.fixture(params=["embedded", "docker"])
def outside(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Engine, SecureRegistry]]:
    """Each engine, and a registry that knows nobody yet."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    server = SecureRegistry(str(tmp_path))
    with contextlib.ExitStack() as stack:
        if request.param == "docker":
            require("docker")
            daemon: PrivateDocker = request.getfixturevalue("private_docker")
            monkeypatch.setenv("DOCKER_HOST", daemon.host)
            stack.enter_context(daemon.network())
            engine: Engine = stack.enter_context(contextlib.closing(open_engine("docker")))
        else:
            engine = request.getfixturevalue("engine")
        server.start()
        stack.callback(server.stop)
        server.trust(str(tmp_path / "config"))
        yield engine, server


def test_a_private_registry(outside: tuple[Engine, SecureRegistry], busybox: ImageLayout, tmp_path: Path) -> None:
    """Without a login, with a wrong one, with the right one, and after leaving."""
    engine, registry = outside
    reference = registry.copy(f"oci:{busybox.folder}:latest", "private/busybox:1")
    with pytest.raises(DockviewError):  # a daemon tries plain HTTP on loopback after it was refused, and tells of that
        engine.pull(reference)
    with pytest.raises(Unauthorized):
        engine.login(registry.host, USER, "wrong")
    with pytest.raises(Unauthorized):
        engine.login(registry.host)
    assert not (tmp_path / "docker/config.json").exists()
    report = engine.login(registry.host, USER, PASSWORD)
    assert (report.registry, report.user, report.is_plain) == (registry.host, USER, True)
    assert list(json.loads((tmp_path / "docker/config.json").read_text())["auths"]) == [registry.host]
    assert engine.login(registry.host).user == USER
    assert reference in engine.pull(reference).tags
    assert engine.logout(registry.host)
    assert not engine.logout(registry.host)
    engine.remove_image(reference)
    with pytest.raises(DockviewError):  # a daemon tries plain HTTP on loopback after it was refused, and tells of that
        engine.pull(reference)


def test_a_registry_that_cannot_be_one(outside: tuple[Engine, SecureRegistry]) -> None:
    """A name that is none is refused before anything is sent."""
    engine, _registry = outside
    with pytest.raises(InvalidRequest):
        engine.login("not a host", USER, PASSWORD)
