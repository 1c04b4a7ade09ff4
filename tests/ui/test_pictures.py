"""What a person sees, as pictures. After a wanted change: `pytest tests/ui/test_pictures.py --snapshot-update`, and
look."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from dockview.app import DockviewApp
from dockview.opening import Opening
from tests import fakes

pytestmark = pytest.mark.usefixtures("_frozen")


def make_app() -> DockviewApp:
    engine = fakes.FakeEngine()
    return DockviewApp(Opening(lambda: engine))


async def settle(pilot: Pilot[Any]) -> None:
    """Wait for the traces."""
    board = pilot.app.dashboard  # type: ignore[attr-defined]
    while board.engine is None or board.detail.lifecycle.trace is None:
        await pilot.pause(0.02)
    board.head.counts = board.head.counts
    while board.head.counts.disk_bytes is None:
        await pilot.pause(0.02)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_dashboard(snap_compare: Any, size: tuple[int, int]) -> None:
    """All objects, one in detail."""
    assert snap_compare(make_app(), terminal_size=size, run_before=settle)


def test_prune_preview(snap_compare: Any) -> None:
    """What would go."""

    async def before(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        await pilot.press("P")
        while getattr(pilot.app.screen, "_plan", None) is None:
            await pilot.pause(0.02)

    assert snap_compare(make_app(), terminal_size=(120, 40), run_before=before)
