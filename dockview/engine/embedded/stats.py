"""`stats`: what a container uses, read from its control groups and its network namespace once a second."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from typing import Self

from dockview.engine.embedded.house import House
from dockview.engine.embedded.query import is_running
from dockview.engine.errors import Conflict
from dockview.engine.model import Stats
from dockview.engine.runtime.groups import group_of
from dockview.engine.runtime.state import read_state
from dockview.engine.runtime.usage import Usage, network_bytes, usage
from dockview.engine.state import containers
from dockview.engine.state.containers import ContainerRecord

INTERVAL_S = 1.0


class StatsStream(Iterator[Stats]):
    """Samples of one container until it ends: the first at once, the next ones a second apart."""

    def __init__(self, house: House, record: ContainerRecord) -> None:
        self._house = house
        self._record = record
        self._folder = house.layout.container(record.id)
        self._groups = group_of(self._folder).folders
        self._closed = threading.Event()
        self._before: tuple[int, int] | None = None
        """The clock and the CPU time of the last sample, in nanoseconds."""
        self._is_first = True

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Stats:
        if not self._is_first:
            self._closed.wait(INTERVAL_S)
        self._is_first = False
        if self._closed.is_set() or not is_running(self._house, self._record.id):
            self._house.closing.raise_if_set()
            raise StopIteration
        return self._sample()

    def close(self) -> None:
        """End the iteration, also while it waits."""
        self._closed.set()

    def _sample(self) -> Stats:
        now_ns = time.monotonic_ns()
        used = usage(self._groups) if self._groups else Usage()
        received, sent = self._network()
        return Stats(
            container_id=self._record.id, name=self._record.name, time_ns=time.time_ns(),
            cpu_percent=self._percent(now_ns, used.cpu_ns), memory_bytes=used.memory_bytes,
            memory_limit_bytes=_least(used.memory_limit_bytes, _total_memory()), network_received_bytes=received,
            network_sent_bytes=sent, block_read_bytes=used.block_read_bytes,
            block_written_bytes=used.block_written_bytes, pids=used.pids, cpu_total_ns=used.cpu_ns,
        )  # fmt: skip

    def _percent(self, now_ns: int, cpu_ns: int | None) -> float | None:
        before, self._before = self._before, None if cpu_ns is None else (now_ns, cpu_ns)
        if before is None or cpu_ns is None or now_ns <= before[0]:
            return None
        return max(0, cpu_ns - before[1]) / (now_ns - before[0]) * 100

    def _network(self) -> tuple[int | None, int | None]:
        state = read_state(self._folder)
        if state is None or state.pid is None:
            return None, None
        try:
            if os.readlink(f"/proc/{state.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
                return None, None  # the host's own interfaces count for everybody
            with open(f"/proc/{state.pid}/net/dev") as file:
                return network_bytes(file.read())
        except OSError:
            return None, None


def stats(house: House, ref: str) -> StatsStream:
    """Begin to measure. Raises: NotFound, Conflict where the container does not run."""
    record = containers.find(house.database, ref)
    if not is_running(house, record.id):
        raise Conflict(f'container "{record.name}" is not running', hint=f"start it: dockview start {record.name}")
    return StatsStream(house, record)


def _least(*sizes: int | None) -> int | None:
    return min((size for size in sizes if size is not None), default=None)


def _total_memory() -> int | None:
    try:
        with open("/proc/meminfo") as file:
            return next((int(line.split()[1]) * 1024 for line in file if line.startswith("MemTotal:")), None)
    except OSError:
        return None
