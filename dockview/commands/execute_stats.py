"""`stats`: what containers use, once or live, in docker's columns and units. What is not known is `--`."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.listing import Listing, show
from dockview.engine.api import Engine, Stream
from dockview.engine.errors import Conflict, DockviewError
from dockview.engine.model import Container, Stats

_COLUMNS = ("ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs")
_HEADERS = {
    "Container": "CONTAINER", "ID": "CONTAINER ID", "Name": "NAME", "CPUPerc": "CPU %",
    "MemUsage": "MEM USAGE / LIMIT", "MemPerc": "MEM %", "NetIO": "NET I/O", "BlockIO": "BLOCK I/O", "PIDs": "PIDS",
}  # fmt: skip
_INTERVAL_S = 1.0
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB")
_UNKNOWN = "--"
_AGAIN = b"\x1b[2J\x1b[H"
"""Docker clears the screen before each table."""


def stats(engine: Engine, command: Command, console: Console) -> int:
    """Measure containers."""
    board = _Board(engine)
    try:
        board.look(_wanted(engine, command))
        if command.is_on("no-stream"):
            board.settle()
            return show(Listing(_HEADERS, _COLUMNS, board.rows(command)), command, console)
        return _stream(engine, command, console, board)
    finally:
        board.close()


def _stream(engine: Engine, command: Command, console: Console, board: _Board) -> int:
    try:
        while True:
            if console.out_is_tty:
                console.out.write(_AGAIN)
            show(Listing(_HEADERS, _COLUMNS, board.rows(command)), command, console)
            time.sleep(_INTERVAL_S)
            try:
                found = _wanted(engine, command)
            except DockviewError:
                if command.refs:
                    return 0  # what was asked for is gone
                raise
            board.look(found)
    except KeyboardInterrupt:
        return 0


def _wanted(engine: Engine, command: Command) -> Sequence[Container]:
    if command.refs:
        return [engine.container(ref) for ref in command.refs]
    return engine.containers(all=command.is_on("all"))


class _Board:
    """One thread for each container that runs, which keeps its newest sample."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changed = threading.Condition()
        self._containers: Sequence[Container] = ()
        self._streams: dict[str, Stream[Stats]] = {}
        self._samples: dict[str, list[Stats]] = {}

    def look(self, containers: Sequence[Container]) -> None:
        """These are to be measured."""
        self._containers = containers
        for container in containers:
            if container.status.is_alive and container.id not in self._streams:
                try:
                    stream = self._engine.stats(container.id)
                except Conflict:
                    continue  # it has just ended
                with self._changed:
                    self._streams[container.id] = stream
                threading.Thread(target=self._read, args=(container.id, stream), daemon=True).start()

    def _read(self, container_id: str, stream: Stream[Stats]) -> None:
        try:
            for sample in stream:
                with self._changed:
                    self._samples[container_id] = [*self._samples.get(container_id, [])[-1:], sample]
                    self._changed.notify_all()
        except DockviewError:
            pass  # the engine closes, or the container is gone
        finally:
            stream.close()
            with self._changed:
                self._streams.pop(container_id, None)
                self._samples.pop(container_id, None)
                self._changed.notify_all()

    def settle(self) -> None:
        """Wait until each has its CPU percentage, which takes two samples; one that ends has none."""
        with self._changed:
            self._changed.wait_for(lambda: all(self._is_settled(key) for key in self._streams))

    def _is_settled(self, container_id: str) -> bool:
        samples = self._samples.get(container_id, [])
        return len(samples) > 1 or bool(samples and samples[-1].cpu_percent is not None)

    def rows(self, command: Command) -> list[dict[str, str]]:
        """A row for each container."""
        is_whole = command.is_on("no-trunc")
        with self._changed:
            newest = {key: samples[-1] for key, samples in self._samples.items()}
        return [row_of(container, newest.get(container.id), is_whole=is_whole) for container in self._containers]

    def close(self) -> None:
        """Let go of every stream."""
        with self._changed:
            streams = list(self._streams.values())
        for stream in streams:
            stream.close()


def row_of(container: Container, sample: Stats | None, *, is_whole: bool = False) -> dict[str, str]:
    """The fields of docker's table for a container; without a sample nothing is known."""
    key = container.id if is_whole else container.short_id
    row = {"Container": key, "ID": key, "Name": container.name, "PIDs": _UNKNOWN}
    used = sample or Stats(container_id=container.id, name=container.name, time_ns=0)
    row |= {"CPUPerc": _percent(used.cpu_percent), "MemPerc": _percent(used.memory_percent)}
    memory = [_size(size, 4, 1024, _BINARY) for size in (used.memory_bytes, used.memory_limit_bytes)]
    row["MemUsage"] = " / ".join(memory)
    row["NetIO"] = _pair(used.network_received_bytes, used.network_sent_bytes)
    row["BlockIO"] = _pair(used.block_read_bytes, used.block_written_bytes)
    if used.pids is not None:
        row["PIDs"] = str(used.pids)
    return row


def _pair(first: int | None, second: int | None) -> str:
    return f"{_size(first, 3, 1000, _DECIMAL)} / {_size(second, 3, 1000, _DECIMAL)}"


def _percent(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.2f}%"


def _size(size: int | None, digits: int, base: int, units: Sequence[str]) -> str:
    """As docker's units: so many significant digits, in the largest unit that leaves one before the point."""
    if size is None:
        return _UNKNOWN
    value, at = float(size), 0
    while value >= base and at + 1 < len(units):
        value, at = value / base, at + 1
    return f"{value:.{digits}g}{units[at]}"
