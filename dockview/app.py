"""The full-screen app: one engine, the theme, the keys, the dashboard. No container logic lives here."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from dockview.engine.api import Engine
from dockview.keymap import check_overrides
from dockview.lanes import spawn
from dockview.opening import Opening
from dockview.screens.dashboard import Dashboard
from dockview.screens.host import HostApp
from dockview.settings import Settings, load_settings
from dockview.theme import THEME

_CLOSING_S = 2.0
"""How long leaving waits for an engine to be closed."""
_PARTING_S = 0.7
"""How long the terminal may take to be put right after a signal."""
_UNDOING_S = 3.0
"""How long that waits for a cancelled run to undo what it did."""


class OtherOpened(Message):
    """An engine of another kind is there, or could not be opened."""

    def __init__(self, opening: Opening) -> None:
        super().__init__()
        self.opening = opening


class DockviewApp(HostApp):
    """dockview on one engine.

    Life: the engine opens in a thread while the first picture is drawn; leaving closes the engine, which unblocks
    every call in flight, and waits for none of them. Containers go on.
    """

    TITLE = "dockview"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "quit", "Quit", show=False, priority=True)]
    CSS_PATH = "screens/dashboard.tcss"
    """The first screen's rules come with the app: Textual loads none for a default screen."""

    def __init__(
        self,
        opening: Opening,
        settings: Settings | None = None,
        open_kind: Callable[[str], Engine] | None = None,
        offered: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        super().__init__()
        self.open_kind = open_kind
        self._offered = offered
        self.closing: list[threading.Thread] = []
        """Engines that are being closed."""
        self.settings = settings or Settings()
        self.line_history = []
        self.key_overrides, self._key_problems = check_overrides(self.settings.keys)
        self._opening = opening
        self.register_theme(THEME)
        self.theme = self.settings.theme if self.settings.theme in self.available_themes else THEME.name

    def offered(self) -> Sequence[str]:
        """Names of images that can be run though they are not here yet."""
        return self._offered()

    def get_default_screen(self) -> Screen[Any]:
        """The dashboard."""
        board = Dashboard(self._opening)
        board.is_confirming = self.settings.confirm
        board.show_stopped = self.settings.show_stopped
        board.problems = [*self.settings.problems, *self._key_problems]
        if self.settings.theme not in self.available_themes:
            board.problems.append(f"there is no theme {self.settings.theme!r}")
        return board

    @property
    def dashboard(self) -> Dashboard:
        """The dashboard, whatever lies over it."""
        board = self.screen_stack[0]
        assert isinstance(board, Dashboard)  # noqa: S101  get_default_screen made it
        return board

    def on_mount(self) -> None:
        """Apply the keys that the user has chosen."""
        self.call_after_refresh(self._settle_memory)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            with contextlib.suppress(
                RuntimeError, ValueError
            ):  # not on the main thread: whoever runs it has the signals
                loop.add_signal_handler(number, self._end_by, number)
        if self.key_overrides:
            self.set_keymap(self.key_overrides)

    def _end_by(self, number: int) -> None:
        """Somebody wants it to end, or the terminal has gone: leave as by q, and put the terminal right."""
        self._let_go(self.dashboard)
        self.exit(128 + number, return_code=128 + number)

        def end() -> None:
            for thread in self.closing:
                thread.join(_CLOSING_S + _UNDOING_S)
            time.sleep(_PARTING_S)
            os._exit(128 + number)  # the terminal is gone, and the thread that writes to it waits for ever

        spawn("end", end)

    def _settle_memory(self) -> None:
        # What is there after the first picture stays (modules, styles): the collector need not look at it again.
        gc.freeze()
        gc.enable()

    async def on_event(self, event: events.Event) -> None:
        """Remember when a key was last pressed; a notice goes with the next one, but for why there is no engine."""
        if isinstance(event, events.Key):
            board = self.dashboard
            board.session.last_key_s = time.monotonic()
            if event.key != "escape" and board.engine is not None:
                board.notice.clear()
        await super().on_event(event)

    async def action_quit(self) -> None:
        """Leave; ask while a run is being built."""
        building = self.dashboard.session.building()
        if not building:
            self.leave()
            return
        from dockview.screens.confirm import Confirm  # noqa: PLC0415  loaded when it is first used
        from dockview.text import clean_line  # noqa: PLC0415

        words = [clean_line(trace.line) for trace in building]

        def answered(answer: tuple[bool, bool] | None) -> None:
            if answer and answer[0]:
                self.leave()

        question = "Leave while a run is being built?"
        await self.push_screen(
            Confirm(question, [*words, "It is cancelled, and what it did is undone."], "leave"), answered
        )

    def leave(self) -> None:
        """Close feeds and engine, then the app."""
        self._let_go(self.dashboard)
        self.exit(0)

    def _let_go(self, board: Dashboard) -> None:
        builders, engine = board.builders(), board.engine
        board.let_go()
        if engine is None:
            return

        def close() -> None:
            for thread in builders:  # what they undo needs the engine
                thread.join(_UNDOING_S)
            engine.close()

        self.closing.append(spawn("engine.close", close))

    def switch_engine(self, kind: str) -> None:
        """Open an engine of another kind; the one in use stays until that has succeeded."""
        open_kind = self.open_kind
        if open_kind is None:
            return
        self.dashboard.head.note = f"opening {kind}…"

        def tell(opening: Opening) -> None:
            self.post_message(OtherOpened(opening))

        Opening(lambda: open_kind(kind)).tell(tell)

    def on_other_opened(self, message: OtherOpened) -> None:
        """Put a dashboard on the new engine in place of the old one."""
        board = self.dashboard
        board.head.note = ""
        if message.opening.error is not None:
            board.say_error(message.opening.error)
            return
        self._let_go(board)
        self._opening = message.opening
        self.switch_screen(self.get_default_screen())


def run_on(
    opening: Opening,
    open_kind: Callable[[str], Engine] | None = None,
    offered: Callable[[], Sequence[str]] = tuple,
) -> int:
    """Run the app on the engine that `opening` opens.

    `open_kind` opens another kind of engine when the user switches; `offered` names images for suggestions.
    """
    app = DockviewApp(opening, load_settings(), open_kind, offered)
    code = app.run()
    for thread in app.closing:
        thread.join(_CLOSING_S + _UNDOING_S)
    return app.return_code or code or 0
