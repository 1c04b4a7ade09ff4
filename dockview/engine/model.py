"""What an engine speaks of: frozen values, shared by all layers, standard library only.

Times are wall-clock nanoseconds since the epoch, sizes are bytes, and None is "unknown" (never 0, never "").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


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


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image: `digest` of the blob as downloaded, `diff_id` of the uncompressed tar."""

    digest: str
    diff_id: str
    size_bytes: int | None
    media_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """A step that made an image."""

    created_ns: int | None
    created_by: str
    """The instruction (untrusted)."""
    comment: str
    size_bytes: int | None
    """Of the layer that the step made; 0 where it made none."""
    id: str = ""
    """Of the image that the step ended in, where that is here; else empty."""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginReport:
    """A registry that has accepted a user."""

    registry: str
    user: str
    """Empty where an identity token stands for one."""
    kept_in: str
    """A file, or the program of a credential helper."""
    is_plain: bool
    """Whoever may read that file can read the password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that is here."""

    id: str
    """The digest of its config: sha256:…"""
    tags: tuple[str, ...]
    """Familiar references, such as web:latest; empty for a dangling image."""
    digests: tuple[str, ...] = ()
    """Repo digests, such as docker.io/library/web@sha256:…"""
    created_ns: int | None
    size_bytes: int | None
    """Bytes of its unpacked layers."""
    layers: tuple[Layer, ...] = ()
    architecture: str = ""
    os: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    containers: int | None = None
    """How many containers use it."""

    @property
    def short_id(self) -> str:
        """Twelve digits of the ID, as docker prints them."""
        return self.id.removeprefix("sha256:")[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network, with the addresses in use on it."""

    id: str
    name: str
    driver: str
    subnet: str = ""
    gateway: str = ""
    bridge: str = ""
    containers: Mapping[str, str] = field(default_factory=dict)
    """Container ID to address."""
    created_ns: int | None = None
    is_internal: bool = False
    """Without a way out."""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRequest:
    """What `docker network create` asks for; empty texts leave the choice to the engine."""

    name: str
    line: str
    """The docker line, as typed."""
    driver: str = "bridge"
    subnet: str = ""
    """`10.5.0.0/24`."""
    gateway: str = ""
    ip_range: str = ""
    """The part of the subnet that addresses are taken from."""
    is_internal: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    """Of the driver: com.docker.network.bridge.name, …"""


@dataclass(frozen=True, slots=True)
class Change:
    """A difference between a container's file system and its image's."""

    kind: str
    """A (added), C (changed) or D (deleted)."""
    path: str
    """As the container sees it (untrusted)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStat:
    """What there is at a path of a container."""

    name: str
    size_bytes: int
    mode: int
    """st_mode: type and permissions (inode(7))."""
    modified_ns: int
    link_target: str = ""
    """Of a symbolic link: where it leads, followed to its end inside the container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A named volume."""

    name: str
    driver: str
    mountpoint: str
    created_ns: int | None = None
    size_bytes: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A line that a container wrote; `text` is as written (untrusted), without its newline.

    `is_partial` is true where the line was cut and goes on in the next record.
    """

    time_ns: int
    stream: str
    text: str
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, in docker's shape."""

    time_ns: int
    type: str
    """container, image, network, volume."""
    action: str
    actor_id: str
    attributes: Mapping[str, str]

    def to_docker(self) -> dict[str, Any]:
        """The JSON object of `docker events --format json`."""
        return {
            "Type": self.type,
            "Action": self.action,
            "Actor": {"ID": self.actor_id, "Attributes": dict(self.attributes)},
            "scope": "local",
            "time": self.time_ns // 1_000_000_000,
            "timeNano": self.time_ns,
        }


@dataclass(frozen=True, slots=True)
class PruneItem:
    """Something that a prune would remove."""

    kind: str
    """container, image, layer, blob, volume, network, trace."""
    id: str
    name: str
    size_bytes: int | None
    why: str
    """In plain words: `exited 3 h ago`, `no container uses it`."""


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What a prune would remove, computed and shown before anything goes."""

    kinds: tuple[str, ...]
    items: tuple[PruneItem, ...]

    @property
    def size_bytes(self) -> int | None:
        """The bytes that would be freed; None when the size of an item is unknown."""
        sizes = [item.size_bytes for item in self.items]
        return None if None in sizes else sum(size for size in sizes if size is not None)


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What a prune removed, and what it left because it came into use meanwhile."""

    removed: tuple[PruneItem, ...]
    kept: tuple[tuple[PruneItem, str], ...]
    freed_bytes: int | None


@dataclass(frozen=True, slots=True)
class ImageUse:
    """What an image takes: bytes that it shares with other images, and bytes of its own."""

    image: Image
    shared_bytes: int | None
    unique_bytes: int | None


@dataclass(frozen=True, slots=True)
class VolumeUse:
    """A volume, and how many containers use it."""

    volume: Volume
    links: int | None


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """Bytes on disk by kind; None where unknown."""

    images_bytes: int | None
    containers_bytes: int | None
    volumes_bytes: int | None
    cache_bytes: int | None
    """Of a builder."""
    blobs_bytes: int | None = 0
    """Of layers as downloaded, where an engine keeps them beside the unpacked ones."""
    images: tuple[ImageUse, ...] = ()
    """This and what follows only where details were asked for."""
    containers: tuple[Container, ...] = ()
    """With their sizes."""
    volumes: tuple[VolumeUse, ...] = ()
    cache: tuple[Mapping[str, Any], ...] = ()
    """Of a builder: docker's own JSON of each entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """Which engine this is."""

    kind: str
    """embedded or docker."""
    name: str
    """As shown in the head: `embedded`, or the context's name."""
    version: str
    api_version: str
    os: str
    architecture: str
    kernel: str
    rootless: bool | None
    endpoint: str
    """The store's root, or the daemon's address."""
    cgroup_version: str = ""
    """`1`, `2`, `hybrid` or empty when unknown."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Docker's own keys of `docker info`, as far as they are known."""
    components: tuple[Mapping[str, Any], ...] = ()
    """The parts of a daemon with their versions, as `docker version` names them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `dockview doctor`."""

    topic: str
    state: str
    """ok, limited or missing."""
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do: every verb and feature except those it names, each with the reason."""

    missing: Mapping[str, str] = field(default_factory=dict)

    def why_not(self, feature: str) -> str | None:
        """The reason why the engine lacks a feature, None when it has it."""
        return self.missing.get(feature)
