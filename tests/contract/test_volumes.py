"""Volumes and files on every engine: what both can do, both do alike."""

from __future__ import annotations

import contextlib
import io
import stat
import tarfile
from collections.abc import Iterator

import pytest

from dockview.engine.api import Engine
from dockview.engine.errors import Conflict, DockviewError, InvalidRequest, NotFound
from dockview.engine.model import Mount
from tests.contract.test_engines import either  # noqa: F401  the fixture
from tests.support.requests import request

pytestmark = [pytest.mark.root, pytest.mark.registry]
Either = tuple[Engine, str]


@pytest.fixture
def clean(either: Either) -> Iterator[Either]:  # noqa: F811
    """The engine, whose volumes go afterwards."""
    engine, image = either
    before = {volume.name for volume in engine.volumes()}
    yield engine, image
    for container in engine.containers(all=True):
        engine.remove(container.id, force=True, volumes=True)
    for volume in engine.volumes():
        if volume.name not in before:
            engine.remove_volume(volume.name)


def said(engine: Engine, image: str, *command: str, mounts: tuple[Mount, ...] = (), **more: object) -> str:
    """Run a command to its end; what it wrote."""
    container = engine.run(request(image, *command, pull="never", mounts=mounts, **more))
    engine.wait(container.id)
    text = "\n".join(record.text for record in engine.logs(container.id))
    engine.remove(container.id, volumes=True)
    return text


def archive(files: dict[str, bytes], uid: int = 0) -> bytes:
    """A tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uid = len(content), 0o640, uid
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def names(data: bytes) -> list[str]:
    """The members of an archive."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return [member.name for member in tar]


def read(engine: Engine, ref: str, path: str) -> bytes:
    """What copy_from() gives."""
    with contextlib.closing(engine.copy_from(ref, path)) as stream:
        return b"".join(stream)


def test_volume__outlives_its_containers(clean: Either) -> None:
    engine, image = clean
    data = (Mount(type="volume", source="data", target="/data", is_short=True),)
    said(engine, image, "sh", "-c", "echo kept > /data/f", mounts=data)
    assert said(engine, image, "cat", "/data/f", mounts=data) == "kept"
    assert "data" in {volume.name for volume in engine.volumes()}


def test_volume__is_filled_from_the_image(clean: Either) -> None:
    """Content, modes and owners of the image's folder; a volume that has something is left alone."""
    engine, image = clean
    etc = (Mount(type="volume", source="etc", target="/etc", is_short=True),)
    assert "root:x:0:0" in said(engine, image, "sh", "-c", "cat /etc/passwd; echo mine > /etc/passwd", mounts=etc)
    assert said(engine, image, "cat", "/etc/passwd", mounts=etc) == "mine"
    empty = (Mount(type="volume", source="empty", target="/etc", no_copy=True, is_short=True),)
    assert "not-a-program" not in said(engine, image, "ls", "/etc", mounts=empty)


def test_volume__of_a_container_cannot_go(clean: Either) -> None:
    engine, image = clean
    volume = engine.create_volume("mine", labels={"a": "b"})
    assert (volume.name, volume.driver, dict(volume.labels)) == ("mine", "local", {"a": "b"})
    used = (Mount(type="volume", source="mine", target="/m", is_short=True),)
    container = engine.create(request(image, "true", pull="never", mounts=used))
    with pytest.raises(Conflict, match="volume is in use"):
        engine.remove_volume("mine")
    engine.remove(container.id)
    engine.remove_volume("mine")
    with pytest.raises(NotFound):
        engine.inspect("mine", "volume")
    with pytest.raises(NotFound):
        engine.remove_volume("mine")
    engine.remove_volume("mine", force=True)


def test_anonymous_volume__goes_with_rm_v(clean: Either) -> None:
    engine, image = clean
    bare = (Mount(type="volume", target="/a", is_short=True),)
    before = len(engine.volumes())
    kept = engine.create(request(image, "true", pull="never", mounts=bare))
    gone = engine.create(request(image, "true", pull="never", mounts=bare))
    assert len(engine.volumes()) == before + 2
    engine.remove(gone.id, volumes=True)
    assert len(engine.volumes()) == before + 1
    name = engine.inspect(kept.id)["Mounts"][0]["Name"]
    assert len(name) == 64
    engine.remove(kept.id)
    plan = engine.prune_plan(["volume"])
    assert [item.name for item in plan.items] == [name]
    assert [item.name for item in engine.prune(plan).removed] == [name]


def test_volumes_from__with_mode(clean: Either) -> None:
    engine, image = clean
    data = (Mount(type="volume", source="shared", target="/s", is_short=True),)
    source = engine.create(request(image, "true", name="source", pull="never", mounts=data))
    assert said(engine, image, "sh", "-c", "echo x > /s/f && cat /s/f", volumes_from=("source",)) == "x"
    text = said(engine, image, "sh", "-c", "echo y > /s/f || cat /s/f", volumes_from=("source:ro",))
    assert "x" in text.splitlines()
    engine.remove(source.id)


def test_mount__of_what_is_not_there(clean: Either, tmp_path_factory: pytest.TempPathFactory) -> None:
    """-v makes the folder, --mount refuses."""
    engine, image = clean
    folder = tmp_path_factory.mktemp("binds")
    with pytest.raises(InvalidRequest, match="bind source path does not exist"):
        engine.create(request(image, "true", pull="never", mounts=(
            Mount(type="bind", source=f"{folder}/not", target="/b"),)))  # fmt: skip
    made = Mount(type="bind", source=f"{folder}/new", target="/b", is_short=True)
    said(engine, image, "sh", "-c", "echo > /b/f", mounts=(made,))
    assert (folder / "new" / "f").exists()


def test_read_only__and_tmpfs(clean: Either) -> None:
    engine, image = clean
    mounts = (
        Mount(type="tmpfs", target="/t", tmpfs_size_bytes=1 << 20, tmpfs_mode=0o700, is_short=True),
        Mount(type="volume", source="rw", target="/v", is_short=True),
    )
    script = "echo no > /f || echo refused; echo a > /t/f; echo b > /v/f; cat /t/f /v/f /proc/mounts"
    text = said(engine, image, "sh", "-c", script, mounts=mounts, read_only=True)
    lines = text.splitlines()
    assert [line for line in lines if line in ("refused", "a", "b")] == ["refused", "a", "b"]
    shown = next(line for line in lines if " /t " in line)
    assert all(word in shown for word in ("nosuid", "nodev", "noexec", "size=1024k", "mode=700"))


def test_inspect__shows_mounts_alike(clean: Either) -> None:
    engine, image = clean
    mounts = (
        Mount(type="volume", source="v1", target="/v", read_only=True, is_short=True),
        Mount(type="bind", source="/usr", target="/b", is_short=True),
        Mount(type="tmpfs", target="/t", tmpfs_size_bytes=4096),
    )
    container = engine.create(request(image, "true", pull="never", mounts=mounts))
    shown = engine.inspect(container.id)
    found = {m["Destination"]: m for m in shown["Mounts"]}
    keep = ("Type", "RW", "Propagation", "Mode")
    assert [found["/v"].get(key) for key in keep] == ["volume", False, "", "ro"]
    assert found["/v"]["Name"] == "v1"
    assert [found["/b"].get(key) for key in keep] == ["bind", True, "rprivate", ""]
    assert found["/t"]["Type"] == "tmpfs"
    assert sorted(shown["HostConfig"]["Binds"]) == ["/usr:/b", "v1:/v:ro"]
    assert shown["HostConfig"]["Mounts"][0]["Target"] == "/t"


def test_diff(clean: Either) -> None:
    engine, image = clean
    script = "mkdir /new; echo a > /new/f; echo b >> /etc/passwd; rm -r /etc/group; rm -r /tmp"
    container = engine.run(request(image, "sh", "-c", script.replace("rm -r", "/bin/busybox rm -r").replace(
        "mkdir", "/bin/busybox mkdir"), pull="never"))  # fmt: skip
    engine.wait(container.id)
    assert [(change.kind, change.path) for change in engine.diff(container.id)] == [
        ("C", "/etc"), ("D", "/etc/group"), ("C", "/etc/passwd"), ("A", "/new"), ("A", "/new/f"), ("D", "/tmp"),
    ]  # fmt: skip


@pytest.mark.parametrize("is_running", [True, False])
def test_copy__both_ways(clean: Either, *, is_running: bool) -> None:
    engine, image = clean
    container = engine.run(request(image, "sleep", "600", pull="never"))
    if not is_running:
        engine.stop(container.id, timeout_s=0)
    engine.copy_to(container.id, "/root", [archive({"a/b": b"1", "c": b"22"})])
    assert names(read(engine, container.id, "/root")) == ["root", "root/a", "root/a/b", "root/c"]
    assert names(read(engine, container.id, "/root/a/b")) == ["b"]
    found = engine.stat_path(container.id, "/root/c")
    assert (found.name, found.size_bytes, stat.S_ISREG(found.mode), found.mode & 0o777) == ("c", 2, True, 0o640)
    with pytest.raises(NotFound):
        read(engine, container.id, "/nope")
    with pytest.raises(NotFound):
        engine.copy_to(container.id, "/nope", [archive({"x": b""})])
    with pytest.raises(DockviewError, match="cannot overwrite directory"):
        engine.copy_to(container.id, "/root", [archive({"a": b"a file"})])


def test_copy__keeps_the_owner_that_the_archive_names(clean: Either) -> None:
    engine, image = clean
    container = engine.create(request(image, "ls", "-ln", "/root/f", "/root/g", pull="never", user="nobody"))
    engine.copy_to(container.id, "/root", [archive({"f": b""}, uid=1234)])
    engine.copy_to(container.id, "/root", [archive({"g": b""}, uid=1234)], is_user=True)
    with tarfile.open(fileobj=io.BytesIO(read(engine, container.id, "/root"))) as tar:
        assert {member.name: member.uid for member in tar if member.isreg()} == {"root/f": 1234, "root/g": 65534}


def test_copy__links_stay_inside(clean: Either) -> None:
    """A link to / is the container's own root, for reading and for writing."""
    engine, image = clean
    container = engine.run(request(image, "/bin/busybox", "ln", "-s", "/etc", "/link", pull="never"))
    engine.wait(container.id)
    found = engine.stat_path(container.id, "/link")
    assert stat.S_ISLNK(found.mode)
    assert found.link_target == "/etc"
    assert "link/passwd" not in names(read(engine, container.id, "/link"))
    assert names(read(engine, container.id, "/link/passwd")) == ["passwd"]
    engine.copy_to(container.id, "/link", [archive({"in-etc": b"x"})])
    assert engine.stat_path(container.id, "/etc/in-etc").size_bytes == 1


def test_export__without_volumes(clean: Either) -> None:
    engine, image = clean
    data = (Mount(type="volume", source="out", target="/data", is_short=True),)
    container = engine.run(request(image, "sh", "-c", "echo a > /data/in; echo b > /here", pull="never", mounts=data))
    engine.wait(container.id)
    with contextlib.closing(engine.export(container.id)) as stream:
        found = set(names(b"".join(stream)))
    assert {"here", "etc/passwd", "bin/busybox"} <= found
    assert "data/in" not in found


def test_commit__makes_an_image_that_runs(clean: Either) -> None:
    engine, image = clean
    script = "echo made > /made; /bin/busybox rm /etc/group; /bin/busybox rm -r /tmp"
    container = engine.run(request(image, "sh", "-c", script, pull="never"))
    engine.wait(container.id)
    image_id = engine.commit(container.id, "made:1", author="me", message="why", changes=['CMD ["cat", "/made"]'])
    engine.remove(container.id)
    assert image_id.startswith("sha256:")
    assert said(engine, "made:1") == "made"
    listed = said(engine, "made:1", "ls", "/", "/etc").split()
    assert "group" not in listed
    assert "tmp" not in listed
    engine.remove_image("made:1")
