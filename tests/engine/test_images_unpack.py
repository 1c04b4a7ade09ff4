"""Layers are unpacked into what overlayfs wants, and nothing in an archive reaches outside."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from dockview.engine.errors import DataError
from dockview.engine.images.unpack import Unpacked, Unpacking, remove_tree

pytestmark = pytest.mark.root


class Archive:
    """A tar archive, member by member."""

    def __init__(self, format: int = tarfile.PAX_FORMAT) -> None:  # noqa: A002
        self._buffer = io.BytesIO()
        self._tar = tarfile.TarFile(fileobj=self._buffer, mode="w", format=format)

    def add(
        self,
        name: str,
        content: bytes = b"",
        *,
        kind: bytes = tarfile.REGTYPE,
        mode: int = 0o644,
        link: str = "",
        owner: tuple[int, int] = (0, 0),
        mtime: float = 0,
        device: tuple[int, int] = (0, 0),
        pax: Mapping[str, str] | None = None,
    ) -> Archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.linkname, entry.size = kind, mode, link, len(content)
        (entry.uid, entry.gid), entry.mtime = owner, mtime
        entry.devmajor, entry.devminor = device
        entry.pax_headers = dict(pax or {})
        self._tar.addfile(entry, io.BytesIO(content))
        return self

    def folder(self, name: str, mode: int = 0o755, *, mtime: float = 0) -> Archive:
        return self.add(name, kind=tarfile.DIRTYPE, mode=mode, mtime=mtime)

    @property
    def data(self) -> bytes:
        self._tar.close()
        return self._buffer.getvalue()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "layer"
    folder.mkdir()
    yield str(folder)
    remove_tree(str(folder))


def unpack(data: bytes, target: str) -> Unpacked:
    with Unpacking(target, "the layer") as child:
        for start in range(0, len(data), 100_000):
            child.feed(data[start : start + 100_000])
        return child.finish()


def test_plain_files(target: str) -> None:
    content = os.urandom(3_000_000)
    archive = Archive().folder("./").folder("a/", 0o750).add("a/big", content, mode=0o4755, owner=(1, 2), mtime=1234.5)
    archive.add("a/link", kind=tarfile.SYMTYPE, link="/etc/passwd").add("a/hard", kind=tarfile.LNKTYPE, link="./a/big")
    archive.add("a/pipe", kind=tarfile.FIFOTYPE).add("empty").add("implied/parent/file", b"x")
    done = unpack(archive.data, target)
    big = os.stat(f"{target}/a/big")
    assert stat.S_IMODE(big.st_mode) == 0o4755
    assert (big.st_uid, big.st_gid, big.st_mtime_ns, big.st_nlink) == (1, 2, 1_234_500_000_000, 2)
    with open(f"{target}/a/big", "rb") as file:
        assert file.read() == content
    assert os.readlink(f"{target}/a/link") == "/etc/passwd"
    assert os.path.samefile(f"{target}/a/big", f"{target}/a/hard")
    assert stat.S_ISFIFO(os.stat(f"{target}/a/pipe").st_mode)
    assert stat.S_IMODE(os.stat(f"{target}/a").st_mode) == 0o750
    assert os.path.getsize(f"{target}/implied/parent/file") == 1
    assert (done.files, done.size_bytes, dict(done.notes)) == (8, 3_000_001, {})


def test_times_of_folders_survive_what_comes_into_them(target: str) -> None:
    unpack(Archive().folder("a", mtime=1000).add("a/b", mtime=2000).folder("a/c", mtime=3000).data, target)
    assert [int(os.stat(f"{target}/{name}").st_mtime) for name in ("a", "a/b", "a/c")] == [1000, 2000, 3000]


def test_devices(target: str) -> None:
    archive = (
        Archive()
        .add("null", kind=tarfile.CHRTYPE, device=(1, 3), mode=0o666)
        .add("disk", kind=tarfile.BLKTYPE, device=(7, 0))
    )
    unpack(archive.data, target)
    null, disk = os.stat(f"{target}/null"), os.stat(f"{target}/disk")
    assert (null.st_mode, null.st_rdev) == (stat.S_IFCHR | 0o666, os.makedev(1, 3))
    assert (stat.S_IFMT(disk.st_mode), disk.st_rdev) == (stat.S_IFBLK, os.makedev(7, 0))


def test_xattrs(target: str) -> None:
    capability = b"\x01\0\0\x02\x00\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    text = capability.decode("utf-8", "surrogateescape")
    archive = Archive().add(
        "ping", b"x", owner=(5, 5), mode=0o755,
        pax={"SCHILY.xattr.security.capability": text, "SCHILY.xattr.user.note": "hi",
           "SCHILY.xattr.trusted.overlay.redirect": "/etc"},
    )  # fmt: skip
    done = unpack(archive.data, target)
    assert os.getxattr(f"{target}/ping", "security.capability") == capability
    assert os.getxattr(f"{target}/ping", "user.note") == b"hi"
    assert sorted(os.listxattr(f"{target}/ping")) == ["security.capability", "user.note"]
    assert done.notes == {"overlayfs attributes in the archive were left out": 1}


def _is_whiteout(path: str) -> bool:
    status = os.lstat(path)
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def _is_opaque(path: str) -> bool:
    return "trusted.overlay.opaque" in os.listxattr(path)


def test_whiteouts(target: str) -> None:
    archive = Archive().add(".wh.gone").folder("d").add("d/.wh..wh..opq").add("d/new", b"x").add("e/.wh.gone")
    archive.add(".wh..wh.plnk").folder(".wh..wh.orph")
    unpack(archive.data, target)
    assert _is_whiteout(f"{target}/gone")
    assert _is_whiteout(f"{target}/e/gone")
    assert _is_opaque(f"{target}/d")
    assert not _is_opaque(f"{target}/e")
    assert sorted(os.listdir(target)) == ["d", "e", "gone"]


@pytest.mark.parametrize("order", [("w", "d"), ("d", "w")])
def test_whiteouts__of_a_folder_that_the_layer_makes_anew(target: str, order: tuple[str, str]) -> None:
    archive = Archive()
    for part in order:
        archive.add(".wh.a") if part == "w" else archive.folder("a").add("a/new", b"x")
    unpack(archive.data, target)
    assert os.listdir(f"{target}/a") == ["new"]
    assert _is_opaque(f"{target}/a")


def test_whiteouts__of_a_file_that_the_layer_makes_anew(target: str) -> None:
    unpack(Archive().add("b", b"x").add(".wh.a").add(".wh.b").add("a", b"x").data, target)
    assert os.path.getsize(f"{target}/a") == os.path.getsize(f"{target}/b") == 1


def test_whiteouts__overlayfs_understands_them(target: str, tmp_path: Path) -> None:
    """The kernel's own opinion: mounted over a lower layer, in a mount namespace of its own."""
    lower = tmp_path / "lower"
    for path in ("gone", "d/old", "r/old", "stays"):
        (lower / path).parent.mkdir(parents=True, exist_ok=True)
        (lower / path).write_text(path)
    unpack(
        Archive().add(".wh.gone").folder("d").add("d/.wh..wh..opq").add("d/new", b"x").add(".wh.r").folder("r").data,
        target,
    )
    merged = tmp_path / "merged"
    merged.mkdir()
    script = 'mount -t overlay overlay -o "lowerdir=$1:$2" "$3" && cd "$3" && find . | sort'
    found = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", target, str(lower), str(merged)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.split() == [".", "./d", "./d/new", "./r", "./stays"]


def test_later_members_replace_earlier_ones(target: str) -> None:
    archive = Archive().add("a", b"1").add("a", b"22").folder("b").add("b/c", b"1").add("b", b"333").add("c", b"1")
    archive.folder("c").add("c/d", b"4").folder("e", 0o700).folder("e", 0o755)
    unpack(archive.data, target)
    assert os.path.getsize(f"{target}/a") == 2
    assert os.path.getsize(f"{target}/b") == 3
    assert os.path.getsize(f"{target}/c/d") == 1
    assert stat.S_IMODE(os.stat(f"{target}/e").st_mode) == 0o755


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_and_strange_names(target: str, format: int) -> None:  # noqa: A002
    names = ["d/" * 60 + "x" * 150, "\udcff\udcfe", "new\nline", "\x1b[31m", "ünï"]
    archive = Archive(format)
    for name in names:
        archive.add(name, b"x")
    assert unpack(archive.data, target).files == len(names)
    for name in names:
        assert os.path.getsize(os.fsencode(f"{target}/") + name.encode("utf-8", "surrogateescape")) == 1


# Hostile archives


def _outside(tmp_path: Path) -> Path:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("original")
    return outside


def test_nothing_gets_out(target: str, tmp_path: Path) -> None:
    outside = _outside(tmp_path)
    before = sorted(os.listdir("/"))
    archive = Archive()
    archive.add("../../../../../../../../../dockview-test-1", b"x")
    archive.add(f"{outside}/made", b"x")
    archive.add("up", kind=tarfile.SYMTYPE, link="../../../../../../../..").add("up/dockview-test-2", b"x")
    archive.add("way", kind=tarfile.SYMTYPE, link=str(outside)).add("way/made", b"x")
    archive.add("far", kind=tarfile.SYMTYPE, link=str(outside / "secret")).add("far", b"overwritten")
    archive.add("../.wh.tmp").add("..", kind=tarfile.DIRTYPE, mode=0o777)
    unpack(archive.data, target)
    assert sorted(os.listdir("/")) == before
    assert sorted(os.listdir(outside)) == ["secret"]
    assert (outside / "secret").read_text() == "original"
    assert sorted(os.listdir(tmp_path)) == ["layer", "outside"]


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.SYMTYPE])
def test_no_link_leads_out(target: str, tmp_path: Path, kind: bytes) -> None:
    outside = _outside(tmp_path)
    archive = Archive().add("l", kind=kind, link=f"../../../../../../../../..{outside}/secret")
    try:
        unpack(archive.add("l", b"overwritten").data, target)
    except DataError:
        assert kind == tarfile.LNKTYPE  # what it names is not there: the root is another one
    assert (outside / "secret").read_text() == "original"
    assert os.stat(outside / "secret").st_nlink == 1


def test_opaque_marks_below_a_link_stay_inside(target: str, tmp_path: Path) -> None:
    outside = _outside(tmp_path)
    archive = (
        Archive().add("way", kind=tarfile.SYMTYPE, link=str(outside)).add("way/.wh..wh..opq").add("way/.wh.secret")
    )
    unpack(archive.data, target)
    assert os.listxattr(outside) == []
    assert (outside / "secret").read_text() == "original"


def _header(**fields: bytes) -> bytes:
    """A header block with fields set by hand and a right checksum."""
    block = bytearray(Archive().add("file", b"x").data[:512])
    for name, value in fields.items():
        start = {"size": 124, "typeflag": 156, "mtime": 136}[name]
        block[start : start + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a tar archive" * 1000,
        Archive().add("a", b"x" * 10_000).data[:5000],
        Archive().add("a", b"x").data[:1024] + b"\xff" * 512,
        Archive().add("a", b"x").data[:1024] + b"\xff" * 100,
        _header(size=b"\xff" * 12),
        _header(size=b"\x80" + b"\xff" * 11),
        _header(size=b"77777777777\0", typeflag=b"x"),
        _header(size=b"77777777777\0", typeflag=b"L"),
        _header(size=b"zzzzzzzzzzz\0"),
        Archive().add("x" * 300).data,
        Archive().add("d/" * 2100 + "x").data,
        Archive().add("hard", kind=tarfile.LNKTYPE, link="nowhere").data,
        Archive().add("/", kind=tarfile.SYMTYPE, link="x").data,
    ],
    ids=[
        "empty", "text", "ends in a file", "garbage follows", "half a header follows", "negative size", "huge size",
        "huge pax header", "huge GNU name", "no number", "long name", "deep name", "link to nowhere",
        "the root is a link",
    ],
)  # fmt: skip
def test_damaged(target: str, data: bytes) -> None:
    with pytest.raises(DataError, match="the layer cannot be unpacked"):
        unpack(data, target)


@pytest.mark.parametrize(("text", "mtime_ns"), [("12.000000001", 12_000_000_001), ("-5", -5 * 10**9), ("7", 7 * 10**9)])
def test_times_to_the_nanosecond(target: str, text: str, mtime_ns: int) -> None:
    unpack(_with_pax_mtime(text), target)
    assert os.stat(f"{target}/a").st_mtime_ns == mtime_ns


@pytest.mark.parametrize("text", ["nan", "inf", "1e400", "99999999999999999999"])
def test_times_that_are_none(target: str, text: str) -> None:
    """Whatever comes of it, it is said, and nothing else breaks."""
    try:
        unpack(_with_pax_mtime(text), target)
    except DataError:
        return
    assert os.listdir(target) == ["a"]


def _with_pax_mtime(text: str) -> bytes:
    """An archive of one file whose extended header gives its time as this very text."""
    placeholder = "1." + "1" * 30
    record = f" mtime={text}\n"
    data = bytearray(Archive().add("a", pax={"comment": placeholder}).data)
    old = b"44 comment=" + placeholder.encode() + b"\n"
    start = data.index(old)
    size = len(record) + 2
    new = f"{size}{record}".encode()
    filler = len(old) - len(new)
    data[start : start + len(old)] = new + f"{filler} x={'y' * (filler - 6)}\n".encode()
    return bytes(data)


def test_sparse(target: str, tmp_path: Path) -> None:
    """GNU tar's own sparse files, in each of its formats."""
    source = tmp_path / "source"
    source.mkdir()
    with open(source / "holes", "wb") as file:
        file.truncate(5_000_000)
        file.seek(1_000_000)
        file.write(b"data")
    for options in (
        ["--format=gnu"],
        ["--format=pax", "--sparse-version=0.1"],
        ["--format=pax", "--sparse-version=1.0"],
    ):
        data = subprocess.run(
            ["tar", "--sparse", *options, "-C", str(source), "-cf", "-", "holes"], capture_output=True, check=True
        ).stdout
        assert len(data) < 100_000
        unpack(data, target)
        with open(f"{target}/holes", "rb") as file, open(source / "holes", "rb") as original:
            assert file.read() == original.read()


def test_remove_tree(tmp_path: Path) -> None:
    remove_tree(str(tmp_path / "nothing"))
    (tmp_path / "a" / "b").mkdir(parents=True)
    remove_tree(str(tmp_path / "a"))
    assert not os.path.exists(tmp_path / "a")
