"""`images`, `pull` and `rmi`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase

from dockview.commands.cancellable import call_cancellable
from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.each import for_each
from dockview.commands.filters import fits_path, has_label, is_true, matches, read_filters
from dockview.commands.listing import Listing, show
from dockview.commands.names import NONE, as_typed, familiar, is_named, split_tag
from dockview.commands.progress import PullProgress
from dockview.commands.times import created_at
from dockview.engine.api import Engine
from dockview.engine.errors import ImageNotFound
from dockview.engine.model import Image
from dockview.text import ago, docker_size

IMAGE_HEADERS = {
    "Repository": "REPOSITORY", "Tag": "TAG", "ID": "IMAGE ID", "CreatedSince": "CREATED", "Size": "SIZE",
    "Digest": "DIGEST", "CreatedAt": "CREATED AT", "Containers": "CONTAINERS", "VirtualSize": "SIZE",
    "SharedSize": "SHARED SIZE", "UniqueSize": "UNIQUE SIZE",
}  # fmt: skip
_COLUMNS = ("Repository", "Tag", "ID", "CreatedSince", "Size")
_COLUMNS_WITH_DIGEST = ("Repository", "Tag", "Digest", "ID", "CreatedSince", "Size")
_FILTERS = ("before", "dangling", "label", "reference", "since")


def images(engine: Engine, command: Command, console: Console) -> int:
    """List images, one row a tag."""
    found = engine.images()
    passes = _filter(found, command.texts("filter"))
    wanted = command.refs[0] if command.refs else ""
    patterns = [text.partition("=")[2] for text in command.texts("filter") if text.startswith("reference=")]
    now = time.time_ns()
    rows = [
        row
        for image in found
        if passes(image)
        for row in image_rows(image, now, is_whole=command.is_on("no-trunc"))
        if (not wanted or _is_wanted(row, wanted)) and (not patterns or _is_like(row, patterns))
    ]
    columns = _COLUMNS_WITH_DIGEST if command.is_on("digests") else _COLUMNS
    return show(Listing(IMAGE_HEADERS, columns, rows), command, console)


def image_rows(image: Image, now_ns: int, *, is_whole: bool) -> Iterator[dict[str, str]]:
    """A row for each of its names, in the fields of docker's own list."""
    digests = {familiar(name): digest for name, _, digest in (item.partition("@") for item in image.digests)}
    names = [split_tag(tag) for tag in image.tags] or [(name, NONE) for name in digests] or [(NONE, NONE)]
    size = None if image.size_bytes is None else image.size_bytes
    for repository, tag in names:
        yield {
            "Repository": repository,
            "Tag": tag,
            "Digest": digests.get(familiar(repository), NONE),
            "ID": image.id if is_whole else image.short_id,
            "CreatedAt": created_at(image.created_ns),
            "CreatedSince": "N/A" if image.created_ns is None else ago(image.created_ns, now_ns),
            "Size": "N/A" if size is None else docker_size(size),
            "VirtualSize": "N/A" if size is None else docker_size(size, 4),
            "Containers": "N/A" if image.containers is None else str(image.containers),
            "SharedSize": "N/A",
            "UniqueSize": "N/A",
        }


def _filter(found: Sequence[Image], texts: Sequence[str]) -> Callable[[Image], bool]:
    filters = read_filters(texts, _FILTERS)

    def moment(ref: str) -> int:
        image = next((image for image in found if is_named(image, ref)), None)
        if image is None:
            raise ImageNotFound(f"no such image: {ref}", hint="`dockview images` lists what is here")
        return image.created_ns or 0

    return lambda image: matches(filters, {
        "dangling": lambda text: (not image.tags) == is_true("dangling", text),
        "label": lambda text: has_label(image.labels, text),
        "reference": lambda text: any(_fits(tag, text) for tag in image.tags),
        "before": lambda text: (image.created_ns or 0) < moment(text),
        "since": lambda text: (image.created_ns or 0) > moment(text),
    })  # fmt: skip


def _fits(reference: str, pattern: str) -> bool:
    return any(fits_path(name, pattern) or fits_path(split_tag(name)[0], pattern) for name in as_typed(reference))


def _is_like(row: dict[str, str], patterns: Sequence[str]) -> bool:
    """Of an image with several names only those are shown that a reference filter asks for."""
    return any(_fits(f"{row['Repository']}:{row['Tag']}", pattern) for pattern in patterns)


def _is_wanted(row: dict[str, str], wanted: str) -> bool:
    repository, tag = split_tag(familiar(wanted))
    return any(fnmatchcase(name, repository) for name in as_typed(row["Repository"])) and tag in (NONE, row["Tag"])


def pull(engine: Engine, command: Command, console: Console) -> int:
    """Fetch an image, and show how far each layer is."""
    reference = command.refs[0]
    is_quiet = command.is_on("quiet")
    progress = PullProgress(console, reference, to_out=True, is_pull=True) if not is_quiet else None
    try:
        image = call_cancellable(
            lambda cancel: engine.pull(
                reference,
                platform=command.text("platform"),
                cancel=cancel,
                on_record=progress.on_record if progress else None,
            )
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
