"""A bundle of its own for tests of the runtime: a static busybox as the only layer, and no store around it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dockview.engine.cancel import CancelToken
from dockview.engine.lifecycle import Record, Span, Trace, TraceBuilder
from dockview.engine.model import RunRequest
from dockview.engine.runtime.bundle import ShimSettings, write_bundle
from dockview.engine.runtime.launch import Born, Launch
from dockview.engine.runtime.leftovers import remove_leftovers
from dockview.engine.runtime.spec import build_spec
from dockview.engine.runtime.state import ShimState, read_state
from dockview.engine.runtime.stop import stop

_APPLETS = (
    "sh", "true", "false", "echo", "ls", "cat", "sleep", "id", "stty", "mount", "kill", "seq", "yes", "touch", "wc",
    "mknod", "chroot", "unshare", "head", "hostname", "env", "grep", "pwd", "tr", "dd", "readlink",
)  # fmt: skip


def layer(folder: str) -> str:
    """A layer with busybox, two users and a file that is not executable."""
    for name in ("bin", "etc", "home/www"):
        os.makedirs(f"{folder}/{name}")
    shutil.copy("/bin/busybox", f"{folder}/bin/busybox")
    for name in _APPLETS:
        os.symlink("busybox", f"{folder}/bin/{name}")
    Path(f"{folder}/etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nwww:x:33:34::/home/www:/bin/sh\n")
    Path(f"{folder}/etc/group").write_text("root:x:0:\nweb:x:34:\nextra:x:35:www\n")
    Path(f"{folder}/etc/plain").write_text("plain\n")
    Path(f"{folder}/bin/foreign").write_bytes(b"\x7fELF nonsense")
    os.chmod(f"{folder}/bin/foreign", 0o755)  # noqa: S103  programs are executable
    Path(f"{folder}/bin/lost").write_text("#!/nowhere/interpreter\n")
    os.chmod(f"{folder}/bin/lost", 0o755)  # noqa: S103
    return folder


class Box:
    """One container in the making."""

    def __init__(self, root: str, command: Sequence[str], settings: dict[str, Any], **request: Any) -> None:
        self.id = os.urandom(32).hex()
        self.folder = f"{root}/c"
        self.records: list[Record] = []
        self.cancel = CancelToken()
        self.on_record: Callable[[Record], None] = lambda _record: None
        if not os.path.isdir(f"{root}/layer"):
            layer(f"{root}/layer")
        os.mkdir(self.folder)
        rootless = os.geteuid() != 0
        wanted = RunRequest(image="box", line="", command=tuple(command), network="none", **request)
        self.spec = build_spec({}, wanted, container_id=self.id, hostname="box-1", rootless=rootless)
        plain: dict[str, Any] = {
            "id": self.id, "name": "box", "image": "box:latest", "lower_dirs": (f"{root}/layer",),
            "upper_dir": f"{self.folder}/upper", "work_dir": f"{self.folder}/work", "log_path": f"{self.folder}/log",
            "trace_path": f"{self.folder}/trace", "events_path": f"{self.folder}/events", "tty": wanted.tty,
            "open_stdin": wanted.open_stdin, "rootless": rootless, "attributes": {"name": "box"},
        }  # fmt: skip
        write_bundle(self.folder, self.spec, ShimSettings(**{**plain, **settings}))
        self.launch = Launch(self.folder, emit=self._take, cancel=self.cancel)
        self.born: Born | None = None
        self.shim_pid = 0

    def _take(self, record: Record) -> None:
        self.records.append(record)
        self.on_record(record)

    def build(self) -> Born:
        self.born = self.launch.build()
        self.shim_pid = self.born.shim_pid
        return self.born

    def start(self) -> int:
        """Build and go; the pid on the host."""
        self.build()
        return self.launch.go([], [])

    def state(self) -> ShimState:
        state = read_state(self.folder)
        assert state is not None
        return state

    def log(self) -> list[tuple[str, str]]:
        """(stream, text) of every record."""
        lines = Path(f"{self.folder}/log").read_text().splitlines()
        return [(entry["stream"], entry["log"]) for entry in map(json.loads, lines)]

    def stdout(self) -> str:
        return "".join(text for stream, text in self.log() if stream == "stdout")

    def trace(self) -> Trace:
        """What was told to the engine and, afterwards, written to the trace's file."""
        builder = TraceBuilder()
        head = {"t": "trace", "id": "t", "verb": "run", "target": "box", "line": "", "engine": "", "wall_ns": 0}
        builder.apply({**head, "clock_ns": 0})
        told = Path(f"{self.folder}/trace").read_text().splitlines() if os.path.exists(f"{self.folder}/trace") else []
        for record in (*self.records, *map(json.loads, told)):
            builder.apply(record)
        trace = builder.trace
        assert trace is not None
        return trace

    def span(self, phase: str, part: str = "") -> Span:
        return next(span for span in self.trace().spans if span.phase == phase and span.part == part)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in Path(f"{self.folder}/events").read_text().splitlines()]

    def end(self) -> None:
        """Whatever it is, it is gone afterwards."""
        self.launch.abort()
        if read_state(self.folder) is not None:
            stop(self.folder, "SIGKILL", -1)
            remove_leftovers(self.folder)


@contextlib.contextmanager
def boxes() -> Iterator[Callable[..., Box]]:
    """A maker of boxes, each in a folder of its own; all are gone afterwards."""
    made: list[tuple[Box, str]] = []

    def make(*command: str, root: str = "", settings: dict[str, Any] | None = None, **request: Any) -> Box:
        folder = root or tempfile.mkdtemp(prefix="dv-box-", dir="/tmp")
        os.chmod(folder, 0o755)  # noqa: S103  other users inside look for their files below it
        box = Box(folder, command, settings or {}, **request)
        made.append((box, folder))
        return box

    try:
        yield make
    finally:
        for box, _folder in made:
            box.end()
        for folder in {folder for _box, folder in made}:
            shutil.rmtree(folder, onerror=_open_and_remove)


def _open_and_remove(_function: object, path: str, _error: object) -> None:
    """Overlay's own folder below the work folder has mode 0, which stops its owner."""
    os.chmod(path, 0o700)
    shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
