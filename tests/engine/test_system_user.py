"""Names, sizes, lists and templates as an ordinary user, through the command line."""

from __future__ import annotations

import json

import pytest

from tests.support.cli import CommandLine

pytestmark = pytest.mark.user


def test_names_sizes_and_lists(user_dockview: CommandLine) -> None:
    """Rename, sizes, filters, templates, disk usage, a signal of its own, prune by label."""
    line = "trap 'exit 7' USR1; head -c 12345 /dev/zero > /a; echo ready; while :; do sleep 0.01; done"
    user_dockview.ok("run", "-d", "--name", "box1", "--label", "team=blue", "hub.localhost/box", "sh", "-c", line)
    follower = user_dockview.start("logs", "-f", "box1")
    assert follower.stdout is not None
    assert follower.stdout.readline() == "ready\n"
    user_dockview.ok("rename", "box1", "box2")
    follower.terminate()
    follower.communicate()
    assert user_dockview.ok("ps", "-f", "label=team=blue", "--format", '{{.Names}} {{.Label "team"}}') == "box2 blue"
    assert user_dockview.ok("ps", "-s", "--format", "{{.Size}}").startswith("12.3kB (virtual ")
    assert "12.35kB" in user_dockview.ok("system", "df")
    assert "box2" in user_dockview.ok("system", "df", "-v")
    user_dockview.ok("stop", "--signal", "USR1", "-t", "20", "box2")
    assert user_dockview.ok("ps", "-aq", "-f", "exited=7") != ""
    assert json.loads(user_dockview.ok("info", "--format", "json"))["SecurityOptions"][-1] == "name=rootless"
    user_dockview.ok("container", "prune", "-f", "--filter", "label!=team")
    assert user_dockview.ok("ps", "-a", "--format", "{{.Names}}") == "box2"
    user_dockview.ok("container", "prune", "-f", "--filter", "label=team=blue")
    assert user_dockview.ok("ps", "-aq") == ""
