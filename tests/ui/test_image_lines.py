"""Images by the `:` line of the app."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import digest
from tests.ui.conftest import Start
from tests.ui.test_dashboard import run_line


async def test_image_verbs_from_the_line(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They reach the engine as they are written; files are read and written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.tar").write_text("bytes")
    async with start() as stage:
        calls = stage.engine.calls
        for line, call in (
            ("tag web mine", "tag web mine"),
            ("load -i in.tar", "load bytes"),
            ("import -m hello in.tar mine", "import bytes mine hello "),
            ("save -o out.tar web", "save web"),
            ("logout reg.example", "logout reg.example"),
            ("pull --platform linux/arm64 web", "pull web linux/arm64"),
        ):
            await run_line(stage, line)
            await stage.until(lambda call=call: call in calls, call)  # type: ignore[misc]
        await stage.until((tmp_path / "out.tar").exists)
        assert (tmp_path / "out.tar").read_text() == digest(11)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("save web", "save writes to a file here"),
        ("load", "load reads from a file here"),
        ("load -i nowhere.tar", "nowhere.tar is not a file"),
        ("import -", "import reads from a file here"),
    ],
)
async def test_image_lines_that_need_a_file(start: Start, line: str, said: str) -> None:
    """There is no pipe in the app: the line says so, and nothing is done."""
    async with start() as stage:
        before = list(stage.engine.calls)
        await run_line(stage, line)
        await stage.sees(said)
        assert stage.engine.calls == before
