"""`cp`: between a container and this machine, or as a tar stream; docker's rules of what lands where.

A source that is a folder lands in a destination that is one, or becomes it where nothing is there; `/.` at a source's
end means what is in it; a file lands in a folder, or becomes, or replaces, what the destination names.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.copying import Landing, pack, unpack
from dockview.commands.usage import UsageError
from dockview.engine.api import Engine
from dockview.engine.errors import InvalidRequest, NotFound
from dockview.text import docker_size

_PIECE_BYTES = 1 << 18


def cp(engine: Engine, command: Command, console: Console) -> int:
    """Copy. Raises: UsageError unless exactly one side is a container."""
    source, target = command.refs
    (source_ref, source_path), (target_ref, target_path) = _side(source), _side(target)
    if source_ref and target_ref:
        raise UsageError("copying between containers is not supported")
    if not source_ref and not target_ref:
        raise UsageError("must specify at least one container source")
    count = Counter()
    if source_ref:
        shown = _from_container(engine, command, console, (source_ref, source_path), target_path, count)
    else:
        shown = _to_container(engine, command, console, source_path, (target_ref, target_path), count)
    if shown and not command.is_on("quiet"):
        console.note(f"Successfully copied {docker_size(count.size)} to {shown}")
    return 0


def _side(text: str) -> tuple[str, str]:
    """(container, path) of one side; no container for a path of this machine and for `-`."""
    if text == "-" or text.startswith(("/", ".")):
        return "", text
    ref, colon, path = text.partition(":")
    if not colon:
        return "", text
    if not ref or not path:
        raise UsageError("container name and path can not be empty" if not ref else f"{text}: path cannot be empty")
    return ref, path


@dataclass
class Counter:
    """Counts the bytes of a stream that passes."""

    size: int = 0

    def over(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The same pieces."""
        for piece in pieces:
            self.size += len(piece)
            yield piece


def _from_container(  # noqa: PLR0917  both ends of a copy
    engine: Engine, command: Command, console: Console, inside: tuple[str, str], target: str, count: Counter
) -> str:
    ref, path = inside
    found = engine.stat_path(ref, path)
    rename = ""
    if command.is_on("follow-link") and stat.S_ISLNK(found.mode):
        rename = os.path.basename(path.rstrip("/"))
        path = found.link_target
        found = engine.stat_path(ref, path)
    if target == "-":
        if console.out_is_tty:
            raise InvalidRequest("cowardly refusing to write an archive to a terminal", hint="redirect it: … > x.tar")
        with contextlib.closing(engine.copy_from(ref, path)) as stream:
            for piece in stream:
                console.out.write(piece)
        return ""
    landing = landing_here(path, rename, target, is_folder=stat.S_ISDIR(found.mode))
    with contextlib.closing(engine.copy_from(ref, path)) as stream:
        unpack(count.over(stream), landing, keeps_owners=command.is_on("archive") and os.geteuid() == 0)
    return target


def landing_here(path: str, rename: str, target: str, *, is_folder: bool) -> Landing:
    """Where an archive of a path of a container goes on this machine. Raises: NotFound, InvalidRequest."""
    if not os.path.exists(target) and not os.path.isdir(os.path.dirname(os.path.abspath(target))):
        raise NotFound(f"invalid output path: directory {os.path.dirname(target) or target!r} does not exist")
    return landing(
        path, target, is_folder=is_folder, exists=os.path.exists(target), is_target_folder=os.path.isdir(target),
        rename=rename,
    )  # fmt: skip


def landing(
    path: str, target: str, *, is_folder: bool, exists: bool, is_target_folder: bool, rename: str = ""
) -> Landing:
    """The folder to unpack in, and how the archive's first name changes. Raises: InvalidRequest, NotFound."""
    first = first_name(path)
    if exists and is_target_folder:
        return Landing(target, first, rename or first)
    if exists and is_folder:
        raise InvalidRequest("cannot copy directory", hint=f"{target} is not a folder")
    if not exists and not is_folder and target.endswith(("/", "/.")):
        raise NotFound(f"no such directory: {target}")
    folder, name = os.path.split(target.rstrip("/"))
    return Landing(folder or ("/" if target.startswith("/") else "."), first, name)


def first_name(path: str) -> str:
    """The name that an archive of a path begins with: `.` for what is in a folder."""
    return os.path.basename(path.rstrip("/")) or "."


def _to_container(  # noqa: PLR0917
    engine: Engine, command: Command, console: Console, source: str, inside: tuple[str, str], count: Counter
) -> str:
    ref, target = inside
    exists, is_folder = True, False
    try:
        found = engine.stat_path(ref, target)
        if stat.S_ISLNK(found.mode):
            target = found.link_target + ("/" if target.endswith("/") else "")
            found = engine.stat_path(ref, target)
        is_folder = stat.S_ISDIR(found.mode)
    except NotFound:
        engine.container(ref)
        exists = False
    is_user = command.is_on("archive")
    if source == "-":
        if not is_folder:
            raise InvalidRequest(f'destination "{ref}:{target}" must be a directory')
        if console.in_fd is None:
            raise InvalidRequest("there is no standard input to copy from")
        engine.copy_to(ref, target, _pieces_of(console.in_fd), is_user=is_user)
        return ""
    with contextlib.suppress(FileNotFoundError):
        status = os.stat(source) if command.is_on("follow-link") or source.endswith("/") else os.lstat(source)
        place = landing(
            source, target, is_folder=stat.S_ISDIR(status.st_mode), exists=exists, is_target_folder=is_folder
        )
        archive = pack(source, place.name, follows=command.is_on("follow-link"))
        engine.copy_to(ref, place.folder, count.over(archive), is_user=is_user)
        return f"{ref}:{target}"
    raise NotFound(f"lstat {os.path.abspath(source)}: no such file or directory")


def _pieces_of(fd: int) -> Iterator[bytes]:
    while piece := os.read(fd, _PIECE_BYTES):
        yield piece
