"""A container's streams, signals and end, through its shim."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockview.engine.cancel import CancelToken
from dockview.engine.errors import Cancelled, Conflict, InvalidRequest
from dockview.engine.runtime.logs import open_logs
from dockview.engine.runtime.signals import send_signal
from dockview.engine.runtime.stop import Waiter, stop, wait
from dockview.engine.runtime.streams import ShimAttachment
from tests.engine.runtime_box import Box, boxes
from tests.support import outside
from tests.support.waiting import until

pytestmark = pytest.mark.root
Make = Callable[..., Box]
_TRAP = "trap 'echo bye; exit 4' TERM; echo up; while :; do sleep 0.05; done"


@pytest.fixture
def make() -> Iterator[Make]:
    with boxes() as maker:
        yield maker


def everything(attachment: ShimAttachment) -> dict[str, bytes]:
    """All output up to the end, by stream."""
    pieces: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
    while (piece := attachment.read()) is not None:
        pieces[piece[0]].append(piece[1])
    return {stream: b"".join(found) for stream, found in pieces.items()}


def first_line(box: Box) -> str:
    """Block for the first line of the log."""
    stream = open_logs(f"{box.folder}/log", follow=True, is_alive=lambda: True)
    try:
        return next(stream).text
    finally:
        stream.close()


def test_attach__before_the_start_misses_nothing(make: Make) -> None:
    box = make("sh", "-c", "echo out; echo err >&2; exit 3")
    box.build()
    attachment = ShimAttachment(box.folder)
    box.launch.go([], [])
    assert everything(attachment) == {"stdout": b"out\n", "stderr": b"err\n"}
    assert attachment.exit == {"exit_code": 3, "signal": None, "oom_killed": False}
    attachment.close()


def test_attach__stdin_in_bulk_comes_back_whole(make: Make) -> None:
    box = make("cat", open_stdin=True)
    box.build()
    attachment = ShimAttachment(box.folder, stdin=True, stdin_once=True)
    box.launch.go([], [])
    sent = b"".join(b"%07d\n" % number for number in range(500_000))

    def write() -> None:
        attachment.write(sent)
        attachment.close_stdin()

    writer = threading.Thread(target=write)
    writer.start()
    assert everything(attachment)["stdout"] == sent
    writer.join()
    assert attachment.exit == {"exit_code": 0, "signal": None, "oom_killed": False}
    attachment.close()


def test_attach__stdin_once_ends_with_the_client(make: Make) -> None:
    box = make("cat", open_stdin=True)
    box.start()
    ShimAttachment(box.folder, stdin=True, stdin_once=True).close()
    assert wait(box.folder) == 0


def test_attach__tty(make: Make) -> None:
    box = make("sh", "-c", "stty size; read x; echo got $x; exit 7", tty=True, open_stdin=True)
    box.build()
    attachment = ShimAttachment(box.folder, stdin=True)
    attachment.resize(40, 100)
    pid = box.launch.go([], [])
    assert attachment.is_tty
    seen = b""
    while b"\n" not in seen:
        piece = attachment.read()
        assert piece is not None
        seen += piece[1]
    assert seen == b"40 100\r\n"
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/pts/0"
    attachment.write(b"hey\n")
    assert everything(attachment)["stdout"] == b"hey\r\ngot hey\r\n"
    assert attachment.exit is not None
    assert attachment.exit["exit_code"] == 7
    attachment.close()


def test_attach__logs_begin_with_what_was_before(make: Make) -> None:
    box = make("sh", "-c", "echo one; printf two; read x; echo three", open_stdin=True)
    box.start()
    assert first_line(box) == "one"
    attachment = ShimAttachment(box.folder, stdin=True, logs=True)
    attachment.write(b"\n")
    assert everything(attachment)["stdout"] == b"one\ntwothree\n"
    attachment.close()


def test_attach__slow_reader_gets_everything_and_holds_nothing_up(make: Make) -> None:
    box = make("sh", "-c", "printf begin; seq 1 400000")
    box.build()
    attachment = ShimAttachment(box.folder)
    box.launch.go([], [])
    assert wait(box.folder) == 0  # it ends although nobody has read a byte
    assert everything(attachment)["stdout"] == b"begin" + b"".join(b"%d\n" % n for n in range(1, 400_001))
    assert attachment.exit is not None
    attachment.close()


def test_attach__slow_reader_returns_to_the_live_output(make: Make) -> None:
    box = make("sh", "-c", "seq 1 200000; read x; echo live; read x", open_stdin=True)
    box.build()
    attachment = ShimAttachment(box.folder, stdin=True)
    box.launch.go([], [])
    until(lambda: Path(f"{box.folder}/log").read_bytes()[-120:].count(b'"200000'), "the flood to be logged")
    seen = b""
    while not seen.endswith(b"\n200000\n"):
        piece = attachment.read()
        assert piece is not None
        seen = seen[-20:] + piece[1]
    attachment.write(b"\n")
    assert attachment.read() == ("stdout", b"live\n")
    attachment.write(b"\n")
    assert attachment.read() is None
    attachment.close()


def test_attach__exited(make: Make) -> None:
    box = make("echo", "done")
    box.start()
    wait(box.folder)
    with pytest.raises(Conflict):
        ShimAttachment(box.folder)
    attachment = ShimAttachment(box.folder, logs=True)
    assert everything(attachment)["stdout"] == b"done\n"
    assert attachment.exit == {"exit_code": 0, "signal": None, "oom_killed": False}
    attachment.close()


def test_attach__close_unblocks_the_reader(make: Make) -> None:
    box = make("sleep", "600")
    box.start()
    attachment = ShimAttachment(box.folder)
    answers: list[object] = []
    reader = threading.Thread(target=lambda: answers.append(attachment.read()))
    reader.start()
    attachment.close()
    reader.join(10)
    assert answers == [None]


def test_stop__by_its_own_handler(make: Make) -> None:
    box = make("sh", "-c", _TRAP)
    box.start()
    assert first_line(box) == "up"
    assert stop(box.folder, "SIGTERM", 20) is False
    assert box.state().exit_code == 4
    assert box.state().ended_by == f"itself, after SIGTERM: stop by dockview (pid {os.getpid()}, uid {os.geteuid()})"
    assert stop(box.folder, "SIGTERM", 20) is False  # already stopped is left as it is


def test_stop__deaf_container_is_killed(make: Make) -> None:
    box = make("sleep", "600")
    box.start()
    assert stop(box.folder, "SIGTERM", 0) is True
    assert (box.state().exit_code, box.state().signal) == (137, 9)
    assert box.span("exited").fact("signal") == "SIGKILL"


def test_signal__unknown_or_not_running(make: Make) -> None:
    box = make("true")
    with pytest.raises(Conflict):
        send_signal(box.folder, "TERM")
    box.start()
    wait(box.folder)
    with pytest.raises(Conflict):
        send_signal(box.folder, "TERM")
    with pytest.raises(InvalidRequest):
        send_signal(box.folder, "SIGNONSENSE")


def test_signal__reaches_the_command_though_the_shim_is_stopped(make: Make) -> None:
    box = make("sleep", "600")
    pid = box.start()
    os.kill(box.shim_pid, 19)
    try:
        send_signal(box.folder, "KILL")
        until(lambda: outside.exists(pid) is False or "Z" in outside.status(pid)["State"], "the command's end")
    finally:
        os.kill(box.shim_pid, 18)
    assert wait(box.folder) == 137
    assert box.state().ended_by in ("unknown sender", f"kill by dockview (pid {os.getpid()}, uid 0)")


def test_wait__cancelled(make: Make) -> None:
    box = make("sleep", "600")
    box.start()
    token = CancelToken()
    waiter = Waiter(box.folder)
    timer = threading.Timer(0.05, token.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        waiter.wait(cancel=token)
    timer.join()
    waiter.close()


def test_shim__is_small(make: Make) -> None:
    """Below 12 MB, also while its container floods it."""
    box = make("yes")
    box.start()
    log = f"{box.folder}/log"
    until(lambda: os.path.getsize(log) > 50 << 20, "a flood")
    assert int(outside.status(box.shim_pid)["VmRSS"].split()[0]) < 12 * 1024
    assert outside.status(box.shim_pid)["Threads"].strip() == "1"


def test_shim__session_and_streams_of_its_own(make: Make) -> None:
    box = make("sleep", "600")
    pid = box.start()
    assert os.getsid(box.shim_pid) not in (os.getsid(0), os.getsid(pid))
    assert {os.readlink(f"/proc/{box.shim_pid}/fd/{n}") for n in (0, 1)} == {"/dev/null"}
    until(lambda: os.readlink(f"/proc/{box.shim_pid}/fd/2") == "/dev/null", "the shim to let go of its engine")
    assert sorted(map(int, os.listdir(f"/proc/{pid}/fd"))) == [0, 1, 2]
