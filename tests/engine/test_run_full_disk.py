"""A disk that runs full, wherever that happens: a clear message, and nothing half made."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from dockview.engine.errors import OutOfSpace
from tests.support import stores
from tests.support.requests import request

pytestmark = [pytest.mark.root, pytest.mark.registry]


@pytest.fixture
def small_root(request: pytest.FixtureRequest) -> Iterator[str]:
    """A store on a file system of as many KiB as the test asks for."""
    root = stores.make_root()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={request.param}k", "dockview-test", root], check=True)
    yield root
    fill = f"{root}/fill"
    if os.path.exists(fill):
        os.unlink(fill)
    try:
        stores.remove_containers(root)
    finally:
        subprocess.run(["umount", root], check=True)
        os.rmdir(root)


@pytest.mark.parametrize("small_root", [600, 1000, 1600, 2400], indirect=True)
def test_pull__on_a_full_disk(small_root: str, busybox_image: str) -> None:
    """The blob, or the unpacked layer, or a record does not fit: the pull says so, and half of it does not stay."""
    engine = stores.open_embedded(small_root)
    try:
        with pytest.raises(OutOfSpace):
            engine.pull(busybox_image)
        assert list(engine.images()) == []
        assert os.listdir(f"{small_root}/tmp") == []
    finally:
        engine.close()


@pytest.mark.parametrize("small_root", [16000], indirect=True)
@pytest.mark.parametrize("spare_kib", [0, 4, 12, 24])
def test_run__on_a_full_disk(small_root: str, busybox_image: str, spare_kib: int) -> None:
    """With the image here, a run that finds no room leaves no container."""
    engine = stores.open_embedded(small_root)
    try:
        engine.pull(busybox_image)
        _fill(small_root, spare_kib)
        try:
            container = engine.run(request(busybox_image, "true", name="brief"))
        except OutOfSpace:
            os.unlink(f"{small_root}/fill")
            assert list(engine.containers(all=True)) == []
            assert os.listdir(f"{small_root}/containers") == []
        else:
            engine.wait(container.id)
    finally:
        engine.close()


def _fill(root: str, spare_kib: int) -> None:
    """Leave just this much room."""
    free = os.statvfs(root)
    with open(f"{root}/fill", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - spare_kib * 1024)


@pytest.mark.parametrize("small_root", [16000], indirect=True)
@pytest.mark.parametrize("is_open", [True, False])
def test_remove__on_a_full_disk(small_root: str, busybox_image: str, is_open: bool) -> None:
    """What makes room again works without any: rm, then prune; also where the store must be opened first."""
    engine = stores.open_embedded(small_root)
    try:
        engine.pull(busybox_image)
        for name in ("full", "other"):
            engine.wait(engine.run(request(busybox_image, "true", name=name)).id)
        if not is_open:
            engine.close()
        _fill(small_root, 0)
        if not is_open:
            engine = stores.open_embedded(small_root)

        engine.remove("full")
        engine.prune(engine.prune_plan(["container", "image"], all_images=True))

        assert list(engine.containers(all=True)) == []
        assert list(engine.images()) == []
        assert os.listdir(f"{small_root}/containers") == []
    finally:
        engine.close()


@pytest.mark.parametrize("small_root", [16000], indirect=True)
def test_a_container_that_fills_the_disk_has_its_exit_code(small_root: str, busybox_image: str) -> None:
    """Its end is written down though there is no room."""
    engine = stores.open_embedded(small_root)
    try:
        engine.pull(busybox_image)
        glutton = request(busybox_image, "sh", "-c", "cat /dev/zero > /full; exit 7", name="glutton")

        container = engine.run(glutton)

        assert engine.wait(container.id) == 7
        assert [it.status.value for it in engine.containers(all=True)] == ["exited"]
        engine.remove("glutton")
        assert list(engine.containers(all=True)) == []
    finally:
        engine.close()
