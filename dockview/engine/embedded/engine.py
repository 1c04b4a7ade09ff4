"""The embedded engine: the face of engine/api.py over one store, composed from the verbs of this folder."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from dockview import __version__
from dockview.engine.api import NO_FILTERS, Attachment, Filters, OnAttach, OnRecord, Stream
from dockview.engine.cancel import CancelToken
from dockview.engine.embedded import query
from dockview.engine.embedded.engine_files import Files
from dockview.engine.embedded.engine_images import ImageVerbs
from dockview.engine.embedded.engine_processes import Processes
from dockview.engine.embedded.house import House
from dockview.engine.errors import Conflict, NotFound, Unavailable
from dockview.engine.lifecycle import Record, Trace
from dockview.engine.model import (
    Capabilities,
    Container,
    DiskUsage,
    EngineInfo,
    Event,
    Finding,
    LogRecord,
    Network,
    NetworkRequest,
    PrunePlan,
    PruneReport,
    RunRequest,
)
from dockview.engine.state import containers, recovery
from dockview.engine.state.containers import ContainerRecord
from dockview.engine.state.database import Database
from dockview.engine.state.journal import Journal
from dockview.engine.state.layout import Layout, default_root
from dockview.engine.state.traces import Traces

S = TypeVar("S")

_MISSING: dict[str, str] = {}


class EmbeddedEngine(Files, Processes, ImageVerbs):
    """One store, used by this process; other processes may use it at the same time."""

    def __init__(self, root: str | None = None) -> None:
        layout = Layout(os.path.abspath(root) if root else default_root())
        try:
            layout.make()
        except OSError as error:
            raise Unavailable(
                f"the store {layout.root} cannot be made: {error.strerror}", hint="choose another folder with --root"
            ) from error
        database = Database(layout.database)
        self._house = House(layout, database, Journal(layout.events), Traces(layout, database))
        self._streams: weakref.WeakSet[Any] = weakref.WeakSet()
        self._sweep()

    def _sweep(self) -> None:
        house = self._house

        def discard(container_id: str) -> None:
            from dockview.engine.embedded.discard import discard  # noqa: PLC0415  rare

            discard(house, container_id)

        def remove_tree(folder: str) -> None:
            from dockview.engine.images.unpack import remove_tree  # noqa: PLC0415  rare

            remove_tree(folder)

        def turn(container_id: str) -> contextlib.AbstractContextManager[bool]:
            from dockview.engine.runtime.turn import TURN_TIMEOUT_S, turn  # noqa: PLC0415  rare

            return turn(house.layout.container(container_id), TURN_TIMEOUT_S)

        def take_back(what: Mapping[str, str]) -> None:
            from dockview.engine.embedded.take_back import take_back  # noqa: PLC0415  rare

            take_back(house, what)

        gone = recovery.sweep(
            house.layout,
            house.database,
            is_running=lambda container_id: query.is_running(house, container_id),
            discard=discard,
            turn=turn,
            is_over=lambda container_id: query.is_over(house, container_id),
        )
        if gone:
            from dockview.engine.embedded.wire import sweep  # noqa: PLC0415

            sweep(house, [record.id for record in containers.everything(house.database)])
        recovery.sweep_half_files(house.layout.tmp, remove_tree)
        recovery.sweep_intents(house.layout, take_back)

    # About the engine

    def info(self) -> EngineInfo:
        """Which engine this is."""
        from dockview.engine.embedded.about import details  # noqa: PLC0415
        from dockview.engine.runtime.cgroups import version  # noqa: PLC0415

        system = os.uname()
        return EngineInfo(
            kind="embedded", name="embedded", version=__version__, api_version="", os="linux",
            architecture={"x86_64": "amd64", "aarch64": "arm64"}.get(system.machine, system.machine),
            kernel=system.release, rootless=self._house.is_rootless, endpoint=self._house.layout.root,
            cgroup_version=version(), details=details(self._house),
        )  # fmt: skip

    def capabilities(self) -> Capabilities:
        """What it cannot do yet."""
        if self._house.is_rootless:
            return Capabilities({**_MISSING, "network-create": "rootless: only root may make a bridge"})
        return Capabilities(_MISSING)

    def doctor(self) -> Sequence[Finding]:
        """What this machine can do."""
        from dockview.engine.embedded.doctor import doctor  # noqa: PLC0415

        return doctor(self._house)

    def disk_usage(self, *, details: bool = False) -> DiskUsage:
        """Bytes on disk, counted now."""
        from dockview.engine.embedded.usage import disk_usage  # noqa: PLC0415

        return disk_usage(self._house, details=details)

    def close(self) -> None:
        """Unblock every call in flight; containers go on."""
        self._house.closing.cancel()
        for stream in list(self._streams):
            stream.close()
        self._house.database.close()

    @contextlib.contextmanager
    def _cancellable(self, cancel: CancelToken | None) -> Iterator[CancelToken]:
        """The caller's token, which closing the engine sets, too."""
        token = cancel or CancelToken()
        with self._house.closing.closing(token.cancel):
            yield token

    def _owned(self, stream: S) -> S:
        """A stream that closing the engine ends."""
        self._streams.add(stream)
        return stream

    # Containers

    def containers(self, *, all: bool = False, size: bool = False) -> Sequence[Container]:  # noqa: A002
        """The running containers, or all of them."""
        listed = query.list_containers(self._house, everything=all)
        if not size:
            return listed
        from dockview.engine.embedded.usage import with_sizes  # noqa: PLC0415

        return with_sizes(self._house, listed)

    def container(self, ref: str) -> Container:
        """One container."""
        return query.get_container(self._house, ref)

    def inspect(self, ref: str, kind: str = "", *, size: bool = False) -> dict[str, Any]:
        """Docker's inspect JSON."""
        from dockview.engine.embedded import image_verbs, inspect  # noqa: PLC0415
        from dockview.engine.embedded.volumes import inspect_volume  # noqa: PLC0415

        if kind in ("", "container"):
            try:
                record = containers.find(self._house.database, ref)
            except NotFound:
                if kind:
                    raise
            else:
                shown = inspect.inspect_container(self._house, record)
                return {**shown, **self._sizes(record)} if size else shown
        if kind in ("", "network"):
            from dockview.engine.embedded.network_inspect import inspect_network  # noqa: PLC0415

            try:
                return inspect_network(self._house, ref)
            except NotFound:
                if kind:
                    raise
        if kind == "volume":
            return inspect_volume(self._house, ref)
        try:
            return image_verbs.inspect_image(self._house, ref)
        except NotFound:
            if kind:
                raise
        try:
            return inspect_volume(self._house, ref)
        except NotFound as error:
            raise NotFound(f"no such object: {ref}", hint="nothing here has that name") from error

    def _sizes(self, record: ContainerRecord) -> dict[str, int | None]:
        from dockview.engine.embedded.usage import with_sizes  # noqa: PLC0415

        sized = with_sizes(self._house, [query.to_container(self._house, record)])[0]
        return {"SizeRw": sized.size_rw_bytes, "SizeRootFs": sized.size_root_fs_bytes}

    def create(
        self, request: RunRequest, *, cancel: CancelToken | None = None, on_record: OnRecord | None = None
    ) -> Container:
        """Everything up to the writable layer."""
        from dockview.engine.embedded.run import create_only  # noqa: PLC0415

        with self._cancellable(cancel) as token:
            return self.container(create_only(self._house, request, token, on_record))

    def run(
        self, request: RunRequest, *, cancel: CancelToken | None = None, on_record: OnRecord | None = None,
        on_attach: OnAttach | None = None,
    ) -> Container:  # fmt: skip
        """Create and start."""
        from dockview.engine.embedded.run import run  # noqa: PLC0415

        with self._cancellable(cancel) as token:
            record = run(self._house, request, token, on_record, on_attach)
        return query.to_container(self._house, record)

    def start(self, ref: str, *, cancel: CancelToken | None = None, on_attach: OnAttach | None = None) -> Container:
        """Start a created or exited container."""
        from dockview.engine.embedded.run import start  # noqa: PLC0415

        with self._cancellable(cancel) as token:
            return self.container(start(self._house, ref, token, on_attach))

    def stop(self, ref: str, *, timeout_s: int | None = None, signal: str = "") -> Container:
        """Stop signal, grace, SIGKILL."""
        from dockview.engine.embedded.stop import stop  # noqa: PLC0415

        record = stop(self._house, ref, timeout_s, signal)
        return query.to_container(self._house, record)

    def rename(self, ref: str, name: str) -> None:
        """Give a container another name."""
        from dockview.engine.embedded.rename import rename  # noqa: PLC0415

        rename(self._house, ref, name)

    def restart(
        self, ref: str, *, timeout_s: int | None = None, signal: str = "", cancel: CancelToken | None = None
    ) -> Container:
        """Stop and start."""
        from dockview.engine.embedded.restart import restart  # noqa: PLC0415

        with self._cancellable(cancel) as token:
            return self.container(restart(self._house, ref, timeout_s, signal, token))

    def kill(self, ref: str, signal: str = "SIGKILL") -> None:
        """Send a signal."""
        from dockview.engine.embedded.stop import kill  # noqa: PLC0415

        kill(self._house, ref, signal)

    def remove(self, ref: str, *, force: bool = False, volumes: bool = False) -> None:
        """Remove a container."""
        from dockview.engine.embedded.remove import remove  # noqa: PLC0415

        remove(self._house, ref, force=force, volumes=volumes)

    def wait(self, ref: str) -> int | None:
        """Block until it has exited."""
        from dockview.engine.embedded.stop import wait  # noqa: PLC0415

        return wait(self._house, ref)

    def attach(self, ref: str, *, stdin: bool = False, logs: bool = False) -> Attachment:
        """Join the standard streams."""
        from dockview.engine.embedded.attach import attach  # noqa: PLC0415

        return attach(self._house, ref, stdin=stdin, logs=logs)

    def logs(
        self, ref: str, *, follow: bool = False, tail: int | None = None, since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Stream[LogRecord]:  # fmt: skip
        """What the container wrote."""
        from dockview.engine.runtime.logs import open_logs  # noqa: PLC0415

        house = self._house
        record = containers.find(house.database, ref)
        return self._owned(open_logs(
            house.layout.log(record.id), follow=follow, tail=tail, since_ns=since_ns, until_ns=until_ns,
            is_alive=lambda: query.is_running(house, record.id),
        ))  # fmt: skip

    # The rest

    def networks(self) -> Sequence[Network]:
        """All networks; bridge, host and none are always there."""
        from dockview.engine.embedded.listed import list_networks  # noqa: PLC0415

        return list_networks(self._house)

    def create_network(self, request: NetworkRequest) -> Network:
        """Make a network."""
        from dockview.engine.embedded.network_verbs import create_network  # noqa: PLC0415

        return create_network(self._house, request)

    def remove_network(self, ref: str) -> None:
        """Remove a network."""
        from dockview.engine.embedded.network_verbs import remove_network  # noqa: PLC0415

        remove_network(self._house, ref)

    def connect_network(self, ref: str, container: str, *, ip: str = "", aliases: Sequence[str] = ()) -> None:
        """Put a container on one more network."""
        from dockview.engine.embedded.plug import connect_network  # noqa: PLC0415

        connect_network(self._house, ref, container, ip=ip, aliases=aliases)

    def disconnect_network(self, ref: str, container: str, *, force: bool = False) -> None:
        """Take a container off a network."""
        from dockview.engine.embedded.plug import disconnect_network  # noqa: PLC0415

        disconnect_network(self._house, ref, container, force=force)

    def prune_plan(self, kinds: Sequence[str], *, all_images: bool = False, filters: Filters = NO_FILTERS) -> PrunePlan:
        """What a prune would remove."""
        from dockview.engine.embedded.prune import plan  # noqa: PLC0415

        return plan(self._house, kinds, all_images=all_images, filters=filters)

    def prune(self, plan: PrunePlan) -> PruneReport:
        """Remove what the plan names."""
        from dockview.engine.embedded.prune import prune  # noqa: PLC0415

        return prune(self._house, plan)

    def events(self, *, since_ns: int | None = None, until_ns: int | None = None) -> Stream[Event]:
        """What happens in this store, whoever does it."""
        return self._owned(self._house.journal.follow(since_ns=since_ns, until_ns=until_ns))

    # Traces

    def traces(self, ref: str = "", *, limit: int = 50) -> Sequence[Trace]:
        """The newest traces."""
        if ref:
            try:
                ref = containers.find(self._house.database, ref).id
            except (NotFound, Conflict):
                pass  # a container that is gone is found by what its traces say of it
        return self._house.traces.find(ref, limit=limit)

    def follow_traces(self) -> Stream[tuple[str, Record]]:
        """Records as they are written, by whichever process."""
        return self._owned(self._house.traces.follow())
