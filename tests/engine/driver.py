"""A program that runs a container and ends itself, or is asked to end, just when a phase begins.

    driver.py ROOT IMAGE PHASE PART HOW

HOW is `kill` (SIGKILL to itself), `cancel` (the caller's token) or `interrupt` (ctrl-c). The exit code is 0 when the
container was started, 130 when the run was cancelled.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

from dockview.engine import open_engine
from dockview.engine.cancel import CancelToken
from dockview.engine.errors import Cancelled
from dockview.engine.lifecycle import Record
from dockview.engine.model import RunRequest


def main(root: str, image: str, phase: str, part: str, how: str) -> int:
    """Run, and strike when the phase begins."""
    token = CancelToken()

    def strike(record: Record) -> None:
        moment = (record["t"], record.get("phase"), record.get("part"), record.get("undo", False))
        if moment == ("start", phase, part, False):
            if how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            elif how == "interrupt":
                os.kill(os.getpid(), signal.SIGINT)
            else:
                token.cancel()

    request = RunRequest(image=image, line=f"docker run {image}", command=("sleep", "600"), name="struck", detach=True)
    with contextlib.closing(open_engine("embedded", root=root)) as engine:
        try:
            engine.run(request, cancel=token, on_record=strike)
        except (Cancelled, KeyboardInterrupt):
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
