"""What may be struck by `kill -9`, and what a store must look like afterwards: for test_run_random.py."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import NamedTuple

from dockview.engine.embedded.engine import EmbeddedEngine
from dockview.engine.errors import DockviewError, NotFound
from dockview.engine.lifecycle import Status
from dockview.engine.model import ContainerStatus, Mount, NetworkRequest, PortMapping
from tests.support import outside
from tests.support.requests import request
from tests.support.waiting import until

Act = Callable[[EmbeddedEngine, str], object]
_KINDS = ("container", "network", "image", "volume")
_BUG = 70


class Deed(NamedTuple):
    """A verb: what must be there before, and the verb itself; both get the engine and the image's reference."""

    prepare: Act
    act: Act


def nothing(_engine: EmbeddedEngine, _image: str) -> None:
    """No preparation."""


def run(engine: EmbeddedEngine, image: str, name: str = "struck") -> None:
    """A container with all that it may hold: a port, an anonymous volume, an address."""
    ports = (PortMapping(container_port=80, host_ip="127.0.0.1"),)
    mounts = (Mount(type="volume", target="/data"),)
    engine.run(request(image, "sleep", "600", name=name, ports=ports, mounts=mounts))


def run_and_remove(engine: EmbeddedEngine, image: str, name: str = "struck") -> None:
    """`run --rm` of something short."""
    engine.wait(engine.run(request(image, "true", name=name, auto_remove=True)).id)


def create(engine: EmbeddedEngine, image: str) -> None:
    """`create`."""
    engine.create(request(image, "sleep", "600", name="struck"))


def run_and_stop(engine: EmbeddedEngine, image: str) -> None:
    """A container that has ended."""
    run(engine, image)
    engine.stop("struck", timeout_s=0)


def make_network(engine: EmbeddedEngine, _image: str) -> None:
    """`network create`."""
    engine.create_network(NetworkRequest(name="net", line="docker network create net"))


def run_and_make_network(engine: EmbeddedEngine, image: str) -> None:
    """A container, and a network that it is not on."""
    run(engine, image)
    make_network(engine, image)


def connect(engine: EmbeddedEngine, _image: str) -> None:
    """`network connect`."""
    engine.connect_network("net", "struck")


def run_and_connect(engine: EmbeddedEngine, image: str) -> None:
    """A container on two networks."""
    run_and_make_network(engine, image)
    connect(engine, image)


def commit(engine: EmbeddedEngine, _image: str) -> None:
    """`commit`."""
    engine.commit("struck", "mine:latest")


def make_rubbish(engine: EmbeddedEngine, image: str) -> None:
    """Something of each kind that a prune removes."""
    run_and_stop(engine, image)
    commit(engine, image)
    create_second = request(image, "true", name="second")
    engine.create(create_second)
    make_network(engine, image)


def prune(engine: EmbeddedEngine, _image: str) -> None:
    """`system prune --all --volumes`."""
    engine.prune(engine.prune_plan(_KINDS, all_images=True))


def forget(engine: EmbeddedEngine, _image: str) -> None:
    """A store without an image, a layer or a blob."""
    prune(engine, "")


DEEDS = {
    "run": Deed(nothing, run),
    "run --rm": Deed(nothing, run_and_remove),
    "create": Deed(nothing, create),
    "start": Deed(create, lambda engine, _: engine.start("struck")),
    "stop": Deed(run, lambda engine, _: engine.stop("struck", timeout_s=0)),
    "restart": Deed(run, lambda engine, _: engine.restart("struck", timeout_s=0)),
    "rm": Deed(run_and_stop, lambda engine, _: engine.remove("struck", volumes=True)),
    "rm -f": Deed(run, lambda engine, _: engine.remove("struck", force=True)),
    "prune": Deed(make_rubbish, prune),
    "pull": Deed(forget, lambda engine, image: engine.pull(image)),
    "rmi": Deed(lambda engine, image: engine.pull(image), lambda engine, image: engine.remove_image(image)),
    "commit": Deed(run, commit),
    "network create": Deed(nothing, make_network),
    "network rm": Deed(make_network, lambda engine, _: engine.remove_network("net")),
    "network connect": Deed(run_and_make_network, connect),
    "network disconnect": Deed(run_and_connect, lambda engine, _: engine.disconnect_network("net", "struck")),
}


def keep_busy(engine: EmbeddedEngine, image: str, name: str, random_: random.Random) -> None:
    """Perform verbs that get into each other's way, for ever; what is refused is refused."""
    network = f"net-{name}"
    verbs: list[Callable[[], object]] = [
        lambda: run(engine, image, name),
        lambda: run_and_remove(engine, image, f"{name}-short"),
        lambda: engine.remove(name, force=True, volumes=True),
        lambda: engine.stop(name, timeout_s=0),
        lambda: engine.start(name),
        lambda: engine.create_network(NetworkRequest(name=network, line="")),
        lambda: engine.connect_network(network, name),
        lambda: engine.remove_network(network),
        lambda: engine.pull(image),
        lambda: prune(engine, image),
    ]
    while True:
        with contextlib.suppress(DockviewError):
            random_.choice(verbs)()


# Processes


@contextlib.contextmanager
def opened(root: str) -> Iterator[EmbeddedEngine]:
    """The next open of the store."""
    with contextlib.closing(EmbeddedEngine(root)) as engine:
        yield engine


def begin(root: str, act: Act, image: str) -> int:
    """A process that opens the store and performs a verb; its pid, once it is about to begin."""
    ready, begins = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = _BUG
        try:
            os.setsid()
            os.write(begins, b".")
            with opened(root) as engine:
                act(engine, image)
            code = 0
        except DockviewError as error:
            code = 1
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        except BaseException:  # noqa: BLE001  told by the exit code
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(begins)
    os.read(ready, 1)
    os.close(ready)
    return pid


def end(pid: int) -> int:
    """Wait for it; its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def strike(pid: int, after_s: float) -> int:
    """Kill at a moment; the exit code. The moment is the only sleep: it is what is tried out."""
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)
    code = end(pid)
    assert code != _BUG, "the process ended with a bug, see its standard error"
    return code


def length(root: str, deed: Deed, image: str) -> float:
    """How long the whole verb takes, in seconds, with the opening of the store."""
    with opened(root) as engine:
        deed.prepare(engine, image)
    began = time.monotonic()
    code = end(begin(root, deed.act, image))
    assert code == 0
    took = time.monotonic() - began
    with opened(root) as engine:
        clear(engine, image)
    return took


def shims(root: str) -> list[int]:
    """The shims of a store's containers."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = outside.arguments(int(pid))
            if len(words) > 4 and words[3].endswith("/shim.py") and words[4].startswith(f"{root}/"):
                found.append(int(pid))
    return found


# The store


def assert_consistent(root: str) -> None:
    """What the next open finds agrees with itself, with the disk and with the kernel."""
    with opened(root) as engine:
        until(lambda: not any(c.auto_remove for c in engine.containers(all=True)), "the end of containers with --rm")
        # What a killed verb has asked for, such as a SIGKILL, may just be happening.
        until(lambda: all(c.pid and outside.exists(c.pid) for c in engine.containers()), "a state that lasts")
        found = engine.containers(all=True)
        assert sorted(os.listdir(f"{root}/containers")) == sorted(c.id for c in found)
        assert os.listdir(f"{root}/tmp") == []
        query = engine._house.database.query
        halves = query("SELECT name FROM containers WHERE is_building OR is_removing")
        assert [row["name"] for row in halves] == []
        for trace in engine.traces():
            assert trace.status is not Status.RUNNING, f"{trace.verb} {trace.target}"
        for container in found:
            engine.inspect(container.id, size=True)
            list(engine.logs(container.id))
            rows = query("SELECT interface, address FROM addresses WHERE container_id = ?", container.id)
            if container.status is ContainerStatus.RUNNING:
                assert container.pid is not None
                assert outside.exists(container.pid)
                there = {name: [a.partition("/")[0] for a in all_] for name, all_ in addresses(container.pid).items()}
                assert there == {row["interface"]: [row["address"]] for row in rows}, "records and kernel differ"
            else:
                assert container.status in (ContainerStatus.CREATED, ContainerStatus.EXITED, ContainerStatus.DEAD)
                assert processes_of(container.id) == []
        volumes = sorted(row["name"] for row in query("SELECT name FROM volumes"))
        assert sorted(os.listdir(f"{root}/volumes")) == volumes
        for network in engine.networks():
            engine.inspect(network.id, "network")
        for image in engine.images():
            engine.inspect(image.id, "image")
        for row in query("SELECT layers FROM images"):
            for diff_id in json.loads(row["layers"]):
                assert os.path.isdir(engine._house.layout.layer(diff_id["diff_id"]))
        engine.disk_usage(details=True)


def addresses(pid: int) -> dict[str, list[str]]:
    """Interface to addresses, without the loopback."""
    return {name: found for name, found in outside.addresses(pid).items() if name != "lo"}


def processes_of(container_id: str) -> list[str]:
    """Whatever runs in a control group of the container."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cgroup") as file:
            if container_id in file.read():
                found.append(pid)
    return found


def use(engine: EmbeddedEngine, image: str) -> None:
    """Every verb works on what is there, and names are free again once it is gone."""
    for container in engine.containers(all=True):
        if container.status is ContainerStatus.PAUSED:
            engine.unpause(container.id)
        if container.status.is_alive:
            engine.stop(container.id, timeout_s=0)
        if not container.auto_remove:
            engine.start(container.id)
            engine.stop(container.id, timeout_s=0)
    clear(engine, image)
    run(engine, image)
    engine.remove("struck", force=True, volumes=True)


def clear(engine: EmbeddedEngine, image: str) -> None:
    """Take everything away but the image."""
    for container in engine.containers(all=True):
        engine.remove(container.id, force=True, volumes=True)
    for network in engine.networks():
        if network.name == "net" or network.name.startswith("net-"):
            engine.remove_network(network.name)
    with contextlib.suppress(NotFound):
        engine.remove_image("mine:latest", force=True)
    engine.pull(image)
    engine.prune(engine.prune_plan(("image",)))
    engine.prune(engine.prune_plan(("volume",), filters={"all": ("true",)}))
    house = engine._house
    for table in ("containers", "addresses", "mounts", "volumes"):
        assert house.database.query(f"SELECT count(*) FROM {table}")[0][0] == 0, table  # noqa: S608
    assert os.listdir(house.layout.containers) == []
    assert os.listdir(house.layout.volumes) == []


def seeded(seed: object) -> random.Random:
    """The same draws for the same seed."""
    return random.Random(str(seed))  # noqa: S311  nothing secret


def choose(random_: random.Random, whole_s: float) -> float:
    """A moment of a verb of that length, or just after it."""
    return random_.uniform(0, whole_s * 1.1)
