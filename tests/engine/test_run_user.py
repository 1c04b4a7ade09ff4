"""The same as an ordinary user: user namespaces, no root anywhere."""

from __future__ import annotations

import json
import os
import pwd
from typing import Any

import pytest

from tests.support import outside, user
from tests.support.cli import CommandLine
from tests.support.waiting import until

pytestmark = pytest.mark.user


def state(command: CommandLine, name: str) -> dict[str, Any]:
    """`.State` of docker inspect."""
    return dict(json.loads(command.ok("inspect", name))[0]["State"])


def test_hello_world(user_dockview: CommandLine) -> None:
    """The first run of a stranger, and the second from the cache."""
    first = user_dockview("run", "--rm", "hello-world")
    assert first.returncode == 0, first.stderr
    assert "Hello" in first.stdout
    assert "Hello" in user_dockview.ok("run", "--rm", "hello-world")
    assert user_dockview.ok("ps", "--all", "--quiet") == ""


def test_namespaces__user_is_its_own_and_root_inside(user_dockview: CommandLine) -> None:
    """uid 0 inside is the ordinary user outside, and each namespace differs from the host's."""
    user_dockview.ok("run", "-d", "--name", "box", "hub.localhost/box", "sleep", "600")
    pid = int(state(user_dockview, "box")["Pid"])
    for kind in ("user", "mnt", "uts", "ipc", "net", "pid"):
        assert outside.namespace(pid, kind) != outside.namespace("self", kind), kind
    assert outside.status(pid)["Uid"].split()[0] == str(pwd.getpwnam(user.NAME).pw_uid)
    with open(f"/proc/{pid}/uid_map") as file:
        assert file.readline().split()[0] == "0"
    with open(f"/proc/{pid}/root/proc/1/cmdline") as file:
        assert "sleep" in file.read()


def test_published_port(user_dockview: CommandLine) -> None:
    """The proxy enters the container's network, so a port works without any right."""
    user_dockview.ok("run", "-d", "--name", "web", "-p", "127.0.0.1:0:80", "hub.localhost/web")
    shown = json.loads(user_dockview.ok("inspect", "web"))[0]
    port = shown["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"]
    page = outside.output(
        "curl", "-s", "--retry", "20", "--retry-all-errors", "--retry-delay", "0", f"http://127.0.0.1:{port}/"
    )
    pid = int(state(user_dockview, "web")["Pid"])
    inode = outside.namespace(pid, "net")
    assert inode != outside.namespace("self", "net")
    assert "".join(filter(str.isdigit, inode)) in page


def test_life(user_dockview: CommandLine) -> None:
    """Stop, start, logs, remove."""
    user_dockview.ok("run", "-d", "--name", "box", "hub.localhost/box", "sh", "-c", "echo here; exec sleep 600")
    pid = int(state(user_dockview, "box")["Pid"])
    until(lambda: user_dockview.ok("logs", "box") == "here", "the first line")
    user_dockview.ok("stop", "-t", "0", "box")
    assert not outside.exists(pid)
    assert state(user_dockview, "box")["ExitCode"] == 137
    user_dockview.ok("start", "box")
    assert state(user_dockview, "box")["Running"] is True
    user_dockview.ok("rm", "-f", "box")
    assert user_dockview.ok("ps", "--all", "--quiet") == ""
    assert os.listdir(f"{user_dockview.root}/containers") == []


@pytest.mark.registry
def test_image_from_a_registry__owners_are_mapped(user_dockview: CommandLine, busybox_image: str) -> None:
    """Layers are unpacked in the user's namespace: inside, files belong to root."""
    assert user_dockview.ok("run", "--rm", busybox_image, "ls", "-ldn", "/bin/busybox").split()[2:4] == ["0", "0"]


@pytest.mark.parametrize(("words", "code"), [(("no-such-program",), 127), (("sh", "-c", "exit 7"), 7)])
def test_exit_codes(user_dockview: CommandLine, words: tuple[str, ...], code: int) -> None:
    """Docker's exit codes."""
    assert user_dockview("run", "--rm", "hub.localhost/box", *words).returncode == code
    assert user_dockview.ok("ps", "--all", "--quiet") == ""


def test_doctor__says_what_is_missing(user_dockview: CommandLine) -> None:
    """Every line that is not ok says what to do."""
    assert user_dockview.ok("doctor")


def test_low_port__is_a_clear_message(user_dockview: CommandLine) -> None:
    """A port that only root may have."""
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
        lowest = int(file.read())
    if lowest < 10:
        pytest.skip("this kernel gives every port to everybody")
    done = user_dockview("run", "-d", "-p", f"127.0.0.1:{lowest - 1}:80", "hub.localhost/web")
    assert done.returncode == 125
    assert str(lowest - 1) in done.stderr
    assert user_dockview.ok("ps", "--all", "--quiet") == ""
