"""`ensure_image`: the image phases of a run, resolve → cache → [auth → manifest → layers → store].

Where the image is here, this is two phases, and nothing that is slow to import is imported.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import time

from dockview.engine.embedded import resolve
from dockview.engine.embedded.house import House
from dockview.engine.errors import ImageNotFound, InvalidReference, InvalidRequest
from dockview.engine.images.platform import Platform
from dockview.engine.images.reference import Reference
from dockview.engine.lifecycle import Phase
from dockview.engine.recorder import Recorder
from dockview.engine.state import images
from dockview.engine.state.images import ImageRecord

POLICIES = ("missing", "always", "never")


def ensure_image(
    house: House, trace: Recorder, reference: str, *, policy: str = "missing", platform: str = ""
) -> ImageRecord:
    """The image of a reference, ID or beginning of an ID; pulled when it is not here (or, by policy, in any case).

    Raises: InvalidReference, InvalidRequest, ImageNotFound, Unauthorized, Unavailable, DataError, OutOfSpace,
    Cancelled.
    """
    if policy not in POLICIES:
        raise InvalidRequest(f"{policy!r} is not a pull policy", hint=f"one of {', '.join(POLICIES)}")
    wanted = Platform.parse(platform) if platform else None
    with contextlib.ExitStack() as stack:
        with trace.phase(Phase.RESOLVE) as span:
            try:
                references = resolve.candidates(house, Reference.parse(reference))
            except InvalidReference:
                if (record := images.by_id_prefix(house.database, reference)) is None:
                    raise
                references = ()
            else:
                record = None
            target = references[0] if references else None
            if record is None and policy != "always":
                record, target = _here(house, references, wanted, reference)
            search = None
            if record is None and policy != "never":
                from dockview.engine.embedded.sources import Search  # noqa: PLC0415  imports the registry client

                search = Search(house, trace, references, stack)
                search.next_source(span)
            elif target is not None:
                resolve.tell(span, target)
            elif record is not None:
                span.fact("image ID", record.id)
        _cache(house, trace, record, policy)
        if record is not None:
            return record
        if search is None:
            raise ImageNotFound(
                f"{reference} is not here, and the pull policy is {policy!r}", hint=f"`dockview pull {reference}`"
            )
        from dockview.engine.embedded.fetch import fetch  # noqa: PLC0415

        return fetch(house, trace, search, wanted or Platform.host())


def lower_dirs(house: House, record: ImageRecord) -> list[str]:
    """The folders of an image's unpacked layers as overlayfs wants them: the topmost first, each only once.

    (A layer that occurs twice counts where it is highest: everything in the lower one is hidden by it anyway, and
    overlayfs refuses a folder that it already has.)
    """
    folders = dict.fromkeys(house.layout.layer(layer.diff_id) for layer in reversed(record.layers))
    if folders:
        return list(folders)
    # An image of no layers still needs a folder below the writable one.
    empty = f"{house.layout.layers}/none/diff"
    os.makedirs(empty, mode=0o755, exist_ok=True)
    return [empty]


def _here(
    house: House, references: tuple[Reference, ...], wanted: Platform | None, text: str
) -> tuple[ImageRecord | None, Reference | None]:
    """The image if it is here, whole and for the right platform; and the reference that names it."""
    found = resolve.local(house, references)
    target, record = found or (None, images.by_id_prefix(house.database, text))
    if record is None or not _is_whole(house, record) or not _suits(record, wanted):
        return None, references[0] if references else None
    return record, target


def _is_whole(house: House, record: ImageRecord) -> bool:
    return all(os.path.isdir(house.layout.layer(layer.diff_id)) for layer in record.layers)


def _suits(record: ImageRecord, wanted: Platform | None) -> bool:
    if wanted is None:
        return True
    config = record.config
    return wanted.accepts(
        Platform(config.get("os") or "linux", config.get("architecture") or "", config.get("variant") or "")
    )


def _cache(house: House, trace: Recorder, record: ImageRecord | None, policy: str) -> None:
    check = f"dockview --root {shlex.quote(house.layout.root)} images"
    with trace.phase(Phase.CACHE, check=check) as span:
        if record is None:
            span.fact("decision", "not asked: the pull policy is always" if policy == "always" else "miss")
            return
        span.fact("decision", "hit")
        span.fact("image ID", record.id)
        span.fact("size", record.size_bytes)
        span.fact("pulled", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.pulled_ns / 1e9)))
