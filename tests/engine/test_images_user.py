"""Unpacking as an ordinary user: in a user namespace, with a range of IDs or with a single one."""

from __future__ import annotations

import io
import json
import os
import pwd
import shutil
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from dockview.engine.idmap import subordinate_range
from tests.support import user
from tests.support.cli import CommandLine

pytestmark = pytest.mark.user

_UNPACK = """
import json, sys
from dockview.engine import idmap
from dockview.engine.images.unpack import Unpacking
if sys.argv[2] == "single":
    idmap.subordinate_range = lambda *_: None
with Unpacking(sys.argv[1], "the layer") as child:
    child.feed(sys.stdin.buffer.read())
    done = child.finish()
print(json.dumps([done.files, done.size_bytes, dict(done.notes)]))
"""
_REMOVE = "import sys; from dockview.engine.images.unpack import remove_tree; remove_tree(sys.argv[1])"


def _layer() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, owner, mode in (
            ("own", tarfile.REGTYPE, 0, 0o4755),
            ("other", tarfile.REGTYPE, 33, 0o640),
            ("far", tarfile.REGTYPE, 4_000_000, 0o644),
            ("closed", tarfile.DIRTYPE, 33, 0o700),
            ("closed/in", tarfile.REGTYPE, 33, 0o600),
            ("disk", tarfile.BLKTYPE, 0, 0o600),
            (".wh.gone", tarfile.REGTYPE, 0, 0),
            ("dir", tarfile.DIRTYPE, 0, 0o755),
            ("dir/.wh..wh..opq", tarfile.REGTYPE, 0, 0),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.uid, entry.gid, entry.mode = kind, owner, owner, mode
            tar.addfile(entry)
    return buffer.getvalue()


@pytest.fixture
def home() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="dv-home-", dir="/tmp")
    shutil.chown(folder, user.NAME, user.NAME)
    yield folder
    shutil.rmtree(folder)


def _as_user(package: str, home: str, program: str, *words: str, data: bytes = b"") -> str:
    argv = user.as_user([user.python(), "-c", program, *words], home=home, env={"PYTHONPATH": package})
    return subprocess.run(argv, input=data, capture_output=True, check=True).stdout.decode()


def _unpack(package: str, home: str, mode: str) -> tuple[str, Any]:
    folder = f"{home}/layer"
    os.mkdir(folder)
    shutil.chown(folder, user.NAME, user.NAME)
    return folder, json.loads(_as_user(package, home, _UNPACK, folder, mode, data=_layer()))


def test_a_range_of_ids(user_package: str, home: str) -> None:
    entry = pwd.getpwnam(user.NAME)
    found = subordinate_range("/etc/subuid", entry.pw_uid)
    if found is None or shutil.which("newuidmap") is None:
        pytest.skip("no subordinate IDs for the test user")
    first, _count = found
    folder, (files, _size, notes) = _unpack(user_package, home, "range")
    assert os.stat(f"{folder}/own").st_uid == entry.pw_uid
    assert stat.S_IMODE(os.stat(f"{folder}/own").st_mode) == 0o4755
    assert os.stat(f"{folder}/other").st_uid == first + 32
    assert os.stat(f"{folder}/far").st_uid == entry.pw_uid
    assert files == 6
    assert notes == {
        "owners were left out: this user has no IDs for them (see newuidmap)": 1,
        "device nodes were left out: only root may make them": 1,
    }
    _check_whiteouts(folder)
    _as_user(user_package, home, _REMOVE, folder)
    assert os.listdir(home) == []


def test_a_single_id(user_package: str, home: str) -> None:
    entry = pwd.getpwnam(user.NAME)
    folder, (_files, _size, notes) = _unpack(user_package, home, "single")
    owners = {os.stat(f"{folder}/{name}").st_uid for name in ("own", "other", "far", "closed/in")}
    assert owners == {entry.pw_uid}
    assert notes["owners were left out: this user has no IDs for them (see newuidmap)"] == 4
    _check_whiteouts(folder)
    _as_user(user_package, home, _REMOVE, folder)
    assert os.listdir(home) == []


def _check_whiteouts(folder: str) -> None:
    gone = os.lstat(f"{folder}/gone")
    assert stat.S_ISCHR(gone.st_mode)
    assert gone.st_rdev == 0
    assert os.getxattr(f"{folder}/dir", "user.overlay.opaque") == b"y"
    assert not os.path.lexists(f"{folder}/disk")


def test_archives(user_dockview: CommandLine, home: str) -> None:
    """save, load and import without root; what was loaded and imported runs."""
    me = user_dockview
    me.ok("pull", "--quiet", "hub.localhost/hello-world")
    me.ok("tag", "hello-world", "mine:1")
    me.ok("save", "--output", f"{home}/x.tar", "mine:1")
    assert os.stat(f"{home}/x.tar").st_mode & 0o777 == 0o600
    me.ok("rmi", "--force", "mine:1", "hub.localhost/hello-world")
    assert me.ok("load", "--input", f"{home}/x.tar") == "Loaded image: mine:1"
    assert "Hello" in me.ok("run", "--rm", "mine:1")
    subprocess.run(["tar", "-cf", f"{home}/tree.tar", "-C", "/bin", "busybox"], check=True)
    me.ok("import", "--change", 'CMD ["/busybox", "echo", "hi"]', f"{home}/tree.tar", "tree")
    assert me.ok("run", "--rm", "tree") == "hi"
