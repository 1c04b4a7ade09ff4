"""The network of an ordinary user, who owns a user namespace and may make no bridge."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile

import pytest

from tests.support import user

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
    assert told["network"]["outbound"] == "none (rootless: only root may make a bridge)"
    assert told["said"] == "hello<end>"
    assert told["findings"]["namespaces"] == told["findings"]["overlayfs"] == "ok"
    assert told["findings"]["user"] == told["findings"]["bridge"] == "limited"
    assert told["left"] == told["swept"] == []
