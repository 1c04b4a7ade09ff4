"""Images, alike on every engine: tag, history, save, load, import."""

from __future__ import annotations

import pytest

from dockview.engine.api import Engine
from dockview.engine.errors import DataError, ImageNotFound, InvalidReference, InvalidRequest
from tests.contract.test_engines import either  # noqa: F401  the fixture
from tests.support.images import layer
from tests.support.requests import request

pytestmark = [pytest.mark.root, pytest.mark.registry]


def _saved(engine: Engine, *refs: str) -> bytes:
    pieces: list[bytes] = []
    engine.save(refs, pieces.append)
    return b"".join(pieces)


def _tags(engine: Engine) -> set[str]:
    return {tag for image in engine.images() for tag in image.tags}


def test_tag(either: tuple[Engine, str]) -> None:  # noqa: F811
    """One image, two names; a name that is taken moves; the last name alone takes the image along."""
    engine, image = either
    before = engine.inspect(image, "image")["Id"]
    engine.tag(image, "again")
    assert engine.inspect("again:latest", "image")["Id"] == before
    assert engine.remove_image("again") == ["Untagged: again:latest"]
    assert engine.inspect(image, "image")["Id"] == before


@pytest.mark.parametrize(
    ("source", "target", "error"),
    [("no/such-image", "x:1", ImageNotFound), ("", "UPPER:1", InvalidReference), ("", "a:b:c", InvalidReference)],
)
def test_tag__refused(either: tuple[Engine, str], source: str, target: str, error: type[Exception]) -> None:  # noqa: F811
    """Nothing changes."""
    engine, image = either
    before = _tags(engine)
    with pytest.raises(error):
        engine.tag(source or image, target)
    assert _tags(engine) == before


def test_history(either: tuple[Engine, str]) -> None:  # noqa: F811
    """The last step first; the image's ID stands at it."""
    engine, image = either
    found = engine.history(image)
    assert [entry.created_by for entry in found] == ["layer 2", "layer 1"]
    assert (found[0].id, found[1].id) == (engine.inspect(image, "image")["Id"], "")
    assert all(entry.size_bytes for entry in found)


def test_save_and_load(either: tuple[Engine, str]) -> None:  # noqa: F811
    """What is saved comes back under its name, and runs."""
    engine, image = either
    engine.tag(image, "carried:1")
    data = _saved(engine, "carried:1")
    engine.remove_image("carried:1")
    assert list(engine.load([data[:5000], data[5000:]])) == ["Loaded image: carried:1"]
    engine.run(request("carried:1", "true", name="brief", pull="never", network="none"))
    assert engine.wait("brief") == 0
    engine.remove("brief")
    engine.remove_image("carried:1")


def test_save__unknown(either: tuple[Engine, str]) -> None:  # noqa: F811
    """An image that is not here."""
    engine, _image = either
    with pytest.raises(ImageNotFound):
        _saved(engine, "no/such-image")


def test_load__rubbish(either: tuple[Engine, str]) -> None:  # noqa: F811
    """What is no archive is said to be none."""
    engine, _image = either
    with pytest.raises(DataError):
        engine.load([b"rubbish" * 1000])


def test_import(either: tuple[Engine, str]) -> None:  # noqa: F811
    """A tree becomes an image with the settings that were asked for."""
    engine, _image = either
    tree = layer({"etc/motd": b"hello\n"})
    image_id = engine.import_image([tree], "tree:1", changes=['CMD ["/x"]', "ENV A=b"], message="why")
    shown = engine.inspect("tree:1", "image")
    assert (shown["Id"], shown["Config"]["Cmd"], shown["Config"]["Env"]) == (image_id, ["/x"], ["A=b"])
    assert [entry.comment for entry in engine.history("tree:1")] == ["why"]
    engine.remove_image("tree:1")
    with pytest.raises(InvalidRequest):
        engine.import_image([tree], "tree:1", changes=["RUN true"])
