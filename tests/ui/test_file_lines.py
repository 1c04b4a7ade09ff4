"""Docker lines about volumes and the files of containers, in the app."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.conftest import Start
from tests.ui.test_dashboard import run_line


async def test_volumes_from_the_line(start: Start) -> None:
    """Made, and removed again."""
    async with start() as stage:
        await run_line(stage, "volume create mine")
        await stage.until(lambda: "volume create mine" in stage.engine.calls)
        await run_line(stage, "volume rm mine")
        await stage.until(lambda: "volume rm mine" in stage.engine.calls)


async def test_cp_export_and_commit_from_the_line(start: Start, tmp_path: Path) -> None:
    """Files come out, and an image is made."""
    async with start() as stage:
        await run_line(stage, f"cp web:/etc/passwd {tmp_path}/out")
        await stage.until((tmp_path / "out").exists)
        await run_line(stage, f"export -o {tmp_path}/x.tar web")
        await stage.until((tmp_path / "x.tar").exists)
        await run_line(stage, "commit web mine:1")
        await stage.until(lambda: "commit web mine:1" in stage.engine.calls)


@pytest.mark.parametrize("line", ["cp web:/etc -", "export web"])
async def test_a_stream_has_no_place_here(start: Start, line: str) -> None:
    async with start() as stage:
        await run_line(stage, line)
        await stage.sees("here")
