"""Further commands, pause, statistics and limits: both engines do them alike."""

from __future__ import annotations

import time
from typing import Any

import pytest

from dockview.engine.api import Attachment, Engine
from dockview.engine.errors import Conflict, StartFailed
from dockview.engine.lifecycle import Phase
from dockview.engine.model import ContainerStatus, ExecRequest, UpdateRequest
from tests.contract.test_engines import either as _either
from tests.support.requests import request

pytestmark = [pytest.mark.root, pytest.mark.registry]
either = _either


def command(*argv: str, **settings: Any) -> ExecRequest:
    return ExecRequest(command=argv, line="docker exec", **settings)


def outcome(attachment: Attachment) -> tuple[int | None, str, str]:
    """(exit code, standard output, standard error)."""
    said = {"stdout": b"", "stderr": b""}
    while (piece := attachment.read()) is not None:
        said[piece[0]] += piece[1]
    code = attachment.exit_code
    attachment.close()
    return code, said["stdout"].decode(), said["stderr"].decode()


@pytest.fixture
def engine_with_box(either: tuple[Engine, str]) -> Engine:
    """The engine, with a container named box that sleeps."""
    engine, image = either
    engine.run(request(image, "sleep", "600", name="box", pull="never", env=("COLOUR=blue",), workdir="/tmp"))
    return engine


def test_exec__streams_code_and_surroundings(engine_with_box: Engine) -> None:
    script = "echo $COLOUR $SIZE; echo oops >&2; id -u; exit 7"
    attachment = engine_with_box.exec("box", command("sh", "-c", script, env=("SIZE=big",)))
    assert outcome(attachment) == (7, "blue big\n0\n", "oops\n")


def test_exec__input(engine_with_box: Engine) -> None:
    attachment = engine_with_box.exec("box", command("cat", open_stdin=True))
    attachment.write(b"hello\n")
    attachment.close_stdin()
    assert outcome(attachment) == (0, "hello\n", "")


def test_exec__terminal(engine_with_box: Engine) -> None:
    attachment = engine_with_box.exec("box", command("sh", "-c", "test -t 0 && echo $TERM", tty=True, open_stdin=True))
    assert attachment.is_tty
    assert outcome(attachment) == (0, "xterm\r\n", "")


@pytest.mark.parametrize(("program", "code"), [("no-such-program", 127), ("/etc", 126)])
def test_exec__start_failed(engine_with_box: Engine, program: str, code: int) -> None:
    with pytest.raises(StartFailed) as caught:
        engine_with_box.exec("box", command(program))
    assert caught.value.exit_code == code


def test_exec__only_where_something_runs(engine_with_box: Engine) -> None:
    engine_with_box.pause("box")
    with pytest.raises(Conflict):
        engine_with_box.exec("box", command("true"))
    engine_with_box.unpause("box")
    engine_with_box.stop("box", timeout_s=0)
    with pytest.raises(Conflict):
        engine_with_box.exec("box", command("true"))


def test_exec__events_and_trace(engine_with_box: Engine) -> None:
    since = time.time_ns()
    assert outcome(engine_with_box.exec("box", command("true")))[0] == 0
    stream = engine_with_box.events(since_ns=since)
    seen: list[str] = []
    for event in stream:
        if event.action.startswith("exec_") and event.attributes.get("name") == "box":
            seen.append(event.action.strip())
        if seen[-1:] == ["exec_die"]:
            break
    stream.close()
    assert seen == ["exec_create: true", "exec_start: true", "exec_die"]
    trace = next(t for t in engine_with_box.traces("box") if t.verb == "exec")
    span = trace.find(Phase.EXEC)
    assert span is not None


def test_exec__ends_before_its_container(engine_with_box: Engine) -> None:
    since = time.time_ns()
    attachment = engine_with_box.exec("box", command("sleep", "600"))
    engine_with_box.kill("box")
    assert outcome(attachment)[0] == 137
    assert engine_with_box.wait("box") == 137
    actions: list[str] = []
    stream = engine_with_box.events(since_ns=since)
    for event in stream:
        actions.append(event.action)
        if event.action == "die":
            break
    stream.close()
    assert actions.index("exec_die") < actions.index("die")


def test_pause__and_back(engine_with_box: Engine) -> None:
    engine_with_box.pause("box")
    state = engine_with_box.inspect("box")["State"]
    assert (state["Status"], state["Paused"], state["Running"]) == ("paused", True, True)
    assert engine_with_box.container("box").status is ContainerStatus.PAUSED
    with pytest.raises(Conflict):
        engine_with_box.pause("box")
    engine_with_box.unpause("box")
    assert engine_with_box.container("box").status is ContainerStatus.RUNNING
    with pytest.raises(Conflict):
        engine_with_box.unpause("box")


def test_pause__a_stop_lets_go(engine_with_box: Engine) -> None:
    engine_with_box.pause("box")
    assert engine_with_box.stop("box", timeout_s=0).exit_code == 137


def test_top__dockers_columns(engine_with_box: Engine) -> None:
    table = engine_with_box.top("box")
    assert table.titles == ("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD")
    assert [row[-1] for row in table.rows] == ["sleep 600"]
    assert table.rows[0][1] == str(engine_with_box.container("box").pid)


def test_stats__two_samples(engine_with_box: Engine) -> None:
    stream = engine_with_box.stats("box")
    first, second = next(stream), next(stream)
    stream.close()
    assert first.cpu_percent is None
    assert second.cpu_percent is not None
    assert second.cpu_percent < 50
    assert second.pids == 1
    assert second.memory_bytes is not None
    assert second.memory_limit_bytes is not None
    assert second.memory_bytes < second.memory_limit_bytes
    with_cache = 8 << 20
    assert second.memory_bytes < with_cache


def test_update__is_inspected(engine_with_box: Engine) -> None:
    wanted = UpdateRequest(memory_bytes=64 << 20, memory_swap_bytes=128 << 20, cpu_shares=512, pids_limit=50)
    engine_with_box.update("box", wanted)
    shown = engine_with_box.inspect("box")["HostConfig"]
    assert (shown["Memory"], shown["MemorySwap"], shown["CpuShares"], shown["PidsLimit"]) == (
        64 << 20, 128 << 20, 512, 50,
    )  # fmt: skip
    stream = engine_with_box.stats("box")
    assert next(stream).memory_limit_bytes == 64 << 20
    stream.close()
