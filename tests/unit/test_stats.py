"""What `docker stats` shows, from raw numbers of the API, and in docker's units."""

from __future__ import annotations

from typing import Any

import pytest

from dockview.commands.execute_stats import row_of
from dockview.engine.daemon.stats import stats_of
from dockview.engine.model import Stats
from tests.fakes import default_containers

CONTAINER = default_containers()[0]


def raw(**changes: Any) -> dict[str, Any]:
    """A sample as a daemon sends it; its numbers are those of a container with one busy CPU of four."""
    sample = {
        "read": "2026-01-01T00:00:01.000000000Z",
        "cpu_stats": {
            "cpu_usage": {"total_usage": 3_000_000_000}, "system_cpu_usage": 44_000_000_000, "online_cpus": 4,
        },
        "precpu_stats": {"cpu_usage": {"total_usage": 2_000_000_000}, "system_cpu_usage": 40_000_000_000},
        "memory_stats": {"usage": 10 << 20, "limit": 100 << 20, "stats": {"inactive_file": 2 << 20}},
        "networks": {"eth0": {"rx_bytes": 1000, "tx_bytes": 10}, "eth1": {"rx_bytes": 234, "tx_bytes": 5}},
        "blkio_stats": {"io_service_bytes_recursive": [
            {"op": "read", "value": 4096}, {"op": "Read", "value": 4}, {"op": "write", "value": 1},
            {"op": "total", "value": 9},
        ]},
        "pids_stats": {"current": 3},
    }  # fmt: skip
    return {**sample, **changes}


def of(sample: dict[str, Any]) -> Stats:
    return stats_of(sample, container_id=CONTAINER.id, name=CONTAINER.name)


def test_cpu__one_of_four_busy_is_100() -> None:
    assert of(raw()).cpu_percent == pytest.approx(100.0)


def test_cpu__the_first_sample_has_none() -> None:
    assert of(raw(precpu_stats={"cpu_usage": {"total_usage": 0}})).cpu_percent is None


@pytest.mark.parametrize("name", ["total_inactive_file", "inactive_file"])
def test_memory__without_inactive_cache(name: str) -> None:
    """The name of cgroup v1 and that of v2."""
    found = of(raw(memory_stats={"usage": 1000, "limit": 4000, "stats": {name: 250}}))
    assert (found.memory_bytes, found.memory_percent) == (750, 18.75)


def test_sums() -> None:
    found = of(raw())
    assert (found.network_received_bytes, found.network_sent_bytes) == (1234, 15)
    assert (found.block_read_bytes, found.block_written_bytes, found.pids) == (4100, 1, 3)


def test_unknown_is_not_zero() -> None:
    """A container on the host's network has no interfaces of its own."""
    found = of(raw(networks=None, memory_stats={}, pids_stats={}))
    assert found.network_received_bytes is None
    assert (found.memory_bytes, found.memory_percent, found.pids) == (None, None, None)


def test_row__dockers_units() -> None:
    row = row_of(CONTAINER, of(raw()))
    assert row == {
        "Container": CONTAINER.short_id, "ID": CONTAINER.short_id, "Name": CONTAINER.name, "CPUPerc": "100.00%",
        "MemUsage": "8MiB / 100MiB", "MemPerc": "8.00%", "NetIO": "1.23kB / 15B", "BlockIO": "4.1kB / 1B", "PIDs": "3",
    }  # fmt: skip


def test_row__unknown() -> None:
    row = row_of(CONTAINER, None)
    assert [row[key] for key in ("CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs")] == [
        "--", "-- / --", "--", "-- / --", "-- / --", "--",
    ]  # fmt: skip
