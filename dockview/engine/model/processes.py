"""What runs in a container, what it uses, and what it may use."""

from __future__ import annotations

from dataclasses import dataclass

from dockview.engine.model.containers import RestartPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecRequest:
    """What `docker exec` asks for; empty texts leave the container's own setting."""

    command: tuple[str, ...]
    line: str
    """The docker line, as typed."""
    env: tuple[str, ...] = ()
    """`KEY=value`, besides the container's own."""
    user: str = ""
    workdir: str = ""
    tty: bool = False
    size: tuple[int, int] | None = None
    """Rows and columns of the terminal at the start."""
    open_stdin: bool = False
    detach: bool = False
    """Nobody reads its output; its end is an event only."""
    privileged: bool = False


@dataclass(frozen=True, slots=True)
class ProcessTable:
    """The processes of a container as ps(1) lists them: column titles, and a row of cells for each process."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What a container uses, at one moment; None is what cannot be measured here."""

    container_id: str
    name: str
    time_ns: int
    cpu_percent: float | None = None
    """Of one CPU: two busy ones are 200. None in the first sample of a stream: it takes two."""
    memory_bytes: int | None = None
    """Without the page cache that the kernel would give up first, as docker counts."""
    memory_limit_bytes: int | None = None
    """The container's, or all of the machine's memory."""
    network_received_bytes: int | None = None
    """On all interfaces but the loopback, since the start; None on the host's network."""
    network_sent_bytes: int | None = None
    block_read_bytes: int | None = None
    block_written_bytes: int | None = None
    pids: int | None = None
    """Processes and threads."""
    cpu_total_ns: int | None = None
    """CPU time since the start."""

    @property
    def memory_percent(self) -> float | None:
        """Of the limit."""
        if self.memory_bytes is None or not self.memory_limit_bytes:
            return None
        return self.memory_bytes / self.memory_limit_bytes * 100


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRequest:
    """What `docker update` changes; None leaves it as it is. Units as in RunRequest; -1 is unlimited."""

    memory_bytes: int | None = None
    memory_swap_bytes: int | None = None
    nano_cpus: int | None = None
    cpu_shares: int | None = None
    cpuset_cpus: str | None = None
    pids_limit: int | None = None
    restart: RestartPolicy | None = None
