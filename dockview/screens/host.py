"""What screens may ask of the app they live in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual.app import App

from dockview.engine.api import Engine


class HostApp(App[int]):
    """The app, as far as its screens know it."""

    open_kind: Callable[[str], Engine] | None = None
    """How to open an engine of another kind; None where there is only this one."""
    key_overrides: Mapping[str, str]
    """Keys that the user has set, by action id."""
    line_history: list[str]
    """Docker lines typed in this session, oldest first."""

    def offered(self) -> Sequence[str]:
        """Names of images that can be run though they are not here yet."""
        return ()

    def switch_engine(self, kind: str) -> None:
        """Open an engine of another kind; the one in use stays until that has succeeded."""
