"""`images`, `pull` and `rmi`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from dockview.commands.cancellable import call_cancellable
from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.each import for_each
from dockview.commands.execute_ps import labels_text
from dockview.commands.filters import has_label, read_filters
from dockview.commands.listing import Listing, matches, show
from dockview.commands.progress import PullProgress
from dockview.commands.times import created_at
from dockview.engine.api import Engine
from dockview.engine.model import Image
from dockview.text import ago, docker_size

_NONE = "<none>"
_HEADERS = {
    "Repository": "REPOSITORY", "Tag": "TAG", "ID": "IMAGE ID", "CreatedSince": "CREATED", "Size": "SIZE",
    "Digest": "DIGEST", "CreatedAt": "CREATED AT", "Containers": "CONTAINERS", "Labels": "LABELS",
}  # fmt: skip
_COLUMNS = ("Repository", "Tag", "ID", "CreatedSince", "Size")
_COLUMNS_WITH_DIGEST = ("Repository", "Tag", "Digest", "ID", "CreatedSince", "Size")
_FILTERS = ("dangling", "label", "reference")


def images(engine: Engine, command: Command, console: Console) -> int:
    """List images, one row a tag."""
    filters = read_filters(command.texts("filter"), _FILTERS)
    wanted = command.refs[0] if command.refs else ""
    now = time.time_ns()
    rows = [
        row
        for image in engine.images()
        if _passes(image, filters)
        for row in _rows(image, now, is_whole=command.is_on("no-trunc"))
        if not wanted or _is_named(row, wanted)
    ]
    columns = _COLUMNS_WITH_DIGEST if command.is_on("digests") else _COLUMNS
    return show(Listing(_HEADERS, columns, rows), command, console)


def split_tag(reference: str) -> tuple[str, str]:
    """Repository and tag of a familiar reference (`localhost:5000/web:1` is `localhost:5000/web` and `1`)."""
    repository, colon, tag = reference.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (reference, _NONE)


def _rows(image: Image, now_ns: int, *, is_whole: bool) -> Iterator[dict[str, str]]:
    digest = image.digests[0].partition("@")[2] if image.digests else _NONE
    for reference in image.tags or (_NONE,):
        repository, tag = (_NONE, _NONE) if reference == _NONE else split_tag(reference)
        yield {
            "Repository": repository,
            "Tag": tag,
            "Digest": digest,
            "ID": image.id if is_whole else image.short_id,
            "CreatedAt": created_at(image.created_ns),
            "CreatedSince": "N/A" if image.created_ns is None else ago(image.created_ns, now_ns),
            "Size": "N/A" if image.size_bytes is None else docker_size(image.size_bytes),
            "Containers": "N/A" if image.containers is None else str(image.containers),
            "Labels": labels_text(image.labels),
            "SharedSize": "N/A",
            "UniqueSize": "N/A",
        }


def _passes(image: Image, filters: Sequence[tuple[str, str]]) -> bool:
    return matches(filters, {
        "dangling": lambda text: (not image.tags) == (text.lower() in ("true", "1")),
        "label": lambda text: has_label(image.labels, text),
        "reference": lambda text: any(_fits(tag, text) for tag in image.tags),
    })  # fmt: skip


def _fits(reference: str, pattern: str) -> bool:
    return fnmatchcase(reference, pattern) or fnmatchcase(split_tag(reference)[0], pattern)


def _is_named(row: dict[str, str], wanted: str) -> bool:
    repository, tag = split_tag(wanted)
    return fnmatchcase(row["Repository"], repository) and tag in (_NONE, row["Tag"])


def pull(engine: Engine, command: Command, console: Console) -> int:
    """Fetch an image, and show how far each layer is."""
    reference = command.refs[0]
    is_quiet = command.is_on("quiet")
    progress = PullProgress(console, reference, to_out=True, is_pull=True) if not is_quiet else None
    try:
        image = call_cancellable(
            lambda cancel: engine.pull(reference, cancel=cancel, on_record=progress.on_record if progress else None)
        )
    finally:
        if progress:
            progress.close()
    name = image.tags[0] if image.tags else image.id
    if progress:
        console.print(progress.summary(image, reference))
    console.print(progress.canonical if progress and progress.canonical else name)
    return 0


def rmi(engine: Engine, command: Command, console: Console) -> int:
    """Remove images; docker's lines of what was untagged and deleted."""
    force = command.is_on("force")
    return for_each(command.refs, lambda ref: "\n".join(engine.remove_image(ref, force=force)), console)
