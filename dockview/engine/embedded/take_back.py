"""What a process that was killed had begun with a container that lives on, brought to an end (state/intents.py)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dockview.engine.errors import Conflict, NotFound

if TYPE_CHECKING:
    from dockview.engine.embedded.house import House


def take_back(house: House, what: Mapping[str, str]) -> None:
    """Take a half-connected container off the network; let a container that was frozen for a commit go on.

    Idempotent. Raises: SyscallError, OSError; then it can be tried again.
    """
    with contextlib.suppress(NotFound, Conflict):
        if what.get("kind") == "connect":
            from dockview.engine.embedded.plug import take_off  # noqa: PLC0415  rare

            take_off(house, what["network"], what["container"])
        elif what.get("kind") == "pause":
            from dockview.engine.embedded.pause import pause  # noqa: PLC0415  rare

            pause(house, what["container"], is_paused=False)
