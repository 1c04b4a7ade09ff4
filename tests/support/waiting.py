"""Waiting for a condition, with a deadline: never for an amount of time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T | None], what: str, *, within_s: float = 20) -> T:
    """Ask again and again until the answer is true; the answer. Fails, saying `what`, when the deadline passes."""
    deadline = time.monotonic() + within_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within_s:g} s in vain for: {what}")
        time.sleep(0.02)  # the granularity of asking, not a wait for something
