"""Further commands in a running container, held against what the kernel says from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from dockview.engine.api import Attachment, Engine
from dockview.engine.errors import Conflict, InvalidRequest, StartFailed
from dockview.engine.lifecycle import NAMESPACES, Phase, Status
from dockview.engine.model import Container, ExecRequest
from tests.support import outside
from tests.support.cli import CommandLine
from tests.support.requests import HUB, request
from tests.support.terminal import Terminal
from tests.support.waiting import until

pytestmark = pytest.mark.root
BOX = f"{HUB}/box"


def command(*argv: str, **settings: Any) -> ExecRequest:
    return ExecRequest(command=argv, line="docker exec", **settings)


def outcome(attachment: Attachment) -> tuple[int | None, str, str]:
    """(exit code, standard output, standard error)."""
    said = {"stdout": b"", "stderr": b""}
    while (piece := attachment.read()) is not None:
        said[piece[0]] += piece[1]
    attachment.close()
    return attachment.exit_code, said["stdout"].decode(), said["stderr"].decode()


@pytest.fixture
def box(engine: Engine) -> Container:
    """A container that sleeps."""
    return engine.run(request(BOX, "sleep", "600", name="box", env=("COLOUR=blue",), workdir="/tmp"))


def facts(engine: Engine, ref: str = "box") -> dict[str, Any]:
    """Of the newest exec."""
    trace = next(t for t in engine.traces(ref) if t.verb == "exec")
    return {fact.name: fact.value for span in trace.spans for fact in span.facts}


def test_exec__streams_and_code(engine: Engine, box: Container) -> None:
    script = "echo out; echo err >&2; pwd; echo $COLOUR $SIZE; exit 7"
    attachment = engine.exec("box", command("sh", "-c", script, env=("SIZE=big",)))
    assert outcome(attachment) == (7, "out\n/tmp\nblue big\n", "err\n")


def test_exec__runs_where_the_container_runs(engine: Engine, box: Container) -> None:
    """Every namespace, the control group, the capabilities and the filter are those of the container's own process."""
    attachment = engine.exec("box", command("sleep", "500"))
    pid = facts(engine)["pid"]
    assert box.pid is not None
    assert {n: outside.namespace(pid, n) for n in NAMESPACES} == {n: outside.namespace(box.pid, n) for n in NAMESPACES}
    assert outside.cgroups(pid) == outside.cgroups(box.pid)
    for field in ("CapEff", "CapBnd", "Seccomp", "NoNewPrivs", "Uid", "Groups"):
        assert outside.status(pid)[field] == outside.status(box.pid)[field]
    assert os.path.samefile(f"/proc/{pid}/root/", f"/proc/{box.pid}/root/")
    told = facts(engine)
    assert {n: told[f"{n} namespace"] for n in NAMESPACES} == {n: outside.namespace(pid, n) for n in NAMESPACES}
    assert told["namespaces as init's"] == len(NAMESPACES)
    assert told["pid inside"] == int(outside.status(pid)["NSpid"].split()[-1])
    attachment.close()


def test_exec__ends_with_its_container(engine: Engine, box: Container) -> None:
    """And is told so: the container's `die` follows the `exec_die` of everything in it."""
    attachment = engine.exec("box", command("sleep", "500"))
    engine.remove("box", force=True)
    assert outcome(attachment)[0] == 137
    stream = engine.events(since_ns=0, until_ns=time.time_ns())
    actions = [event.action.partition(":")[0] for event in stream if event.type == "container"]
    kept = [a for a in actions if a in ("start", "exec_create", "exec_start", "exec_die", "die")]
    assert kept == ["start", "exec_create", "exec_start", "exec_die", "die"]


def test_exec__trace_has_its_end(engine: Engine, box: Container) -> None:
    outcome(engine.exec("box", command("sh", "-c", "exit 3")))
    until(lambda: facts(engine).get("exit code") == 3, "the exit to be told")
    trace = next(t for t in engine.traces("box") if t.verb == "exec")
    assert [span.status for span in trace.spans if span.phase is Phase.EXEC] == [Status.OK, Status.OK]


def test_exec__input(engine: Engine, box: Container) -> None:
    attachment = engine.exec("box", command("cat", open_stdin=True))
    text = "line of text\n" * 50_000
    attachment.write(b"first\n")
    assert attachment.read() == ("stdout", b"first\n")
    outcomes: list[tuple[int | None, str, str]] = []
    reader = threading.Thread(target=lambda: outcomes.append(outcome(attachment)))
    reader.start()
    attachment.write(text.encode())
    attachment.close_stdin()
    reader.join(30)
    assert outcomes == [(0, text, "")]


def test_exec__a_reader_that_is_slow_loses_nothing(engine: Engine, box: Container) -> None:
    attachment = engine.exec("box", command("seq", "200000"))
    until(lambda: "State" in outside.status(facts(engine)["pid"]), "the command to be there")
    code, said, _ = outcome(attachment)
    assert (code, said.splitlines()[-1], said.count("\n")) == (0, "200000", 200_000)


def test_exec__terminal(engine: Engine, box: Container) -> None:
    script = "stty size; tty; read line; stty size; echo $TERM"
    attachment = engine.exec("box", command("sh", "-c", script, tty=True, size=(30, 90), open_stdin=True))
    assert attachment.is_tty
    said = b""
    while b"pts" not in said:
        piece = attachment.read()
        assert piece is not None
        said += piece[1]
    attachment.resize(40, 120)
    attachment.write(b"go\n")
    code, rest, _ = outcome(attachment)
    assert (said + rest.encode()).decode().split() == ["30", "90", "/dev/pts/0", "go", "40", "120", "xterm"]
    assert code == 0


def test_exec__several_at_once(engine: Engine, box: Container) -> None:
    attachments = [engine.exec("box", command("sh", "-c", f"sleep 0.1; exit {n}")) for n in range(6)]
    assert [outcome(a)[0] for a in attachments] == list(range(6))


def test_exec__user_and_folder(engine: Engine, box: Container) -> None:
    wanted = command("sh", "-c", "id -u; pwd; echo $HOME", user="nobody", workdir="/etc")
    code, said, _ = outcome(engine.exec("box", wanted))
    assert (code, said.split()) == (0, ["65534", "/etc", "/"])


def test_exec__privileged(engine: Engine, box: Container) -> None:
    attachment = engine.exec("box", command("sleep", "500", privileged=True))
    status = outside.status(facts(engine)["pid"])
    assert status["CapEff"] == outside.status(os.getpid())["CapEff"]  # all that there are to give
    assert status["Seccomp"] == "0"
    attachment.close()


@pytest.mark.parametrize(
    ("argv", "settings", "code"),
    [(("no-such-program",), {}, 127), (("/etc",), {}, 126), (("true",), {"workdir": "/nowhere"}, 127)],
)
def test_exec__start_failed(
    engine: Engine, box: Container, argv: tuple[str, ...], settings: dict[str, Any], code: int
) -> None:
    with pytest.raises(StartFailed) as caught:
        engine.exec("box", command(*argv, **settings))
    assert caught.value.exit_code == code


def test_exec__detached(engine: Engine, box: Container) -> None:
    """Nobody reads; its end is told by an event."""
    engine.exec("box", command("sh", "-c", "exit 5", detach=True))

    def codes() -> list[str]:
        stream = engine.events(since_ns=0, until_ns=time.time_ns())
        return [event.attributes["exitCode"] for event in stream if event.action == "exec_die"]

    until(lambda: codes() == ["5"], "the command's end")


def test_exec__the_command_goes_on_without_its_client(engine: Engine, box: Container) -> None:
    attachment = engine.exec("box", command("sleep", "500"))
    pid = facts(engine)["pid"]
    attachment.close()
    outcome(engine.exec("box", command("true")))
    assert outside.arguments(pid) == ["sleep", "500"]


def test_exec__a_killed_helper_takes_its_command_along(engine: Engine, box: Container) -> None:
    """And holds up nothing: the container can still end."""
    attachment = engine.exec("box", command("sleep", "500"))
    pid = facts(engine)["pid"]
    os.kill(int(outside.status(pid)["PPid"]), signal.SIGKILL)
    until(lambda: not outside.exists(pid), "the command to end")
    assert outcome(attachment)[0] is None
    assert engine.stop("box", timeout_s=0).exit_code == 137


def test_exec__long_command_line(engine: Engine, box: Container) -> None:
    """Larger than a message of the shim's door."""
    attachment = engine.exec("box", command("sh", "-c", "echo ${#1}", "sh", "x" * 100_000))
    assert outcome(attachment)[:2] == (0, "100000\n")


def test_exec__where_it_cannot_be(engine: Engine, box: Container) -> None:
    with pytest.raises(InvalidRequest):
        engine.exec("box", command())
    with pytest.raises(InvalidRequest):
        engine.exec("box", command("true", workdir="relative"))
    engine.pause("box")
    with pytest.raises(Conflict):
        engine.exec("box", command("true"))
    engine.unpause("box")
    engine.stop("box", timeout_s=0)
    with pytest.raises(Conflict):
        engine.exec("box", command("true"))


def test_exec__the_shim_stays_small(engine: Engine, box: Container) -> None:
    for _ in range(3):
        outcome(engine.exec("box", command("true")))
    assert box.pid is not None
    shim = int(outside.status(box.pid)["PPid"])
    assert int(outside.status(shim)["VmRSS"].split()[0]) < 12 * 1024


def test_exec__from_the_command_line(dockview: CommandLine) -> None:
    dockview.ok("run", "-d", "--name", "box", BOX, "sleep", "600")
    done = dockview("exec", "-e", "A=b", "-w", "/etc", "box", "sh", "-c", "pwd; echo $A; echo oops >&2; exit 9")
    assert (done.returncode, done.stdout, done.stderr) == (9, "/etc\nb\n", "oops\n")
    assert dockview("exec", "-i", "box", "cat", stdin="hi\n").stdout == "hi\n"
    assert dockview("exec", "box", "no-such-program").returncode == 127
    assert dockview("exec", "-it", "box", "sh").returncode == 1
    assert dockview("exec", "-d", "box", "sleep", "600").returncode == 0


def test_exec__in_a_real_terminal(dockview: CommandLine, tmp_path: Path) -> None:
    dockview.ok("run", "-d", "--name", "box", BOX, "sleep", "600")
    terminal = Terminal(
        str(tmp_path), dockview.argv("exec", "-it", "box", "sh"), size=(100, 30), env=dockview.environment()
    )
    with contextlib.closing(terminal):
        terminal.wait_for("#")
        terminal.type("stty size; echo pid $PPID")
        terminal.keys("Enter")
        terminal.wait_for("30 100", "pid 0")
        terminal.type("exit 6")
        terminal.keys("Enter")
        terminal.wait_for("exited with 6")
