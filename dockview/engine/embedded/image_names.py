"""`tag` and `history`: another name for an image that is here, and how it came to be."""

from __future__ import annotations

import shlex

from dockview.engine.embedded import resolve
from dockview.engine.embedded.house import House
from dockview.engine.embedded.listed import parse_time
from dockview.engine.errors import InvalidReference
from dockview.engine.images.reference import Reference
from dockview.engine.lifecycle import Phase
from dockview.engine.model import HistoryEntry
from dockview.engine.state import images


def new_name(text: str) -> Reference:
    """The complete reference of a name that is being given. Raises: InvalidReference.

    A short name belongs to docker.io, as with docker: `dockview push` or another tool would take it there.
    """
    reference = Reference.parse(text)
    if reference.digest:
        raise InvalidReference(f"{text!r} names a digest, which nobody can choose", hint="give a name and a tag")
    return reference


def tag(house: House, source: str, target: str) -> None:
    """Give an image one more name; another image that has it loses it. Raises: ImageNotFound, InvalidReference."""
    check = f"dockview --root {shlex.quote(house.layout.root)} images"
    with house.traces.record("tag", source, line=shlex.join(["docker", "tag", source, target])) as trace:
        trace.subject(image=source)
        with trace.phase(Phase.RESOLVE) as span:
            reference = new_name(target)
            record = resolve.find_image(house, source)
            resolve.tell(span, reference)
            span.fact("image ID", record.id)
        with trace.phase(Phase.STORE, check=check) as span:
            before = images.by_reference(house.database, reference.tagged)
            images.tag(house.database, record.id, reference.tagged)
            house.images.pop(record.id, None)
            span.fact("image ID", record.id)
            span.fact("reference", reference.familiar)
            if before is not None and before.id != record.id:
                house.images.pop(before.id, None)
                span.fact("taken from", before.id)
        house.journal.append("image", "tag", record.id, {"name": reference.familiar})
        trace.commit()


def history(house: House, ref: str) -> list[HistoryEntry]:
    """The steps that made an image, the last one first. Raises: ImageNotFound, Conflict."""
    record = resolve.find_image(house, ref)
    steps = record.config.get("history")
    layers = list(record.layers)
    entries = []
    for step in steps if isinstance(steps, list) else ():
        if not isinstance(step, dict):
            continue
        is_empty = bool(step.get("empty_layer"))
        layer = layers.pop(0) if layers and not is_empty else None
        entries.append(
            HistoryEntry(
                created_ns=parse_time(step.get("created")),
                created_by=str(step.get("created_by") or ""),
                comment=str(step.get("comment") or ""),
                size_bytes=0 if is_empty else layer.size_bytes if layer else None,
            )
        )
    # An image may say nothing of how it was made, or not of all its layers; they are there all the same.
    entries += [HistoryEntry(created_ns=None, created_by="", comment="", size_bytes=item.size_bytes) for item in layers]
    entries.reverse()
    if entries:
        tags = tuple(Reference.parse(name).familiar for name in record.tags)
        last = entries[0]
        entries[0] = HistoryEntry(
            id=record.id, created_ns=last.created_ns, created_by=last.created_by, comment=last.comment,
            size_bytes=last.size_bytes, tags=tags,
        )  # fmt: skip
    return entries
