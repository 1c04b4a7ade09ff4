"""Restart policies, health checks and rights as an ordinary user."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support import outside
from tests.support.cli import CommandLine
from tests.support.waiting import until

pytestmark = pytest.mark.user
BOX = "hub.localhost/box"


def shown(command: CommandLine, name: str) -> dict[str, Any]:
    """docker inspect."""
    return dict(json.loads(command.ok("inspect", name))[0])


def test_restart__in_the_same_user_and_network_namespace(user_dockview: CommandLine) -> None:
    """The next life joins what the shim has kept open."""
    user_dockview.ok("run", "-d", "--name", "back", "--restart", "always", BOX, "sleep", "600")
    pid = int(shown(user_dockview, "back")["State"]["Pid"])
    kept = {kind: outside.namespace(pid, kind) for kind in ("user", "net")}
    os.kill(pid, signal.SIGKILL)
    until(lambda: shown(user_dockview, "back")["RestartCount"] == 1
          and shown(user_dockview, "back")["State"]["Status"] == "running", "the second life")  # fmt: skip
    after = int(shown(user_dockview, "back")["State"]["Pid"])
    assert {kind: outside.namespace(after, kind) for kind in kept} == kept
    assert Path(f"/proc/{after}/cmdline").read_bytes().startswith(b"sleep")
    user_dockview.ok("stop", "-t", "0", "back")
    assert shown(user_dockview, "back")["State"]["Status"] == "exited"


def test_init_health_and_limits(user_dockview: CommandLine) -> None:
    """What needs no right works; what needs one is refused with the reason."""
    user_dockview.ok(
        "run", "-d", "--name", "well", "--init", "--ulimit", "nofile=50", "--sysctl", "net.ipv4.ip_default_ttl=77",
        "--shm-size", "8m", "--health-cmd", "true", "--health-interval", "50ms", BOX, "sleep", "600",
    )  # fmt: skip
    until(lambda: shown(user_dockview, "well")["State"]["Health"]["Status"] == "healthy", "the first probe")
    pid = int(shown(user_dockview, "well")["State"]["Pid"])
    assert Path(f"/proc/{pid}/comm").read_text() == "docker-init\n"
    assert Path(f"/proc/{pid}/limits").read_text().splitlines()[8].split()[3:5] == ["50", "50"]
    user_dockview.ok("rm", "-f", "well")
    for flags, why in (
        (("--userns", "host"), "user namespace"),
        (("--oom-score-adj", "-500"), "only root"),
        (("--device", "/dev/kmsg"), "may not read"),
    ):
        refused = user_dockview("run", "--rm", *flags, BOX, "true")
        assert refused.returncode == 125
        assert why in refused.stderr
    assert user_dockview.ok("ps", "--all", "--quiet") == ""


def test_privileged__is_all_that_a_user_namespace_gives(user_dockview: CommandLine) -> None:
    """Every capability, inside."""
    said = user_dockview.ok("run", "--rm", "--privileged", BOX, "grep", "-E", "CapEff|Seccomp:", "/proc/self/status")
    assert "Seccomp:\t0" in said
    assert int(said.split()[1], 16).bit_count() > 30
