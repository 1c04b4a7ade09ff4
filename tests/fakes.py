"""An engine for tests of the screens: plausible, scripted, without containers.

`python -m tests.fakes` runs the app on it.

Everything it says is canned; nothing of it is part of the product.
"""

from __future__ import annotations

import argparse
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

from dockview.engine.api import NO_FILTERS, Filters, OnAttach
from dockview.engine.cancel import CancelToken
from dockview.engine.errors import (
    Cancelled,
    Conflict,
    DockviewError,
    ImageNotFound,
    NameInUse,
    NotFound,
    NotSupported,
    Unauthorized,
)
from dockview.engine.lifecycle import Phase, Record, Scalar, Trace, TraceBuilder
from dockview.engine.model import (
    Capabilities,
    Container,
    ContainerStatus,
    DiskUsage,
    EngineInfo,
    Event,
    Finding,
    HistoryEntry,
    Image,
    ImageUse,
    Layer,
    LoginReport,
    LogRecord,
    Network,
    NetworkRequest,
    PortMapping,
    ProcessTable,
    PruneItem,
    PrunePlan,
    PruneReport,
    RunRequest,
    Stats,
    VolumeUse,
)
from dockview.engine.recorder import Recorder
from tests.support.fake_files import FakeFiles

T = TypeVar("T")

NOW_NS = 1_800_000_000 * 10**9
"""The frozen clock of the tests."""
SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


class FakeStream(Generic[T]):
    """A stream that a test pushes into; ends with close()."""

    def __init__(self, items: Sequence[T] = (), *, is_endless: bool = True) -> None:
        self._queue: queue.SimpleQueue[tuple[T] | None] = queue.SimpleQueue()
        for item in items:
            self.push(item)
        if not is_endless:
            self.close()

    def push(self, item: T) -> None:
        self._queue.put((item,))

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        item = self._queue.get()
        if item is None:
            raise StopIteration
        return item[0]

    def close(self) -> None:
        self._queue.put(None)


def hex_id(seed: int) -> str:
    return f"{seed * 0x9E3779B97F4A7C15 % 2**64:016x}" * 4


def digest(seed: int) -> str:
    return f"sha256:{hex_id(seed)}"


def make_container(seed: int, name: str, image: str, **changes: Any) -> Container:
    values: dict[str, Any] = {
        "id": hex_id(seed), "name": name, "image": image, "image_id": digest(900), "command": "python3 /app/main.py",
        "created_ns": NOW_NS - 10 * MINUTE, "status": ContainerStatus.RUNNING, "pid": 48213 + seed,
        "started_ns": NOW_NS - 2 * MINUTE, "ip": f"172.30.0.{seed + 1}", "network": "bridge",
    }  # fmt: skip
    return Container(**{**values, **changes})


def default_containers() -> list[Container]:
    dead: dict[str, Any] = {"status": ContainerStatus.EXITED, "pid": None, "ip": "", "finished_ns": NOW_NS - 3 * MINUTE}
    return [
        make_container(1, "web", "web", started_ns=NOW_NS - 124 * SECOND, ports=(PortMapping(80, host_port=8080),)),
        make_container(2, "db", "db", started_ns=NOW_NS - 9 * MINUTE, ports=(PortMapping(3306, host_port=3306),)),
        make_container(3, "loop", "burner", started_ns=NOW_NS - HOUR),
        make_container(4, "hello", "hello-world", **dead, exit_code=0),
        make_container(5, "crashed", "flaky", **dead, exit_code=137, oom_killed=True),
    ]


def make_image(seed: int, tag: str, size: int, containers: int) -> Image:
    layers = tuple(
        Layer(digest(seed * 10 + n), digest(seed * 10 + n + 5), part, "application/vnd.oci.image.layer.v1.tar+gzip")
        for n, part in enumerate((size * 9 // 10, size // 10))
    )
    return Image(
        id=digest(seed), tags=(tag,) if tag else (),
        digests=(f"hub.localhost/{tag.split(':', maxsplit=1)[0]}@{digest(seed + 50)}",) if tag else (),
        created_ns=NOW_NS - 3 * 24 * HOUR, size_bytes=size, layers=layers, architecture="amd64", os="linux",
        containers=containers,
    )  # fmt: skip


def default_images() -> list[Image]:
    return [
        make_image(11, "web:latest", 41_000, 1), make_image(12, "db:latest", 44_100, 1),
        make_image(13, "burner:latest", 39_000, 1), make_image(14, "hello-world:latest", 12_400, 1),
        make_image(15, "", 213_000_000, 0),
    ]  # fmt: skip


class NotHere:
    """The verbs that no screen uses yet."""

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise NotSupported("not here")

    create_network = remove_network = connect_network = disconnect_network = _refuse
    rename = exec = update = tag = history = save = load = _refuse
    import_image = login = logout = _refuse


class FakeEngine(NotHere, FakeFiles):
    """Satisfies engine.api.Engine; keeps its containers in a list, and does what the verbs say."""

    def __init__(self, *, containers: Sequence[Container] | None = None, pace_s: float = 0.0) -> None:
        FakeFiles.__init__(self)
        self.lock = threading.RLock()
        self.list = list(default_containers() if containers is None else containers)
        self.image_list = default_images()
        self.network_list: list[Network] = []
        self.pace_s = pace_s
        self.calls: list[str] = []
        """Every call as `verb ref`, in order."""
        self.missing: dict[str, str] = {}
        self.event_streams: list[FakeStream[Event]] = []
        self.trace_streams: list[FakeStream[tuple[str, Record]]] = []
        self.trace_list: list[Trace] = []
        self.records: dict[str, list[Record]] = {}
        self.is_closed = False
        self.hold: threading.Event | None = None
        """Runs wait in their first slow step until it is set."""
        self.fail_with: DockviewError | None = None
        """Raised by the next verb."""
        self.log_lines: dict[str, list[str]] = {}
        for container in self.list[::-1]:
            self.trace_list.insert(0, self._born_trace(container))

    # Helpers

    def _note(self, call: str) -> None:
        with self.lock:
            self.calls.append(call)
            error, self.fail_with = self.fail_with, None
        if error is not None:
            raise error

    def _find(self, ref: str) -> Container:
        for container in self.list:
            if ref == container.name or container.id.startswith(ref):
                return container
        raise NotFound(f"no such container: {ref}", hint="docker ps -a lists them")

    def _change(self, ref: str, **changes: Any) -> Container:
        with self.lock:
            before = self._find(ref)
            after = replace(before, **changes)
            self.list[self.list.index(before)] = after
        return after

    def say(self, action: str, container: Container) -> None:
        event = Event(time.time_ns(), "container", action, container.id, {"name": container.name})
        for stream in self.event_streams:
            stream.push(event)

    def _born_trace(self, container: Container) -> Trace:
        builder = TraceBuilder()
        kept: list[Record] = []
        started = container.started_ns or NOW_NS

        def sink(record: Record) -> None:
            builder.apply(record)
            kept.append(record)

        write_run(sink, container, wall_ns=started)
        trace = builder.trace
        assert trace is not None
        self.records[trace.id] = kept
        return trace

    # About the engine

    def info(self) -> EngineInfo:
        return EngineInfo(
            kind="embedded", name="embedded", version="0.1.0", api_version="1.45", os="linux", architecture="amd64",
            kernel="6.18.0", rootless=False, endpoint="/var/lib/dockview", cgroup_version="2",
            details={"Driver": "overlay2", "MemTotal": 4 << 30, "SecurityOptions": ["name=seccomp,profile=default"]},
        )  # fmt: skip

    def capabilities(self) -> Capabilities:
        return Capabilities(self.missing)

    def doctor(self) -> Sequence[Finding]:
        return [Finding("namespaces", "ok", "all seven")]

    def disk_usage(self, *, details: bool = False) -> DiskUsage:
        usage = DiskUsage(213_136_500, 120_000, 0, 0)
        if not details:
            return usage
        return replace(
            usage,
            images=tuple(ImageUse(image, 0, image.size_bytes) for image in self.image_list),
            containers=tuple(self.containers(all=True, size=True)),
            volumes=tuple(VolumeUse(volume, 1) for volume in self.volumes()),
        )

    def close(self) -> None:
        self.is_closed = True
        for events in self.event_streams:
            events.close()
        for traces in self.trace_streams:
            traces.close()

    # Containers

    def containers(self, *, all: bool = False, size: bool = False) -> Sequence[Container]:  # noqa: A002
        listed = [c for c in self.list if all or c.status.is_alive]
        return [replace(c, size_rw_bytes=12, size_root_fs_bytes=41_012) for c in listed] if size else listed

    def container(self, ref: str) -> Container:
        return self._find(ref)

    def inspect(self, ref: str, kind: str = "", **_: Any) -> dict[str, Any]:
        if kind == "image":
            image = next((i for i in self.image_list if i.id == ref or ref in i.tags), None)
            if image is None:
                raise ImageNotFound(f"no such image: {ref}")
            return {
                "Id": image.id, "RepoTags": list(image.tags), "Architecture": "amd64", "Os": "linux",
                "Config": {"Entrypoint": ["/opt/python/bin/python3", "/app/web.py"], "Env": ["PATH=/usr/bin:/bin"],
                           "ExposedPorts": {"80/tcp": {}}, "WorkingDir": "/app"},
            }  # fmt: skip
        if kind in ("network", "volume"):
            return {"Name": ref, "Driver": "bridge", "Options": None}
        c = self._find(ref)
        ports = {f"{p.container_port}/tcp": [{"HostIp": p.host_ip, "HostPort": str(p.host_port)}] for p in c.ports}
        return {
            "Id": c.id, "Created": "2027-01-15T08:00:00.000000000Z", "Path": "/opt/python/bin/python3",
            "Args": ["/app/web.py"], "Image": c.image_id, "Name": f"/{c.name}",
            "State": {"Status": str(c.status), "Running": c.status.is_alive, "Pid": c.pid or 0,
                      "ExitCode": c.exit_code},
            "Config": {"Hostname": c.short_id, "Image": c.image, "Cmd": None, "WorkingDir": "/app",
                       "Entrypoint": ["/opt/python/bin/python3", "/app/web.py"],
                       "Env": ["PATH=/usr/bin:/bin", "DB_PASSWORD=hunter2", "GREETING=hello there"],
                       "Labels": {"com.example.team": "blue"}},
            "HostConfig": {"NetworkMode": "bridge", "Memory": 64 << 20, "AutoRemove": False},
            "NetworkSettings": {"Networks": {"bridge": {"IPAddress": c.ip, "Gateway": "172.30.0.1"}}, "Ports": ports},
            "Mounts": [],
        }  # fmt: skip

    def create(self, request: RunRequest, **_: Any) -> Container:
        raise Conflict("not here")

    def run(
        self,
        request: RunRequest,
        *,
        cancel: CancelToken | None = None,
        on_record: Callable[[Record], None] | None = None,
        on_attach: OnAttach | None = None,
    ) -> Container:
        self._note(f"run {request.image}")
        seed = len(self.list) + 20
        container = make_container(
            seed, request.name or f"quiet_box{seed}", request.image, ports=request.ports, started_ns=time.time_ns(),
            created_ns=time.time_ns(),
        )  # fmt: skip
        sinks: list[Callable[[Record], None]] = [on_record] if on_record else []
        builder = TraceBuilder()
        kept: list[Record] = []
        trace_id = ""

        def sink(record: Record) -> None:
            nonlocal trace_id
            trace_id = trace_id or str(record["id"])
            builder.apply(record)
            kept.append(record)
            for to in sinks:
                to(record)
            for stream in self.trace_streams:
                stream.push((trace_id, record))

        def commit() -> None:
            with self.lock:
                self.list.insert(0, container)
            self.say("create", container)

        is_missing = request.image == "nowhere"
        token = cancel or CancelToken()
        write_run(sink, container, line=request.line, pace_s=self.pace_s, cancel=token, commit=commit, lost=is_missing,
                  hold=self.hold)  # fmt: skip
        assert builder.trace is not None
        self.trace_list.insert(0, builder.trace)
        self.records[trace_id] = kept
        self.say("start", container)
        return container

    def start(self, ref: str, *, cancel: CancelToken | None = None, on_attach: OnAttach | None = None) -> Container:
        self._note(f"start {self._find(ref).name}")
        time.sleep(self.pace_s)
        after = self._change(
            ref, status=ContainerStatus.RUNNING, exit_code=None, started_ns=time.time_ns(), pid=51000, ip="172.30.0.9"
        )
        self.say("start", after)
        return after

    def stop(self, ref: str, *, timeout_s: int | None = None, **_: Any) -> Container:
        self._note(f"stop {self._find(ref).name}")
        time.sleep(self.pace_s)
        after = self._change(ref, status=ContainerStatus.EXITED, exit_code=143, pid=None, ip="")
        self.say("die", after)
        return after

    def restart(self, ref: str, *, timeout_s: int | None = None, **_: Any) -> Container:
        self._note(f"restart {self._find(ref).name}")
        if self._find(ref).status.is_alive:
            self.stop(ref, timeout_s=timeout_s)
        return self.start(ref)

    def rename(self, ref: str, name: str) -> None:
        self._note(f"rename {self._find(ref).name} {name}")
        if any(c.name == name for c in self.list):
            raise NameInUse(f'the container name "{name}" is already in use')
        self._change(ref, name=name)

    def kill(self, ref: str, signal: str = "SIGKILL") -> None:
        self._note(f"kill {self._find(ref).name}")
        self.say("die", self._change(ref, status=ContainerStatus.EXITED, exit_code=137, pid=None, ip=""))

    def remove(self, ref: str, *, force: bool = False, volumes: bool = False) -> None:
        container = self._find(ref)
        self._note(f"rm {container.name}{' force' if force else ''}")
        if container.status.is_alive and not force:
            raise Conflict(f"{container.name} is running", hint="stop it first, or use force")
        with self.lock:
            self.list.remove(container)
        self.say("destroy", container)

    def wait(self, ref: str) -> int | None:
        return self._find(ref).exit_code

    def pause(self, ref: str) -> None:
        self._note(f"pause {self._find(ref).name}")
        self.say("pause", self._change(ref, status=ContainerStatus.PAUSED))

    def unpause(self, ref: str) -> None:
        self._note(f"unpause {self._find(ref).name}")
        self.say("unpause", self._change(ref, status=ContainerStatus.RUNNING))

    def top(self, ref: str, ps_options: str = "-ef") -> ProcessTable:
        container = self._find(ref)
        if not container.status.is_alive:
            raise Conflict(f"container {container.name} is not running")
        row = ("root", str(container.pid), "1", "0", "12:00", "?", "00:00:01", container.command)
        return ProcessTable(("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"), (row,))

    def stats(self, ref: str) -> FakeStream[Stats]:
        container = self._find(ref)
        if not container.status.is_alive:
            raise Conflict(f"container {container.name} is not running")
        samples = [
            Stats(container_id=container.id, name=container.name, time_ns=NOW_NS + n * SECOND,
                  cpu_percent=None if n == 0 else 12.5 * n, memory_bytes=5_000_000 + n * 100_000,
                  memory_limit_bytes=64 << 20, network_received_bytes=1200 * n, network_sent_bytes=800 * n,
                  block_read_bytes=0, block_written_bytes=4096, pids=2)
            for n in range(4)
        ]  # fmt: skip
        return FakeStream(samples, is_endless=True)

    def attach(self, ref: str, *, stdin: bool = False, logs: bool = False) -> Any:
        raise Conflict("not here")

    def logs(
        self,
        ref: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> FakeStream[LogRecord]:
        container = self._find(ref)
        self._note(f"logs {container.name}")
        lines = self.log_lines.get(container.name) or [f"GET /{n} 200" for n in range(40)]
        records = [LogRecord(NOW_NS - (40 - n) * SECOND, "stdout", line) for n, line in enumerate(lines)]
        return FakeStream(records, is_endless=follow and container.status.is_alive)

    # Images

    def images(self) -> Sequence[Image]:
        return list(self.image_list)

    def pull(
        self,
        reference: str,
        *,
        platform: str = "",
        cancel: CancelToken | None = None,
        on_record: Callable[[Record], None] | None = None,
    ) -> Image:
        self._note(f"pull {reference} {platform}".rstrip())
        image = make_image(31, f"{reference}:latest", 50_000, 0)
        with Recorder(
            "pull",
            reference,
            line=f"docker pull {reference}",
            engine="embedded",
            cancel=cancel,
            sinks=[on_record] if on_record else [],
        ) as trace:
            write_pull(trace, reference, lambda: time.sleep(self.pace_s))
        with self.lock:
            self.image_list.insert(0, image)
        return image

    def remove_image(self, ref: str, *, force: bool = False) -> Sequence[str]:
        self._note(f"rmi {ref}{' force' if force else ''}")
        with self.lock:
            self.image_list = [i for i in self.image_list if ref not in (i.id, *i.tags)]
        return [f"Untagged: {ref}"]

    def _image(self, ref: str) -> Image:
        for image in self.image_list:
            if ref in (image.id, *image.tags) or f"{ref}:latest" in image.tags:
                return image
        raise ImageNotFound(f"no such image: {ref}")

    def tag(self, source: str, target: str) -> None:
        self._note(f"tag {source} {target}")
        image = self._image(source)
        with self.lock:
            self.image_list = [replace(i, tags=(*i.tags, target)) if i is image else i for i in self.image_list]

    def history(self, ref: str) -> Sequence[HistoryEntry]:
        image = self._image(ref)
        return [
            HistoryEntry(id=image.id, tags=image.tags, created_ns=image.created_ns, created_by='CMD ["/app/web.py"]',
                         comment="", size_bytes=0),
            HistoryEntry(created_ns=image.created_ns, created_by="COPY app /app # long enough to be cut by the table",
                         comment="base", size_bytes=12_400),
        ]  # fmt: skip

    def save(
        self,
        refs: Sequence[str],
        write: Callable[[bytes], object],
        *,
        cancel: CancelToken | None = None,
        on_record: Callable[[Record], None] | None = None,
    ) -> None:
        self._note(f"save {' '.join(refs)}")
        write(" ".join(self._image(ref).id for ref in refs).encode())

    def load(
        self,
        archive: Iterable[bytes],
        *,
        cancel: CancelToken | None = None,
        on_record: Callable[[Record], None] | None = None,
    ) -> Sequence[str]:
        self._note(f"load {b''.join(archive).decode()}")
        return ["Loaded image: web:latest"]

    def import_image(
        self,
        archive: Iterable[bytes],
        reference: str = "",
        *,
        changes: Sequence[str] = (),
        message: str = "",
        platform: str = "",
        cancel: CancelToken | None = None,
        on_record: Callable[[Record], None] | None = None,
    ) -> str:
        self._note(" ".join(["import", b"".join(archive).decode(), reference, message, platform, *changes]))
        return digest(77)

    def login(
        self, registry: str, user: str = "", password: str = "", *, cancel: CancelToken | None = None
    ) -> LoginReport:
        self._note(f"login {registry} {user} {password}".rstrip())
        if not user:
            raise Unauthorized(f"there are no credentials for {registry} here")
        return LoginReport(registry=registry, user=user, kept_in="/home/me/.docker/config.json", is_plain=True)

    def logout(self, registry: str) -> bool:
        self._note(f"logout {registry}")
        return registry != "unknown.example"

    # The rest

    def networks(self) -> Sequence[Network]:
        members = {c.id: c.ip for c in self.list if c.ip}
        return [
            Network(id=hex_id(71), name="bridge", driver="bridge", subnet="172.30.0.0/16", gateway="172.30.0.1",
                    bridge="dv0", containers=members),
            *self.network_list,
        ]  # fmt: skip

    def create_network(self, request: NetworkRequest) -> Network:
        self._note(f"network create {request.name}")
        made = Network(id=hex_id(80 + len(self.network_list)), name=request.name, driver=request.driver,
                       subnet=request.subnet or "172.29.0.0/24", is_internal=request.is_internal,
                       labels=request.labels)  # fmt: skip
        with self.lock:
            self.network_list.append(made)
        return made

    def remove_network(self, ref: str) -> None:
        self._note(f"network rm {ref}")
        with self.lock:
            left = [network for network in self.network_list if ref not in (network.name, network.id)]
            if len(left) == len(self.network_list):
                raise NotFound(f"network {ref} not found")
            self.network_list = left

    def connect_network(self, ref: str, container: str, *, ip: str = "", aliases: Sequence[str] = ()) -> None:
        self._note(f"network connect {ref} {self._find(container).name}")

    def disconnect_network(self, ref: str, container: str, *, force: bool = False) -> None:
        self._note(f"network disconnect {ref} {self._find(container).name}")

    def prune_plan(self, kinds: Sequence[str], *, all_images: bool = False, filters: Filters = NO_FILTERS) -> PrunePlan:
        self._note(f"prune_plan {' '.join(kinds)}{' all' if all_images else ''}")
        items = [
            PruneItem("container", c.id, c.name, 4096, "exited 3 minutes ago")
            for c in self.list if not c.status.is_alive
        ] if "container" in kinds else []  # fmt: skip
        if "image" in kinds:
            items += [
                PruneItem("image", i.id, i.short_id, i.size_bytes, "no tag, no container uses it")
                for i in self.image_list if not i.tags or (all_images and not i.containers)
            ]  # fmt: skip
        if "volume" in kinds and "all" in filters:
            items += [PruneItem("volume", v.name, v.name, v.size_bytes, "unused") for v in self.volumes()]
        return PrunePlan(tuple(kinds), tuple(items))

    def prune(self, plan: PrunePlan) -> PruneReport:
        self._note(f"prune {len(plan.items)}")
        gone = {item.id for item in plan.items}
        with self.lock:
            self.list = [c for c in self.list if c.id not in gone]
            self.image_list = [i for i in self.image_list if i.id not in gone]
        return PruneReport(plan.items, (), plan.size_bytes)

    def events(self, *, since_ns: int | None = None, until_ns: int | None = None) -> FakeStream[Event]:
        stream: FakeStream[Event] = FakeStream()
        self.event_streams.append(stream)
        return stream

    # Traces

    def traces(self, ref: str = "", *, limit: int = 50) -> Sequence[Trace]:
        return [t for t in self.trace_list if not ref or ref in (t.container_id, t.container_name)][:limit]

    def follow_traces(self) -> FakeStream[tuple[str, Record]]:
        stream: FakeStream[tuple[str, Record]] = FakeStream()
        self.trace_streams.append(stream)
        return stream


class BlockingEngine(FakeEngine):
    """Answers once, then blocks in every call until it is closed, as a daemon does that hangs."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.is_blocking = False

    def _block(self) -> None:
        if self.is_blocking:
            self.gate.wait()
            raise Cancelled("the engine was closed")

    def close(self) -> None:
        super().close()
        self.gate.set()

    def containers(self, *, all: bool = False, size: bool = False) -> Sequence[Container]:  # noqa: A002
        self._block()
        return super().containers(all=all, size=size)

    def images(self) -> Sequence[Image]:
        self._block()
        return super().images()

    def inspect(self, ref: str, kind: str = "", **_: Any) -> dict[str, Any]:
        self._block()
        return super().inspect(ref, kind)

    def traces(self, ref: str = "", *, limit: int = 50) -> Sequence[Trace]:
        self._block()
        return super().traces(ref, limit=limit)

    def logs(self, ref: str, **options: Any) -> FakeStream[LogRecord]:
        self._block()
        return super().logs(ref, **options)

    def stop(self, ref: str, *, timeout_s: int | None = None, **_: Any) -> Container:
        self._block()
        return super().stop(ref, timeout_s=timeout_s)

    def prune_plan(self, kinds: Sequence[str], *, all_images: bool = False, filters: Filters = NO_FILTERS) -> PrunePlan:
        self._block()
        return super().prune_plan(kinds, all_images=all_images, filters=filters)

    def events(self, **_: Any) -> FakeStream[Event]:
        self._block()
        return super().events()

    def follow_traces(self) -> FakeStream[tuple[str, Record]]:
        self._block()
        return super().follow_traces()


# A run, as the embedded engine tells it


def write_pull(trace: Recorder, image: str, pause: Callable[[], None]) -> None:
    with trace.phase(Phase.RESOLVE) as span:
        span.fact("reference", f"hub.localhost/{image}:latest")
        span.fact("docker.io", "unreachable (no route to host)")
        pause()
    with trace.phase(Phase.CACHE) as span:
        span.fact("decision", "miss")
    with trace.phase(Phase.AUTH) as span:
        span.fact("realm", "http://127.0.0.1:40123/token")
    with trace.phase(Phase.MANIFEST) as span:
        span.fact("digest", digest(61))
        span.fact("layers", 2)
        pause()
    for number, size in ((1, 38_000), (2, 3_100)):
        with trace.phase(Phase.LAYER, f"{number}/2") as span:
            for part in range(1, 9):
                span.progress(size * part // 8, size, stage="download")
                pause()
            span.progress(size, size, stage="unpack")
            span.fact("digest", digest(61 + number))
            span.fact("files", 12 * number)
    with trace.phase(Phase.STORE) as span:
        span.fact("reference", f"{image}:latest")


def write_run(  # noqa: PLR0915  a whole run is long
    sink: Callable[[Record], object],
    container: Container,
    *,
    line: str = "",
    pace_s: float = 0.0,
    cancel: CancelToken | None = None,
    commit: Callable[[], None] = lambda: None,
    wall_ns: int | None = None,
    lost: bool = False,
    hold: threading.Event | None = None,
) -> None:
    """A whole run, from parse to running (or exited), as records."""

    def pause() -> None:
        time.sleep(pace_s)
        if hold is not None:
            with trace.cancel.closing(hold.set):
                hold.wait()
        trace.cancel.raise_if_set()

    steps_done = 0

    def to_sink(record: Record) -> None:
        nonlocal steps_done
        shown = dict(record)
        if wall_ns is not None:  # a canned trace: each step takes 2 ms on a clock of its own
            shown |= {"id": f"trace-of-{container.name}", "wall_ns": wall_ns} if "wall_ns" in shown else {}
            if "clock_ns" in shown:
                steps_done += 1
                shown["clock_ns"] = wall_ns + steps_done * 2 * 10**6
        sink(shown)

    line = line or f"docker run -d --name {container.name} {container.image}"
    trace = Recorder("run", container.image, line=line, engine="embedded", sinks=[to_sink], cancel=cancel)
    with trace:
        with trace.phase(Phase.PARSE) as span:
            span.fact("request", "POST /containers/create")
        with trace.phase(Phase.CONNECT) as span:
            span.fact("engine", "in-process")
        if lost:
            with trace.phase(Phase.RESOLVE) as span:
                pause()
                raise ImageNotFound(f"no image {container.image} in docker.io or the hub", hint="docker images")
        write_pull(trace, container.image, pause)
        with trace.phase(Phase.CREATE) as span:
            span.fact("id", container.id[:12])
            span.fact("name", container.name)
            trace.subject(container=container.id, name=container.name, image=container.image_id)
            commit()
            pause()
        with trace.phase(Phase.WRITABLE, check=f"cat /proc/{container.pid}/mountinfo") as span:
            span.fact("lower", 2)
        for number, part in enumerate(("user", "mnt", "uts", "ipc", "net", "pid", "cgroup")):
            with trace.phase(Phase.NAMESPACES, part, check=f"readlink /proc/{container.pid}/ns/{part}") as span:
                is_new = part != "user"
                span.fact("container", f"{part}:[{4026532180 + number if is_new else 4026531837}]")
                span.fact("host", f"{part}:[{4026531837 + number}]")
                span.fact("is_new", is_new)
                pause()
        steps: tuple[tuple[Phase, dict[str, Scalar]], ...] = (
            (Phase.CGROUP, {"path": f"/dockview/{container.id[:12]}", "memory": "max", "pids": "max"}),
            (Phase.ROOTFS, {"mounts": 9, "pivot_root": "done"}),
            (Phase.NETWORK, {"bridge": "dv0", "veth": "veth3f2a", "address": f"{container.ip or '172.30.0.9'}/16"}),
            (Phase.PORTS, {"published": "0.0.0.0:8080 → 80/tcp" if container.ports else "none"}),
            (Phase.SECURITY, {"capabilities": "14 of 41", "seccomp": "filter", "no_new_privs": True}),
            (Phase.START, {"pid": container.pid, "argv": container.command}),
        )
        for phase, facts in steps:
            with trace.phase(phase) as span:
                for name, value in facts.items():
                    span.fact(name, value)
                pause()
        trace.commit()
    now = time.monotonic_ns() if wall_ns is None else wall_ns + 10**9
    sink({"t": "start", "span": "c1", "phase": "running", "part": "", "clock_ns": now})
    if not container.status.is_alive:
        sink({"t": "end", "span": "c1", "clock_ns": now + 40 * 10**6, "status": "ok"})
        sink({"t": "start", "span": "c2", "phase": "exited", "part": "", "clock_ns": now + 40 * 10**6})
        sink({"t": "fact", "span": "c2", "name": "exit code", "value": container.exit_code, "origin": "measured"})
        sink({"t": "end", "span": "c2", "clock_ns": now + 41 * 10**6, "status": "ok"})


def main() -> None:
    parser = argparse.ArgumentParser(description="The app on a fake engine.")
    parser.add_argument("--containers", type=int, default=0, help="that many more containers")
    parser.add_argument("--pace", type=float, default=0.12, help="seconds between steps of a run")
    options = parser.parse_args()
    shift = time.time_ns() - NOW_NS

    def open_engine() -> FakeEngine:
        more = [make_container(100 + n, f"c{n:03}", "web") for n in range(options.containers)]
        moved = [
            replace(c, started_ns=(c.started_ns or 0) + shift, created_ns=c.created_ns + shift)
            for c in (*default_containers(), *more)
        ]
        return FakeEngine(containers=moved, pace_s=options.pace)

    from dockview.app import run_on
    from dockview.opening import Opening

    offered = ("hello-world", "web", "db", "box", "flaky")
    raise SystemExit(run_on(Opening(open_engine), lambda _: open_engine(), lambda: offered))


if __name__ == "__main__":
    main()
