"""Pause, a shell and a container's own streams, from the app in a real terminal."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator

import pytest

from dockview.engine.api import Engine
from dockview.engine.model import ContainerStatus
from tests.support.cli import CommandLine
from tests.support.requests import HUB, request
from tests.support.terminal import Terminal
from tests.support.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.e2e]


@pytest.fixture
def app(engine: Engine, dockview: CommandLine) -> Iterator[Terminal]:
    """The app, with one container that has a shell at its terminal."""
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux")
    engine.run(request(f"{HUB}/box", "sh", "-c", "read line; echo heard $line; exit 3", name="box", tty=True,
                       open_stdin=True))  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="dv-tmux-", dir="/tmp") as folder:
        settings = {"XDG_CONFIG_HOME": f"{folder}/config", "XDG_STATE_HOME": f"{folder}/state"}
        terminal = Terminal(folder, dockview.argv(), size=(110, 32), env={**dockview.environment(), **settings})
        with contextlib.closing(terminal):
            terminal.wait_for("● box")
            yield terminal


def test_pause_key(app: Terminal, engine: Engine) -> None:
    """By state, there and back."""
    app.keys("p")
    app.wait_for("◐ box")
    assert engine.container("box").status is ContainerStatus.PAUSED
    app.keys("p")
    app.wait_for("● box")


def test_shell_key(app: Terminal) -> None:
    """A shell on the whole terminal, then the app again, which still answers."""
    app.keys("e")
    app.wait_for("docker exec -it box", "#")
    app.type("stty size; exit 4")
    app.keys("Enter")
    app.wait_for("Containers", "exit code 4")
    app.keys("?")
    app.wait_for("Next row")


def test_shell_key__detach_keys_let_go(app: Terminal) -> None:
    app.keys("e")
    app.wait_for("docker exec -it box", "#")
    app.keys("C-p", "C-q")
    app.wait_for("Containers", "let go")


def test_attach_key(app: Terminal, engine: Engine) -> None:
    """What is typed reaches the container, and its end brings the app back."""
    app.keys("a")
    app.wait_for("docker attach box")
    app.type("hello")
    app.keys("Enter")
    app.wait_for("Containers", "exit code 3")
    until(lambda: engine.container("box").exit_code == 3, "the container's end")


def test_exec_line(app: Terminal) -> None:
    """The output of a command without a terminal stays until a key is pressed."""
    app.keys(":")
    app.wait_for("\n :")
    app.type("exec box cat /etc/os-release")
    app.wait_for("os-release")
    app.keys("Enter")
    app.wait_for("dockview-hub", "any key goes back")
    app.keys("Enter")
    app.wait_for("Containers", "exit code 0")
