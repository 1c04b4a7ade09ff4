"""The run form: the commonest options of `docker run`, and the line that they make."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.reactive import reactive
from textual.strip import Strip
from textual.suggester import SuggestFromList
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Input

from dockview.commands.line import docker_line
from dockview.commands.parse import parse_line
from dockview.commands.usage import UsageError
from dockview.engine.model import RunRequest
from dockview.screens.dialog import Dialog, Page
from dockview.text import clean_line
from dockview.theme import paint_of
from dockview.widgets.foot import Hint
from dockview.widgets.lines import Piece, fit, strip_of

_FIELDS = (
    ("image", "Image", "web"),
    ("command", "Command", "the image's own"),
    ("name", "Name", "one is made up"),
    ("ports", "Ports", "8080:80 …"),
    ("env", "Env", "KEY=value …"),
)
_LABEL = 11


class Label(Widget):
    """The name of a field; lit while the field has the focus."""

    DEFAULT_CSS = """
    Label { width: 11; height: 1; }
    """

    is_lit: reactive[bool] = reactive(False)

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  it has one line
        """The line."""
        pieces: list[Piece] = [
            ("▸ " if self.is_lit else "  ", "accent"),
            (self._text, "strong" if self.is_lit else "soft"),
        ]
        return strip_of(paint_of(self.app), pieces, self.size.width, "raised")


class Toggle(Widget, can_focus=True):
    """Something on or off; space turns it."""

    DEFAULT_CSS = """
    Toggle { width: 1fr; height: 1; }
    """

    is_on: reactive[bool] = reactive(False)

    def __init__(self, label: str, words: str, *, is_on: bool, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(id=id)
        self._label = label
        self._words = words
        self.set_reactive(Toggle.is_on, is_on)

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  it has one line
        """The line."""
        pieces: list[Piece] = [
            ("▸ " if self.has_focus else "  ", "accent"),
            (fit(self._label, _LABEL - 2), "strong" if self.has_focus else "soft"),
            ("◉ " if self.is_on else "○ ", "accent" if self.is_on else "faint"),
            (self._words, "text" if self.is_on else "faint"),
        ]
        return strip_of(paint_of(self.app), pieces, self.size.width, "raised")

    def on_key(self, event: events.Key) -> None:
        """Space turns it."""
        if event.key == "space":
            event.stop()
            self.is_on = not self.is_on

    def on_click(self) -> None:
        """A click turns it, too."""
        self.is_on = not self.is_on


class RunForm(Dialog[RunRequest]):
    """Answers with the request, whose line is the one that was shown."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "run_form.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Leave"),
        Binding("down", "app.focus_next", "Next field", priority=True),
        Binding("up", "app.focus_previous", "Previous field", priority=True),
        Binding("enter", "run", "Run"),
    ]

    heading = "Run an image"
    keys = (
        Hint("⏎", "run"),
        Hint("↑ ↓", "fields"),
        Hint("→", "take the suggestion"),
        Hint("space", "turn"),
        Hint("esc", "leave"),
    )

    def __init__(self, images: Sequence[str], chosen: str = "") -> None:
        super().__init__()
        self._images = images
        self._chosen = chosen
        self._inputs: dict[str, Input] = {}
        self._labels: dict[str, Label] = {}
        self._request: RunRequest | None = None
        self._trouble = ""

    def body(self) -> ComposeResult:
        """Fields, switches, the line."""
        self._offers = Page(id="offers")
        for name, label, placeholder in _FIELDS:
            suggester = SuggestFromList(self._images, case_sensitive=True) if name == "image" else None
            made = Input(
                self._chosen if name == "image" else "",
                placeholder=placeholder,
                suggester=suggester,
                id=f"field-{name}",
            )
            self._inputs[name], self._labels[name] = made, Label(label)
            with Horizontal(classes="field"):
                yield self._labels[name]
                yield made
            if name == "image":
                yield self._offers
        self._background = Toggle("Detach", "-d  run in the background", is_on=True, id="detach")
        self._auto_remove = Toggle("Remove", "--rm  remove it when it exits", is_on=False, id="rm")
        yield self._background
        yield self._auto_remove
        self._line = Page(id="line")
        yield self._line

    def on_mount(self) -> None:
        """Begin with the image."""
        self.set_focus(self._inputs["command" if self._chosen else "image"])
        for toggle in (self._background, self._auto_remove):
            self.watch(toggle, "is_on", self._draw, init=False)
        self._draw()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Light the label of the field."""
        for name, made in self._inputs.items():
            self._labels[name].is_lit = made is event.widget
        self._background.refresh()
        self._auto_remove.refresh()
        self._draw()

    @on(Input.Changed)
    def _changed(self) -> None:
        self._draw()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_run()

    def _words(self) -> list[str]:
        values = {name: made.value.strip() for name, made in self._inputs.items()}
        words = ["run"]
        words += ["-d"] if self._background.is_on else []
        words += ["--rm"] if self._auto_remove.is_on else []
        words += ["--name", values["name"]] if values["name"] else []
        for port in values["ports"].replace(",", " ").split():
            words += ["-p", port]
        for entry in shlex.split(values["env"]):
            words += ["-e", entry]
        return [*words, values["image"], *shlex.split(values["command"])]

    def _read(self) -> None:
        self._request, self._trouble = None, ""
        if not self._inputs["image"].value.strip():
            return
        try:
            request = parse_line(self._words()).request
        except UsageError as error:
            self._trouble = error.message
        except ValueError as error:
            self._trouble = f"quotes: {error}"
        else:
            self._request = replace(request, line=docker_line(request)) if request is not None else None

    def _draw(self) -> None:
        self._read()
        typed = self._inputs["image"].value.strip()
        offers = [name for name in self._images if name.startswith(typed) and name != typed]
        is_lit = self._inputs["image"].has_focus
        shown: list[Piece] = [(" " * _LABEL, "text")]
        shown += [(f"{clean_line(name)}  ", "faint") for name in offers[:12]] if is_lit else []
        self._offers.say([shown])
        rule: list[Piece] = [("─" * max(self._line.size.width, 1), "line")]
        if self._trouble:
            line: list[Piece] = [("✗ ", "bad"), (clean_line(self._trouble), "bad")]
        elif self._request is None:
            line = [("$ docker run …", "faint")]
        else:
            line = [("$ ", "faint"), (clean_line(self._request.line), "strong")]
        self._line.say([rule, *_broken(line, max(self._line.size.width, 40))])

    def action_run(self) -> None:
        """Run it, if it can be."""
        self._read()
        if self._request is not None:
            self.dismiss(self._request)
        else:
            self._trouble = self._trouble or "which image?"
            self._draw()


def _broken(line: Sequence[Piece], width: int) -> list[list[Piece]]:
    """The line in as many lines as it takes."""
    from dockview.widgets.text_pane import wrap  # noqa: PLC0415  a neighbour's small function

    return [[*part] for part in wrap(line, width)]
