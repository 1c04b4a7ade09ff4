"""Mounts on the real kernel: what is mounted where, what is said of it, and what is left of it."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dockview.engine.api import Engine
from dockview.engine.errors import DockviewError, InvalidRequest
from dockview.engine.lifecycle import Phase, Trace
from dockview.engine.model import Mount
from tests.support import stores
from tests.support.cli import CommandLine
from tests.support.images import ImageLayout, Registry, layer
from tests.support.requests import HUB, request
from tests.support.waiting import until

pytestmark = pytest.mark.root
BOX = f"{HUB}/box"


def bind(source: str | Path, target: str, **more: object) -> Mount:
    return Mount(type="bind", source=str(source), target=target, is_short=True, **more)  # type: ignore[arg-type]


def volume(source: str, target: str, **more: object) -> Mount:
    return Mount(type="volume", source=source, target=target, is_short=True, **more)  # type: ignore[arg-type]


def sleeper(engine: Engine, *mounts: Mount, **more: object) -> int:
    """The pid of a container that sleeps with these mounts."""
    engine.run(request(BOX, "sleep", "600", name="sleeper", mounts=mounts, **more))
    pid = engine.container("sleeper").pid
    assert pid is not None
    return pid


def findmnt(pid: int, target: str, *columns: str) -> list[str]:
    """What the kernel says of a mount of another process."""
    done = subprocess.run(
        ["findmnt", "-N", str(pid), "-rno", ",".join(columns), target], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def facts(trace: Trace, phase: Phase) -> dict[str, object]:
    return {fact.name: fact.value for span in trace.spans if span.phase is phase for fact in span.facts}


def test_evidence__every_mount_is_read_back(engine: Engine, tmp_path: Path) -> None:
    """The trace says of each mount what the kernel says."""
    pid = sleeper(engine, volume("data", "/data"), bind(tmp_path, "/host", read_only=True),
                  Mount(type="tmpfs", target="/scratch", tmpfs_size_bytes=1 << 20))  # fmt: skip
    told = facts(engine.traces("sleeper", limit=1)[0], Phase.ROOTFS)
    assert str(told["mount /data"]).endswith("/volumes/data/_data (rw,relatime)")
    assert str(tmp_path) in str(told["mount /host"])
    assert "ro" in findmnt(pid, "/host", "options")[0].split(",")
    assert "(ro," in str(told["mount /host"])
    assert str(told["mount /scratch"]).startswith("tmpfs (")
    assert "size=1024k" in findmnt(pid, "/scratch", "fs-options")[0].split(",")
    created = facts(engine.traces("sleeper", limit=1)[0], Phase.CREATE)
    assert created["volume /data"] == "data (new)"


def test_nested__parents_first(engine: Engine, tmp_path: Path) -> None:
    """What lies below another mount is mounted on it, in whatever order they are named."""
    (tmp_path / "inner").mkdir()
    pid = sleeper(engine, Mount(type="tmpfs", target="/a/b/c"), bind(tmp_path, "/a/b"), volume("outer", "/a"))
    assert (tmp_path / "c").is_dir()
    lines = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    ids = {line.split()[4]: line.split() for line in lines}
    assert ids["/a/b/c"][1] == ids["/a/b"][0]
    assert ids["/a/b"][1] == ids["/a"][0]


def test_bind__of_a_file(engine: Engine, tmp_path: Path) -> None:
    """A single file, over one of the image's."""
    (tmp_path / "file").write_text("from the host\n")
    pid = sleeper(engine, bind(tmp_path / "file", "/etc/passwd"))
    assert Path(f"/proc/{pid}/root/etc/passwd").read_text() == "from the host\n"


def test_bind__of_docker_owned_files_gives_way(engine: Engine, tmp_path: Path) -> None:
    """Who binds his own /etc/hosts gets it."""
    (tmp_path / "hosts").write_text("10.9.8.7 mine\n")
    pid = sleeper(engine, bind(tmp_path / "hosts", "/etc/hosts"))
    assert Path(f"/proc/{pid}/root/etc/hosts").read_text() == "10.9.8.7 mine\n"


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    """A mount of the host that shares what is mounted below it."""
    folder = tmp_path / "shared"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], check=True)
    subprocess.run(["mount", "--make-shared", str(folder)], check=True)
    (folder / "sub").mkdir()
    yield folder
    subprocess.run(["umount", "-R", str(folder)], check=True)


@pytest.mark.parametrize(("propagation", "is_seen"), [("", False), ("rslave", True), ("rshared", True)])
def test_propagation__of_a_later_mount(engine: Engine, shared: Path, propagation: str, *, is_seen: bool) -> None:
    """What the host mounts later is seen inside by those who asked for it, and by nobody else."""
    pid = sleeper(engine, bind(shared, "/shared", propagation=propagation))
    subprocess.run(["mount", "-t", "tmpfs", "later", str(shared / "sub")], check=True)
    points = [line.split()[4] for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
    assert ("/shared/sub" in points) is is_seen


def test_propagation__back_to_the_host(engine: Engine, shared: Path) -> None:
    """rshared is seen outside as well, and nothing else of the container is."""
    pid = sleeper(engine, bind(shared, "/shared", propagation="rshared"))
    before = Path("/proc/self/mountinfo").read_text().count("\n")
    inside = ["nsenter", "-t", str(pid), "-m", "mount", "-t", "tmpfs"]
    subprocess.run([*inside, "back", "/shared/sub"], check=True)
    subprocess.run([*inside, "own", "/mnt"], check=True)
    assert os.path.ismount(shared / "sub")
    assert Path("/proc/self/mountinfo").read_text().count("\n") == before + 1


def test_propagation__needs_a_shared_mount(engine: Engine, shared: Path) -> None:
    """Docker's refusal, before anything is created."""
    subprocess.run(["mount", "--make-private", str(shared)], check=True)
    with pytest.raises(InvalidRequest, match="is not a shared mount"):
        sleeper(engine, bind(shared, "/shared", propagation="rshared"))
    assert not list(engine.containers(all=True))


@pytest.mark.registry
def test_copy_up__owners_modes_and_links(
    engine: Engine, registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A new volume has what the image has at that place, through a link too."""
    layout = ImageLayout(str(tmp_path_factory.mktemp("image") / "layout"))
    program = Path("/bin/busybox").read_bytes()
    files: dict[str, bytes | str] = {
        "bin/busybox": program,
        "data/deep/f": b"text",
        "data/link": "deep/f",
        "alias": "/data",
    }
    layout.add_image(
        [layer(files, folders=("bin", "data", "data/deep"), mode=0o751)], {"Cmd": ["/bin/busybox", "true"]}
    )
    image = registry.push(layout, "filled")
    container = engine.create(request(image, mounts=(volume("direct", "/data"), volume("linked", "/alias"))))
    for name in ("direct", "linked"):
        folder = Path(engine.inspect(name, "volume")["Mountpoint"])
        assert (folder / "deep/f").read_bytes() == b"text"
        assert (folder / "deep/f").stat().st_mode & 0o777 == 0o751
        assert os.readlink(folder / "link") == "deep/f"
    told = facts(engine.traces(container.id, limit=1)[0], Phase.CREATE)
    assert "3 files" in str(told["copied to /data"])


def test_copy_up__that_was_broken_off_is_not_the_whole(engine: Engine) -> None:
    """What a killed process has left beside a volume is thrown away, and the volume filled anew."""
    folder = Path(engine.create_volume("half").mountpoint)
    (folder.parent / "_filling").mkdir()
    (folder.parent / "_filling" / "part").write_text("of it")
    engine.create(request(BOX, mounts=(volume("half", "/etc"),)))
    assert "passwd" in os.listdir(folder)
    assert "part" not in os.listdir(folder)
    assert os.listdir(folder.parent) == ["_data"]


def test_failed_run__leaves_no_volume(engine: Engine) -> None:
    """Neither a named one that it has made, nor an anonymous one; one that was there stays."""
    engine.create_volume("before")
    mounts = (volume("before", "/b"), volume("made", "/m"), Mount(type="volume", target="/anonymous", is_short=True))
    with pytest.raises(DockviewError):
        engine.run(request(BOX, "no-such-program", mounts=mounts))
    assert [found.name for found in engine.volumes()] == ["before"]


def test_struck_create__loses_its_anonymous_volumes(root_dir: str) -> None:
    """What a killed process was making goes with the next start, its anonymous volumes too; named ones stay."""
    with contextlib.closing(stores.open_embedded(root_dir)) as engine:
        mounts = (volume("named", "/n"), Mount(type="volume", target="/a", is_short=True))
        engine.create(request(BOX, mounts=mounts))
        assert len(engine.volumes()) == 2
    with contextlib.closing(sqlite3.connect(f"{root_dir}/dockview.db")) as database:
        database.execute("UPDATE containers SET is_building = 1, owner_pid = 1, owner_start = 1")
        database.commit()
    with contextlib.closing(stores.open_embedded(root_dir)) as engine:
        assert [found.name for found in engine.volumes()] == ["named"]
        assert os.listdir(f"{root_dir}/volumes") == ["named"]


def test_two_at_once__fill_a_volume_once(engine: Engine) -> None:
    """Containers that are made at the same time with the same new volume."""
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(engine.create, request(BOX, mounts=(volume("one", "/etc"),))) for _ in range(4)]
        assert len({job.result().id for job in jobs}) == 4
    assert "passwd" in os.listdir(engine.inspect("one", "volume")["Mountpoint"])


def test_rm__takes_anonymous_volumes_and_leaves_named_ones(dockview: CommandLine) -> None:
    """`run --rm`, as docker does."""
    dockview.ok("run", "--rm", "-v", "/anonymous", "-v", "named:/n", BOX, "sh", "-c", "echo x > /anonymous/f")
    until(lambda: dockview.ok("volume", "ls", "-q") == "named", "the anonymous volume to go")


def test_events__of_a_volume(engine: Engine) -> None:
    """create, mount, unmount, destroy; with docker's attributes."""
    container = engine.run(request(BOX, "true", mounts=(volume("told", "/t"),)))
    engine.wait(container.id)
    engine.remove(container.id)
    engine.remove_volume("told")
    stream = engine.events(since_ns=0)
    seen = []
    for event in stream:
        if event.type == "volume":
            seen.append((event.action, event.actor_id, dict(event.attributes)))
        if seen and seen[-1][0] == "destroy":
            break
    stream.close()
    local = {"driver": "local"}
    mounted = {**local, "container": container.id, "destination": "/t", "propagation": "", "read/write": "true"}
    assert seen == [
        ("create", "told", local), ("mount", "told", mounted),
        ("unmount", "told", {**local, "container": container.id}), ("destroy", "told", local),
    ]  # fmt: skip


def ask(port: int, *lines: str) -> list[str]:
    """A conversation with the hub's db."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock, sock.makefile("rw", newline="\n") as file:
        file.readline()
        answers = []
        for line in lines:
            file.write(f"{line}\n")
            file.flush()
            answers.append(file.readline().strip())
        return answers


def test_db__keeps_its_data_over_containers(dockview: CommandLine) -> None:
    """The hub's db, its volume, a removal and a new run."""
    words = (
        "run",
        "-d",
        "--name",
        "db",
        "-e",
        "DB_ROOT_PASSWORD=pw",
        "-p",
        "127.0.0.1:0:3306",
        "-v",
        "data:/var/lib/db",
    )

    def started() -> int:
        dockview.ok(*words, f"{HUB}/db")
        until(lambda: "ready for connections" in dockview.ok("logs", "db"), "the db to be ready")
        port = dockview.ok("inspect", "--format", "{{json .NetworkSettings.Ports}}", "db")
        return int(port.rpartition('"HostPort":"')[2].partition('"')[0])

    assert ask(started(), "AUTH pw", "SET colour blue") == ["OK", "OK"]
    dockview.ok("rm", "-f", "db")
    assert ask(started(), "AUTH pw", "GET colour") == ["OK", "blue"]


def test_copy__a_hostile_link_leads_nowhere(dockview: CommandLine, tmp_path: Path) -> None:
    """A container that puts links to the host's paths in the way: reading and writing stay inside."""
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    script = f"rm -rf /tmp; ln -s {tmp_path} /tmp; ln -s ../../../../../../../..{tmp_path} /up; exec sleep 600"
    dockview.ok("run", "-d", "--name", "bad", BOX, "sh", "-c", script)
    until(lambda: " /up" in dockview.ok("diff", "bad"), "the links")
    for path in ("/tmp/secret", "/up/secret"):
        done = dockview("cp", f"bad:{path}", str(tmp_path / "out"))
        assert done.returncode == 1, path
        assert not (tmp_path / "out").exists()
    (tmp_path / "file").write_text("x")
    assert dockview("cp", str(tmp_path / "file"), "bad:/tmp/placed").returncode == 1
    dockview("cp", str(tmp_path / "file"), "bad:/up/placed")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "secret"]
