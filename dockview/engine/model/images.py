"""An image, its layers and its history; what a registry said to a login."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image: `digest` of the blob as downloaded, `diff_id` of the uncompressed tar."""

    digest: str
    diff_id: str
    size_bytes: int | None
    media_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """A step that made an image."""

    created_ns: int | None
    created_by: str
    """The instruction (untrusted)."""
    comment: str
    size_bytes: int | None
    """Of the layer that the step made; 0 where it made none."""
    id: str = ""
    """Of the image that the step ended in, where that is here; else empty."""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginReport:
    """A registry that has accepted a user."""

    registry: str
    user: str
    """Empty where an identity token stands for one."""
    kept_in: str
    """A file, or the program of a credential helper."""
    is_plain: bool
    """Whoever may read that file can read the password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that is here."""

    id: str
    """The digest of its config: sha256:…"""
    tags: tuple[str, ...]
    """Familiar references, such as web:latest; empty for a dangling image."""
    digests: tuple[str, ...] = ()
    """Repo digests, such as docker.io/library/web@sha256:…"""
    created_ns: int | None
    size_bytes: int | None
    """Bytes of its unpacked layers."""
    layers: tuple[Layer, ...] = ()
    architecture: str = ""
    os: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    containers: int | None = None
    """How many containers use it."""

    @property
    def short_id(self) -> str:
        """Twelve digits of the ID, as docker prints them."""
        return self.id.removeprefix("sha256:")[:12]
