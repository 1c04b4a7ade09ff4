"""From what was typed to the image that is meant: the resolve phase, and look-ups in the store.

A short name may mean an image in any of the registries that are searched. The same candidates, in the same order,
are looked up here first; only then is a registry asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from dockview.engine.embedded.house import House
from dockview.engine.errors import ImageNotFound, InvalidReference
from dockview.engine.images.reference import Reference
from dockview.engine.recorder import SpanRecorder
from dockview.engine.state import images
from dockview.engine.state.images import ImageRecord


def candidates(house: House, reference: Reference) -> tuple[Reference, ...]:
    """What a reference may mean, in the order in which it is looked up."""
    return reference.candidates(house.registries.search)


def local(house: House, references: Sequence[Reference]) -> tuple[Reference, ImageRecord] | None:
    """The first of some references that names an image which is here."""
    for reference in references:
        name = reference.pinned(reference.digest) if reference.digest else reference.tagged
        if (record := images.by_reference(house.database, name)) is not None:
            return reference, record
    return None


def find_image(house: House, text: str) -> ImageRecord:
    """The image that is here by reference, ID, or the beginning of an ID.

    Raises: ImageNotFound, Conflict where the beginning is ambiguous.
    """
    try:
        found = local(house, candidates(house, Reference.parse(text)))
    except InvalidReference:
        found = None  # sha256:… and full IDs are no references
    record = found[1] if found else images.by_id_prefix(house.database, text)
    if record is None:
        raise ImageNotFound(f"no such image: {text}", hint="`dockview images` lists what is here")
    return record


def tell(span: SpanRecorder, reference: Reference) -> None:
    """The parts of a reference, one by one."""
    span.fact("registry", reference.registry)
    if reference.namespace:
        span.fact("namespace", reference.namespace)
    span.fact("repository", reference.repository.rpartition("/")[2])
    if reference.tag:
        span.fact("tag", reference.tag)
    if reference.digest:
        span.fact("digest", reference.digest)
