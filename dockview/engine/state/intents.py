"""What a process is about to do to something that outlives it, such as a container that runs.

It is written down before and crossed out after, so that whoever opens the store next can take back what was begun by
a process that was killed (recovery.py). An intent is a file in the store's tmp folder whose name gives its process:
`<pid>.<start time>.<random>.intent`, with a JSON object: {"kind": "connect" | "pause", …}.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping

from dockview.engine.processes import process_start_ticks
from dockview.engine.state.layout import Layout

SUFFIX = ".intent"


@contextlib.contextmanager
def intent(layout: Layout, kind: str, **what: str) -> Iterator[None]:
    """Hold the intent while the block runs."""
    pid = os.getpid()
    path = f"{layout.tmp}/{pid}.{process_start_ticks(pid) or 0}.{os.urandom(4).hex()}{SUFFIX}"
    with open(path, "x", encoding="utf-8") as file:
        json.dump({"kind": kind, **what}, file)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def read_intent(path: str) -> Mapping[str, str]:
    """What was intended; empty for one that was never written whole, so that nothing had begun, or is gone."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
