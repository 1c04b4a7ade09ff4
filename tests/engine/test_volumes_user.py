"""Volumes, binds and files as an ordinary user: owners are those of his own range of IDs, and nothing needs root."""

from __future__ import annotations

import json
import os
import pwd
import subprocess

import pytest

from tests.support import user
from tests.support.cli import CommandLine

pytestmark = pytest.mark.user
BOX = "hub.localhost/box"


def home_of(command: CommandLine) -> str:
    return os.path.dirname(command.root)


def test_volume__owners_inside_and_outside(user_dockview: CommandLine) -> None:
    """Root inside is the user outside; another ID inside is one of his subordinate ones."""
    user_dockview.ok("run", "--rm", "-v", "data:/d", BOX, "sh", "-c", "touch /d/root; touch /d/five; chown 5:5 /d/five")
    folder = json.loads(user_dockview.ok("volume", "inspect", "data"))[0]["Mountpoint"]
    own = pwd.getpwnam(user.NAME).pw_uid
    assert os.stat(f"{folder}/root").st_uid == own
    assert os.stat(f"{folder}/five").st_uid not in (own, 0, 5)
    assert user_dockview.ok("run", "--rm", "-v", "data:/d", BOX, "stat", "-c", "%u", "/d/root", "/d/five") == "0\n5"
    assert user_dockview.ok("volume", "rm", "data") == "data"
    assert not os.path.exists(folder)


def test_bind__read_only_and_made(user_dockview: CommandLine) -> None:
    """The folder that -v makes is the user's; read-only is read-only; tmpfs has its size."""
    folder = f"{home_of(user_dockview)}/new/folder"
    done = user_dockview(
        "run", "--rm", "-v", f"{folder}:/b:ro", "--tmpfs", "/t:size=1m", BOX,
        "sh", "-c", "touch /b/x || echo refused; grep ' /t ' /proc/mounts",
    )  # fmt: skip
    assert "refused" in done.stdout
    assert "size=1024k" in done.stdout
    assert os.stat(folder).st_uid == pwd.getpwnam(user.NAME).pw_uid


def test_propagation__that_needs_root_is_refused(user_dockview: CommandLine) -> None:
    """Before anything is made, with the reason."""
    done = user_dockview("run", "-v", "/tmp:/t:rshared", BOX, "true")
    assert done.returncode == 125
    assert "needs root" in done.stderr
    assert user_dockview.ok("ps", "-aq") == ""


def test_files__of_a_container(user_dockview: CommandLine) -> None:
    """diff, cp both ways, export and commit, running and stopped."""
    run = user_dockview.ok
    out = f"{home_of(user_dockview)}/store/out.tar"
    script = "mkdir /srv/a; echo one > /srv/a/f; rm -r /root; echo ready; exec sleep 600"
    run("run", "-d", "--name", "files", BOX, "sh", "-c", script)
    while run("logs", "files") != "ready":
        pass
    assert run("diff", "files").splitlines() == ["D /root", "C /srv", "A /srv/a", "A /srv/a/f"]
    for _ in ("running", "stopped"):
        run("cp", "files:/srv/a/f", f"{home_of(user_dockview)}/store/f")
        with open(f"{home_of(user_dockview)}/store/f") as file:
            assert file.read() == "one\n"
        run("cp", f"{home_of(user_dockview)}/store/f", "files:/srv/a/g")
        run("export", "-o", out, "files")
        listed = subprocess.run(["tar", "tf", out], capture_output=True, text=True, check=True).stdout.split()
        assert {"srv/a/f", "srv/a/g"} <= set(listed)
        run("stop", "-t", "0", "files")
    run("commit", "-c", 'CMD ["cat", "/srv/a/g"]', "files", "made:1")
    assert run("run", "--rm", "made:1") == "one"
    assert user_dockview("run", "--rm", "made:1", "ls", "/root").returncode != 0
