"""The runtime as an ordinary user: with a range of subordinate IDs, and with one ID alone."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import user

pytestmark = pytest.mark.user

_PROGRAM = """
import json, os, sys
sys.path.insert(0, sys.argv[2])
from tests.engine.runtime_box import boxes
from dockview.engine.errors import DockviewError
from dockview.engine.runtime.stop import wait
wish = json.loads(sys.argv[1])
with boxes() as make:
    box = make(*wish.pop("command"), **wish)
    try:
        box.start()
        answer = {"code": wait(box.folder), "out": box.stdout(), "log": box.log()}
    except DockviewError as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    spans = {span.label: [span.status, {f.name: f.value for f in span.facts}, span.why] for span in box.trace().spans}
    print(json.dumps({**answer, "spans": spans}))
"""


@pytest.fixture(scope="module")
def package() -> Iterator[str]:
    """The package and the tests' helpers where the user may read them."""
    folder = user.install()
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    os.makedirs(f"{folder}/tests/engine")
    for name in ("__init__.py", "engine/__init__.py", "engine/runtime_box.py"):
        shutil.copy(f"{here}/{name}", f"{folder}/tests/{name}")
    yield folder
    shutil.rmtree(folder)


def run(package: str, wish: dict[str, Any], *, path: str = "") -> dict[str, Any]:
    home = tempfile.mkdtemp(prefix="dv-home-", dir="/tmp")
    shutil.chown(home, user.NAME, user.NAME)
    env = {"PYTHONPATH": package, **({"PATH": path} if path else {})}
    program = [user.python(), "-c", _PROGRAM, json.dumps(wish), package]
    done = subprocess.run(
        user.as_user(program, home=home, env=env), capture_output=True, text=True, check=False, cwd="/"
    )
    shutil.rmtree(home)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_root_inside_is_the_user_outside(package: str) -> None:
    answer = run(package, {"command": ["sh", "-c", "id -u; cat /proc/self/uid_map; ls /dev/null; touch /new"]})
    lines = answer["out"].splitlines()
    assert answer["code"] == 0, answer
    assert lines[0] == "0"
    assert lines[1].split() == ["0", str(pwd.getpwnam(user.NAME).pw_uid), "1"]
    assert answer["spans"]["namespaces user"][1]["is_new"] is True


@pytest.mark.skipif(not shutil.which("newuidmap"), reason="needs newuidmap (apt install uidmap)")
def test_range__other_users_exist(package: str) -> None:
    answer = run(package, {"command": ["id"], "user": "www"})
    assert answer["out"] == "uid=33(www) gid=34(web) groups=35(extra)\n", answer


def test_single_id__other_users_do_not_exist(package: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = str(tmp_path_factory.mktemp("none"))
    assert run(package, {"command": ["/bin/id", "-u"]}, path=folder)["out"] == "0\n"
    answer = run(package, {"command": ["/bin/id"], "user": "www"}, path=folder)
    assert answer["error"] == "NotSupported"
    assert "does not exist in this user namespace" in answer["message"]


def test_cgroup__skipped_with_the_reason_or_joined(package: str) -> None:
    status, facts, why = run(package, {"command": ["true"]})["spans"]["cgroup"]
    if status == "ok":
        assert facts["joined"]
    else:
        assert (status, why.partition(" /")[0]) == ("skipped", "no right to make a control group")
        # A limit that cannot hold is not silently ignored.
        limited = run(package, {"command": ["true"], "memory_bytes": 64 << 20})["spans"]["cgroup"]
        assert (limited[0], limited[2].partition(" /")[0]) == ("failed", "no right to make a control group")


def test_tty(package: str) -> None:
    answer = run(package, {"command": ["sh", "-c", "readlink /proc/self/fd/0; echo > /dev/tty"], "tty": True})
    assert answer["out"] == "/dev/pts/0\r\n\r\n"
