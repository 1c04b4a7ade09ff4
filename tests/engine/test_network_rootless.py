"""The network of an ordinary user, who owns a user namespace and may make no bridge."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support import outside, user
from tests.support.cli import CommandLine
from tests.support.waiting import until

pytestmark = pytest.mark.user


def test_rootless__loopback_inside_and_published_ports_that_answer() -> None:
    """The engine configures the namespace through the handed-over socket, from outside and without root."""
    package = user.install()
    home = tempfile.mkdtemp(prefix="dv-home-")
    tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    try:
        shutil.copytree(tests, f"{package}/tests", ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run(["chmod", "-R", "a+rX", f"{package}/tests"], check=True)
        os.chown(home, pwd.getpwnam(user.NAME).pw_uid, -1)
        argv = user.as_user(
            [user.python(), "-m", "tests.engine.rootless_network"],
            home=home,
            env={"PYTHONPATH": package, "TMPDIR": home},
        )
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
    finally:
        shutil.rmtree(package)
        shutil.rmtree(home)
    assert told["euid"] == pwd.getpwnam(user.NAME).pw_uid
    assert told["up"] == ["lo"]
    assert "127.0.0.1/8" in told["check"]
    assert told["network"]["mode"] == "loopback"
    assert told["network"]["address"] == "127.0.0.1/8"
    assert told["network"]["outbound"].startswith("none (rootless: only root may make a bridge); pasta")
    assert told["said"] == "hello<end>"
    assert told["findings"]["namespaces"] == told["findings"]["overlayfs"] == "ok"
    assert told["findings"]["user"] == told["findings"]["bridge"] == "limited"
    assert told["left"] == told["swept"] == []


OPEN_TUN = (
    "mount -t tmpfs none /mnt && mkdir /mnt/net && mknod -m 666 /mnt/net/tun c 10 200"
    ' && mount --bind /mnt/net/tun /dev/net/tun && exec "$@"'
)
"""A mount namespace in which everybody may open /dev/net/tun, as udev has it by default."""


@pytest.fixture
def with_tun(user_dockview: CommandLine) -> CommandLine:
    """The command line of the ordinary user, who may use pasta."""
    if shutil.which("pasta") is None or not os.path.exists("/dev/net/tun"):
        pytest.skip("there is no pasta, or no /dev/net/tun")
    return replace(user_dockview, prefix=["unshare", "--mount", "sh", "-c", OPEN_TUN, "sh", *user_dockview.prefix])


def pasta_of(dockview: CommandLine, name: str) -> int:
    """The pid of a container's pasta, as its trace has it and the kernel confirms."""
    found = re.search(r"pasta pid: (\d+)", " ".join(dockview.ok("trace", name).split()))
    assert found is not None
    with open(f"/proc/{found[1]}/cmdline") as file:
        assert file.read().startswith("pasta")
    return int(found[1])


def test_pasta__gives_a_way_out_and_ends_with_the_container(with_tun: CommandLine, host_link: str) -> None:
    """The container has an interface with the host's address and a default route; the program ends with it."""
    with_tun.ok("run", "-d", "--name", "box", "hub.localhost/box", "sleep", "600")
    pid = with_tun.ok("inspect", "-f", "{{.State.Pid}}", "box")
    enter = ["nsenter", "-t", pid, "-U", "--preserve-credentials", "-n"]
    shown = subprocess.run([*enter, "ip", "-br", "addr"], capture_output=True, text=True, check=True).stdout
    assert host_link in shown
    routes = subprocess.run([*enter, "ip", "route"], capture_output=True, text=True, check=True).stdout
    assert "default" in routes
    trace = with_tun.ok("trace", "box")
    assert "mode: pasta" in trace
    pasta = pasta_of(with_tun, "box")
    with_tun.ok("stop", "-t", "0", "box")
    until(lambda: not outside.exists(pasta), "pasta to end")


def test_pasta__a_killed_shim_leaves_none_behind(with_tun: CommandLine, host_link: str) -> None:
    """Who removes the container ends it."""
    with_tun.ok("run", "-d", "--name", "box", "hub.localhost/box", "sleep", "600")
    pid = with_tun.ok("inspect", "-f", "{{.State.Pid}}", "box")
    with open(f"/proc/{pid}/stat") as file:
        shim = int(file.read().rpartition(")")[2].split()[1])
    pasta = pasta_of(with_tun, "box")
    os.kill(shim, 9)
    until(lambda: not outside.exists(int(pid)), "the container to die with its shim")
    with_tun.ok("rm", "-f", "box")
    until(lambda: not outside.exists(pasta), "pasta to end")


@pytest.fixture
def host_link() -> Iterator[str]:
    """The address by which this host has a way out, which pasta copies; one is made where there is none."""
    if routes := json.loads(outside.output("ip", "-j", "-4", "route", "show", "default") or "[]"):
        (link,) = json.loads(outside.output("ip", "-j", "-4", "addr", "show", routes[0]["dev"]))
        yield str(link["addr_info"][0]["local"])
        return
    name = f"dvt{os.getpid() % 100000}"
    outside.output("ip", "link", "add", name, "up", "type", "veth", "peer", "name", f"{name}p")
    outside.output("ip", "link", "set", f"{name}p", "up")
    outside.output("ip", "addr", "add", "198.51.100.1/24", "dev", name)
    outside.output("ip", "route", "add", "default", "via", "198.51.100.2", "dev", name)
    yield "198.51.100.1"
    subprocess.run(["ip", "link", "delete", name], check=True)


def test_own_networks__are_refused_with_the_reason(user_dockview: CommandLine) -> None:
    """Nothing is made, and what can be done instead is said."""
    for words in (["network", "create", "blue"], ["run", "--network", "blue", "hub.localhost/box", "true"]):
        done = user_dockview(*words)
        assert done.returncode != 0
        assert "only root may make a bridge" in done.stderr
    refused = user_dockview("run", "--add-host", "me:host-gateway", "hub.localhost/box", "true")
    assert refused.returncode == 125
    assert "no network on which this host has an address" in refused.stderr
    assert user_dockview.ok("ps", "-aq") == ""
    assert user_dockview.ok("network", "ls", "--format", "{{.Name}}").split() == ["bridge", "host", "none"]
