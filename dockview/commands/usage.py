"""The error of a line that does not follow the grammar."""

from __future__ import annotations

from dockview.engine.errors import InvalidRequest

Place = tuple[int, int]
"""Where in a typed line: the first character and the one after the last, counted from 0."""


class UsageError(InvalidRequest):
    """A line that does not follow the grammar of docker lines.

    `verb` names whose usage it broke (empty: the program's own), `usage` is that verb's usage line or empty, `word` is
    the index of the word at fault among the words of the line, and `place` its characters where the line was typed as
    one string. `exit_code` is docker's: 125 for flags and their values, 1 for a wrong number of arguments.
    """

    def __init__(
        self, message: str, *, verb: str = "", usage: str = "", word: int | None = None, exit_code: int = 125
    ) -> None:
        super().__init__(message)
        self.word = word
        self.place: Place | None = None
        self.exit_code = exit_code
        self.about(verb, usage)

    def about(self, verb: str, usage: str) -> None:
        """Say whose usage was broken."""
        self.verb = verb
        self.usage = usage
        self.hint = f"See 'dockview {verb} --help'." if verb else "See 'dockview --help'."
