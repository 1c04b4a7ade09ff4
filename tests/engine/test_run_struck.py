"""A run that is killed, cancelled or interrupted as a phase begins: nothing is left, at once or at the next start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from dockview.engine.lifecycle import Phase, Status
from dockview.engine.model import ContainerStatus
from tests.support import outside, stores
from tests.support.cli import REPOSITORY, CommandLine
from tests.support.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.registry]

BIRTH = [
    "parse", "connect", "resolve", "cache", "auth", "manifest", "layer 1/2", "store", "create", "layer(rw)",
    "namespaces mnt", "namespaces net", "namespaces pid", "cgroup", "rootfs", "network", "ports", "security", "start",
]  # fmt: skip


HANDED_OVER = ("security", "start")
"""Here the shim goes on by itself: the command may have started, and then it is a container as any other."""


def strike(root: str, image: str, moment: str, how: str) -> int:
    """Run the driver; its exit code."""
    phase, _, part = moment.partition(" ")
    driver = os.path.join(os.path.dirname(__file__), "driver.py")
    done = subprocess.run(
        [sys.executable, driver, root, image, phase, part, how],
        env={**os.environ, "PYTHONPATH": REPOSITORY}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 130, -signal.SIGKILL), done.stderr
    return done.returncode


def assert_swept(root: str) -> None:
    """The next start finds a store without the container, with no half file, and can run the same again."""
    engine = stores.open_embedded(root)
    try:
        assert [c.name for c in engine.containers(all=True)] == []
        assert os.listdir(f"{root}/containers") == []
        assert os.listdir(f"{root}/tmp") == []
        assert not any(trace.is_live for trace in engine.traces())
    finally:
        engine.close()


@pytest.mark.parametrize("moment", BIRTH)
def test_kill_9__next_start_sweeps(root_dir: str, busybox_image: str, moment: str) -> None:
    """The process cannot undo anything; whoever opens the store next does, by ownership."""
    if strike(root_dir, busybox_image, moment, "kill") == 0:
        pytest.skip(f"a run of this image has no phase {moment}")
    if moment in HANDED_OVER and (pid := started(root_dir)):
        assert outside.exists(pid)
        return
    assert_swept(root_dir)


def started(root: str) -> int | None:
    """The pid of the container, if it runs."""
    engine = stores.open_embedded(root)
    try:
        found = engine.containers()
        return found[0].pid if found and found[0].status is ContainerStatus.RUNNING else None
    finally:
        engine.close()


@pytest.mark.parametrize("how", ["cancel", "interrupt"])
@pytest.mark.parametrize("moment", BIRTH)
def test_cancel__is_undone_at_once(root_dir: str, busybox_image: str, moment: str, how: str) -> None:
    """What had been done is taken back before the call returns; the trace says cancelled."""
    code = strike(root_dir, busybox_image, moment, how)
    if code == 0 and started(root_dir):
        assert moment in (*HANDED_OVER, "auth"), f"{how} at {moment} had no effect"
        return
    assert code == 130
    assert os.listdir(f"{root_dir}/containers") == []
    assert os.listdir(f"{root_dir}/tmp") == []
    assert_swept(root_dir)
    engine = stores.open_embedded(root_dir)
    trace = engine.traces(limit=1)[0]
    engine.close()
    assert trace.status is Status.CANCELLED
    assert moment in HANDED_OVER or trace.find(Phase.RUNNING) is None


def test_kill_9__image_layers_that_were_done_are_kept_or_swept(root_dir: str, busybox_image: str) -> None:
    """After a kill in the middle of a pull, the same pull succeeds and the image is whole."""
    strike(root_dir, busybox_image, "layer 2/2", "kill")
    engine = stores.open_embedded(root_dir)
    try:
        image = engine.pull(busybox_image)
        assert sorted(os.listdir(f"{root_dir}/layers")) == sorted(
            layer.diff_id.removeprefix("sha256:") for layer in image.layers
        )
    finally:
        engine.close()


def test_kill_9_of_the_shim__container_is_dead_with_unknown_code(root_dir: str, busybox_image: str) -> None:
    """Nobody was there to see the exit: the code is unknown, never 0; and the processes do not stay."""
    assert strike(root_dir, busybox_image, "no such phase", "kill") == 0
    pid = started(root_dir)
    assert pid is not None
    shim = int(outside.status(pid)["PPid"])
    os.kill(shim, signal.SIGKILL)
    engine = stores.open_embedded(root_dir)
    try:
        container = until(
            lambda: next((c for c in engine.containers(all=True) if not c.status.is_alive), None), "the end"
        )
        assert container.status is ContainerStatus.DEAD
        assert container.exit_code is None
        until(lambda: not outside.exists(pid), "the container's process to be gone")
    finally:
        engine.close()


@pytest.mark.parametrize("phase", ["resolve", "layer", "create", "rootfs", "network"])
def test_ctrl_c_of_the_command_line__leaves_nothing(
    root_dir: str, dockview: CommandLine, busybox_image: str, phase: str
) -> None:
    """SIGINT as soon as the trace's file shows the phase: all is undone, or the run was faster and is whole."""
    process = dockview.start("run", "-d", "--name", "struck", busybox_image, "sleep", "600")
    wanted = f'"phase":"{phase}"'

    def is_there() -> bool:
        folder = f"{root_dir}/traces"
        names = os.listdir(folder) if os.path.isdir(folder) else []
        return any(wanted in _text(f"{folder}/{name}").replace(" ", "") for name in names)

    until(lambda: is_there() or process.poll() is not None, f"the phase {phase}")
    process.send_signal(signal.SIGINT)
    _out, error = process.communicate(timeout=30)
    assert process.returncode in (0, 130, -signal.SIGINT), error
    assert "Traceback" not in error
    if pid := started(root_dir):
        assert outside.exists(pid)
        return
    assert process.returncode != 0
    assert os.listdir(f"{root_dir}/containers") == []
    assert_swept(root_dir)


def _text(path: str) -> str:
    with open(path) as file:
        return file.read()
