"""`tag`, `history`, `save`, `load` and `import`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager

from dockview.commands.cancellable import call_cancellable
from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.listing import Listing, show
from dockview.commands.times import NS, rfc3339_local
from dockview.commands.usage import UsageError
from dockview.engine.api import Engine
from dockview.engine.errors import InvalidRequest, NotFound, NotSupported
from dockview.engine.model import HistoryEntry
from dockview.text import ago, docker_size

_PIECE_BYTES = 1 << 20
_MISSING = "<missing>"
_HEADERS = {
    "ID": "IMAGE", "CreatedSince": "CREATED", "CreatedAt": "CREATED AT", "CreatedBy": "CREATED BY", "Size": "SIZE",
    "Comment": "COMMENT",
}  # fmt: skip
_COLUMNS = ("ID", "CreatedSince", "CreatedBy", "Size", "Comment")
_CREATED_BY = 45
"""How much of an instruction docker's table shows."""


def tag(engine: Engine, command: Command, console: Console) -> int:
    """Give an image one more name; nothing is said."""
    del console
    engine.tag(*command.refs)
    return 0


def history(engine: Engine, command: Command, console: Console) -> int:
    """The steps that made an image."""
    now = time.time_ns()
    is_whole, is_human = command.is_on("no-trunc"), command.is_on("human")
    rows = [_row(entry, now, is_whole=is_whole, is_human=is_human) for entry in engine.history(command.refs[0])]
    columns = _COLUMNS if is_human else tuple("CreatedAt" if name == "CreatedSince" else name for name in _COLUMNS)
    return show(Listing(_HEADERS, columns, rows), command, console)


def _row(entry: HistoryEntry, now_ns: int, *, is_whole: bool, is_human: bool) -> dict[str, str]:
    by = entry.created_by.replace("\t", " ")
    size = entry.size_bytes
    return {
        "ID": entry.id if entry.id and is_whole else entry.id.removeprefix("sha256:")[:12] or _MISSING,
        "CreatedSince": "N/A" if entry.created_ns is None else ago(entry.created_ns, now_ns),
        "CreatedAt": "N/A" if entry.created_ns is None else _to_the_second(entry.created_ns),
        "CreatedBy": by if is_whole or len(by) <= _CREATED_BY else f"{by[: _CREATED_BY - 1]}…",
        "Size": "N/A" if size is None else docker_size(size) if is_human else str(size),
        "Comment": entry.comment,
    }


def _to_the_second(ns: int) -> str:
    return rfc3339_local(ns // NS * NS).replace(".000000000", "")


def save(engine: Engine, command: Command, console: Console) -> int:
    """Images as one archive, to a file or a pipe; a file that is not complete does not stay."""
    path = command.text("output")
    if not path:
        if console.out_is_tty:
            raise InvalidRequest(
                "cowardly refusing to save to a terminal. Use the -o flag or redirect", hint="dockview save -o FILE"
            )
        call_cancellable(lambda cancel: engine.save(command.refs, console.out.write, cancel=cancel))
        console.out.flush()
        return 0
    call_cancellable(lambda cancel: write_file(path, lambda write: engine.save(command.refs, write, cancel=cancel)))
    return 0


def write_file(path: str, save: Callable[[Callable[[bytes], object]], None]) -> None:
    """Let `save` write a file, which has its name only once it is complete. Raises: NotFound, what `save` raises."""
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise NotFound(f"invalid output path: directory {folder} does not exist", hint="make it first")
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:  # a device or a named pipe
            save(file.write)
        return
    half = f"{path}.{os.getpid()}.half"
    try:
        with open(half, "xb") as file:
            os.fchmod(file.fileno(), 0o600)
            save(file.write)
        os.rename(half, path)
    finally:
        if os.path.exists(half):
            os.unlink(half)


def load(engine: Engine, command: Command, console: Console) -> int:
    """Take in the images of an archive; docker's lines."""
    with _archive(command.text("input") or "-", console, "load") as chunks:
        lines = call_cancellable(lambda cancel: engine.load(chunks, cancel=cancel))
    if not command.is_on("quiet"):
        console.print("\n".join(lines))
    return 0


def import_image(engine: Engine, command: Command, console: Console) -> int:
    """Make an image of a file system; its ID."""
    source, *names = command.refs
    if "://" in source:
        raise NotSupported(
            "an import from an address is not in this version", hint=f"curl -sSL {source} | dockview import -"
        )
    with _archive(source, console, "import") as chunks:
        image_id = call_cancellable(
            lambda cancel: engine.import_image(
                chunks,
                names[0] if names else "",
                changes=command.texts("change"),
                message=command.text("message"),
                platform=command.text("platform"),
                cancel=cancel,
            )
        )
    console.print(image_id)
    return 0


@contextmanager
def _archive(path: str, console: Console, verb: str) -> Iterator[Generator[bytes]]:
    """The bytes of a file, or of standard input."""
    if path == "-" and (console.in_fd is None or console.in_is_tty):
        raise UsageError(f"requested {verb} from stdin, but stdin is empty", exit_code=1)
    fd = os.dup(console.in_fd or 0) if path == "-" else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with closing(_chunks(fd)) as chunks:
            yield chunks
    finally:
        os.close(fd)


def chunks_of(path: str) -> Generator[bytes]:
    """The bytes of a file."""
    with open(path, "rb", buffering=0) as file:
        yield from _chunks(file.fileno())


def _chunks(fd: int) -> Generator[bytes]:
    while chunk := os.read(fd, _PIECE_BYTES):
        yield chunk
