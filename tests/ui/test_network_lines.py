"""Networks by the `:` line of the app."""

from __future__ import annotations

from tests.ui.conftest import Start
from tests.ui.test_dashboard import run_line


async def test_network_verbs_from_the_line(start: Start) -> None:
    """Create, connect, disconnect and remove reach the engine as they are written; the list follows."""
    async with start() as stage:
        await run_line(stage, "network create --internal blue")
        await stage.until(lambda: "network create blue" in stage.engine.calls)
        await stage.until(lambda: "blue" in stage.names("network"))
        await run_line(stage, "network connect blue web")
        await stage.until(lambda: "network connect blue web" in stage.engine.calls)
        await run_line(stage, "network disconnect blue web")
        await stage.until(lambda: "network disconnect blue web" in stage.engine.calls)
        await run_line(stage, "network rm blue")
        await stage.until(lambda: "blue" not in stage.names("network"))
        assert stage.engine.network_list == []


async def test_network_that_cannot_be_right(start: Start) -> None:
    """The line says why, and nothing is done."""
    async with start() as stage:
        await run_line(stage, "network create --subnet 10.0.0.0/24 --subnet 10.1.0.0/24 blue")
        await stage.sees("multiple subnets")
        assert not any(call.startswith("network") for call in stage.engine.calls)
