"""Spans as the shim and the container's own processes write them (engine/lifecycle.py describes the records)."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from dockview.engine.runtime.sync import Channel

    Scalar = str | int | float | bool | None
    Tell = Callable[[list[dict[str, Any]]], None]


class Span:
    """One phase, or one part of it, as a `with` block: it begins and ends with the block.

    The beginning is told at once; the facts follow together with the end. An error is the `why` of a failed span.
    """

    def __init__(self, tell: Tell, phase: str, part: str = "", check: str = "") -> None:
        self.id = f"c.{phase}.{part}" if part else f"c.{phase}"
        self._tell = tell
        self._records: list[dict[str, Any]] = []
        self._status, self._why = "ok", ""
        start = {"t": "start", "span": self.id, "phase": phase, "part": part, "clock_ns": time.monotonic_ns()}
        tell([{**start, "check": check} if check else start])

    def __enter__(self) -> Span:  # noqa: PYI034  typing is slow to import
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if error is not None:
            self._status, self._why = "failed", str(error)
        self.end()

    def fact(self, name: str, value: Scalar, origin: str = "measured") -> None:
        """Record one piece of evidence."""
        self._records.append(fact(self.id, name, value, origin))

    def check(self, command: str) -> None:
        """Name the read-only shell command that shows the same."""
        self._records.append({"t": "check", "span": self.id, "check": command})

    def flush(self) -> None:
        """Tell the facts so far, before the span ends."""
        records, self._records = self._records, []
        self._tell(records)

    def skip(self, why: str) -> None:
        """The span will end as not done, with the reason."""
        self._status, self._why = "skipped", why

    def fail(self, why: str) -> None:
        """The span will end as failed."""
        self._status, self._why = "failed", why

    def end(self) -> None:
        """End the span, where it is not a `with` block."""
        end = {"t": "end", "span": self.id, "clock_ns": time.monotonic_ns(), "status": self._status, "why": self._why}
        self._tell([*self._records, end])
        self._records = []


def fact(span: str, name: str, value: Scalar, origin: str = "measured") -> dict[str, Any]:
    """The record of one fact of a span that may have ended."""
    return {"t": "fact", "span": span, "name": name, "value": value, "origin": origin}


def over(channel: Channel) -> Tell:
    """A teller that sends records to the engine."""

    def tell(records: list[dict[str, Any]]) -> None:
        if records:
            channel.send({"m": "records", "records": records})

    return tell
