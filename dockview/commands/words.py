"""A typed line cut into words by the shell's rules of quoting, each with its place in the line."""

from __future__ import annotations

from dataclasses import dataclass

from dockview.commands.usage import UsageError

_ESCAPED_IN_DOUBLE_QUOTES = '"\\$`'


@dataclass(frozen=True, slots=True)
class Word:
    """A word as meant, and the characters [start, end) that typed it."""

    text: str
    start: int
    end: int


def split(line: str) -> list[Word]:
    r"""Cut a line into words: blanks part them, `'…'` is verbatim, `"…"` knows `\"` and `\\`, `\x` is x.

    Nothing else of a shell is known: no variables, no patterns, no redirections.

    Raises:
        UsageError: a quote or a backslash is left open; `place` says where it began.
    """
    words: list[Word] = []
    at = 0
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        start = at
        text, at = _word(line, at)
        words.append(Word(text, start, at))
    return words


def _word(line: str, at: int) -> tuple[str, int]:
    text: list[str] = []
    while at < len(line) and not line[at].isspace():
        char = line[at]
        if char == "'":
            end = line.find("'", at + 1)
            if end < 0:
                raise _left_open(line, at)
            text.append(line[at + 1 : end])
            at = end + 1
        elif char == '"':
            piece, at = _double_quoted(line, at)
            text.append(piece)
        elif char == "\\":
            if at + 1 == len(line):
                raise _left_open(line, at)
            text.append(line[at + 1])
            at += 2
        else:
            text.append(char)
            at += 1
    return "".join(text), at


def _double_quoted(line: str, start: int) -> tuple[str, int]:
    text: list[str] = []
    at = start + 1
    while at < len(line):
        char = line[at]
        if char == '"':
            return "".join(text), at + 1
        if char == "\\" and line[at + 1 : at + 2] and line[at + 1] in _ESCAPED_IN_DOUBLE_QUOTES:
            char = line[at + 1]
            at += 1
        text.append(char)
        at += 1
    raise _left_open(line, start)


def _left_open(line: str, at: int) -> UsageError:
    what = "backslash at the end of the line" if line[at] == "\\" else f"no closing quotation for {line[at]}"
    error = UsageError(what)
    error.place = (at, len(line))
    return error
