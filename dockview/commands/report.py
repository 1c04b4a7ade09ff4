"""How an error is told: what happened, then what to do."""

from __future__ import annotations

from dockview.commands.console import Console
from dockview.commands.usage import UsageError
from dockview.engine.errors import DockviewError


def report(error: DockviewError, console: Console) -> None:
    """Print an error to standard error, in a few lines."""
    if isinstance(error, UsageError):
        usage = ["", f"Usage:  dockview {error.usage}", ""] if error.usage else []
        console.note("\n".join([f"dockview: {error.message}", *usage, error.hint]))
        return
    console.note(f"dockview: {_sentence(error.message)}")
    if error.hint:
        console.note(f"hint: {error.hint}")


def _sentence(text: str) -> str:
    text = text.rstrip()
    return text if text.endswith((".", "!", "?", ":")) or "\n" in text else f"{text}."
