"""What cannot be: a clear message, the failed phase marked, and nothing left behind."""

from __future__ import annotations

import os

import pytest

from dockview.engine.api import Engine
from dockview.engine.errors import (
    DockviewError,
    ImageNotFound,
    InvalidReference,
    NameInUse,
    NotFound,
    StartFailed,
)
from dockview.engine.lifecycle import Phase, Status
from tests.support.requests import request

pytestmark = pytest.mark.root


def refused(engine: Engine, kind: type[DockviewError], *words: str, **settings: str) -> DockviewError:
    """Run something that must fail; the error. Checks that the store holds no container and no half file after it."""
    before = [container.id for container in engine.containers(all=True)]
    with pytest.raises(kind) as caught:
        engine.run(request(*words, **settings))
    root = engine.info().endpoint
    assert [container.id for container in engine.containers(all=True)] == before
    assert sorted(os.listdir(f"{root}/containers")) == sorted(before)
    assert os.listdir(f"{root}/tmp") == []
    assert caught.value.message
    return caught.value


def failed_phases(engine: Engine) -> set[Phase]:
    """The phases that the newest trace shows as failed."""
    trace = engine.traces(limit=1)[0]
    assert trace.status is Status.FAILED
    assert trace.why
    return {span.phase for span in trace.spans if span.status is Status.FAILED and not span.is_undo}


def test_unknown_command__is_127(engine: Engine) -> None:
    """Docker's exit code and a message that names the command."""
    error = refused(engine, StartFailed, "hub.localhost/box", "no-such-program")
    assert error.exit_code == 127
    assert "no-such-program" in error.message
    assert failed_phases(engine) == {Phase.START}


@pytest.mark.registry
def test_not_executable_command__is_126(engine: Engine, busybox_image: str) -> None:
    """A file without permission to be executed."""
    error = refused(engine, StartFailed, busybox_image, "/etc/not-a-program")
    assert error.exit_code == 126
    assert failed_phases(engine) == {Phase.START}


@pytest.mark.registry
def test_directory_as_command__is_126(engine: Engine, busybox_image: str) -> None:
    """A folder cannot be executed either."""
    assert refused(engine, StartFailed, busybox_image, "/etc").exit_code == 126


@pytest.mark.registry
def test_path_that_does_not_exist__is_127(engine: Engine, busybox_image: str) -> None:
    """A path is looked up as it is, not in PATH."""
    assert refused(engine, StartFailed, busybox_image, "/no/such/file").exit_code == 127


def test_name_in_use__names_the_other_container(engine: Engine) -> None:
    """A name is unique among all containers, running or not."""
    first = engine.run(request("hub.localhost/hello-world", name="hello"))
    engine.wait("hello")
    error = refused(engine, NameInUse, "hub.localhost/hello-world", name="hello")
    assert "hello" in error.message
    assert first.short_id in f"{error.message} {error.hint}"
    assert failed_phases(engine) == {Phase.CREATE}


@pytest.mark.parametrize("name", ["bad name", "../escape", "-x", "a", "", "ümlaut", "x\x1b[2J"])
def test_bad_name__is_refused(engine: Engine, name: str) -> None:
    """Docker's grammar of names, before anything is made (an empty name asks for a made-up one)."""
    if not name:
        container = engine.run(request("hub.localhost/hello-world"))
        assert container.name
        engine.wait(container.id)
        return
    refused(engine, DockviewError, "hub.localhost/hello-world", name=name)


def test_unknown_image__says_where_it_was_looked_for(engine: Engine) -> None:
    """No registry has it."""
    error = refused(engine, ImageNotFound, "hub.localhost/no-such-image")
    assert "no-such-image" in error.message


def test_unknown_image_with_pull_never__does_not_look(engine: Engine) -> None:
    """`--pull never` stays at home."""
    refused(engine, ImageNotFound, "hub.localhost/hello-world", pull="never")
    assert not {Phase.AUTH, Phase.MANIFEST, Phase.LAYER} & {s.phase for s in engine.traces(limit=1)[0].spans}


@pytest.mark.parametrize("reference", ["UPPER", "a b", "", "x:y:z", "hello@sha256:abc", "../x", "hello-world:"])
def test_bad_reference__is_refused(engine: Engine, reference: str) -> None:
    """The grammar of references is checked before any network."""
    refused(engine, InvalidReference, reference)


@pytest.mark.parametrize("verb", ["container", "start", "stop", "remove", "wait", "logs", "inspect", "kill"])
def test_unknown_container__is_not_found(engine: Engine, verb: str) -> None:
    """Every verb says so, by name."""
    with pytest.raises(NotFound, match="nobody"):
        getattr(engine, verb)("nobody")
