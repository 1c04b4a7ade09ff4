"""The app in a real terminal: run by the `:` line, quit, open again, and what another terminal does."""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator

import pytest

from tests.support import outside
from tests.support.cli import CommandLine
from tests.support.terminal import Terminal
from tests.support.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.e2e]
Open = Callable[..., Terminal]


@pytest.fixture
def open_app(dockview: CommandLine) -> Iterator[Open]:
    """Opens the app on the test's store in a terminal of the given size."""
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux")
    with contextlib.ExitStack() as stack:

        def opened(size: tuple[int, int] = (120, 40)) -> Terminal:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dv-tmux-", dir="/tmp"))
            settings = {"XDG_CONFIG_HOME": f"{folder}/config", "XDG_STATE_HOME": f"{folder}/state"}
            env = {**dockview.environment(), **settings}
            terminal = Terminal(folder, dockview.argv(), size=size, env=env)
            stack.callback(terminal.close)
            return terminal

        yield opened


def command(terminal: Terminal, line: str) -> None:
    """Type a docker line into the `:` line."""
    terminal.keys(":")
    terminal.wait_for("\n :")
    terminal.type(line)
    terminal.wait_for(line.rpartition(" ")[2])
    terminal.keys("Enter")


def test_first_run_in_the_app(open_app: Open, dockview: CommandLine) -> None:
    """`:run hello-world` shows the phases through to the exit; the command line agrees."""
    terminal = open_app()
    terminal.wait_for("embedded", "Containers")
    command(terminal, "run --name hello hello-world")
    terminal.wait_for("○ hello", "resolve", "namespaces", "exited 0")
    assert dockview.ok("ps", "--all", "--format", "{{.Names}}") == "hello"
    terminal.keys("q")
    terminal.wait_for("exited with 0")


def test_reopened_app__shows_what_runs(open_app: Open, dockview: CommandLine) -> None:
    """Quit leaves the container running; a new app shows it."""
    first = open_app()
    first.wait_for("embedded")
    command(first, "docker container run -d -p 127.0.0.1:0:80 --name web hub.localhost/web")
    first.wait_for("● web", "● running")
    first.keys("q")
    first.wait_for("exited with 0")
    pid = int(dockview.json("inspect", "web")[0]["State"]["Pid"])
    assert outside.exists(pid)
    second = open_app()
    second.wait_for("● web", "● running", "start")
    second.keys("q")
    second.wait_for("exited with 0")
    assert outside.exists(pid)


def test_run_in_another_terminal__appears(open_app: Open, dockview: CommandLine) -> None:
    """What the command line starts is in the open app's list, with its trace."""
    terminal = open_app()
    terminal.wait_for("embedded")
    dockview.ok("run", "-d", "--name", "elsewhere", "hub.localhost/box", "sleep", "600")
    terminal.wait_for("elsewhere", "namespaces")
    dockview.ok("rm", "-f", "elsewhere")
    until(lambda: "● elsewhere" not in terminal.screen(), "the container to leave the list")
    terminal.keys("q")
    terminal.wait_for("exited with 0")


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
def test_sizes__whole_lines(open_app: Open, size: tuple[int, int]) -> None:
    """The app fills the screen that it has, and no line is longer than it."""
    terminal = open_app(size)
    shown = terminal.wait_for("embedded", "Containers")
    assert len(shown.rstrip("\n").splitlines()) <= size[1]
    terminal.keys("q")
    terminal.wait_for("exited with 0")


def test_ctrl_c_of_the_command_line__reaches_the_container(dockview: CommandLine) -> None:
    """A run in the foreground passes the signal on, returns the container's code, and with --rm nothing stays."""
    script = "trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done"
    process = dockview.start("run", "--rm", "hub.localhost/box", "sh", "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 9
    until(lambda: dockview.ok("ps", "--all", "--quiet") == "", "the container to be removed")
