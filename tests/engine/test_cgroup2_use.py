"""What is limited, counted and frozen through cgroup v2, against a tree of ordinary files laid out as the kernel's."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dockview.engine.runtime.cgroups import Cgroup, Hierarchies
from dockview.engine.runtime.freezer import freeze, frozen
from dockview.engine.runtime.usage import Usage, network_bytes, usage


@pytest.fixture
def group(tmp_path: Path) -> Cgroup:
    folder = tmp_path / "dockview" / "c1"
    folder.mkdir(parents=True)
    for name in ("memory.max", "memory.swap.max", "cpu.max", "cpu.weight", "cpuset.cpus", "pids.max", "cgroup.freeze"):
        (folder / name).write_text("")
    (folder / "memory.current").write_text("10000000\n")
    (folder / "memory.stat").write_text("anon 7000000\nfile 3000000\ninactive_file 2500000\n")
    (folder / "cpu.stat").write_text("usage_usec 1234567\nuser_usec 1000000\nsystem_usec 234567\n")
    (folder / "io.stat").write_text("8:0 rbytes=4096 wbytes=8192 rios=1 wios=2\n8:16 rbytes=100 wbytes=0 rios=1\n")
    (folder / "pids.current").write_text("7\n")
    (folder / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    found = Cgroup("dockview/c1", have=Hierarchies({}, str(tmp_path)))
    found.find()
    return found


def test_limits__shares_become_a_weight(group: Cgroup) -> None:
    memory = {"limit": 1 << 26, "swap": -1}
    group.limit({"cpu": {"shares": 1024, "cpus": "0-1"}, "memory": memory, "pids": {"limit": -1}})
    assert group.limits() == {
        "memory.max": 1 << 26, "memory.swap.max": "max", "cpu.weight": 39, "cpuset.cpus": "0-1", "pids.max": "max",
    }  # fmt: skip


def test_usage(group: Cgroup) -> None:
    (Path(group.folders["unified"]) / "memory.max").write_text("20000000\n")
    assert usage(group.folders) == Usage(
        cpu_ns=1_234_567_000, memory_bytes=7_500_000, memory_limit_bytes=20_000_000, block_read_bytes=4196,
        block_written_bytes=8192, pids=7,
    )  # fmt: skip


def test_usage__no_limit_and_no_controllers(group: Cgroup) -> None:
    """What the kernel does not count is unknown, never 0."""
    folder = Path(group.folders["unified"])
    (folder / "memory.max").write_text("max\n")
    assert usage(group.folders).memory_limit_bytes is None
    for name in ("memory.current", "cpu.stat", "io.stat", "pids.current"):
        (folder / name).unlink()
    assert usage(group.folders) == Usage()


def test_freeze__waits_for_the_kernels_word(group: Cgroup) -> None:
    """cgroup.freeze is the wish, cgroup.events says when it has come true."""
    folder = Path(group.folders["unified"])
    thread = threading.Thread(target=freeze, args=(group.folders,), kwargs={"is_frozen": True})
    thread.start()
    while (folder / "cgroup.freeze").read_text() != "1":
        pass
    assert frozen(group.folders) is False
    (folder / "cgroup.events").write_text("populated 1\nfrozen 1\n")
    thread.join(10)
    assert not thread.is_alive()
    assert frozen(group.folders) is True


def test_freeze__without_a_freezer(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not supported"):
        freeze({"memory": str(tmp_path)}, is_frozen=True)


def test_network__all_interfaces_but_the_loopback() -> None:
    text = (
        "Inter-|   Receive                    |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n"
        "    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0\n"
        "  eth0: 100 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n"
        "  eth1:11 1 0 0 0 0 0 0 3 1 0 0 0 0 0 0\n"
    )
    assert network_bytes(text) == (111, 23)
