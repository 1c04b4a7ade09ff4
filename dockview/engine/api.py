"""The face of an engine: what the command line, the app and a library user may ask for.

The protocol is plain, blocking and thread-safe. Endless reads are streams: iterate, and `close()` from any thread;
each has one owner. `Engine.close()` unblocks every call in flight, which then raises Cancelled.

Where a method takes a `ref`, it is a name, a full ID or an unambiguous beginning of an ID. Every method may raise
`Unavailable`; those that take a ref raise `NotFound`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from dockview.engine.api_files import FileVerbs
from dockview.engine.cancel import CancelToken
from dockview.engine.lifecycle import Record, Trace
from dockview.engine.model import (
    Capabilities,
    Container,
    DiskUsage,
    EngineInfo,
    Event,
    ExecRequest,
    Finding,
    HistoryEntry,
    Image,
    LoginReport,
    LogRecord,
    Network,
    NetworkRequest,
    ProcessTable,
    PrunePlan,
    PruneReport,
    RunRequest,
    Stats,
    UpdateRequest,
)

T_co = TypeVar("T_co", covariant=True)
OnRecord = Callable[[Record], None]
Filters = Mapping[str, Sequence[str]]
"""Docker's filters: key to values, as the daemon's API takes them."""
NO_FILTERS: Filters = MappingProxyType({})


class Stream(Protocol[T_co]):
    """An endless or finite read: an iterator that another thread may end with close()."""

    def __iter__(self) -> Iterator[T_co]: ...

    def __next__(self) -> T_co: ...

    def close(self) -> None:
        """End the iteration, also while it blocks; may be called more than once."""
        ...


class Attachment(Protocol):
    """The standard streams of a running container. One thread reads, another may write."""

    @property
    def is_tty(self) -> bool:
        """Whether the container has a pseudo-terminal (stdout and stderr are then one stream)."""
        ...

    def read(self) -> tuple[str, bytes] | None:
        """Block for the next piece of output: ("stdout" | "stderr", bytes); None at the end."""
        ...

    def write(self, data: bytes) -> None:
        """Write to the container's standard input."""
        ...

    def close_stdin(self) -> None:
        """Let the container read end-of-file."""
        ...

    def promise_removal(self) -> None:
        """Say that the caller will remove a --rm container at its end, before he calls close(); a saving, no duty."""
        ...

    def resize(self, rows: int, columns: int) -> None:
        """Tell the pseudo-terminal its size."""
        ...

    @property
    def exit_code(self) -> int | None:
        """Once read() has returned None: the container's, or None where only the attachment has ended."""
        ...

    def close(self) -> None:
        """Let go; the container goes on."""
        ...


OnAttach = Callable[[Attachment], None]


class Engine(FileVerbs, Protocol):
    """One container engine."""

    # About the engine

    def info(self) -> EngineInfo:
        """Which engine this is."""
        ...

    def capabilities(self) -> Capabilities:
        """What it cannot do, and why."""
        ...

    def doctor(self) -> Sequence[Finding]:
        """What this machine can do for this engine, and what to install for the rest."""
        ...

    def disk_usage(self, *, details: bool = False) -> DiskUsage:
        """Bytes on disk by kind; with `details` also of each image, container and volume, which may take long."""
        ...

    def close(self) -> None:
        """Unblock every call in flight and let go of everything; containers go on."""
        ...

    # Containers

    def containers(self, *, all: bool = False, size: bool = False) -> Sequence[Container]:  # noqa: A002  docker's word
        """The running containers, or all of them; newest first; with `size` how much each has written."""
        ...

    def container(self, ref: str) -> Container:
        """One container."""
        ...

    def inspect(self, ref: str, kind: str = "", *, size: bool = False) -> dict[str, Any]:
        """Docker's inspect JSON of a container, image, network or volume (`kind` narrows where a name is shared).

        With `size` a container's has SizeRw and SizeRootFs.
        """
        ...

    def create(
        self, request: RunRequest, *, cancel: CancelToken | None = None, on_record: OnRecord | None = None
    ) -> Container:
        """Everything up to the writable layer; pulls the image if the request says so."""
        ...

    def run(
        self,
        request: RunRequest,
        *,
        cancel: CancelToken | None = None,
        on_record: OnRecord | None = None,
        on_attach: OnAttach | None = None,
    ) -> Container:
        """Create and start; returns once the command was executed. Failing, it leaves nothing behind.

        `on_record` is called with every trace record of this run, from whichever thread performs the phase;
        `on_attach` with the container's streams just before the command is executed, so that nothing that it writes
        is missed, however short its life. The attachment is then the caller's.

        Raises: ImageNotFound, NameInUse, PortInUse, StartFailed, NotSupported, InvalidRequest, OutOfSpace, Cancelled.
        """
        ...

    def start(self, ref: str, *, cancel: CancelToken | None = None, on_attach: OnAttach | None = None) -> Container:
        """Start a created or exited container; `on_attach` as in run()."""
        ...

    def stop(self, ref: str, *, timeout_s: int | None = None, signal: str = "") -> Container:
        """Send the stop signal, or this one, wait, then SIGKILL. An already stopped container is left as it is."""
        ...

    def restart(
        self, ref: str, *, timeout_s: int | None = None, signal: str = "", cancel: CancelToken | None = None
    ) -> Container:
        """Stop a container, as stop() does, and start it again; one that does not run is started."""
        ...

    def rename(self, ref: str, name: str) -> None:
        """Give a container another name. Raises: NameInUse, Conflict, InvalidRequest."""
        ...

    def kill(self, ref: str, signal: str = "SIGKILL") -> None:
        """Send a signal. Raises: Conflict when it does not run."""
        ...

    def remove(self, ref: str, *, force: bool = False, volumes: bool = False) -> None:
        """Remove a container, and its anonymous volumes if asked for; a running one only by force. Raises: Conflict."""
        ...

    def wait(self, ref: str) -> int | None:
        """Block until the container has exited; its exit code, None where that is unknown."""
        ...

    def exec(self, ref: str, request: ExecRequest, *, on_record: OnRecord | None = None) -> Attachment:
        """Execute one more command in a running container; its streams, from its first word on.

        Once its read() has returned None, its `exit_code` is the command's. Detached, it is closed already.

        Raises: Conflict where the container does not run or is paused, StartFailed (126, 127), InvalidRequest,
        NotSupported.
        """
        ...

    def top(self, ref: str, ps_options: str = "-ef") -> ProcessTable:
        """The processes of a running container, as ps(1) with these options shows them. Raises: Conflict."""
        ...

    def stats(self, ref: str) -> Stream[Stats]:
        """What a container uses, now and then once a second, until it ends. Raises: Conflict where it does not run."""
        ...

    def pause(self, ref: str) -> None:
        """Freeze all processes of a container. Raises: Conflict, NotSupported without a freezer."""
        ...

    def unpause(self, ref: str) -> None:
        """Let a paused container go on. Raises: Conflict."""
        ...

    def update(self, ref: str, request: UpdateRequest) -> Container:
        """Change limits and the restart policy, of a running container at once.

        Raises: InvalidRequest, NotSupported where a limit cannot be set here.
        """
        ...

    def attach(self, ref: str, *, stdin: bool = False, logs: bool = False) -> Attachment:
        """Join the standard streams; with `logs`, what was written before comes first."""
        ...

    def logs(
        self,
        ref: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Stream[LogRecord]:
        """What the container wrote, oldest first; `tail` is how many of the last lines, None for all."""
        ...

    # Images

    def images(self) -> Sequence[Image]:
        """The images that are here, newest first."""
        ...

    def pull(
        self,
        reference: str,
        *,
        platform: str = "",
        cancel: CancelToken | None = None,
        on_record: OnRecord | None = None,
    ) -> Image:
        """Fetch an image, for this machine's platform or another (linux/arm64).

        Raises: InvalidReference, ImageNotFound, Unauthorized, DigestMismatch, Cancelled.
        """
        ...

    def tag(self, source: str, target: str) -> None:
        """Give an image one more name; another image that has it loses it. Raises: ImageNotFound, InvalidReference."""
        ...

    def history(self, ref: str) -> Sequence[HistoryEntry]:
        """The steps that made an image, the last one first."""
        ...

    def save(
        self,
        refs: Sequence[str],
        write: Callable[[bytes], object],
        *,
        cancel: CancelToken | None = None,
        on_record: OnRecord | None = None,
    ) -> None:
        """Hand images to `write`, piece by piece, as one tar archive that `docker load` and OCI tools read."""
        ...

    def load(
        self, archive: Iterable[bytes], *, cancel: CancelToken | None = None, on_record: OnRecord | None = None
    ) -> Sequence[str]:
        """Take in the images of an archive, docker's or an OCI layout, also compressed; docker's `Loaded image` lines.

        Raises: DataError, DigestMismatch, OutOfSpace, Cancelled.
        """
        ...

    def import_image(
        self,
        archive: Iterable[bytes],
        reference: str = "",
        *,
        changes: Sequence[str] = (),
        message: str = "",
        platform: str = "",
        cancel: CancelToken | None = None,
        on_record: OnRecord | None = None,
    ) -> str:
        """Make an image of one layer from a tar archive of a file system; the image's ID. `changes` as in commit().

        Raises: InvalidRequest, InvalidReference, DataError, OutOfSpace, Cancelled.
        """
        ...

    def login(
        self, registry: str, user: str = "", password: str = "", *, cancel: CancelToken | None = None
    ) -> LoginReport:
        """Check credentials with a registry and keep them where docker does; without a user, those that are kept.

        Raises: Unauthorized, Unavailable, InvalidRequest.
        """
        ...

    def logout(self, registry: str) -> bool:
        """Forget the credentials for a registry; whether there were any."""
        ...

    def remove_image(self, ref: str, *, force: bool = False) -> Sequence[str]:
        """Untag, and delete what no tag and no container needs; docker's `Untagged: …`/`Deleted: …` lines."""
        ...

    # The rest

    def networks(self) -> Sequence[Network]:
        """All networks."""
        ...

    def create_network(self, request: NetworkRequest) -> Network:
        """Make a network of its own, with a bridge and a subnet. Raises: Conflict, InvalidRequest, NotSupported."""
        ...

    def remove_network(self, ref: str) -> None:
        """Remove a network. Raises: Conflict where a running container is on it, or for one that is always there."""
        ...

    def connect_network(self, ref: str, container: str, *, ip: str = "", aliases: Sequence[str] = ()) -> None:
        """Put a container on one more network, at once if it runs; `ip` only where the subnet was chosen by the user.

        Raises: Conflict, InvalidRequest, NotSupported.
        """
        ...

    def disconnect_network(self, ref: str, container: str, *, force: bool = False) -> None:
        """Take a container off a network. Raises: Conflict where it is not on it."""
        ...

    def prune_plan(self, kinds: Sequence[str], *, all_images: bool = False, filters: Filters = NO_FILTERS) -> PrunePlan:
        """What a prune of these kinds (container, image, volume, network) would remove; touches nothing.

        As docker does, it takes images without a name and volumes that nobody named only; `all_images` takes every
        unused image, the filter `all=true` every unused volume. Further filters are `until`, `label`, `label!` and
        `dangling`. Raises: InvalidRequest.
        """
        ...

    def prune(self, plan: PrunePlan) -> PruneReport:
        """Remove what the plan names, except what has come into use since."""
        ...

    def events(self, *, since_ns: int | None = None, until_ns: int | None = None) -> Stream[Event]:
        """What happens on this engine, whoever does it; with `until_ns` in the past the stream ends."""
        ...

    # Traces

    def traces(self, ref: str = "", *, limit: int = 50) -> Sequence[Trace]:
        """The newest traces, of one container (name, ID or its beginning; also of one that is gone) or of all."""
        ...

    def follow_traces(self) -> Stream[tuple[str, Record]]:
        """(trace ID, record) of every trace that is live or begins from now on, whichever process performs it."""
        ...
