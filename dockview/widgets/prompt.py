"""The line at the foot into which a docker line (`:`) or a filter (`/`) is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from dockview.text import clean_line
from dockview.theme import paint_of
from dockview.widgets.lines import Piece, cut, strip_of

Complete = Callable[[str], tuple[str, Sequence[str]]]
"""Of a line: what the word at its end may become is its common beginning and the candidates."""


class PromptLine(Widget):
    """A line of words above the input: candidates, or what is wrong with the line."""

    DEFAULT_CSS = """
    PromptLine { height: 1; width: 1fr; display: none; }
    PromptLine.-shown { display: block; }
    """

    words: reactive[tuple[Piece, ...]] = reactive(())

    def watch_words(self, words: tuple[Piece, ...]) -> None:
        """Shown where there is something to say."""
        self.set_class(bool(words), "-shown")

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  it has one line
        """The line."""
        width = self.size.width
        return strip_of(paint_of(self.app), cut(self.words, width), width)


class Prompt(Vertical):
    """One line of input with its sign, history and completion. It says `Changed`, `Submitted` or `Left`."""

    DEFAULT_CSS = """
    Prompt { height: auto; width: 1fr; background: $background; }
    Prompt Input {
        border: none; height: 1; padding: 0; background: $background; color: $foreground;
    }
    Prompt Input:focus { border: none; background: $background; background-tint: transparent; }
    Prompt #prompt-row { layout: horizontal; height: 1; }
    Prompt #prompt-sign { width: 3; height: 1; }
    """

    class Changed(Message):
        """Another text."""

        def __init__(self, prompt: Prompt, text: str) -> None:
            super().__init__()
            self.prompt, self.text = prompt, text

    class Submitted(Changed):
        """Enter."""

    class Left(Message):
        """Escape."""

        def __init__(self, prompt: Prompt) -> None:
            super().__init__()
            self.prompt = prompt

    def __init__(
        self, sign: str, text: str = "", *, complete: Complete | None = None, history: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.sign = sign
        self._complete = complete
        self._history = [*history, text]
        self._place = len(self._history) - 1
        self.input = Input(text, select_on_focus=False)
        self._trouble, self._caret = PromptLine(), PromptLine()

    def compose(self) -> ComposeResult:
        """What is wrong, where, and the input."""
        sign = PromptLine(id="prompt-sign")
        sign.words = ((f" {self.sign} ", "accent"),)
        yield self._trouble
        with Vertical(id="prompt-row"):
            yield sign
            yield self.input
        yield self._caret

    def show_trouble(self, words: str, place: tuple[int, int] | None, hint: str = "") -> None:
        """Say what is wrong with the line, with carets under the characters at fault."""
        pieces: list[Piece] = [(" ✗ ", "bad"), (clean_line(words), "bad")]
        if hint:
            pieces.append(("  " + clean_line(hint), "faint"))
        self._trouble.words = tuple(pieces)
        start, end = place or (len(self.input.value), len(self.input.value))
        self._caret.words = ((" " * (3 + start) + "^" * max(end - start, 1), "bad"),)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._trouble.words = self._caret.words = ()
        self.post_message(self.Changed(self, event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted(self, event.value))

    def on_key(self, event: events.Key) -> None:
        """History, completion and the way out."""
        if event.key == "escape":
            self.post_message(self.Left(self))
        elif event.key in ("up", "down"):
            self._recall(-1 if event.key == "up" else 1)
        elif event.key == "tab":
            self._fill()
        elif event.key != "shift+tab":
            return
        event.stop()
        event.prevent_default()

    def _recall(self, step: int) -> None:
        place = self._place + step
        if 0 <= place < len(self._history):
            if self._place == len(self._history) - 1:
                self._history[-1] = self.input.value
            self._place = place
            self._type(self._history[place])

    def _fill(self) -> None:
        if self._complete is None:
            return
        filled, choices = self._complete(self.input.value[: self.input.cursor_position])
        rest = self.input.value[self.input.cursor_position :]
        self._type(filled + rest, len(filled))
        if len(choices) > 1:
            self.call_after_refresh(self._offer, choices)

    def _offer(self, choices: Sequence[str]) -> None:
        self._trouble.words = tuple((f"   {clean_line(choice)}", "soft") for choice in choices)

    def _type(self, text: str, cursor: int | None = None) -> None:
        self.input.value = text
        self.input.cursor_position = len(text) if cursor is None else cursor
