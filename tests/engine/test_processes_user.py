"""Exec, top, stats, pause and limits as an ordinary user: what can be done is done, the rest refused with a reason."""

from __future__ import annotations

import os
import shlex
import subprocess

import pytest

from tests.support import outside
from tests.support.cli import CommandLine
from tests.support.requests import HUB

pytestmark = [pytest.mark.root, pytest.mark.user]
BOX = f"{HUB}/box"


@pytest.fixture
def box(user_dockview: CommandLine) -> CommandLine:
    user_dockview.ok("run", "-d", "--name", "box", BOX, "sleep", "600")
    return user_dockview


def test_exec__in_the_containers_user_namespace(box: CommandLine) -> None:
    done = box("exec", "-i", "box", "sh", "-c", "id -u; cat; exit 5", stdin="typed\n")
    assert (done.returncode, done.stdout) == (5, "0\ntyped\n"), done.stderr
    box.ok("exec", "-d", "box", "sleep", "601")
    pids = [int(row.split()[0]) for row in box.ok("top", "box", "-o", "pid,args").splitlines()[1:]]
    init = box.json("inspect", "box")[0]["State"]["Pid"]
    assert init in pids
    other = next(pid for pid in pids if pid != init)
    assert outside.arguments(other) == ["sleep", "601"]
    for name in ("user", "mnt", "pid", "net", "ipc", "uts"):
        assert outside.namespace(other, name) == outside.namespace(init, name)
        assert outside.namespace(other, name) != outside.namespace(os.getpid(), name)
    assert outside.status(other)["CapEff"] == outside.status(init)["CapEff"]


def test_exec__failures_have_dockers_codes(box: CommandLine) -> None:
    assert box("exec", "box", "no-such-program").returncode == 127
    assert box("exec", "box", "/etc").returncode == 126


def test_stats__unknown_is_said(box: CommandLine) -> None:
    """Without a control group of its own nobody counts the container's memory: that is not 0."""
    row = box.json("stats", "--no-stream", "--format", "json", "box")
    assert (row["Name"], row["CPUPerc"], row["MemPerc"], row["PIDs"]) == ("box", "--", "--", "--")
    assert row["MemUsage"].startswith("-- / ")


def test_pause_and_limits__are_refused_with_the_reason(box: CommandLine) -> None:
    refused = box("pause", "box")
    assert (refused.returncode, "control group" in refused.stderr) == (1, True)
    assert "(Paused)" not in box.ok("ps")
    for flag in (("--memory", "64m"), ("--cpus", "0.5"), ("--pids-limit", "10"), ("--cpuset-cpus", "0")):
        refused = box("run", "--rm", *flag, BOX, "true")
        assert (refused.returncode, flag[0] in refused.stderr, "control group" in refused.stderr) == (125, True, True)
    refused = box("update", "--memory", "64m", "box")
    assert (refused.returncode, "--memory" in refused.stderr) == (1, True)
    assert box.ok("ps", "-a", "--format", "{{.Names}}") == "box"


def test_exec__terminal(box: CommandLine) -> None:
    """A pty of the container's own, in its user namespace; `script` is the terminal outside."""
    line = shlex.join(box.argv("exec", "-t", "box", "sh", "-c", "tty; test -t 1 && echo yes"))
    shown = subprocess.run(
        ["script", "-qec", line, "/dev/null"], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
        env=box.environment(), timeout=60,
    ).stdout  # fmt: skip
    assert shown.split() == ["/dev/pts/0", "yes"]
