"""Docker's JSON with anything missing, and the streams as daemons send them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dockview.engine.daemon import mapping
from dockview.engine.daemon.connection import Endpoint
from dockview.engine.daemon.pulling import PullSpans
from dockview.engine.daemon.streams import _framed_log, _raw_log, frames
from dockview.engine.errors import ImageNotFound
from dockview.engine.lifecycle import Status, Trace, TraceBuilder
from dockview.engine.model import ContainerStatus
from dockview.engine.recorder import Recorder


@pytest.mark.parametrize(("text", "ns"), [
    ("2026-11-20T18:48:41.549259095Z", 1795200521549259095),
    ("2026-11-20T18:48:41.5Z", 1795200521500000000),
    ("2026-11-20T18:48:41Z", 1795200521000000000),
    ("2026-11-20T19:48:41.549259095+01:00", 1795200521549259095),
    ("0001-01-01T00:00:00Z", None), ("", None), (None, None), ("yesterday", None),
])  # fmt: skip
def test_times(text: str | None, ns: int | None) -> None:
    assert mapping.nanoseconds(text) == ns


def test_empty_answers__are_unknown_not_zero() -> None:
    """Every field is optional; what is not told is None."""
    container = mapping.container_of_inspect({})
    assert container.status is ContainerStatus.UNKNOWN
    assert (container.pid, container.exit_code, container.oom_killed, container.restart_count) == (None,) * 4
    assert mapping.container_of_list({}).exit_code is None
    assert mapping.image_of_list({}).size_bytes is None
    assert mapping.image_of_inspect({}).created_ns is None
    assert mapping.volume({}).size_bytes is None
    assert mapping.network({}).containers == {}
    assert mapping.disk_usage({}).images_bytes is None
    assert mapping.engine_info({}, {}, Endpoint("unix:///x", "x", "")).rootless is None
    assert mapping.event({}).attributes == {}


@pytest.mark.parametrize(("state", "said", "code", "health"), [
    ("exited", "Exited (137) 2 hours ago", 137, ""), ("running", "Up 2 minutes (healthy)", None, "healthy"),
    ("running", "Up 3 seconds (health: starting)", None, "starting"), ("created", "Created", None, ""),
])  # fmt: skip
def test_listed_status(state: str, said: str, code: int | None, health: str) -> None:
    container = mapping.container_of_list({"State": state, "Status": said})
    assert (str(container.status), container.exit_code, container.health) == (state, code, health)


def _chop(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def _frame(stream: int, payload: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


@pytest.mark.parametrize("size", [1, 7, 8, 9, 1000])
def test_frames__however_they_are_cut(size: int) -> None:
    data = _frame(1, b"one\n") + _frame(2, b"") + _frame(2, b"two")
    assert list(frames(_chop(data, size))) == [("stdout", b"one\n"), ("stderr", b""), ("stderr", b"two")]


def test_framed_log__long_lines_are_partial() -> None:
    stamp = b"2026-11-20T18:48:41.5Z "
    records = list(
        _framed_log(iter([_frame(1, stamp + b"begins"), _frame(1, stamp + b" ends\n"), _frame(2, stamp + b"\xff\n")]))
    )
    assert [(r.stream, r.text, r.is_partial) for r in records] == [
        ("stdout", "begins", True), ("stdout", " ends", False), ("stderr", "�", False),
    ]  # fmt: skip


def test_raw_log__of_a_terminal_with_a_cut_line() -> None:
    stamp = b"2026-11-20T18:48:41.5Z "
    records = list(_raw_log(_chop(stamp + b"x" * 16384 + stamp + b"rest\n" + stamp + b"last\n", 4096)))
    assert [(len(r.text), r.is_partial) for r in records] == [(16384, True), (4, False), (4, False)]


GRAPH_DRIVER = """
{"status":"Pulling from library/two","id":"latest"}
{"status":"Pulling fs layer","progressDetail":{},"id":"aaaaaaaaaaaa"}
{"status":"Pulling fs layer","progressDetail":{},"id":"bbbbbbbbbbbb"}
{"status":"Downloading","progressDetail":{"current":5,"total":10},"progress":"[=>]","id":"aaaaaaaaaaaa"}
{"status":"Verifying Checksum","progressDetail":{},"id":"aaaaaaaaaaaa"}
{"status":"Download complete","progressDetail":{},"id":"aaaaaaaaaaaa"}
{"status":"Extracting","progressDetail":{"current":10,"total":10},"progress":"[=>]","id":"aaaaaaaaaaaa"}
{"status":"Pull complete","progressDetail":{},"id":"aaaaaaaaaaaa"}
{"status":"Already exists","progressDetail":{},"id":"bbbbbbbbbbbb"}
{"status":"Digest: sha256:dd"}
{"status":"Status: Downloaded newer image for two:latest"}
"""
CONTAINERD_STORE = """
{"status":"Pulling from library/two","id":"latest"}
{"status":"Pulling fs layer","progressDetail":{},"id":"aaaaaaaaaaaa"}
{"status":"Downloading","progressDetail":{"current":7},"id":"aaaaaaaaaaaa"}
{"status":"Download complete","progressDetail":{"hidecounts":true},"id":"aaaaaaaaaaaa"}
{"status":"Extracting","progressDetail":{"current":1,"units":"s"},"progress":"1 s","id":"aaaaaaaaaaaa"}
{"status":"Pulling fs layer","progressDetail":{},"id":"bbbbbbbbbbbb"}
{"status":"Extracting","progressDetail":{"current":2,"units":"s"},"progress":"2 s","id":"aaaaaaaaaaaa"}
{"status":"Pull complete","progressDetail":{"hidecounts":true},"id":"aaaaaaaaaaaa"}
{"status":"Digest: sha256:dd"}
"""


def _pulled(stream: str) -> Trace:
    builder = TraceBuilder()
    with (
        Recorder("pull", "two", line="", engine="docker", sinks=[builder.apply]) as trace,
        PullSpans(trace, "no") as spans,
    ):
        for line in stream.split("\n"):
            if line:
                spans.take(json.loads(line))
    assert builder.trace is not None
    return builder.trace


def test_pull_stream__graph_driver() -> None:
    one, two = _pulled(GRAPH_DRIVER).spans
    assert (one.part, one.status, one.fact("bytes"), one.fact("decision")) == ("aaaaaaaaaaaa", Status.OK, 10, "pulled")
    assert one.progress is not None
    assert (one.progress.current, one.progress.total, one.progress.stage) == (10, 10, "unpack")
    assert (two.fact("decision"), two.fact("bytes")) == ("already here", None)


def test_pull_stream__containerd_store() -> None:
    """No totals, seconds for bytes, a layer that comes late and is never said to be complete."""
    one, two = _pulled(CONTAINERD_STORE).spans
    assert one.progress is not None
    assert (one.progress.current, one.progress.total, one.progress.unit) == (2, None, "s")
    assert (one.fact("bytes"), two.status) == (7, Status.OK)


def test_pull_stream__error_fails_the_open_layers() -> None:
    builder = TraceBuilder()
    said: list[dict[str, Any]] = [
        {"status": "Pulling fs layer", "id": "aaaaaaaaaaaa"},
        {"errorDetail": {"message": "manifest unknown"}, "error": "manifest unknown"},
    ]

    def pull() -> None:
        recorder = Recorder("pull", "two", line="", engine="docker", sinks=[builder.apply])
        with recorder as trace, PullSpans(trace, "cannot pull two") as spans:
            for message in said:
                spans.take(message)

    with pytest.raises(ImageNotFound):
        pull()
    assert builder.trace is not None
    assert [span.status for span in builder.trace.spans] == [Status.FAILED]
