"""The records of images: what is here, under which names.

An image is its config; tags and repo digests are names that point at it. Who may delete a record is decided by the
database: a container's row keeps the image's row.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dockview.engine.errors import Conflict, ImageInUse, ImageNotFound
from dockview.engine.model import Layer
from dockview.engine.state.database import Database


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """An image that is here."""

    id: str
    """sha256:… of its config."""
    manifest_digest: str
    manifest_media_type: str
    config: dict[str, Any]
    """The OCI image config."""
    layers: tuple[Layer, ...]
    """Lowest first; `size_bytes` is that of the unpacked layer."""
    size_bytes: int
    """Of the unpacked layers together."""
    pulled_ns: int
    is_hub: bool
    """The bundled hub made this very image: it may ask for the host's userland."""
    tags: tuple[str, ...]
    """Canonical, such as docker.io/library/web:latest."""
    repo_digests: tuple[str, ...]


def everything(database: Database) -> list[ImageRecord]:
    """All images, the one pulled last first."""
    tags, digests = _names(database, "tags"), _names(database, "repo_digests")
    rows = database.query("SELECT * FROM images ORDER BY pulled_ns DESC, id")
    return [_record(row, tags.get(row["id"], ()), digests.get(row["id"], ())) for row in rows]


def by_id(database: Database, image_id: str) -> ImageRecord:
    """The image of a full ID. Raises: ImageNotFound."""
    rows = database.query("SELECT * FROM images WHERE id = ?", image_id)
    if not rows:
        raise ImageNotFound(f"no such image: {image_id}", hint="`dockview images` lists what is here")
    return _record(rows[0], _names_of(database, "tags", image_id), _names_of(database, "repo_digests", image_id))


def by_reference(database: Database, reference: str) -> ImageRecord | None:
    """The image that a canonical tag or a repo digest names, None where there is none."""
    table = "repo_digests" if "@" in reference else "tags"
    rows = database.query(f"SELECT image_id FROM {table} WHERE reference = ?", reference)  # noqa: S608  one of two constants
    return by_id(database, rows[0]["image_id"]) if rows else None


def by_id_prefix(database: Database, text: str) -> ImageRecord | None:
    """The image whose ID begins so (with or without `sha256:`), None where there is none. Raises: Conflict."""
    prefix = text.removeprefix("sha256:")
    if not prefix or len(prefix) > 64 or set(prefix) - set("0123456789abcdef"):
        return None
    rows = database.query("SELECT id FROM images WHERE id GLOB ? LIMIT 2", f"sha256:{prefix}*")
    if len(rows) > 1:
        raise Conflict(f"{text} is the beginning of more than one image ID", hint="give more digits")
    return by_id(database, rows[0]["id"]) if rows else None


def find(database: Database, text: str) -> ImageRecord | None:
    """The image by canonical tag, repo digest, ID or the beginning of an ID; None where there is none."""
    return by_reference(database, text) or by_id_prefix(database, text)


def save(
    database: Database,
    *,
    id: str,  # noqa: A002  docker's word
    manifest_digest: str,
    manifest_media_type: str,
    config: dict[str, Any],
    layers: Sequence[Layer],
    is_hub: bool,
    tag: str,
    repo_digests: Sequence[str],
) -> ImageRecord:
    """Record an image, and give it its names; a tag that another image had moves."""
    packed = json.dumps(
        [
            {"digest": item.digest, "diff_id": item.diff_id, "size": item.size_bytes, "media_type": item.media_type}
            for item in layers
        ]
    )
    size = sum(item.size_bytes or 0 for item in layers)
    with database.transaction() as writer:
        # An image that was here keeps its row (containers point at it); what may differ is how it was packed.
        writer.execute(
            "INSERT INTO images (id, manifest_digest, manifest_media_type, config, layers, size_bytes, pulled_ns,"
            " is_hub) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " manifest_digest = excluded.manifest_digest, manifest_media_type = excluded.manifest_media_type,"
            " layers = excluded.layers, size_bytes = excluded.size_bytes, pulled_ns = excluded.pulled_ns,"
            " is_hub = excluded.is_hub",
            (id, manifest_digest, manifest_media_type, json.dumps(config), packed, size, time.time_ns(), int(is_hub)),
        )
        names = [("tags", tag)] if tag else []
        for table, reference in [*names, *(("repo_digests", item) for item in repo_digests)]:
            writer.execute(
                f"INSERT INTO {table} (reference, image_id) VALUES (?, ?)"  # noqa: S608  one of two constants
                " ON CONFLICT (reference) DO UPDATE SET image_id = excluded.image_id",
                (reference, id),
            )
    return by_id(database, id)


def tags_of(database: Database, name: str) -> list[tuple[str, str]]:
    """The tags of a repository, by its canonical name: (reference, image ID)."""
    rows = database.query(
        "SELECT reference, image_id FROM tags WHERE substr(reference, 1, ?) = ? ORDER BY reference",
        len(name) + 1, f"{name}:",
    )  # fmt: skip
    return [(row["reference"], row["image_id"]) for row in rows]


def tag(database: Database, image_id: str, reference: str) -> None:
    """Give an image a tag; another image that had it loses it. Raises: ImageNotFound where the image has just gone."""
    try:
        database.execute(
            "INSERT INTO tags (reference, image_id) VALUES (?, ?)"
            " ON CONFLICT (reference) DO UPDATE SET image_id = excluded.image_id",
            reference, image_id,
        )  # fmt: skip
    except sqlite3.IntegrityError as error:
        raise ImageNotFound(f"no such image: {image_id}", hint="it was removed at this very moment") from error


def untag(database: Database, reference: str) -> bool:
    """Take a tag or a repo digest away; whether it was there."""
    table = "repo_digests" if "@" in reference else "tags"
    return database.execute(f"DELETE FROM {table} WHERE reference = ?", reference) > 0  # noqa: S608  one of two constants


def delete(database: Database, image_id: str) -> None:
    """Delete an image with all its names. Raises: ImageInUse where a container has it."""
    try:
        with database.transaction() as writer:
            writer.execute("DELETE FROM tags WHERE image_id = ?", (image_id,))
            writer.execute("DELETE FROM repo_digests WHERE image_id = ?", (image_id,))
            writer.execute("DELETE FROM images WHERE id = ?", (image_id,))
    except sqlite3.IntegrityError as error:
        raise ImageInUse(f"a container uses image {image_id[:19]}", hint="remove the container first") from error


def _names(database: Database, table: str) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for row in database.query(f"SELECT * FROM {table} ORDER BY reference"):  # noqa: S608  one of two constants
        names[row["image_id"]] = (*names.get(row["image_id"], ()), row["reference"])
    return names


def _names_of(database: Database, table: str, image_id: str) -> tuple[str, ...]:
    rows = database.query(f"SELECT reference FROM {table} WHERE image_id = ? ORDER BY reference", image_id)  # noqa: S608
    return tuple(row["reference"] for row in rows)


def _record(row: sqlite3.Row, tags: tuple[str, ...], repo_digests: tuple[str, ...]) -> ImageRecord:
    return ImageRecord(
        id=row["id"],
        manifest_digest=row["manifest_digest"],
        manifest_media_type=row["manifest_media_type"],
        config=json.loads(row["config"]),
        layers=tuple(
            Layer(item["digest"], item["diff_id"], item["size"], item["media_type"])
            for item in json.loads(row["layers"])
        ),
        size_bytes=row["size_bytes"],
        pulled_ns=row["pulled_ns"],
        is_hub=bool(row["is_hub"]),
        tags=tags,
        repo_digests=repo_digests,
    )
