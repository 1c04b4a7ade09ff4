"""Docker lines in the app: what is typed is done as it is written, or refused; no flag is passed over."""

from __future__ import annotations

import pytest

from tests.ui.conftest import Start
from tests.ui.test_dashboard import run_line


async def test_rename_from_the_line(start: Start) -> None:
    """The list has the new name."""
    async with start() as stage:
        await run_line(stage, "rename web front")
        await stage.until(lambda: "front" in stage.names("container"))
        assert "web" not in stage.names("container")


@pytest.mark.parametrize(
    ("line", "flag"),
    [
        ("image prune --filter until=24h", "--filter"),
        ("volume prune -a", "--all"),
        ("start -a hello", "--attach"),
    ],
)
async def test_a_flag_that_would_be_ignored_is_refused(start: Start, line: str, flag: str) -> None:
    """Nothing is done, and the line says why and where it can be done."""
    async with start() as stage:
        before = len(stage.engine.calls)
        await run_line(stage, line)
        await stage.sees(f"{flag} of")
        assert [call for call in stage.engine.calls[before:] if not call.startswith("logs")] == []
