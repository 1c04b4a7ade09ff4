"""`run`, `start` and `attach` over a scripted engine: exit codes, streams, signals, what is printed where."""

from __future__ import annotations

import os
import signal
import termios
from collections.abc import Iterator

import pytest

from dockview.commands.cancellable import call_cancellable
from dockview.commands.parse import parse_line
from dockview.commands.progress import PullProgress
from dockview.engine.cancel import CancelToken
from dockview.engine.errors import Cancelled, Conflict, DockviewError, ImageNotFound, InvalidRequest, StartFailed
from dockview.engine.lifecycle import Phase, Record
from dockview.engine.model import Event
from dockview.engine.recorder import Recorder
from tests.unit.commands_engine import Captured, FakeAttachment, ScriptedEngine, dockview


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine([])


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for fd in ends:
        try:
            os.close(fd)
        except OSError:
            pass


def test_run__detached_prints_the_full_id(engine: ScriptedEngine) -> None:
    code, said = dockview(engine, "run -d --quiet web")

    assert (code, said.out) == (0, f"{engine.list[0].id}\n")
    assert engine.is_closed


def test_run__the_request_and_its_line_reach_the_engine(engine: ScriptedEngine) -> None:
    dockview(engine, "container run -d -e 'A=b c' web")

    assert engine.requests == [parse_line("docker container run -d -e 'A=b c' web").request]
    assert engine.requests[0].line == "docker container run -d -e 'A=b c' web"


def test_run__foreground_keeps_the_streams_apart_and_returns_the_containers_code(engine: ScriptedEngine) -> None:
    engine.attachment = FakeAttachment(("stdout", b"out\n"), ("stderr", b"err\n"), ("stdout", b"\x1b[2J\xff"))
    engine.code = 42

    code, said = dockview(engine, "run -q web")

    assert code == 42
    assert said.out_file.getvalue() == b"out\n\x1b[2J\xff"
    assert said.err == "err\n"
    assert engine.attachment.is_closed


def test_run__output_to_a_terminal_is_cleaned(engine: ScriptedEngine) -> None:
    engine.attachment = FakeAttachment(("stdout", b"a\x1b["), ("stdout", b"2Jb\n"))

    _, said = dockview(engine, "run -q web", Captured(is_tty=True))

    assert said.out == "ab\n"


def test_run__with_t_output_passes_as_it_is(engine: ScriptedEngine) -> None:
    engine.attachment = FakeAttachment(("stdout", b"a\x1b[2Jb"), is_tty=True)

    _, said = dockview(engine, "run -q -t web", Captured(is_tty=True))

    assert said.out == "a\x1b[2Jb"


def test_run__i_copies_standard_input_and_its_end(engine: ScriptedEngine, pipe: tuple[int, int]) -> None:
    engine.attachment = attachment = FakeAttachment(is_endless=True)
    os.write(pipe[1], b"typed")
    os.close(pipe[1])
    got: list[bytes | None] = []

    def on_written() -> tuple[str, bytes] | None:
        while not got or got[-1] is not None:
            got.append(attachment.written.get())
        return None

    attachment.read = on_written  # type: ignore[method-assign]

    code, _ = dockview(engine, "run -q -i web", Captured(in_fd=pipe[0]))

    assert (code, got) == (0, [b"typed", None])


def test_run__it_without_a_terminal_is_refused_as_docker_does(engine: ScriptedEngine) -> None:
    with pytest.raises(InvalidRequest, match="the input device is not a TTY"):
        dockview(engine, "run -it web")
    assert engine.requests == []


def test_run__rm_removes_after_the_end(engine: ScriptedEngine) -> None:
    dockview(engine, "run -q --rm --name x web")

    assert engine.calls[-1] == "rm x"
    assert engine.requests[0].auto_remove


def test_run__the_code_that_the_attachment_tells_is_the_code(engine: ScriptedEngine) -> None:
    engine.attachment.exit_code = 9
    engine.is_gone = True

    assert dockview(engine, "run -q --rm web")[0] == 9


def test_run__rm_of_a_container_that_is_gone_already_still_knows_its_code(engine: ScriptedEngine) -> None:
    engine.is_gone = True
    engine.on_run = lambda _cancel: engine.past_events.append(
        Event(1, "container", "die", _next_id(engine), {"exitCode": "7"})
    )

    code, _ = dockview(engine, "run -q --rm web")

    assert code == 7


def _next_id(engine: ScriptedEngine) -> str:
    return ScriptedEngine([]).run(engine.requests[-1]).id


def test_run__detached_does_not_attach(engine: ScriptedEngine) -> None:
    dockview(engine, "run -dq web")

    assert not engine.attachment.is_closed
    assert engine.attachment.read() is None


def test_run__that_fails_after_it_was_attached_lets_go(engine: ScriptedEngine) -> None:
    engine.fail_with = StartFailed("not there", exit_code=127)

    with pytest.raises(StartFailed):
        dockview(engine, "run -q web")
    assert engine.attachment.is_closed


def test_run__an_unknown_exit_code_is_said_and_never_zero(engine: ScriptedEngine) -> None:
    engine.code = None

    code, said = dockview(engine, "run -q web")

    assert code == 125
    assert "is unknown" in said.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ImageNotFound("no image x"), 125),
        (Conflict("taken"), 125),
        (StartFailed("not there", exit_code=127), 127),
        (StartFailed("not executable", exit_code=126), 126),
        (Cancelled("cancelled"), 130),
    ],
)
def test_run__exit_codes_of_failures(engine: ScriptedEngine, error: DockviewError, code: int) -> None:
    engine.fail_with = error

    with pytest.raises(type(error)) as caught:
        dockview(engine, "run -q web")

    assert caught.value.exit_code == code


def test_run__ctrl_c_before_the_start_cancels_and_undoes(engine: ScriptedEngine) -> None:
    def blocked(cancel: CancelToken) -> None:
        gate = os.pipe()
        with cancel.closing(lambda: os.close(gate[1])):
            os.kill(os.getpid(), signal.SIGINT)
            os.read(gate[0], 1)
        os.close(gate[0])
        cancel.raise_if_set()

    engine.on_run = blocked

    with pytest.raises(Cancelled):
        dockview(engine, "run -q web")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_run__signals_go_to_the_container(engine: ScriptedEngine, number: signal.Signals) -> None:
    engine.attachment = attachment = FakeAttachment(is_endless=True)
    engine.on_kill = lambda _signal: attachment.pieces.put(None)
    first_read = attachment.read

    def read() -> tuple[str, bytes] | None:
        os.kill(os.getpid(), number)
        return first_read()

    attachment.read = read  # type: ignore[method-assign]
    engine.code = 128 + number

    code, _ = dockview(engine, "run -q web")

    assert engine.signals == [number.name]
    assert code == 128 + number


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A pseudo-terminal: the end of the person, the end of the program."""
    ends = os.openpty()
    termios.tcsetwinsize(ends[1], (40, 100))
    yield ends
    for fd in ends:
        os.close(fd)


def test_run__it_is_raw_while_it_lasts_and_detaches_by_its_keys(
    engine: ScriptedEngine, terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    person, program = terminal
    before = termios.tcgetattr(program)
    modes: list[int] = []
    engine.attachment = attachment = FakeAttachment(is_tty=True, is_endless=True)
    monkeypatch.setattr("dockview.commands.foreground.window_size", lambda _fd: (40, 100))
    first_read = attachment.read

    def read() -> tuple[str, bytes] | None:
        modes.append(termios.tcgetattr(program)[3])
        os.write(person, b"ls\x03\x10\x11")
        return first_read()

    attachment.read = read  # type: ignore[method-assign]
    captured = Captured(in_fd=program)
    captured.console.in_is_tty = True

    code, _ = dockview(engine, "run -q -it web", captured)

    assert code == 0
    assert not modes[0] & (termios.ICANON | termios.ECHO | termios.ISIG)
    assert termios.tcgetattr(program) == before
    assert attachment.written.get() == b"ls\x03"
    assert attachment.sizes == [(40, 100)]
    assert engine.signals == []


def test_run__nobody_reads_the_output(engine: ScriptedEngine) -> None:
    engine.attachment = FakeAttachment(("stdout", b"x"), is_endless=True)
    captured = Captured()
    captured.out_file.close()

    with pytest.raises(BrokenPipeError):
        dockview(engine, "run -q web", captured)


def test_start__attached_returns_the_code(engine: ScriptedEngine) -> None:
    engine = ScriptedEngine()
    engine.attachment = FakeAttachment(("stdout", b"again\n"))
    engine.code = 3

    code, said = dockview(engine, "start -a hello")

    assert (code, said.out) == (3, "again\n")


def test_start__several_print_what_was_started_and_fail_in_the_exit_code(engine: ScriptedEngine) -> None:
    engine = ScriptedEngine()

    code, said = dockview(engine, "start hello nowhere crashed")

    assert (code, said.out) == (1, "hello\ncrashed\n")
    assert "no such container: nowhere" in said.err


def test_attach__to_a_stopped_container_is_refused(engine: ScriptedEngine) -> None:
    with pytest.raises(Conflict, match="stopped"):
        dockview(ScriptedEngine(), "attach hello")


def test_call_cancellable__raises_what_the_call_raises() -> None:
    def fails(_cancel: CancelToken) -> None:
        raise Conflict("no")

    with pytest.raises(Conflict):
        call_cancellable(fails)


def _pull(sink: list[Record]) -> None:
    with Recorder("run", "web", line="", engine="embedded", sinks=[sink.append]) as trace:
        with trace.phase(Phase.RESOLVE) as span:
            span.fact("registry", "docker.io")
            span.fact("namespace", "library")
            span.fact("repository", "web")
            span.fact("tag", "latest")
            span.fact("docker.io", "unreachable (no route)")
            span.fact("registry", "hub.localhost")
            span.fact("namespace", None)
        with trace.phase(Phase.CACHE) as span:
            span.fact("decision", "miss")
        with trace.phase(Phase.MANIFEST):
            pass
        with trace.phase(Phase.LAYER, "1/1") as span:
            span.fact("digest", "sha256:" + "ab" * 32)
            for stage in ("download", "verify", "unpack"):
                span.progress(5_000, 10_000, stage=stage)


def test_progress__plain_lines_tell_the_pull_in_docker_words() -> None:
    records: list[Record] = []
    _pull(records)
    captured = Captured()
    progress = PullProgress(captured.console, "web", to_out=False)

    for record in records:
        progress.on_record(record)
    progress.close()

    assert captured.err.splitlines() == [
        "Unable to find image 'web:latest' locally",
        "docker.io is unreachable (no route)",
        "latest: Pulling from hub.localhost/web",
        "abababababab: Pulling fs layer",
        "abababababab: Downloading",
        "abababababab: Verifying Checksum",
        "abababababab: Extracting",
        "abababababab: Pull complete",
    ]
    assert captured.out == ""


def test_progress__a_terminal_gets_a_block_that_is_drawn_over_itself() -> None:
    records: list[Record] = []
    _pull(records)
    captured = Captured(is_tty=True)
    progress = PullProgress(captured.console, "web", to_out=False)

    for record in records:
        progress.on_record(record)
    progress.close()

    assert "Downloading        [===============>" in captured.err
    assert "\x1b[1A\rabababababab: Pull complete\x1b[K\n" in captured.err


def test_progress__says_nothing_when_the_image_is_here() -> None:
    records: list[Record] = []
    recorder = Recorder("run", "web", line="", engine="embedded", sinks=[records.append])
    with recorder as trace, trace.phase(Phase.CACHE) as span:
        span.fact("decision", "hit")
    captured = Captured()
    progress = PullProgress(captured.console, "web", to_out=False)

    for record in records:
        progress.on_record(record)
    progress.close()

    assert captured.err == ""
