"""What every test may ask for. Requirements are markers (support/require.py); leaks are looked for after each test of
the folders that touch the kernel."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest

from dockview.engine.api import Engine
from tests.support import leaks, stores, user
from tests.support.cli import CommandLine
from tests.support.dockerd import PrivateDocker
from tests.support.images import ImageLayout, Registry, busybox_layout
from tests.support.require import KINDS, require, unproven

_WATCHED = ("engine", "contract", "e2e")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A marker that names a requirement is the requirement."""
    require(*(kind for kind in KINDS if item.get_closest_marker(kind)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what a green run does not show."""
    if unproven:
        terminalreporter.write_line(f"not proven by this run, for lack of: {', '.join(sorted(unproven))}", yellow=True)


@pytest.fixture(autouse=True)
def _leak_check(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test that leaves a mount, link, namespace, cgroup, process or open file behind."""
    folder = os.path.relpath(str(request.path), os.path.dirname(__file__)).split(os.sep)[0]
    if folder not in _WATCHED:
        yield
        return
    before = leaks.look()
    yield
    leaks.assert_nothing_left(before)


@pytest.fixture
def root_dir() -> Iterator[str]:
    """The root of a new store; its containers and its folder go afterwards."""
    root = stores.make_root()
    yield root
    stores.remove_store(root)


@pytest.fixture
def engine(root_dir: str) -> Iterator[Engine]:
    """The embedded engine on a store of its own."""
    opened = stores.open_embedded(root_dir)
    yield opened
    opened.close()


@pytest.fixture
def dockview(root_dir: str) -> CommandLine:
    """The command line on the same store as `engine`."""
    return CommandLine(root_dir)


@pytest.fixture(scope="session")
def busybox(tmp_path_factory: pytest.TempPathFactory) -> ImageLayout:
    """An OCI image layout with a static busybox."""
    require("registry")
    return busybox_layout(str(tmp_path_factory.mktemp("busybox") / "layout"))


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry on loopback."""
    require("registry")
    server = Registry(str(tmp_path_factory.mktemp("registry")))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def busybox_image(registry: Registry, busybox: ImageLayout) -> str:
    """The reference of busybox in the registry."""
    return registry.push(busybox, "busybox")


@pytest.fixture(scope="session")
def private_docker() -> Iterator[PrivateDocker]:
    """A Docker daemon of the tests' own."""
    require("docker")
    daemon = PrivateDocker()
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.fixture(scope="session")
def user_package() -> Iterator[str]:
    """A copy of the package that the ordinary user may read."""
    require("user")
    folder = user.install()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def user_dockview(user_package: str) -> Iterator[CommandLine]:
    """The command line as an ordinary user, on a store of his own below a home of his own."""
    home = tempfile.mkdtemp(prefix="dv-home-", dir="/tmp")
    shutil.chown(home, user.NAME, user.NAME)
    command = CommandLine(
        f"{home}/store",
        prefix=user.as_user([], home=home, env={"PYTHONPATH": user_package}),
        python=user.python(),
    )
    yield command
    names = command("ps", "--all", "--quiet").stdout.split()
    if names:
        command("rm", "--force", *names)
    # Layers may belong to the user's subordinate IDs: root takes them away.
    shutil.rmtree(home)
