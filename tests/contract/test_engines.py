"""One suite for every engine: what both can do, both do alike."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from dockview.engine import open_engine
from dockview.engine.api import Engine
from dockview.engine.errors import Conflict, ImageNotFound, NameInUse, NotFound, StartFailed
from dockview.engine.lifecycle import Phase
from dockview.engine.model import ContainerStatus
from tests.support.dockerd import PrivateDocker
from tests.support.images import ImageLayout
from tests.support.requests import request
from tests.support.require import require

pytestmark = [pytest.mark.root, pytest.mark.registry]
IMAGE = "contract/busybox:latest"


@pytest.fixture(params=["embedded", "docker"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Engine, str]]:
    """Each engine, and the reference of a busybox that it has."""
    if request.param == "embedded":
        engine: Engine = request.getfixturevalue("engine")
        reference: str = request.getfixturevalue("busybox_image")
        engine.pull(reference)
        yield engine, reference
        return
    require("docker")
    daemon: PrivateDocker = request.getfixturevalue("private_docker")
    layout: ImageLayout = request.getfixturevalue("busybox")
    daemon.load(layout, IMAGE)
    monkeypatch.setenv("DOCKER_HOST", daemon.host)
    with contextlib.closing(open_engine("docker")) as engine:
        yield engine, IMAGE
        for container in engine.containers(all=True):
            engine.remove(container.id, force=True)


def test_run__reports_the_container_and_its_code(either: tuple[Engine, str]) -> None:
    """Run, wait, look."""
    engine, image = either
    container = engine.run(request(image, "sh", "-c", "echo hi; exit 5", name="brief", pull="never"))
    assert engine.wait("brief") == 5
    found = engine.container("brief")
    assert (found.id, found.name, found.status, found.exit_code) == (container.id, "brief", ContainerStatus.EXITED, 5)
    assert [(r.stream, r.text) for r in engine.logs("brief")] == [("stdout", "hi")]


def test_references__by_name_id_and_beginning(either: tuple[Engine, str]) -> None:
    """A container answers to its name, its ID, and a beginning of it."""
    engine, image = either
    container = engine.run(request(image, "sleep", "600", name="sleeper", pull="never"))
    assert {engine.container(ref).id for ref in ("sleeper", container.id, container.id[:8])} == {container.id}
    with pytest.raises(NotFound):
        engine.container("nobody")


def test_listing__running_or_all(either: tuple[Engine, str]) -> None:
    """Docker's `ps` and `ps -a`; the newest comes first."""
    engine, image = either
    engine.run(request(image, "true", name="done", pull="never"))
    engine.wait("done")
    engine.run(request(image, "sleep", "600", name="alive", pull="never"))
    assert [c.name for c in engine.containers()] == ["alive"]
    assert [c.name for c in engine.containers(all=True)] == ["alive", "done"]


def test_stop_and_start(either: tuple[Engine, str]) -> None:
    """A stopped container keeps its code and starts again; stopping twice is nothing."""
    engine, image = either
    engine.run(request(image, "sleep", "600", name="sleeper", pull="never"))
    assert engine.stop("sleeper", timeout_s=0).exit_code == 137
    assert engine.stop("sleeper", timeout_s=0).status is ContainerStatus.EXITED
    assert engine.start("sleeper").status is ContainerStatus.RUNNING
    with pytest.raises(Conflict):
        engine.remove("sleeper")
    engine.remove("sleeper", force=True)
    assert list(engine.containers(all=True)) == []


def test_name_in_use(either: tuple[Engine, str]) -> None:
    """Both refuse, and keep the first."""
    engine, image = either
    first = engine.run(request(image, "sleep", "600", name="one", pull="never"))
    with pytest.raises(NameInUse):
        engine.run(request(image, "sleep", "600", name="one", pull="never"))
    assert [c.id for c in engine.containers(all=True)] == [first.id]


@pytest.mark.parametrize(("command", "code"), [("no-such-program", 127), ("/etc", 126)])
def test_start_failed__code_is_dockers(either: tuple[Engine, str], command: str, code: int) -> None:
    """127 for what does not exist, 126 for what cannot be executed; a failed run leaves no container."""
    engine, image = either
    with pytest.raises(StartFailed) as caught:
        engine.run(request(image, command, name="never", pull="never"))
    assert caught.value.exit_code == code


def test_unknown_image(either: tuple[Engine, str]) -> None:
    """An image that is not here, and may not be fetched."""
    engine, _image = either
    with pytest.raises(ImageNotFound):
        engine.run(request("no/such-image", "true", pull="never"))


def test_inspect__has_dockers_keys(either: tuple[Engine, str]) -> None:
    """What scripts read: the same keys, the same types."""
    engine, image = either
    container = engine.run(request(image, "sleep", "600", name="sleeper", pull="never", env=("A=b",)))
    shown = engine.inspect("sleeper")
    assert (shown["Id"], shown["Name"], shown["Image"]) == (container.id, "/sleeper", container.image_id)
    assert (shown["Path"], shown["Args"]) == ("sleep", ["600"])
    assert (shown["State"]["Status"], shown["State"]["Running"]) == ("running", True)
    assert "A=b" in shown["Config"]["Env"]
    assert "GREETING=hello" in shown["Config"]["Env"]
    assert shown["State"]["Pid"] == engine.container("sleeper").pid


def test_trace__names_the_phases_of_a_run(either: tuple[Engine, str]) -> None:
    """From the line to the process: each engine shows the phases, none of them failed."""
    engine, image = either
    engine.run(request(image, "sleep", "600", name="sleeper", pull="never"))
    trace = engine.traces("sleeper", limit=1)[0]
    seen = {span.phase for span in trace.spans}
    assert {Phase.PARSE, Phase.CONNECT, Phase.CREATE, Phase.NAMESPACES, Phase.NETWORK, Phase.START} <= seen
    assert trace.container_name == "sleeper"


def test_images__are_listed_alike(either: tuple[Engine, str]) -> None:
    """Tag, ID and number of layers."""
    engine, image = either
    found = next(i for i in engine.images() if image in i.tags)
    assert found.id.startswith("sha256:")
    assert (found.os, found.id) == ("linux", engine.inspect(image, "image")["Id"])


def test_events__tell_the_life(either: tuple[Engine, str]) -> None:
    """Docker's order of events."""
    engine, image = either
    container = engine.run(request(image, "true", name="brief", pull="never"))
    stream = engine.events(since_ns=0)
    seen: list[str] = []
    for event in stream:
        if event.actor_id == container.id and event.action in ("create", "start", "die"):
            seen.append(event.action)
        if seen[-1:] == ["die"]:
            break
    stream.close()
    assert seen == ["create", "start", "die"]


def test_prune__plan_then_do(either: tuple[Engine, str]) -> None:
    """The plan names the stopped container; the prune takes it."""
    engine, image = either
    engine.run(request(image, "true", name="done", pull="never"))
    engine.wait("done")
    plan = engine.prune_plan(["container"])
    assert [item.name for item in plan.items] == ["done"]
    assert [item.name for item in engine.prune(plan).removed] == ["done"]
    assert list(engine.containers(all=True)) == []


def test_rename(either: tuple[Engine, str]) -> None:
    """Both answer to the new name only, tell it as an event, and refuse one that is taken."""
    engine, image = either
    container = engine.create(request(image, "true", name="before", pull="never"))
    engine.create(request(image, "true", name="other", pull="never"))
    engine.rename("before", "after")
    assert engine.container("after").id == container.id
    with pytest.raises(NotFound):
        engine.container("before")
    with pytest.raises(NameInUse):
        engine.rename("after", "other")
    stream = engine.events(since_ns=0)
    event = next(event for event in stream if event.action == "rename" and event.actor_id == container.id)
    stream.close()
    assert (event.attributes["name"], event.attributes["oldName"]) == ("after", "/before")


def test_sizes__of_what_was_written(either: tuple[Engine, str]) -> None:
    """The same number in the list, in inspect and in the disk usage."""
    engine, image = either
    engine.run(request(image, "sh", "-c", "head -c 12345 /dev/zero > /a", name="wrote", pull="never"))
    engine.wait("wrote")
    [sized] = engine.containers(all=True, size=True)
    assert sized.size_rw_bytes == 12345
    assert sized.size_root_fs_bytes is not None
    assert sized.size_root_fs_bytes > 1_000_000
    assert engine.inspect("wrote", size=True)["SizeRw"] == 12345
    usage = engine.disk_usage(details=True)
    assert [c.size_rw_bytes for c in usage.containers if c.name == "wrote"] == [12345]
    assert sized.image_id in [use.image.id for use in usage.images]


def test_prune__filters_by_label_and_age(either: tuple[Engine, str]) -> None:
    """Docker's filters of a prune."""
    engine, image = either
    engine.create(request(image, "true", name="kept", labels={"keep": ""}, pull="never"))
    engine.create(request(image, "true", name="gone", pull="never"))
    for filters, names in (
        ({"label": ["keep"]}, ["kept"]), ({"label!": ["keep"]}, ["gone"]), ({"until": ["1h"]}, []),
    ):  # fmt: skip
        plan = engine.prune_plan(["container"], filters=filters)
        assert [item.name for item in plan.items] == names
