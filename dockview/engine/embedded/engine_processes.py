"""The part of the embedded engine's face that is about the processes of running containers."""

from __future__ import annotations

from typing import TypeVar

from dockview.engine.api import Attachment, OnRecord, Stream
from dockview.engine.embedded.house import House
from dockview.engine.model import Container, ExecRequest, ProcessTable, Stats, UpdateRequest

S = TypeVar("S")


class Processes:
    """Mixed into EmbeddedEngine; `_house` is the engine's."""

    _house: House

    def _owned(self, stream: S) -> S:
        raise NotImplementedError

    def exec(self, ref: str, request: ExecRequest, *, on_record: OnRecord | None = None) -> Attachment:
        """Execute one more command."""
        from dockview.engine.embedded.exec import execute  # noqa: PLC0415

        return self._owned(execute(self._house, ref, request, on_record))

    def top(self, ref: str, ps_options: str = "-ef") -> ProcessTable:
        """The processes."""
        from dockview.engine.embedded.top import top  # noqa: PLC0415

        return top(self._house, ref, ps_options)

    def stats(self, ref: str) -> Stream[Stats]:
        """What it uses."""
        from dockview.engine.embedded.stats import stats  # noqa: PLC0415

        return self._owned(stats(self._house, ref))

    def pause(self, ref: str) -> None:
        """Freeze."""
        from dockview.engine.embedded.pause import pause  # noqa: PLC0415

        pause(self._house, ref, is_paused=True)

    def unpause(self, ref: str) -> None:
        """Let it go on."""
        from dockview.engine.embedded.pause import pause  # noqa: PLC0415

        pause(self._house, ref, is_paused=False)

    def update(self, ref: str, request: UpdateRequest) -> Container:
        """Change limits."""
        from dockview.engine.embedded.query import get_container  # noqa: PLC0415
        from dockview.engine.embedded.update import update  # noqa: PLC0415

        return get_container(self._house, update(self._house, ref, request))
