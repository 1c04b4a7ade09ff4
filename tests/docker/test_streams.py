"""Streams end when they are told to, from any thread, and give back what they took."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from dockview.engine.daemon.engine import DockerEngine
from dockview.engine.errors import Cancelled, Unavailable
from dockview.engine.lifecycle import Phase
from dockview.engine.model import LogRecord
from tests.docker.conftest import IMAGE
from tests.support.dockerd import PrivateDocker
from tests.support.images import busybox_layout
from tests.support.requests import request
from tests.support.waiting import until

pytestmark = pytest.mark.docker


class _Blocked:
    """A call in a thread of its own, and how it ended."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.ended: object = None
        self._call = call
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.ended = self._call()
        except Exception as error:  # noqa: BLE001
            self.ended = type(error)

    def join(self) -> object:
        self._thread.join(10)
        assert not self._thread.is_alive(), "the call is still blocked"
        return self.ended


def _thread_count_in_recv() -> int:
    """How many threads of this process wait in a read of a socket (wchan of each task)."""
    waiting = 0
    for task in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError), open(f"/proc/self/task/{task}/syscall") as file:
            waiting += file.read().split()[0] in ("0", "45")  # read(2), recvfrom(2) on x86-64
    return waiting


def test_close__from_another_thread(engine: DockerEngine) -> None:
    """A reader that waits for the next line is woken, and its iteration ends like any other."""
    engine.run(request(IMAGE, "sh", "-c", "echo first; sleep 600", name="quiet"))
    logs, events = engine.logs("quiet", follow=True), engine.events()
    assert next(iter(logs)).text == "first"
    readers = [_Blocked(lambda: list(logs)), _Blocked(lambda: list(events))]
    logs.close()
    events.close()
    assert [reader.join() for reader in readers] == [[], []]
    assert list(logs) == []


def test_engine_close__unblocks_every_call(daemon: PrivateDocker, engine: DockerEngine) -> None:
    engine.run(request(IMAGE, "sleep", "600", name="quiet"))
    other = DockerEngine(daemon.host)
    streams = [other.logs("quiet", follow=True), other.events(), other.follow_traces()]
    attachment = other.attach("quiet")
    calls = [_Blocked(lambda stream=stream: list(stream)) for stream in streams]  # type: ignore[misc]
    calls += [_Blocked(lambda: other.wait("quiet")), _Blocked(attachment.read)]
    until(lambda: _thread_count_in_recv() >= 4, "the calls to block") if os.uname().machine == "x86_64" else None
    other.close()
    assert [call.join() for call in calls] == [Cancelled] * len(calls)
    attachment.close()
    with pytest.raises(Cancelled):
        other.containers()


def test_streams__leave_no_descriptor_and_no_thread(engine: DockerEngine) -> None:
    engine.run(request(IMAGE, "sh", "-c", "echo line; sleep 600", name="quiet"))

    def open_and_close() -> None:
        logs = engine.logs("quiet", follow=True)
        assert isinstance(next(iter(logs)), LogRecord)
        logs.close()
        engine.events().close()
        engine.attach("quiet").close()

    open_and_close()
    before = (len(os.listdir("/proc/self/fd")), threading.active_count())
    for _ in range(60):
        open_and_close()
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == before


def test_daemon_that_comes_back(tmp_path: os.PathLike[str]) -> None:
    """Stopped, it is unavailable; started again, the same engine goes on, and its traces with it."""
    daemon = PrivateDocker()
    daemon.start()
    try:
        daemon.load(busybox_layout(f"{tmp_path}/layout"), IMAGE)
        with contextlib.closing(DockerEngine(daemon.host)) as engine:
            engine.run(request(IMAGE, "sleep", "600", name="long", stop_signal="SIGKILL"))
            follower = _Blocked(lambda: [e.action for e in engine.events()])
            process = daemon._process
            assert process is not None
            process.terminate()
            process.wait()
            with pytest.raises(Unavailable, match="cannot be reached"):
                engine.containers()
            follower.join()
            daemon.start()
            assert [(c.name, c.exit_code) for c in engine.containers(all=True)] == [("long", 137)]
            until(lambda: engine.traces("long")[0].find(Phase.EXITED), "its end to be in its trace")
            engine.start("long")
            assert engine.container("long").status == "running"
    finally:
        daemon.stop()


@pytest.fixture
def tcp(daemon: PrivateDocker) -> Iterator[str]:
    """The daemon's socket behind a loopback port."""
    with contextlib.ExitStack() as stack, socket.create_server(("127.0.0.1", 0)) as server:
        path = daemon.host.removeprefix("unix://")
        accepting = threading.Thread(target=_relay, args=(server, path, stack))
        accepting.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        accepting.join()


def _relay(server: socket.socket, path: str, stack: contextlib.ExitStack) -> None:
    with contextlib.suppress(OSError):
        while True:
            near = stack.enter_context(server.accept()[0])
            far = stack.enter_context(socket.socket(socket.AF_UNIX))
            far.connect(path)
            for one, other in ((near, far), (far, near)):
                copying = threading.Thread(target=_copy, args=(one, other))
                copying.start()
                stack.callback(copying.join)
                stack.callback(_shut, one)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def test_tcp__works_and_shows_no_proc(engine: DockerEngine, tcp: str) -> None:
    """Over the network: the same verbs, and every phase that needs /proc says why it is not seen."""
    with contextlib.closing(DockerEngine(tcp)) as far:
        container = far.run(request(IMAGE, "cat", name="far", open_stdin=True))
        attachment = far.attach("far", stdin=True)
        attachment.write(b"over the wire\n")
        assert attachment.read() == ("stdout", b"over the wire\n")
        attachment.close()
        span = far.traces("far")[0].find(Phase.NAMESPACES, "pid")
        assert span is not None
        assert span.why == "not visible from here: the daemon is not on this machine"
        waiting = _Blocked(lambda: far.wait("far"))
        far.kill(container.id)
        assert waiting.join() == 137
