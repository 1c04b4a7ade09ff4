"""The look: two calm colours, four for states, and shades between ink and paper.

Widgets that draw their own lines take their styles from a `Paint`, which follows the theme of the app. A *tone* is the
name of a style: `text`, `soft`, `faint`, `accent`, `second`, `good`, `warn`, `bad`, `line`, and `strong`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.theme import Theme

THEME = Theme(
    name="dockview",
    primary="#74b5d6",
    secondary="#c9b28b",
    accent="#74b5d6",
    success="#88c794",
    warning="#dcb56a",
    error="#e07f7f",
    foreground="#d3d8df",
    background="#121218",
    surface="#191a22",
    panel="#20222c",
    dark=True,
    variables={
        "border": "#383c49",
        "border-blurred": "#383c49",
        "scrollbar": "#383c49",
        "scrollbar-hover": "#565c6e",
        "scrollbar-active": "#74b5d6",
        "scrollbar-background": "#121218",
        "scrollbar-background-hover": "#121218",
        "scrollbar-background-active": "#121218",
        "scrollbar-corner-color": "#121218",
        "input-selection-background": "#74b5d6 35%",
    },
)
"""The default theme; any of Textual's can be chosen in the config file."""


class Paint:
    """Rich styles by tone, for one theme."""

    def __init__(self, colours: Mapping[str, str]) -> None:
        ink, paper = Color.parse(colours["foreground"]), Color.parse(colours["background"])
        self._paper = paper
        self._primary = Color.parse(colours["primary"])
        self._raised = Color.parse(colours["surface"])
        self._inks: dict[str, Color] = {
            "text": ink,
            "strong": ink,
            "soft": paper.blend(ink, 0.62),
            "faint": paper.blend(ink, 0.40),
            "line": paper.blend(ink, 0.22),
            "accent": self._primary,
            "second": Color.parse(colours["secondary"]),
            "good": Color.parse(colours["success"]),
            "warn": Color.parse(colours["warning"]),
            "bad": Color.parse(colours["error"]),
        }
        self._styles: dict[tuple[str, str], Style] = {}

    def __call__(self, tone: str, ground: str = "") -> Style:
        """The style of a tone on a ground: plain, `cursor` (focused), `mark` (selected only) or `raised` (a dialog)."""
        found = self._styles.get((tone, ground))
        if found is None:
            paper, ink = self._ground(ground).rich_color, self._inks[tone].rich_color
            found = Style(color=ink, bgcolor=paper, bold=tone == "strong")
            self._styles[tone, ground] = found
        return found

    def _ground(self, ground: str) -> Color:
        if ground == "cursor":
            return self._paper.blend(self._primary, 0.26)
        if ground == "mark":
            return self._paper.blend(self._primary, 0.10)
        return self._raised if ground == "raised" else self._paper

    def colour(self, tone: str) -> str:
        """The hex colour of a tone."""
        return self._inks[tone].hex


@lru_cache(maxsize=4)
def _paint(colours: tuple[tuple[str, str], ...]) -> Paint:
    return Paint(dict(colours))


_USED = ("foreground", "background", "surface", "primary", "secondary", "success", "warning", "error")


def paint_of(app: App[object]) -> Paint:
    """The paint of the app's theme."""
    variables = app.theme_variables
    return _paint(tuple((name, variables[name]) for name in _USED))
