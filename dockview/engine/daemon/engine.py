"""The face of engine/api.py over a real docker daemon: each verb in a few lines, told in the files beside this."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from dockview.engine.api import NO_FILTERS, Attachment, Filters, OnAttach, OnRecord, Stream
from dockview.engine.cancel import CancelToken
from dockview.engine.daemon import containers, mapping, networks, prune, usage
from dockview.engine.daemon.client import Daemon
from dockview.engine.daemon.connection import find_endpoint
from dockview.engine.daemon.details import Details
from dockview.engine.daemon.doctor import doctor
from dockview.engine.daemon.engine_files import Files
from dockview.engine.daemon.engine_images import ImageVerbs
from dockview.engine.daemon.processes import Processes
from dockview.engine.daemon.restart import restart
from dockview.engine.daemon.streams import open_events, open_logs
from dockview.engine.daemon.traces import Journal
from dockview.engine.daemon.watch import Watch
from dockview.engine.errors import InvalidRequest, NotFound
from dockview.engine.lifecycle import Record, Sink, Trace
from dockview.engine.model import (
    Capabilities,
    Container,
    DiskUsage,
    EngineInfo,
    Event,
    Finding,
    Image,
    LogRecord,
    Network,
    NetworkRequest,
    PrunePlan,
    PruneReport,
    RunRequest,
)
from dockview.engine.prune_filter import read_prune_filter
from dockview.engine.recorder import Recorder

_MISSING = {
    "breakpoints": "a daemon performs a start in one call: it cannot be held before a phase",
    "trace-history": "a daemon keeps no traces: there are only those since this program was started",
}


class DockerEngine(ImageVerbs, Processes, Files):
    """One daemon. Making it sends nothing; the first call connects.

    Raises: NotFound, NotSupported, InvalidRequest for a host or context that cannot be used.
    """

    def __init__(self, host: str | None = None, context: str | None = None) -> None:
        self._daemon = Daemon(find_endpoint(host, context))
        self._journal = Journal()
        self._details = Details(self._daemon)
        self._watch = Watch(self._daemon, self._journal, self._details.forget)
        self._image_details: dict[str, Image] = {}

    # About the engine

    def info(self) -> EngineInfo:
        """Which engine this is."""
        with self._daemon.mapped("cannot ask the daemon what it is"):
            return mapping.engine_info(self._daemon.api.info(), self._daemon.version, self._daemon.endpoint)

    def capabilities(self) -> Capabilities:
        """What it cannot do, and why."""
        missing = dict(_MISSING)
        if not self._daemon.endpoint.socket_path:
            missing["proc-evidence"] = (
                "the daemon is not on this machine: namespaces, cgroup and mounts are not visible"
            )
        return Capabilities(missing)

    def doctor(self) -> Sequence[Finding]:
        """Whether the daemon answers, what it runs on, and what of its containers can be seen from here."""
        return doctor(self._daemon)

    def disk_usage(self, *, details: bool = False) -> DiskUsage:
        """Bytes on disk by kind, as the daemon counts them."""
        with self._daemon.line() as api, self._daemon.mapped("cannot ask for the disk usage"):
            found = api.df()
            if not details:
                return mapping.disk_usage(found)
        counted = usage.disk_usage(found)
        said = [str(row.get("Status") or "") for row in found.get("Containers") or ()]
        return replace(counted, containers=tuple(self._details.fill(list(zip(counted.containers, said, strict=True)))))

    def close(self) -> None:
        """Unblock every call in flight and let go of everything; containers go on."""
        self._daemon.close()
        self._watch.close()
        self._journal.close()

    # Containers

    def containers(self, *, all: bool = False, size: bool = False) -> Sequence[Container]:  # noqa: A002
        """The running containers, or all of them; newest first."""
        with self._daemon.mapped("cannot list containers"):
            rows = self._daemon.api.containers(all=all, size=size)
        listed = [(mapping.container_of_list(row), str(row.get("Status") or "")) for row in rows]
        if size:
            listed = [(usage.sized(container, row), said) for (container, said), row in zip(listed, rows, strict=True)]
        return self._details.fill(listed)

    def container(self, ref: str) -> Container:
        """One container."""
        return mapping.container_of_inspect(containers.inspect(self._daemon, ref))

    def inspect(self, ref: str, kind: str = "", *, size: bool = False) -> dict[str, Any]:
        """Docker's inspect JSON, looked for as container, image, network, volume."""
        api = self._daemon.api
        looks: dict[str, Callable[[str], dict[str, Any]]] = {
            "container": lambda name: usage.inspect_container(api, name, size=size),
            "image": api.inspect_image,
            "network": api.inspect_network,
            "volume": api.inspect_volume,
        }
        if kind and kind not in looks:
            raise InvalidRequest(f'cannot inspect a "{kind}"', hint=f"kinds are {', '.join(looks)}")
        for look in [looks[kind]] if kind else looks.values():
            try:
                with self._daemon.mapped(f"cannot inspect {ref}"):
                    return look(ref)
            except NotFound:
                continue
        raise NotFound(f"no such {kind or 'object'}: {ref}")

    def create(
        self, request: RunRequest, *, cancel: CancelToken | None = None, on_record: OnRecord | None = None
    ) -> Container:
        """Everything up to the writable layer; pulls the image if the request says so."""
        with self._record("create", request.image, request.line, cancel, on_record) as trace:
            found = containers.create(self._daemon, trace, request)
            trace.commit()
        return self.container(str(found["Id"]))

    def run(
        self,
        request: RunRequest,
        *,
        cancel: CancelToken | None = None,
        on_record: OnRecord | None = None,
        on_attach: OnAttach | None = None,
    ) -> Container:
        """Create and start. Failing, it leaves nothing behind."""
        with self._record("run", request.image, request.line, cancel, on_record) as trace:
            found = containers.create(self._daemon, trace, request)
            running = containers.start(self._daemon, trace, self._watch, found, on_attach)
            return mapping.container_of_inspect(running)

    def start(self, ref: str, *, cancel: CancelToken | None = None, on_attach: OnAttach | None = None) -> Container:
        """Start a created or exited container."""
        found = containers.inspect(self._daemon, ref)
        container = mapping.container_of_inspect(found)
        if container.status.is_alive:
            return container
        with self._record("start", container.name, f"docker start {container.name}", cancel) as trace:
            trace.subject(container=container.id, name=container.name, image=container.image)
            containers.connect(self._daemon, trace)
            running = containers.start(self._daemon, trace, self._watch, found, on_attach)
            self._details.forget(container.id)
            return mapping.container_of_inspect(running)

    def stop(self, ref: str, *, timeout_s: int | None = None, signal: str = "") -> Container:
        """Send the stop signal, wait, then SIGKILL."""
        found = containers.inspect(self._daemon, ref)
        container = mapping.container_of_inspect(found)
        if not container.status.is_alive:
            return container
        option = ("" if timeout_s is None else f"-t {timeout_s} ") + (f"-s {signal} " if signal else "")
        with self._record_of("stop", container, f"docker stop {option}{container.name}") as trace:
            containers.stop(self._daemon, trace, found, timeout_s, signal)
        try:
            return self.container(container.id)
        except NotFound:  # It ran with --rm: this is the last that was known of it.
            return container

    def restart(
        self, ref: str, *, timeout_s: int | None = None, signal: str = "", cancel: CancelToken | None = None
    ) -> Container:
        """Stop and start."""
        found = containers.inspect(self._daemon, ref)
        container = mapping.container_of_inspect(found)
        option = ("" if timeout_s is None else f"-t {timeout_s} ") + (f"-s {signal} " if signal else "")
        with self._record("restart", container.name, f"docker restart {option}{container.name}", cancel) as trace:
            trace.subject(container=container.id, name=container.name, image=container.image)
            running = restart(self._daemon, trace, self._watch, found, timeout_s=timeout_s, signal=signal)
            self._details.forget(container.id)
            return mapping.container_of_inspect(running)

    def rename(self, ref: str, name: str) -> None:
        """Give a container another name."""
        container = mapping.container_of_inspect(containers.inspect(self._daemon, ref))
        with self._record_of("rename", container, f"docker rename {container.name} {name}") as trace:
            containers.rename(self._daemon, trace, container, name)
            trace.subject(container=container.id, name=name, image=container.image)

    def kill(self, ref: str, signal: str = "SIGKILL") -> None:
        """Send a signal."""
        found = containers.inspect(self._daemon, ref)
        container = mapping.container_of_inspect(found)
        with self._record_of("kill", container, f"docker kill -s {signal} {container.name}") as trace:
            containers.kill(self._daemon, trace, found, signal)

    def remove(self, ref: str, *, force: bool = False, volumes: bool = False) -> None:
        """Remove a container."""
        found = containers.inspect(self._daemon, ref)
        container = mapping.container_of_inspect(found)
        line = f"docker rm {'-f ' if force else ''}{'-v ' if volumes else ''}{container.name}"
        with self._record_of("rm", container, line) as trace:
            containers.remove(self._daemon, trace, found, force=force, volumes=volumes)

    def wait(self, ref: str) -> int | None:
        """Block until the container has exited."""
        return containers.wait(self._daemon, self._watch, ref)

    def attach(self, ref: str, *, stdin: bool = False, logs: bool = False) -> Attachment:
        """Join the standard streams."""
        return containers.attach_running(self._daemon, self._watch, ref, stdin=stdin, logs=logs)

    def logs(
        self,
        ref: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Stream[LogRecord]:
        """What the container wrote."""
        container = self.container(ref)
        params = {"follow": int(follow), "tail": "all" if tail is None else tail, **_span_of_time(since_ns, until_ns)}
        return open_logs(self._daemon, container.id, params, is_tty=container.tty)

    # The rest

    def networks(self) -> Sequence[Network]:
        """All networks; the addresses on them are taken from the containers."""
        with self._daemon.mapped("cannot list networks"):
            rows = self._daemon.api.networks()
            running = self._daemon.api.containers()
        return [mapping.network({**row, "Containers": mapping.ends_on(str(row.get("Name")), running)}) for row in rows]

    def create_network(self, request: NetworkRequest) -> Network:
        """Make a network."""
        with self._record("network create", request.name, request.line) as trace:
            return networks.create(self._daemon, trace, request)

    def remove_network(self, ref: str) -> None:
        """Remove a network."""
        with self._record("network rm", ref, f"docker network rm {ref}") as trace:
            networks.remove(self._daemon, trace, ref)

    def connect_network(self, ref: str, container: str, *, ip: str = "", aliases: Sequence[str] = ()) -> None:
        """Put a container on one more network."""
        found = self.container(container)
        with self._record_of("network connect", found, f"docker network connect {ref} {found.name}") as trace:
            networks.connect(self._daemon, trace, ref, found.id, ip=ip, aliases=aliases)

    def disconnect_network(self, ref: str, container: str, *, force: bool = False) -> None:
        """Take a container off a network."""
        found = self.container(container)
        with self._record_of("network disconnect", found, f"docker network disconnect {ref} {found.name}") as trace:
            networks.disconnect(self._daemon, trace, ref, found.id, force=force)

    def prune_plan(self, kinds: Sequence[str], *, all_images: bool = False, filters: Filters = NO_FILTERS) -> PrunePlan:
        """What a prune of these kinds would remove."""
        return prune.plan(self._daemon, kinds, read_prune_filter(kinds, filters, all_images=all_images))

    def prune(self, plan: PrunePlan) -> PruneReport:
        """Remove what the plan names, except what has come into use since."""
        noun = plan.kinds[0] if len(plan.kinds) == 1 else "system"
        with self._record("prune", " ".join(plan.kinds), f"docker {noun} prune") as trace:
            return prune.prune(self._daemon, trace, plan)

    def events(self, *, since_ns: int | None = None, until_ns: int | None = None) -> Stream[Event]:
        """What happens on this engine."""
        return open_events(self._daemon, _span_of_time(since_ns, until_ns))

    # Traces

    def traces(self, ref: str = "", *, limit: int = 50) -> Sequence[Trace]:
        """The newest traces of this process, and of what others started since it looks."""
        self._watch.start()

        def is_wanted(trace: Trace) -> bool:
            is_named = ref in (trace.container_name, trace.container_id, trace.id)
            return not ref or is_named or trace.container_id.startswith(ref)

        return self._journal.traces(is_wanted, limit)

    def follow_traces(self) -> Stream[tuple[str, Record]]:
        """The records of every trace that is live or begins from now on."""
        self._watch.start()
        return self._journal.follow()

    @contextlib.contextmanager
    def _record_of(self, verb: str, container: Container, line: str) -> Iterator[Recorder]:
        """A trace about a container that exists."""
        with self._record(verb, container.name, line) as trace:
            trace.subject(container=container.id, name=container.name, image=container.image)
            yield trace

    def _record(
        self,
        verb: str,
        target: str,
        line: str,
        cancel: CancelToken | None = None,
        on_record: OnRecord | None = None,
    ) -> Recorder:
        sinks: list[Sink] = [self._journal.sink()]
        if on_record is not None:
            sinks.append(on_record)
        return Recorder(verb, target, line=line, engine="docker", sinks=sinks, cancel=cancel)


def _span_of_time(since_ns: int | None, until_ns: int | None) -> dict[str, str]:
    times = {"since": since_ns, "until": until_ns}
    return {key: mapping.timestamp(ns) for key, ns in times.items() if ns is not None}
