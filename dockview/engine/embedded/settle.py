"""The affairs of a container whose shim was killed: whoever looks next writes down that its end is not known."""

from __future__ import annotations

import contextlib
import json
import os
import time

from dockview.engine.embedded.discard import note
from dockview.engine.embedded.house import House
from dockview.engine.lifecycle import Status
from dockview.engine.state.containers import ContainerRecord

_MARK = "settled"
_WHY = "the container's shim was killed: nobody saw how the container ended"


def settle(house: House, record: ContainerRecord) -> None:
    """End the open spans of a dead container's trace as lost, and journal its `die`, without an exit code; once."""
    folder = house.layout.container(record.id)
    try:
        os.close(os.open(f"{folder}/{_MARK}", os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError:
        return  # another process does it, did it, or removes the container
    _let_go(folder)
    with contextlib.suppress(OSError, ValueError, KeyError):
        with open(f"{folder}/shim.json", encoding="utf-8") as file:
            path = json.load(file)["trace_path"]
        trace = house.traces.load(os.path.basename(path).removesuffix(".jsonl"))
        open_spans = [] if trace is None else [span.id for span in trace.spans if span.status is Status.RUNNING]
        lines = [
            json.dumps({"t": "end", "span": span, "clock_ns": time.monotonic_ns(), "status": Status.LOST, "why": _WHY})
            for span in open_spans
        ]
        with open(path, "ab") as file:
            file.write("".join(f"{line}\n" for line in lines).encode())
    note(house, "die", record)


def _let_go(folder: str) -> None:
    """What was paused when its shim was killed could not even die."""
    from dockview.engine.runtime.freezer import frozen, thaw  # noqa: PLC0415  hardly ever needed
    from dockview.engine.runtime.groups import group_of  # noqa: PLC0415

    folders = group_of(folder).folders
    if frozen(folders) is not False:
        thaw(folders)


def unsettle(house: House, record: ContainerRecord) -> None:
    """A new life begins."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{house.layout.container(record.id)}/{_MARK}")
