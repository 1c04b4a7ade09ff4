"""A pull that is broken off goes on where it was, by ctrl-c and by kill -9; progress tells the truth about it."""

from __future__ import annotations

import gzip
import os
import random
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dockview.engine import open_engine
from dockview.engine.lifecycle import Phase
from tests.support.cli import CommandLine
from tests.support.images import layer
from tests.support.waiting import until
from tests.unit.scripted_registry import Answer, ScriptedRegistry, sha256

pytestmark = pytest.mark.root

TAR = layer({"noise": random.Random(1).randbytes(3 << 20)})  # noqa: S311  the same noise every time
BLOB = gzip.compress(TAR, mtime=0)
HALF = len(BLOB) // 2
PATH = f"/v2/web/blobs/{sha256(BLOB)}"


class Slow(ScriptedRegistry):
    """Sends half of the layer, and then nothing for as long as the test wants; then what is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()
        self.image("web", [BLOB], diff_ids=[sha256(TAR)])
        self.on(PATH, Answer(200, BLOB[:HALF], length=len(BLOB), write=self._stall), self._rest)

    def _stall(self, _stream: Any) -> None:
        self.over.wait(60)

    @staticmethod
    def _rest(request: Any) -> Answer:
        asked = request.headers.get("Range")
        if asked is None:
            return Answer(200, BLOB)
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        return Answer(206, BLOB[start:], {"Content-Range": f"bytes {start}-{len(BLOB) - 1}/{len(BLOB)}"})

    @property
    def ranges(self) -> list[str | None]:
        return [request.headers.get("Range") for request in self.paths(PATH)]


@pytest.fixture
def slow() -> Iterator[Slow]:
    server = Slow()
    with server:
        yield server
        server.over.set()


def _kept(root: str) -> int:
    try:
        return os.path.getsize(f"{root}/blobs/partial/{sha256(BLOB).partition(':')[2]}")
    except FileNotFoundError:
        return 0


def _break_off(dockview: CommandLine, slow: Slow, sign: signal.Signals) -> int:
    process = dockview.start("pull", f"{slow.host}/web")
    until(lambda: _kept(dockview.root) == HALF, "half of the layer to be there")
    process.send_signal(sign)
    process.communicate(timeout=30)
    return process.returncode


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_pull_goes_on(dockview: CommandLine, slow: Slow, sign: signal.Signals, code: int) -> None:
    assert _break_off(dockview, slow, sign) == code
    assert _kept(dockview.root) == HALF
    out = dockview.ok("pull", f"{slow.host}/web")
    assert slow.ranges == [None, f"bytes={HALF}-"]
    assert "Pull complete" in out
    assert (_kept(dockview.root), os.listdir(f"{dockview.root}/tmp")) == (0, [])
    engine = open_engine(root=dockview.root)
    span = engine.traces(limit=1)[0].find(Phase.LAYER)
    engine.close()
    assert span is not None
    assert span.fact("resumed") == "the beginning was here already"
    assert span.progress is not None
    assert (span.progress.current, span.progress.total) == (len(BLOB), len(BLOB))


def test_a_damaged_beginning_is_fetched_anew(dockview: CommandLine, slow: Slow) -> None:
    _break_off(dockview, slow, signal.SIGINT)
    with open(f"{dockview.root}/blobs/partial/{sha256(BLOB).partition(':')[2]}", "r+b") as file:
        file.seek(1000)
        file.write(b"rot")
    dockview.ok("pull", f"{slow.host}/web")
    assert slow.ranges == [None, f"bytes={HALF}-", None]


def test_a_prune_takes_what_was_kept(dockview: CommandLine, slow: Slow) -> None:
    _break_off(dockview, slow, signal.SIGINT)
    assert _kept(dockview.root) == HALF
    dockview.ok("image", "prune", "--force")
    assert _kept(dockview.root) == 0
