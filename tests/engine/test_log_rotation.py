"""--log-opt max-size and max-file: docker's names of files, and readers that do not notice."""

from __future__ import annotations

import os
import threading

import pytest

from dockview.engine.api import Attachment, Engine
from dockview.engine.lifecycle import Phase
from tests.support.requests import request

pytestmark = [pytest.mark.root, pytest.mark.registry]
TWO = {"max-size": "2k", "max-file": "2"}


def test_files__as_many_as_said(engine: Engine, busybox_image: str) -> None:
    """The newest has the log's name, the one before it `.1`; older ones are gone."""
    engine.run(request(busybox_image, "seq", "1", "20000", name="flood", log_opts=TWO))
    engine.wait("flood")
    path = engine.inspect("flood")["LogPath"]
    names = sorted(name for name in os.listdir(os.path.dirname(path)) if "-json.log" in name)
    assert names == [os.path.basename(path), os.path.basename(path) + ".1"]
    lines = [record.text for record in engine.logs("flood")]
    assert lines[-1] == "20000"
    assert lines == [str(number) for number in range(int(lines[0]), 20001)]
    assert [record.text for record in engine.logs("flood", tail=3)] == ["19998", "19999", "20000"]
    assert [record.text for record in engine.logs("flood", tail=len(lines) - 1)] == lines[1:]
    engine.remove("flood")
    assert not os.path.exists(os.path.dirname(path))


def test_attached__misses_nothing(engine: Engine, busybox_image: str) -> None:
    """Who is there from the start gets everything, however often the log is rotated."""
    attached: list[Attachment] = []
    settings = {"log_opts": TWO, "name": "told", "detach": False}
    engine.run(request(busybox_image, "seq", "1", "5000", **settings), on_attach=attached.append)
    said = b"".join(iter(lambda: (attached[0].read() or ("", b""))[1], b""))
    attached[0].close()
    assert said.split() == [str(number).encode() for number in range(1, 5001)]


def test_followed__goes_on_across_files(engine: Engine, busybox_image: str) -> None:
    """A follower that keeps up sees each line once, in order."""
    script = "i=0; while [ $i -lt 150 ]; do i=$((i+1)); echo $i; usleep 2000; done"
    engine.run(request(busybox_image, "sh", "-c", script, name="slow", log_opts={"max-size": "1k", "max-file": "3"}))
    stream = engine.logs("slow", follow=True)
    ended = threading.Timer(20, stream.close)
    ended.start()
    seen = [int(record.text) for record in stream]
    ended.cancel()
    assert seen[-1] == 150
    assert seen == list(range(seen[0], 151))


def test_trace__has_no_such_phase_as_failed(engine: Engine, busybox_image: str) -> None:
    """A rotated log is told as any other."""
    engine.run(request(busybox_image, "true", name="quiet", log_opts=TWO))
    engine.wait("quiet")
    assert engine.inspect("quiet")["HostConfig"]["LogConfig"] == {"Type": "json-file", "Config": TWO}
    assert engine.traces("quiet")[0].find(Phase.EXITED) is not None
