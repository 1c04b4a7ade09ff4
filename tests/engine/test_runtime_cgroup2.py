"""Control groups of version 2, against a tree of ordinary files that is laid out as the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockview.engine.runtime.cgroups import Cgroup, Hierarchies, hierarchies


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A unified hierarchy; the files of a group are there before its limits are set, as the kernel makes them."""
    group = tmp_path / "dockview" / "c1"
    group.mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "dockview"):
        (folder / "cgroup.subtree_control").write_text("")
    for name in ("memory.max", "memory.swap.max", "cpu.max", "pids.max", "cgroup.procs"):
        (group / name).write_text("")
    (group / "memory.events").write_text("low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\noom_group_kill 0\n")
    (group / "memory.peak").write_text("4096\n")
    return tmp_path


def group_in(tree: Path) -> Cgroup:
    return Cgroup("dockview/c1", have=Hierarchies({}, str(tree)))


def test_limits(tree: Path) -> None:
    group = group_in(tree)
    group.create()
    group.limit({
        "memory": {"limit": 1 << 26, "swap": 1 << 27}, "cpu": {"quota": 50000, "period": 100000}, "pids": {"limit": 9},
    })  # fmt: skip
    folder = tree / "dockview" / "c1"
    assert (folder / "memory.max").read_text() == str(1 << 26)
    assert (folder / "memory.swap.max").read_text() == str((1 << 27) - (1 << 26))
    assert group.limits() == {
        "memory.max": 1 << 26, "memory.swap.max": 1 << 26, "cpu.max": "50000 100000", "pids.max": 9,
    }  # fmt: skip
    assert group.discarded == {}
    assert (tree / "cgroup.subtree_control").read_text().startswith("+")


def test_limit__without_its_controller_is_discarded(tree: Path) -> None:
    (tree / "dockview" / "c1" / "cpu.max").unlink()
    group = group_in(tree)
    group.create()
    group.limit({"cpu": {"quota": 50000, "period": 100000}})
    assert group.discarded == {"cpu": "No such file or directory"}


def test_counters(tree: Path) -> None:
    group = group_in(tree)
    group.create()
    assert (group.oom_kills(), group.memory_peak()) == (2, 4096)


def test_join__through_cgroup_procs(tree: Path) -> None:
    group = group_in(tree)
    group.create()
    (fd,) = group.open_members()
    with open(fd, "w") as file:
        file.write("0")
    assert (tree / "dockview" / "c1" / "cgroup.procs").read_text() == "0"


def test_create__no_right(tree: Path) -> None:
    (tree / "dockview" / "blocked").write_text("")
    group = Cgroup("dockview/blocked/c2", have=Hierarchies({}, str(tree)))
    with pytest.raises(FileExistsError):
        group.create()


def test_remove__empty_folder(tmp_path: Path) -> None:
    group = group_in(tmp_path)
    group.create()
    for name in ("cgroup.subtree_control", "dockview/cgroup.subtree_control"):
        (tmp_path / name).unlink(missing_ok=True)
    assert group.remove()
    assert not (tmp_path / "dockview" / "c1").exists()


@pytest.mark.parametrize(
    ("lines", "version", "v1"),
    [
        ("30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "2", {}),
        (
            "30 24 0:26 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
            "1",
            {"cpu": "/sys/fs/cgroup/cpu,cpuacct", "cpuacct": "/sys/fs/cgroup/cpu,cpuacct"},
        ),
        (
            (
                "30 24 0:26 / /sys/fs/cgroup/pids rw shared:1 - cgroup cgroup rw,pids\n"
                "31 24 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
            ),
            "hybrid",
            {"pids": "/sys/fs/cgroup/pids"},
        ),
        ("30 24 0:26 / / rw - ext4 /dev/vda rw\n", "", {}),
    ],
)
def test_hierarchies(tmp_path: Path, lines: str, version: str, v1: dict[str, str]) -> None:
    (tmp_path / "mountinfo").write_text(lines)
    found = hierarchies(str(tmp_path / "mountinfo"))
    assert (found.version, found.v1) == (version, v1)
