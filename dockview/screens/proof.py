"""The proof of a step: the read-only command, run for real, and what it said."""

from __future__ import annotations

import os
import sys
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.types import CSSPathType

from dockview.lanes import spawn
from dockview.screens.dialog import Dialog
from dockview.text import clean_line
from dockview.widgets.foot import Hint
from dockview.widgets.lines import Piece
from dockview.widgets.text_pane import TextPane

_DEADLINE_S = 10
_MOST = 200_000


class Proven(Message):
    """What the command said."""

    def __init__(self, output: str, words: str, is_ok: bool) -> None:
        super().__init__()
        self.output, self.words, self.is_ok = output, words, is_ok


class ProofScreen(Dialog[None]):
    """Runs the check of a phase, which the engine wrote, and shows its output."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "proof.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss(None)", "Leave")]

    heading = "Proof"
    keys = (Hint("j k", "scroll"), Hint("esc", "leave"))

    def __init__(self, label: str, command: str, store: str = "") -> None:
        super().__init__()
        self._store = store
        self.heading = f"Proof: {clean_line(label)}"
        self._command = command

    def body(self) -> ComposeResult:
        """The output."""
        self._pane = TextPane(ground="raised", id="proof-lines")
        yield self._pane

    def on_mount(self) -> None:
        """Run it."""
        self.set_focus(self._pane)
        self._show("", "running…", "faint")
        spawn("proof", self._prove)

    def _prove(self) -> None:
        import subprocess  # noqa: PLC0415  rare

        try:
            done = subprocess.run(
                ["/bin/sh", "-c", self._command], capture_output=True, timeout=_DEADLINE_S, stdin=subprocess.DEVNULL,
                check=False, env=self._environment(),
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            self.post_message(Proven("", f"no answer within {_DEADLINE_S} s", is_ok=False))
        except OSError as error:
            self.post_message(Proven("", f"/bin/sh: {error.strerror}", is_ok=False))
        else:
            output = (done.stdout + done.stderr)[:_MOST].decode("utf-8", "replace")
            self.post_message(Proven(output, f"exit {done.returncode}", is_ok=done.returncode == 0))

    def _environment(self) -> dict[str, str]:
        """Checks that call dockview get this one, and on the store that is on the screen."""
        path = f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', os.defpath)}"
        return {**os.environ, "PATH": path, **({"DOCKVIEW_ROOT": self._store} if self._store else {})}

    def on_proven(self, message: Proven) -> None:
        """Show it."""
        self._show(message.output, message.words, "good" if message.is_ok else "warn")

    def _show(self, output: str, words: str, tone: str) -> None:
        lines: list[list[Piece]] = [[("$ ", "faint"), (clean_line(self._command), "strong")], []]
        lines += [[(clean_line(line), "text")] for line in output.splitlines()]
        self._pane.show([*lines, *([[]] if output else []), [(words, tone)]])
