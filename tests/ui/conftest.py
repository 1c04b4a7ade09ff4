"""The app on a fake engine, with a clock that stands."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from textual.pilot import Pilot

from dockview.app import DockviewApp
from dockview.opening import Opening
from dockview.screens import picture
from dockview.settings import Settings
from dockview.widgets.lifecycle import LifecycleView
from tests import fakes


@dataclass
class Stage:
    """A running app and the engine under it."""

    app: DockviewApp
    pilot: Pilot[Any]
    engine: fakes.FakeEngine
    copied: list[str] = field(default_factory=list)

    @property
    def board(self) -> Any:
        return self.app.dashboard

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        names = {" ": "space", "-": "minus", ":": "colon", "/": "slash", "=": "equals_sign", "_": "underscore"}
        await self.pilot.press(*(names.get(letter, letter) for letter in text))

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Let the app work until the condition holds."""
        deadline = time.monotonic() + 10
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain: {what}\n{self.text()}")
            await asyncio.sleep(0.01)
        await self.pilot.pause()

    async def sees(self, words: str) -> None:
        """Wait until the words are on the screen."""
        await self.until(lambda: words in self.text(), words)

    def text(self) -> str:
        """What a person would read."""
        screen = self.app.screen
        return "\n".join(strip.text for strip in screen._compositor.render_strips(self.app.size))

    def names(self, kind: str = "container") -> list[str]:
        """Names in a list, from top to bottom."""
        return [row.name for row in self.board.rail.lists[kind].rows]


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "now_ns", lambda: fakes.NOW_NS)
    monkeypatch.setattr(picture.PictureScreen, "_measure_host", lambda _: None)
    monkeypatch.setattr(LifecycleView, "_now_ns", lambda _, __: 124 * fakes.SECOND)


Start = Callable[..., contextlib.AbstractAsyncContextManager[Stage]]


@pytest.fixture
def start() -> Start:
    """Start the app: `async with start(engine, size=(120, 40)) as stage`."""

    @contextlib.asynccontextmanager
    async def started(
        engine: fakes.FakeEngine | None = None, *, size: tuple[int, int] = (120, 40), settings: Settings | None = None
    ) -> AsyncIterator[Stage]:
        engine = engine or fakes.FakeEngine()
        opening = Opening(lambda: engine)
        offered = ("hello-world", "web", "db", "box")
        app = DockviewApp(opening, settings, offered=lambda: offered)
        async with app.run_test(size=size) as pilot:
            stage = Stage(app, pilot, engine)
            copy = stage.copied.append
            app.copy_to_clipboard = copy  # type: ignore[method-assign,assignment]
            await stage.until(lambda: stage.board.engine is engine, "the engine opened")
            await stage.until(lambda: stage.board.detail.lifecycle.trace is not None or not engine.list, "the traces")
            await stage.until(lambda: stage.board.classes & {"-single", "-narrow", "-roomy", "-wide"}, "the layout")
            await pilot.pause()
            yield stage
            if app.is_running:
                app.leave()

    return started
