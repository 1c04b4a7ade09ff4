"""`cp` on this machine: what lands where, and archives that try to leave."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from dockview.commands.copying import Landing, pack, unpack
from dockview.commands.execute_cp import landing
from dockview.engine.errors import DataError, DockviewError, InvalidRequest, NotFound
from tests.unit.commands_engine import ScriptedEngine, dockview


def archive(*members: tuple[str, str, bytes | str]) -> list[bytes]:
    """(name, kind f|d|l|h, content or link) as a stream in small pieces."""
    buffer = io.BytesIO()
    kinds = {"f": tarfile.REGTYPE, "d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE, "h": tarfile.LNKTYPE}
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, content in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = kinds[kind], 0o755
            if isinstance(content, str):
                entry.linkname = content
                tar.addfile(entry)
            else:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    data = buffer.getvalue()
    return [data[at : at + 700] for at in range(0, len(data), 700)]


@pytest.mark.parametrize(
    ("path", "target", "is_folder", "exists", "is_target_folder", "expected"),
    [
        ("/a/f", "/t", False, True, True, Landing("/t", "f", "f")),
        ("/a/f", "/t/g", False, False, False, Landing("/t", "f", "g")),
        ("/a/f", "/t/g", False, True, False, Landing("/t", "f", "g")),
        ("/a/d", "/t", True, True, True, Landing("/t", "d", "d")),
        ("/a/d", "/t/new", True, False, False, Landing("/t", "d", "new")),
        ("/a/d/.", "/t", True, True, True, Landing("/t", ".", ".")),
        ("/a/d/.", "/t/new", True, False, False, Landing("/t", ".", "new")),
        ("f", "g", False, False, False, Landing(".", "f", "g")),
    ],
)
def test_landing(
    path: str, target: str, expected: Landing, *, is_folder: bool, exists: bool, is_target_folder: bool
) -> None:
    """Docker's table of source and destination."""
    found = landing(path, target, is_folder=is_folder, exists=exists, is_target_folder=is_target_folder)
    assert found == expected


def test_landing__refused() -> None:
    with pytest.raises(InvalidRequest, match="cannot copy directory"):
        landing("/d", "/file", is_folder=True, exists=True, is_target_folder=False)
    with pytest.raises(NotFound, match="no such directory"):
        landing("/f", "/new/", is_folder=False, exists=False, is_target_folder=False)


def test_unpack__pack__goes_round(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "a").mkdir(parents=True)
    (source / "a/f").write_bytes(os.urandom(300_000))
    (source / "a/f").chmod(0o640)
    (source / "l").symlink_to("a/f")
    unpack(pack(str(source), "renamed", follows=False), Landing(str(tmp_path), "renamed", "copy"))
    assert (tmp_path / "copy/a/f").read_bytes() == (source / "a/f").read_bytes()
    assert (tmp_path / "copy/a/f").stat().st_mode & 0o777 == 0o640
    assert os.readlink(tmp_path / "copy/l") == "a/f"
    assert int((tmp_path / "copy/a/f").stat().st_mtime) == int((source / "a/f").stat().st_mtime)


@pytest.mark.parametrize(
    "members",
    [
        [("x/../../out", "f", b"bad")],
        [("x", "l", "/OUTSIDE"), ("x/out", "f", b"bad")],
        [("x", "l", ".."), ("x/out", "f", b"bad")],
        [("x", "d", b""), ("x/y", "l", "../.."), ("x/y/out", "f", b"bad")],
        [("x", "d", b""), ("x/up", "l", "/OUTSIDE"), ("x/hard", "h", "x/up/secret")],
    ],
)
def test_unpack__nothing_leaves_the_folder(tmp_path: Path, members: list[tuple[str, str, bytes | str]]) -> None:
    """Names that climb, and links that an archive makes and then goes through."""
    inside, outside = tmp_path / "in" / "deep", tmp_path / "outside"
    inside.mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_text("s")
    told = [(n, k, c.replace("/OUTSIDE", str(outside)) if isinstance(c, str) else c) for n, k, c in members]
    with pytest.raises(DataError):
        unpack(archive(*told), Landing(str(inside), "x", "x"))
    assert not list(tmp_path.rglob("out"))
    assert not list(tmp_path.rglob("hard"))
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_unpack__a_name_that_is_a_link_already_is_replaced(tmp_path: Path) -> None:
    """The file behind a link of this machine is not written through it."""
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "f").symlink_to("precious")
    unpack(archive(("f", "f", b"new")), Landing(str(tmp_path), "f", "f"))
    assert (tmp_path / "precious").read_text() == "kept"
    assert (tmp_path / "f").read_text() == "new"


def test_unpack__damaged(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        unpack([b"no tar at all" * 100], Landing(str(tmp_path), "f", "f"))


def test_cp__from_a_container(tmp_path: Path) -> None:
    """Into a folder, under a new name, and as a stream."""
    engine = ScriptedEngine()
    code, said = dockview(engine, f"cp web:/etc/passwd {tmp_path}")
    assert (code, said.err.startswith("Successfully copied")) == (0, True)
    assert (tmp_path / "passwd").read_text().startswith("root:")
    assert dockview(engine, f"cp -q web:/etc {tmp_path}/new")[1].err == ""
    assert (tmp_path / "new/passwd").exists()
    assert dockview(engine, "cp web:/etc/passwd -")[1].out.startswith("passwd\0")


def test_cp__to_a_container(tmp_path: Path) -> None:
    """The archive names what it becomes there."""
    engine = ScriptedEngine()
    (tmp_path / "f").write_text("x")
    assert dockview(engine, f"cp {tmp_path}/f web:/etc")[0] == 0
    assert dockview(engine, f"cp -a {tmp_path}/f web:/etc/g")[0] == 0
    found = []
    for _ref, folder, data in engine.copied:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            found.append((folder, tar.getnames()))
    assert found == [("/etc", ["f"]), ("/etc", ["g"])]
    assert "copy_to /etc user" in engine.calls


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cp web:/a db:/b", "copying between containers"), ("cp /a /b", "at least one container"),
        ("cp /no-such-file web:/etc", "no such file"), ("cp web:/nope .", "Could not find"),
        ("cp web:/etc/passwd /no/such/folder/x", "does not exist"), ("cp - web:/etc/passwd", "must be a directory"),
    ],
)  # fmt: skip
def test_cp__refused(line: str, words: str) -> None:
    with pytest.raises((DockviewError, OSError), match=words):
        dockview(ScriptedEngine(), line)


def test_diff_export_commit_and_volumes(tmp_path: Path) -> None:
    """As docker prints them."""
    engine = ScriptedEngine()
    assert dockview(engine, "diff web")[1].out == "C /etc\nA /etc/new\nD /root\n"
    assert dockview(engine, "export web")[1].out == "tar bytes"
    assert dockview(engine, f"export -o {tmp_path}/x.tar web")[0] == 0
    assert (tmp_path / "x.tar").read_bytes() == b"tar bytes"
    assert dockview(engine, "commit web mine:1")[1].out == f"sha256:{'c0' * 32}\n"
    assert dockview(engine, "volume create --label a=b mine")[1].out == "mine\n"
    assert dockview(engine, "volume ls -q --filter label=a=b")[1].out == "mine\n"
    assert dockview(engine, "volume rm mine nope")[0] == 1
