"""The log of a container, as the shim writes it and as the engine reads it."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from dockview.engine.model import LogRecord
from dockview.engine.runtime import codec
from dockview.engine.runtime.logfile import LINE_LIMIT, LogWriter
from dockview.engine.runtime.logs import LogStream, open_logs, parse_time


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def written(log: Path) -> list[tuple[str, str]]:
    return [(entry["stream"], entry["log"]) for entry in map(json.loads, log.read_text().splitlines())]


def read(log: Path, *, tail: int | None = None, since_ns: int | None = None, until_ns: int | None = None) -> list[str]:
    stream = open_logs(str(log), is_alive=lambda: False, tail=tail, since_ns=since_ns, until_ns=until_ns)
    return [record.text for record in stream]


@pytest.mark.parametrize(
    "text",
    ["plain\n", "a\nb\n\nc\n", 'quote " and \\ and \\n\n', "tab\tand\x1b[31mred\x00\x7f\n", "日本語 🐳\nü\n", "\n\n"],
)
def test_writer__lines_come_back(log: Path, text: str) -> None:
    writer = LogWriter(str(log))
    writer.write("stdout", text.encode())
    assert "".join(line for _stream, line in written(log)) == text
    assert len(written(log)) == text.count("\n")
    assert writer.size == log.stat().st_size


def test_writer__bytes_that_are_not_utf8_are_replaced(log: Path) -> None:
    LogWriter(str(log)).write("stdout", b"a\xffb\n")
    assert written(log) == [("stdout", "a�b\n")]


def test_writer__unfinished_line_waits_for_its_end(log: Path) -> None:
    writer = LogWriter(str(log))
    writer.write("stdout", b"one")
    writer.write("stderr", b"err\n")
    assert written(log) == [("stderr", "err\n")]
    assert writer.pending == {"stdout": b"one"}
    writer.write("stdout", b" two\nthree")
    writer.finish("stdout")
    assert written(log)[1:] == [("stdout", "one two\n"), ("stdout", "three")]


@pytest.mark.parametrize("extra", [0, 1, 5])
def test_writer__long_line_is_cut_at_16_kib(log: Path, extra: int) -> None:
    writer = LogWriter(str(log))
    line = b"x" * (2 * LINE_LIMIT + extra)
    for start in range(0, len(line), 5000):
        writer.write("stdout", line[start : start + 5000])
    writer.write("stdout", b"\nnext\n")
    pieces = [text for _stream, text in written(log)]
    assert "".join(pieces) == line.decode() + "\nnext\n"
    assert max(map(len, pieces)) <= LINE_LIMIT
    assert pieces[-1] == "next\n"


def test_writer__appends_to_what_is_there(log: Path) -> None:
    LogWriter(str(log)).write("stdout", b"one\n")
    again = LogWriter(str(log))
    again.write("stdout", b"two\n")
    assert [text for _stream, text in written(log)] == ["one\n", "two\n"]
    assert again.size == log.stat().st_size


def entry(number: int, second: int) -> str:
    when = f"2024-01-01T00:00:{second:02d}.5Z"
    return json.dumps({"log": f"line {number}\n", "stream": "stdout", "time": when}) + "\n"


def test_read__records(log: Path) -> None:
    log.write_text(entry(1, 0) + '{"log":"cut","stream":"stderr","time":"2024-01-01T00:00:01Z"}\n')
    base = parse_time("2024-01-01T00:00:00Z")
    assert list(open_logs(str(log), is_alive=lambda: False)) == [
        LogRecord(base + 500_000_000, "stdout", "line 1"),
        LogRecord(base + 1_000_000_000, "stderr", "cut", is_partial=True),
    ]


@pytest.mark.parametrize("tail", [0, 1, 2, 3, 999, 100_000])
def test_read__tail(log: Path, tail: int) -> None:
    log.write_text("".join(entry(n, n % 60) for n in range(3000)))
    assert read(log, tail=tail) == [f"line {n}" for n in range(max(0, 3000 - tail), 3000)]


def test_read__since_and_until(log: Path) -> None:
    log.write_text("".join(entry(n, n) for n in range(10)))
    base = parse_time("2024-01-01T00:00:00Z")
    assert read(log, since_ns=base + 3_000_000_000, until_ns=base + 5_600_000_000) == ["line 3", "line 4", "line 5"]


def test_read__broken_lines_are_passed_over(log: Path) -> None:
    log.write_text(entry(1, 1) + '{"log":"ha\n[]\n{"log":1}\n' + entry(2, 2) + '{"log":"half')
    assert read(log) == ["line 1", "line 2"]


def test_follow__until_the_container_ends(log: Path) -> None:
    log.write_text(entry(1, 1))
    is_alive = True
    stream = open_logs(str(log), follow=True, is_alive=lambda: is_alive)
    assert next(stream).text == "line 1"
    with log.open("a") as file:
        file.write(entry(2, 2)[:20])
        file.flush()
        file.write(entry(2, 2)[20:] + entry(3, 3))
    assert next(stream).text == "line 2"
    is_alive = False
    assert [record.text for record in stream] == ["line 3"]


def test_follow__close_from_another_thread(log: Path) -> None:
    log.write_text("")
    stream = open_logs(str(log), follow=True, is_alive=lambda: True)
    seen: list[LogRecord] = []
    reader = threading.Thread(target=lambda: seen.extend(stream))
    reader.start()
    stream.close()
    stream.close()
    reader.join(10)
    assert not reader.is_alive()
    assert seen == []


def test_follow__ends_at_its_time(log: Path) -> None:
    log.write_text("")
    assert list(LogStream(str(log), lambda: True, None, 0, 1)) == []


def test_codec__agrees_with_json() -> None:
    value = {"a": [1, -2.5, None, True, 'é\n"\\\x01😀'], "": {}, "n": 1 << 60}
    assert codec.loads(codec.dumps(value)) == value
    assert json.loads(codec.dumps(value)) == value
    assert codec.loads(f" {json.dumps(value)}\n") == value
    assert json.loads(codec.quote('a"b\\\n\x00é')) == 'a"b\\\n\x00é'
    for text in ("", "{", '{"a":1} x', "nope"):
        with pytest.raises(ValueError, match=r"not JSON|Expecting|delimiter|Extra"):
            codec.loads(text)
