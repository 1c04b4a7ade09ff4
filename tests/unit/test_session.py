"""What the app knows of runs that have no container."""

from __future__ import annotations

import time

import pytest

from dockview.session import Session
from tests.support.traces import failed


@pytest.mark.parametrize(("age_s", "listed"), [(-60, 1), (86_400, 0)])
def test_failed_runs_of_others_are_listed_if_they_began_since_the_app_was_opened(age_s: int, listed: int) -> None:
    session = Session()
    for record in failed():
        if record["t"] == "trace":
            record = {**record, "wall_ns": time.time_ns() - age_s * 1_000_000_000}  # noqa: PLW2901  with its own time
        session.fold("one", "feed", record)
    assert len(session.births()) == listed


def test_a_failed_run_of_ones_own_is_listed_until_it_is_put_away() -> None:
    session = Session()
    for record in failed():
        session.fold("one", "feed", record)
    trace_id = next(iter(session.folded())).id
    session.own.add(trace_id)
    assert [trace.id for trace in session.births()] == [trace_id]
    session.dismiss(trace_id)
    assert session.births() == []
