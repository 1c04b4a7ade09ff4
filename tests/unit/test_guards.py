"""The guards of the other tests: the search for leaks finds leaks, and a demanded requirement fails."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support import leaks, require


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKVIEW_TEST_SHARED", raising=False)


def test_leaks__nothing_happened_is_clean() -> None:
    """Two looks at the same machine agree."""
    leaks.assert_nothing_left(leaks.look())


def test_leaks__open_file(tmp_path: object) -> None:
    """A file that a test left open."""
    before = leaks.look()
    with open(f"{tmp_path}/file", "w"), pytest.raises(AssertionError, match=r"files: .*/file"):
        leaks.assert_nothing_left(before, within_s=0)


def test_leaks__process() -> None:
    """A shim that goes on."""
    before = leaks.look()
    argv = [sys.executable, "-c", "input()", "/x/dockview/engine/runtime/shim.py"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
        with pytest.raises(AssertionError, match=str(process.pid)):
            leaks.assert_nothing_left(before, within_s=0)
        process.kill()


@pytest.mark.root
def test_leaks__link_and_mount(tmp_path: object) -> None:
    """A network interface and a mount."""
    before = leaks.look()
    subprocess.run(["ip", "link", "add", "dvleak0", "type", "bridge"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "dvleak", str(tmp_path)], check=True)
    try:
        with pytest.raises(AssertionError, match=r"mounts: .*links: dvleak0"):
            leaks.assert_nothing_left(before, within_s=0)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
        subprocess.run(["ip", "link", "delete", "dvleak0"], check=True)
    leaks.assert_nothing_left(before)


def test_require__skips_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is a skip, unless DOCKVIEW_REQUIRE names it."""
    monkeypatch.setattr(require, "missing", lambda kind: f"no {kind}")
    monkeypatch.setattr(require, "unproven", set())
    monkeypatch.delenv("DOCKVIEW_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs docker: no docker"):
        require.require("docker")
    assert require.unproven == {"docker"}
    monkeypatch.setenv("DOCKVIEW_REQUIRE", "root,docker")
    with pytest.raises(pytest.fail.Exception, match="asks for docker"):
        require.require("docker")
