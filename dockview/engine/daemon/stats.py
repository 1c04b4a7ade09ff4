"""What a container of a daemon uses: the daemon's raw counters, put together by the rules of docker's own command line.

Source: Docker Engine API, ContainerStats, and the formulas that its reference gives for the command line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from dockview.engine.daemon import mapping
from dockview.engine.daemon.client import Daemon
from dockview.engine.daemon.streams import ResponseStream
from dockview.engine.errors import DataError
from dockview.engine.model import Stats


def open_stats(daemon: Daemon, container_id: str, name: str) -> ResponseStream[Stats]:
    """A sample each second; the daemon goes on after the container's end, so an empty one ends the stream."""
    path = f"/containers/{container_id}/stats"
    return ResponseStream(daemon, "cannot read the statistics", path, {"stream": 1}, _decoder(container_id, name))


def _decoder(container_id: str, name: str) -> Callable[[Iterator[bytes]], Iterator[Stats]]:
    def decode(chunks: Iterator[bytes]) -> Iterator[Stats]:
        rest = b""
        for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in filter(bytes.strip, lines):
                try:
                    raw = json.loads(line)
                except ValueError as error:
                    raise DataError(f"the daemon sent statistics that are no JSON: {error}") from error
                if not (raw.get("pids_stats") or (raw.get("cpu_stats") or {}).get("system_cpu_usage")):
                    return  # it does not run any more
                yield stats_of(raw, container_id=container_id, name=name)

    return decode


def stats_of(raw: dict[str, Any], *, container_id: str, name: str) -> Stats:
    """One sample of the API. CPU: the share of the machine's time, times its CPUs; so one busy CPU is 100."""
    cpu, memory = raw.get("cpu_stats") or {}, raw.get("memory_stats") or {}
    networks = raw.get("networks")
    received, sent = _sums(networks)
    blocks = (raw.get("blkio_stats") or {}).get("io_service_bytes_recursive")
    return Stats(
        container_id=container_id, name=name, time_ns=mapping.nanoseconds(str(raw.get("read") or "")) or 0,
        cpu_percent=_cpu_percent(cpu, raw.get("precpu_stats") or {}), memory_bytes=_memory(memory),
        memory_limit_bytes=memory.get("limit"), network_received_bytes=received, network_sent_bytes=sent,
        block_read_bytes=_blocks(blocks, "r"), block_written_bytes=_blocks(blocks, "w"),
        pids=(raw.get("pids_stats") or {}).get("current"),
        cpu_total_ns=(cpu.get("cpu_usage") or {}).get("total_usage"),
    )  # fmt: skip


def _cpu_percent(now: dict[str, Any], before: dict[str, Any]) -> float | None:
    if not before.get("system_cpu_usage"):
        return None  # the first sample
    used = (now.get("cpu_usage") or {}).get("total_usage", 0) - (before.get("cpu_usage") or {}).get("total_usage", 0)
    passed = now.get("system_cpu_usage", 0) - before["system_cpu_usage"]
    cpus = now.get("online_cpus") or len((now.get("cpu_usage") or {}).get("percpu_usage") or ()) or 1
    if passed <= 0:
        return None
    return max(0.0, float(used) / float(passed) * float(cpus) * 100)


def _memory(memory: dict[str, Any]) -> int | None:
    """Without the inactive file cache: of cgroup v1 under the first name, of v2 under the second."""
    used = memory.get("usage")
    if not isinstance(used, int):
        return None
    counted = memory.get("stats") or {}
    for name in ("total_inactive_file", "inactive_file"):
        if name in counted and counted[name] < used:
            return used - int(counted[name])
    return used


def _sums(networks: dict[str, Any] | None) -> tuple[int | None, int | None]:
    if networks is None:
        return None, None
    return tuple(sum(int(end.get(key) or 0) for end in networks.values()) for key in ("rx_bytes", "tx_bytes"))  # type: ignore[return-value]  # of two


def _blocks(rows: list[dict[str, Any]] | None, letter: str) -> int | None:
    """The daemon says null where nothing was read or written yet, as well as where it does not count."""
    return sum(int(row["value"]) for row in rows or () if str(row.get("op", "")).lower().startswith(letter))
