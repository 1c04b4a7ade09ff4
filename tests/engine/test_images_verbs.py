"""Images that are here: listed, inspected, untagged, deleted, pruned; and what is needed stays."""

from __future__ import annotations

import gzip
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockview.engine.embedded import image_verbs, listed
from dockview.engine.embedded.fetch import sharing_layers
from dockview.engine.embedded.house import House
from dockview.engine.errors import Conflict, ImageInUse, ImageNotFound
from dockview.engine.hub import catalogue
from dockview.engine.prune_filter import PruneFilter
from dockview.engine.state import images
from dockview.engine.state.images import ImageRecord
from tests.engine.images_house import Pull, closing, leftovers, open_house
from tests.support.images import layer
from tests.unit.scripted_registry import ScriptedRegistry, sha256

pytestmark = pytest.mark.root


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with closing(open_house(str(tmp_path / "store"))) as opened:
        yield opened


@pytest.fixture
def liar() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry() as server:
        yield server


def _nobody(_image_id: str) -> list[str]:
    return []


def _use(house: House, record: ImageRecord) -> None:
    """A container of an image, as far as the database is concerned."""
    house.database.execute(
        "INSERT INTO containers (id, name, image, image_id, request, created_ns, is_building, owner_pid, owner_start)"
        " VALUES ('c', 'c', 'web', ?, '{}', 0, 0, 0, 0)",
        record.id,
    )


def _on_disk(house: House) -> int:
    """Bytes of blobs and of the files in layers."""
    total = 0
    for folder, names, files in os.walk(house.layout.root):
        names[:] = [name for name in names if name not in ("traces", "containers", "tmp")]
        if "/blobs/" in folder or "/diff" in folder:
            total += sum(os.path.getsize(f"{folder}/{file}") for file in files)
    return total


def test_list(house: House) -> None:
    record = Pull(house)("web")
    _use(house, record)
    [image] = listed.list_images(house)
    assert (image.id, image.tags, image.containers) == (record.id, ("hub.localhost/web:latest",), 1)
    assert image.created_ns == 1_767_225_600 * 10**9
    assert image.labels[catalogue.BASE_LABEL] == "host"
    assert (image.os, len(image.layers)) == ("linux", 2)


def test_inspect(house: House) -> None:
    record = Pull(house)("web")
    found = image_verbs.inspect_image(house, "web")
    assert found["Id"] == record.id
    assert found["RepoTags"] == ["hub.localhost/web:latest"]
    assert found["RootFS"]["Layers"] == [item.diff_id for item in record.layers]
    assert found["Config"]["ExposedPorts"] == {"80/tcp": {}}
    assert os.path.isdir(found["GraphDriver"]["Data"]["UpperDir"])
    with pytest.raises(ImageNotFound):
        image_verbs.inspect_image(house, "nope")


def test_remove(house: House) -> None:
    record = Pull(house)("web")
    other = Pull(house)("db")
    lines = image_verbs.remove_image(house, "web", False, _nobody)
    assert lines[0] == "Untagged: hub.localhost/web:latest"
    assert lines[1].startswith("Untagged: hub.localhost/web@sha256:")
    assert lines[2:] == [f"Deleted: {record.id}", f"Deleted: {record.layers[1].diff_id}"]
    assert not os.path.exists(house.layout.layer(record.layers[1].diff_id))
    assert os.path.isdir(house.layout.layer(other.layers[0].diff_id))
    assert images.everything(house.database) == [other]
    image_verbs.remove_image(house, other.id[7:19], False, _nobody)
    assert _on_disk(house) == 0
    assert leftovers(house) == []
    actions = [event.action for event in house.journal.read()]
    assert actions == ["pull", "pull", *["untag", "untag", "delete"] * 2]


def test_remove__in_use(house: House) -> None:
    record = Pull(house)("web")
    for force in (False, True):
        with pytest.raises(ImageInUse, match="happy_turing"):
            image_verbs.remove_image(house, "web", force, lambda _id: ["happy_turing"])
    assert images.everything(house.database) == [record]


def test_remove__a_container_that_comes_meanwhile_wins(house: House) -> None:
    record = Pull(house)("web")
    _use(house, record)
    with pytest.raises(ImageInUse):
        image_verbs.remove_image(house, "web", False, _nobody)
    assert images.by_id(house.database, record.id) == record
    assert os.path.isdir(house.layout.layer(record.layers[1].diff_id))


def test_remove__one_name_of_several(house: House, liar: ScriptedRegistry) -> None:
    tar = layer({"a": b"x"})
    for name in ("one", "two"):
        liar.image(name, [gzip.compress(tar, mtime=0)], diff_ids=[sha256(tar)])
        Pull(house)(f"{liar.host}/{name}")
    [record] = images.everything(house.database)
    assert len(record.tags) == 2
    with pytest.raises(Conflict):
        image_verbs.remove_image(house, record.id, False, _nobody)
    assert image_verbs.remove_image(house, f"{liar.host}/one", False, _nobody) == [f"Untagged: {liar.host}/one:latest"]
    assert len(image_verbs.remove_image(house, f"{liar.host}/two", False, _nobody)) == 5
    assert images.everything(house.database) == []


def test_a_tag_that_moves_leaves_a_dangling_image(house: House, liar: ScriptedRegistry) -> None:
    records = []
    for content in (b"old", b"new"):
        tar = layer({"a": content})
        liar.image("web", [gzip.compress(tar, mtime=0)], diff_ids=[sha256(tar)])
        records.append(Pull(house)(f"{liar.host}/web", policy="always"))
    old, new = records
    assert images.by_id(house.database, old.id).tags == ()
    assert images.by_id(house.database, new.id).tags == (f"{liar.host}/web:latest",)
    [item] = image_verbs.unused(house, [])
    assert (item.kind, item.id) == ("image", old.id)
    before = _on_disk(house)
    assert image_verbs.delete_unused(house, [item]) == [item]
    assert item.size_bytes == before - _on_disk(house)


def test_prune(house: House) -> None:
    """The preview's bytes are exactly those that are free afterwards."""
    web, _db = Pull(house)("web"), Pull(house)("db")
    assert image_verbs.unused(house, []) == []
    items = image_verbs.unused(house, [web.id], PruneFilter(is_dangling=False))
    assert [item.name for item in items] == ["hub.localhost/db:latest"]
    before = _on_disk(house)
    assert image_verbs.delete_unused(house, items, [web.id]) == items
    assert sum(item.size_bytes or 0 for item in items) == before - _on_disk(house)
    assert Pull(house)("web").id == web.id
    before = _on_disk(house)
    items = image_verbs.unused(house, [], PruneFilter(is_dangling=False))
    image_verbs.delete_unused(house, items)
    assert sum(item.size_bytes or 0 for item in items) == before
    assert _on_disk(house) == 0


def test_prune__what_came_into_use_stays(house: House) -> None:
    record = Pull(house)("web")
    items = image_verbs.unused(house, [], PruneFilter(is_dangling=False))
    _use(house, record)
    assert image_verbs.delete_unused(house, items) == []
    assert image_verbs.delete_unused(house, items, [record.id]) == []
    assert all(os.path.isdir(house.layout.layer(item.diff_id)) for item in record.layers)


def test_prune__leftovers_of_a_pull_that_was_killed(house: House) -> None:
    record = Pull(house)("web")
    images.delete(house.database, record.id)
    os.mkdir(f"{house.layout.layers}/{'0' * 64}")
    items = image_verbs.unused(house, [])
    assert {item.kind for item in items} == {"layer", "blob"}
    assert None not in [item.size_bytes for item in items]
    before = _on_disk(house)
    assert sorted(image_verbs.delete_unused(house, items), key=str) == sorted(items, key=str)
    assert sum(item.size_bytes or 0 for item in items) == before
    assert _on_disk(house) == 0
    assert os.listdir(house.layout.layers) == []


def test_prune__not_while_somebody_pulls(house: House) -> None:
    record = Pull(house)("web")
    images.delete(house.database, record.id)
    items = image_verbs.unused(house, [])
    with sharing_layers(house):
        assert image_verbs.delete_unused(house, items) == []
    assert os.path.isdir(house.layout.layer(record.layers[0].diff_id))


def test_an_id_of_several(house: House) -> None:
    for name in catalogue.names():
        Pull(house)(name)
    ids = [record.id[7:] for record in images.everything(house.database)]
    first = next(digit for digit in "0123456789abcdef" if sum(text.startswith(digit) for text in ids) == 1)
    assert images.by_id_prefix(house.database, first) is not None
    assert images.by_id_prefix(house.database, "xyz") is None
    assert images.by_id_prefix(house.database, "sha256:") is None
    house.database.execute(
        "INSERT INTO images VALUES ('sha256:' || ?, '', '', '{}', '[]', 0, 0, 0)", first + "0" * 63,
    )  # fmt: skip
    with pytest.raises(Conflict):
        images.by_id_prefix(house.database, first)


def test_two_images_cannot_have_one_tag(house: House) -> None:
    Pull(house)("web")
    with pytest.raises(sqlite3.IntegrityError):
        house.database.execute("INSERT INTO tags VALUES ('hub.localhost/web:latest', 'x')")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("2026-01-01T01:00:00.5+01:00", 1_767_225_600_500_000_000),
        ("2025-12-31T23:30:00-00:30", 1_767_225_600 * 10**9),
        ("2026-02-30T00:00:00Z", None),
        ("yesterday", None),
        (None, None),
        ({}, None),
    ],
)
def test_times(text: object, expected: int | None) -> None:
    assert expected == listed.parse_time(text)
