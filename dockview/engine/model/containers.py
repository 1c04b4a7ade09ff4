"""A container: what is asked for, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ContainerStatus(StrEnum):
    """Docker's container states, and one for what cannot be known."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"
    """The shim is gone and left no exit code."""
    UNKNOWN = "unknown"

    @property
    def is_alive(self) -> bool:
        """Whether processes of the container exist."""
        return self in (ContainerStatus.RUNNING, ContainerStatus.PAUSED, ContainerStatus.RESTARTING)


@dataclass(frozen=True, slots=True)
class PortMapping:
    """A published port. `host_port` 0 asks for any free one; afterwards it is the one that was taken."""

    container_port: int
    protocol: str = "tcp"
    host_ip: str = "0.0.0.0"  # noqa: S104  docker's default
    host_port: int = 0

    def __str__(self) -> str:
        host = f"[{self.host_ip}]" if ":" in self.host_ip else self.host_ip
        return f"{host}:{self.host_port}->{self.container_port}/{self.protocol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A place of the container's file system that is something else's; docker's -v, --mount and --tmpfs."""

    type: str
    """bind, volume or tmpfs."""
    target: str
    """The absolute path inside."""
    source: str = ""
    """A host path (bind), a volume's name (volume; empty for an anonymous one), or empty (tmpfs)."""
    read_only: bool = False
    propagation: str = ""
    """rprivate, private, rshared, shared, rslave or slave; empty is docker's default, rprivate."""
    no_copy: bool = False
    """Whether a new volume stays empty where the image has files (volume-nocopy)."""
    tmpfs_size_bytes: int | None = None
    tmpfs_mode: int | None = None
    tmpfs_options: str = ""
    """What --tmpfs says besides size and mode, such as `exec` or `uid=1000`; commas between."""
    is_short: bool = False
    """Written as -v or --tmpfs: a bind's missing source is then created, where --mount refuses it."""
    relabel: str = ""
    """z or Z: SELinux labels were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """What happens after an exit."""

    name: str = "no"
    """no, on-failure, always or unless-stopped."""
    max_retries: int = 0
    """For on-failure; 0 is no bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck:
    """How a container is asked whether it is well; None leaves the image's setting, then docker's default."""

    test: tuple[str, ...] | None = None
    """As in the image config: ("NONE",), ("CMD", argv…) or ("CMD-SHELL", line)."""
    interval_ns: int | None = None
    timeout_ns: int | None = None
    start_period_ns: int | None = None
    retries: int | None = None


@dataclass(frozen=True, slots=True)
class Ulimit:
    """A resource limit (getrlimit(2)); -1 is unlimited."""

    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What `docker create` and `docker run` ask for; None leaves the image's own setting."""

    image: str
    line: str
    """The docker line, as typed or as a form would type it."""
    command: tuple[str, ...] = ()
    name: str = ""
    entrypoint: tuple[str, ...] | None = None
    env: tuple[str, ...] = ()
    """`KEY=value`; a bare `KEY` was already replaced by its value here, or dropped."""
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[PortMapping, ...] = ()
    publish_all: bool = False
    hostname: str = ""
    user: str = ""
    workdir: str = ""
    network: str = "bridge"
    """bridge, none, host, container:NAME, or the name of a network."""
    network_aliases: tuple[str, ...] = ()
    ip: str = ""
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    add_hosts: tuple[str, ...] = ()
    """`host:address`."""
    tty: bool = False
    open_stdin: bool = False
    detach: bool = False
    auto_remove: bool = False
    read_only: bool = False
    memory_bytes: int | None = None
    nano_cpus: int | None = None
    pids_limit: int | None = None
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    privileged: bool = False
    security_opt: tuple[str, ...] = ()
    """no-new-privileges[:true|false], seccomp=FILE or seccomp=unconfined."""
    devices: tuple[str, ...] = ()
    """`/dev/x[:/dev/y[:rwm]]`."""
    sysctls: Mapping[str, str] = field(default_factory=dict)
    group_add: tuple[str, ...] = ()
    userns: str = ""
    """Empty, or host."""
    mounts: tuple[Mount, ...] = ()
    volumes_from: tuple[str, ...] = ()
    """`container[:ro|rw]`."""
    memory_swap_bytes: int | None = None
    """-1 is unlimited."""
    cpu_shares: int | None = None
    cpuset_cpus: str = ""
    shm_size_bytes: int | None = None
    ulimits: tuple[Ulimit, ...] = ()
    oom_score_adj: int | None = None
    init: bool = False
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    health: Healthcheck = field(default_factory=Healthcheck)
    log_opts: Mapping[str, str] = field(default_factory=dict)
    """max-size and max-file."""
    stop_signal: str = ""
    stop_timeout_s: int | None = None
    pull: str = "missing"
    """missing, always or never."""
    platform: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container as it stands now."""

    id: str
    name: str
    image: str
    """The reference as it was given."""
    image_id: str
    command: str
    created_ns: int
    status: ContainerStatus
    pid: int | None = None
    exit_code: int | None = None
    oom_killed: bool | None = None
    started_ns: int | None = None
    finished_ns: int | None = None
    ports: tuple[PortMapping, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    ip: str = ""
    network: str = ""
    health: str = ""
    restart_count: int | None = None
    tty: bool = False
    auto_remove: bool = False
    error: str = ""
    """Why the last start failed, or empty."""
    mounts: tuple[str, ...] = ()
    """Names of volumes and host paths of binds, as docker's list names them."""
    size_rw_bytes: int | None = None
    """Bytes in its writable layer, where a list was asked for with sizes."""
    size_root_fs_bytes: int | None = None
    """Those and the image's."""

    @property
    def short_id(self) -> str:
        """The first 12 digits, as docker prints them."""
        return self.id[:12]
