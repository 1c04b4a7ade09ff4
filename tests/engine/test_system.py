"""Names, sizes, signals and filters of the embedded engine, held against the kernel and the disk."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from dockview.engine.api import Engine
from dockview.engine.errors import Conflict, InvalidRequest, NameInUse, NotFound
from dockview.engine.lifecycle import Phase
from dockview.engine.model import ContainerStatus
from tests.support.requests import request

pytestmark = [pytest.mark.root, pytest.mark.registry]


def test_rename__record_events_and_trace(engine: Engine, busybox_image: str) -> None:
    """The new name is the only one, also in what the shim says afterwards; the old one is free at once."""
    container = engine.run(request(busybox_image, "sleep", "600", name="before"))
    engine.rename("before", "after")
    assert engine.container("after").id == container.id
    assert engine.inspect("after")["Name"] == "/after"
    with pytest.raises(NotFound):
        engine.container("before")
    engine.create(request(busybox_image, "true", name="before"))
    engine.stop("after", timeout_s=0)
    past = engine.events(since_ns=0, until_ns=time.time_ns())
    told = [(event.action, event.attributes) for event in past if event.type == "container"]
    [renamed] = [attributes for action, attributes in told if action == "rename"]
    assert (renamed["name"], renamed["oldName"]) == ("after", "/before")
    [died] = [attributes for action, attributes in told if action == "die"]
    assert died["name"] == "after"
    trace = next(t for t in engine.traces("after") if t.verb == "rename")
    [span] = trace.spans
    assert (span.phase, span.fact("old name"), span.fact("new name")) == (Phase.RENAME, "before", "after")


def test_rename__refused(engine: Engine, busybox_image: str) -> None:
    """A name that is taken, the same, empty, or none; the container keeps its own."""
    for name in ("one", "two"):
        engine.create(request(busybox_image, "true", name=name))
    for name, error in (("two", NameInUse), ("one", Conflict), ("", InvalidRequest), ("a b", InvalidRequest)):
        with pytest.raises(error):
            engine.rename("one", name)
    with pytest.raises(NotFound):
        engine.rename("nobody", "three")
    assert sorted(c.name for c in engine.containers(all=True)) == ["one", "two"]


def test_stop__with_a_signal_of_its_own(engine: Engine, busybox_image: str) -> None:
    """The signal that is asked for goes before the image's and the request's."""
    line = "trap 'exit 7' USR1; trap 'exit 8' TERM; echo ready; while :; do sleep 0.01; done"
    engine.run(request(busybox_image, "sh", "-c", line, name="sly"))
    with_ready = engine.logs("sly", follow=True)
    assert next(iter(with_ready)).text == "ready"
    with_ready.close()
    stopped = engine.stop("sly", signal="SIGUSR1", timeout_s=20)
    assert (stopped.status, stopped.exit_code) == (ContainerStatus.EXITED, 7)
    trace = engine.traces("sly")[0]
    assert trace.line == "docker stop -s SIGUSR1 sly"
    assert trace.spans[0].fact("signal") == "SIGUSR1"


def test_sizes__what_was_written_and_what_is_below(engine: Engine, busybox_image: str) -> None:
    """Bytes in files of the writable layer, as find(1) sums them; the rest is the image's."""
    engine.run(request(busybox_image, "sh", "-c", "head -c 12345 /dev/zero > /a; ln /a /b; rm /bin/sh", name="wrote"))
    engine.wait("wrote")
    [sized] = engine.containers(all=True, size=True)
    upper = engine.inspect("wrote")["GraphDriver"]["Data"]["UpperDir"]
    listed = subprocess.run(
        ["find", upper, "-type", "f", "-printf", "%i %s\n"], capture_output=True, text=True, check=True
    ).stdout.split("\n")
    found = dict(line.split(" ") for line in listed if line)
    assert sized.size_rw_bytes == sum(map(int, found.values())) >= 12345
    image = next(image for image in engine.images() if image.id == sized.image_id)
    assert sized.size_root_fs_bytes == sized.size_rw_bytes + (image.size_bytes or 0)
    shown = engine.inspect("wrote", size=True)
    assert (shown["SizeRw"], shown["SizeRootFs"]) == (sized.size_rw_bytes, sized.size_root_fs_bytes)
    assert engine.containers(all=True)[0].size_rw_bytes is None


def test_disk_usage__details_add_up(engine: Engine, busybox_image: str) -> None:
    """What images share counts once in the sum of all layers."""
    engine.run(request(busybox_image, "true", name="done"))
    engine.wait("done")
    usage = engine.disk_usage(details=True)
    assert [use.image.id for use in usage.images] == [image.id for image in engine.images()]
    assert usage.images_bytes == sum(use.unique_bytes or 0 for use in usage.images)
    assert [c.name for c in usage.containers] == ["done"]
    blobs = f"{engine.info().endpoint}/blobs"
    on_disk = sum(os.lstat(f"{place}/{name}").st_blocks * 512 for place, _, names in os.walk(blobs) for name in names)
    assert usage.blobs_bytes == on_disk


def test_prune__filters(engine: Engine, busybox_image: str) -> None:
    """By label and by age; all images only when that is asked for."""
    for name, labels in (("kept", {"keep": ""}), ("gone", {"a": "1"}), ("other", {})):
        engine.create(request(busybox_image, "true", name=name, labels=labels))

    def planned(**filters: list[str]) -> list[str]:
        named = {key.replace("not_", "") + ("!" if key.startswith("not_") else ""): v for key, v in filters.items()}
        return sorted(item.name for item in engine.prune_plan(["container"], filters=named).items)

    assert planned(label=["a"]) == ["gone"]
    assert planned(label=["a=2"]) == []
    assert planned(not_label=["keep"]) == ["gone", "other"]
    assert planned(until=["1h"]) == []
    assert planned(until=["0s"]) == ["gone", "kept", "other"]
    with pytest.raises(InvalidRequest):
        planned(colour=["red"])
    assert engine.prune_plan(["image"], all_images=True).items == ()
    engine.prune(engine.prune_plan(["container"]))
    assert engine.prune_plan(["image"]).items == ()
    plan = engine.prune_plan(["image"], all_images=True)
    assert [item.kind for item in plan.items if item.kind == "image"] == ["image"]
    engine.prune(plan)
    assert list(engine.images()) == []


def test_create__tells_its_pull(engine: Engine, busybox_image: str) -> None:
    """The records of a create come while it works, those of the layers too."""
    records: list[str] = []
    wanted = request(busybox_image, "true", name="made")
    engine.create(wanted, on_record=lambda record: records.append(str(record.get("phase", ""))))
    assert {"resolve", "layer", "create"} <= set(records)


def test_info__names_the_machine(engine: Engine) -> None:
    """Docker's keys, as the kernel says them."""
    details = engine.info().details
    assert details["NCPU"] == len(os.sched_getaffinity(0))
    assert details["KernelVersion"] == os.uname().release
    kind = subprocess.run(
        ["findmnt", "-n", "-o", "FSTYPE", "-T", details["DockerRootDir"]], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert details["DriverStatus"] == [["Backing Filesystem", kind]]
