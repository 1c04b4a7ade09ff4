"""What a container's control groups have counted: CPU time, memory, block I/O, processes, on cgroup v1 and v2.

Every unknown is None. The network is not counted by control groups, but by the interfaces of its namespace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_LOOPBACK = "lo"


@dataclass(frozen=True, slots=True)
class Usage:
    """Since the container's start, or now."""

    cpu_ns: int | None = None
    memory_bytes: int | None = None
    """Without inactive file cache."""
    memory_limit_bytes: int | None = None
    """None where there is no limit."""
    block_read_bytes: int | None = None
    block_written_bytes: int | None = None
    pids: int | None = None


def usage(folders: Mapping[str, str]) -> Usage:
    """Read the counters of the groups in Cgroup.folders."""
    unified = folders.get("unified", "")
    has_memory, has_blkio = "memory" in folders, "blkio" in folders
    memory = _memory_v1(folders["memory"]) if has_memory else _memory_v2(unified)
    read, written = _blocks_v1(folders["blkio"]) if has_blkio else _blocks_v2(unified)
    pids = _number(f"{folders.get('pids', unified)}/pids.current")
    if "cpuacct" in folders:
        cpu_ns = _number(f"{folders['cpuacct']}/cpuacct.usage")
    else:
        microseconds = _table(f"{unified}/cpu.stat").get("usage_usec")
        cpu_ns = None if microseconds is None else microseconds * 1000
    return Usage(cpu_ns, *memory, read, written, pids)


def _memory_v1(folder: str) -> tuple[int | None, int | None]:
    used = _number(f"{folder}/memory.usage_in_bytes")
    idle = _table(f"{folder}/memory.stat").get("total_inactive_file")
    limit = _number(f"{folder}/memory.limit_in_bytes")
    return _without(used, idle), None if limit is None or limit >= 1 << 62 else limit


def _memory_v2(folder: str) -> tuple[int | None, int | None]:
    used = _number(f"{folder}/memory.current")
    idle = _table(f"{folder}/memory.stat").get("inactive_file")
    return _without(used, idle), _number(f"{folder}/memory.max")


def _without(used: int | None, idle: int | None) -> int | None:
    """As docker's command line: what is in use without the cache that the kernel would drop first."""
    return used if used is None or idle is None or idle >= used else used - idle


def _blocks_v1(folder: str) -> tuple[int | None, int | None]:
    """Lines `8:0 Read 4096`; the recursive file counts groups below, too, and is missing from some kernels."""
    for name in ("blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"):
        text = _read(f"{folder}/{name}")
        if text is not None:
            rows = [line.split() for line in text.splitlines() if line.count(" ") == 2]
            return tuple(
                sum(int(count) for _device, what, count in rows if what == wanted) for wanted in ("Read", "Write")
            )  # type: ignore[return-value]  # of two
    return None, None


def _blocks_v2(folder: str) -> tuple[int | None, int | None]:
    """Lines `8:0 rbytes=4096 wbytes=0 rios=1 …`."""
    text = _read(f"{folder}/io.stat")
    if text is None:
        return None, None
    pairs = [word.partition("=") for line in text.splitlines() for word in line.split()[1:]]
    return tuple(sum(int(value) for name, _, value in pairs if name == wanted) for wanted in ("rbytes", "wbytes"))  # type: ignore[return-value]


def network_bytes(text: str) -> tuple[int, int]:
    """(received, sent) of all interfaces but the loopback, from the text of /proc/PID/net/dev (proc_net(5))."""
    received = sent = 0
    for line in text.splitlines()[2:]:
        name, _, counters = line.partition(":")
        if name.strip() != _LOOPBACK and counters:
            fields = counters.split()
            received, sent = received + int(fields[0]), sent + int(fields[8])
    return received, sent


def _number(path: str) -> int | None:
    text = (_read(path) or "").strip()
    return int(text) if text.isdigit() else None


def _table(path: str) -> dict[str, int]:
    rows = (line.split() for line in (_read(path) or "").splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


def _read(path: str) -> str | None:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None
