"""The names of images, as far as lists and filters need to understand them."""

from __future__ import annotations

from dockview.engine.model import Image

NONE = "<none>"
_DEFAULTS = ("docker.io/library/", "docker.io/", "index.docker.io/library/", "index.docker.io/")
_HUB = "hub.localhost/"


def split_tag(reference: str) -> tuple[str, str]:
    """Repository and tag of a familiar reference (`localhost:5000/web:1` is `localhost:5000/web` and `1`)."""
    repository, colon, tag = reference.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (reference, NONE)


def familiar(name: str) -> str:
    """A name without docker's own registry."""
    for prefix in _DEFAULTS:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def as_typed(name: str) -> tuple[str, ...]:
    """The ways to write a familiar name: whole, and short, as `run` takes it, where it is of the bundled hub."""
    short = name.removeprefix(_HUB)
    return (name,) if short == name else (name, short)


def is_named(image: Image, ref: str) -> bool:
    """Whether a ref means this image: a tag (`:latest` may be left out), a repo digest, an ID or its beginning."""
    wanted = familiar(ref)
    if "@" in wanted:
        return any(wanted in as_typed(familiar(digest)) for digest in image.digests)
    tags = [name for tag in image.tags for name in as_typed(tag)]
    if wanted in tags or (split_tag(wanted)[1] == NONE and f"{wanted}:latest" in tags):
        return True
    digits = ref.removeprefix("sha256:")
    return bool(digits) and image.id.removeprefix("sha256:").startswith(digits)
