"""Manifests and what they point at, checked as they come from strangers (OCI image-spec; docker's schema 2).

Nothing here is taken on trust: sizes are numbers that are not negative, digests can be verified, and the numbers of
layers and diff IDs agree. What the documents weigh is limited before they are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dockview.engine.errors import DataError, ImageNotFound, InvalidReference, InvalidRequest, NotSupported
from dockview.engine.images.platform import Platform
from dockview.engine.images.reference import check_digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
ACCEPT = f"{OCI_INDEX}, {OCI_MANIFEST}, {DOCKER_LIST}, {DOCKER_MANIFEST}"

MANIFEST_LIMIT_BYTES = 4 << 20
"""What registries accept as a manifest at most."""
CONFIG_LIMIT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A pointer to a blob: what it is, its digest, its size in bytes."""

    media_type: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an image consists of: its config, and its layers from the lowest up."""

    config: Descriptor
    layers: tuple[Descriptor, ...]


def parse_object(body: bytes, what: str) -> dict[str, Any]:
    """A JSON object. Raises: DataError."""
    try:
        value = json.loads(body)
    except ValueError as error:
        raise DataError(f"{what} is not JSON") from error
    if not isinstance(value, dict):
        raise DataError(f"{what} is not a JSON object")
    return value


def parse_manifest(body: Mapping[str, Any], what: str) -> Manifest:
    """The config and layers of a manifest. Raises: DataError, NotSupported for docker's schema 1."""
    if body.get("schemaVersion") == 1:
        raise NotSupported(f"{what} has the old format (schema 1)", hint="ask its publisher to push it anew")
    layers = body.get("layers")
    if not isinstance(layers, list):
        raise DataError(f"{what} lists no layers")
    return Manifest(pointer(body.get("config"), what), tuple(pointer(layer, what) for layer in layers))


def media_type(body: Mapping[str, Any], header: str) -> str:
    """What a document says it is, else what the registry's header says, else what its shape tells."""
    named = body.get("mediaType") or header.partition(";")[0].strip()
    if isinstance(named, str) and named in INDEXES | MANIFESTS:
        return named
    return OCI_INDEX if "manifests" in body else OCI_MANIFEST


def choose(body: Mapping[str, Any], wanted: Platform, what: str) -> tuple[Descriptor, Platform]:
    """The manifest in an index that suits a platform best, and that manifest's platform.

    Raises: ImageNotFound, which lists the platforms that there are; DataError.
    """
    entries = body.get("manifests")
    if not isinstance(entries, list):
        raise DataError(f"{what} lists no manifests")
    offered = [(_platform(entry), entry) for entry in entries if isinstance(entry, dict)]
    suitable = [(platform, entry) for platform, entry in offered if platform and wanted.accepts(platform)]
    if not suitable:
        names = sorted({str(platform) for platform, _ in offered if platform and platform.os != "unknown"})
        raise ImageNotFound(
            f"{what} has no image for {wanted}", hint=f"it has {', '.join(names) or 'none'}; choose one with --platform"
        )
    platform, entry = max(suitable, key=lambda pair: pair[0].variant)
    return pointer(entry, what), platform


def diff_ids(config: Mapping[str, Any], layers: Sequence[object], what: str) -> tuple[str, ...]:
    """The digests of the uncompressed layers, as the config states them. Raises: DataError, NotSupported."""
    rootfs = config.get("rootfs")
    found = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise NotSupported(f"{what} is not a container image: its config names no root filesystem")
    if len(found) != len(layers):
        raise DataError(f"{what} has {len(layers)} layers, but its config names {len(found)}")
    return tuple(supported_digest(item, what) for item in found)


def _platform(entry: Mapping[str, Any]) -> Platform | None:
    value = entry.get("platform")
    if not isinstance(value, dict):
        return None
    try:
        named = Platform.parse(f"{value.get('os')}/{value.get('architecture')}")
    except InvalidRequest:
        return None
    variant = value.get("variant")
    return Platform(named.os, named.architecture, variant if isinstance(variant, str) and variant else named.variant)


def layer_type(compression: str) -> str:
    """The media type of a layer: gzip, zstd, or empty for a plain tar."""
    return {"gzip": OCI_LAYER_GZIP, "zstd": OCI_LAYER_ZSTD}.get(compression, OCI_LAYER)


def pointer(value: Any, what: str) -> Descriptor:
    """A descriptor as it stands in a document. Raises: DataError, NotSupported."""
    if not isinstance(value, dict):
        raise DataError(f"{what} has a descriptor that is none")
    size, digest, kind = value.get("size"), value.get("digest"), value.get("mediaType")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise DataError(f"{what} has a descriptor without a size")
    if not isinstance(digest, str) or not isinstance(kind, str):
        raise DataError(f"{what} has a descriptor without a digest or a media type")
    return Descriptor(kind, supported_digest(digest, what), size)


def supported_digest(digest: str, what: str) -> str:
    """The digest, if it is one that can be verified here. Raises: DataError, NotSupported."""
    try:
        check_digest(digest, what)
    except InvalidReference as error:
        raise DataError(f"{what} names a digest that is none: {digest[:80]!r}") from error
    if not digest.startswith("sha256:"):
        raise NotSupported(f"{what} uses {digest.partition(':')[0]} digests; only sha256 is supported")
    return digest
