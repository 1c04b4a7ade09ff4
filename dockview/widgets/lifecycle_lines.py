"""Lines for the lifecycle's pictures: pieces of text, each with the tone in which it is painted.

The pictures are drawn by pure functions that return such lines, so that they can be tested as plain text; the widget
paints the tones (theme.py) in the colours of the app. Widths are terminal cells. Whatever text comes from outside has
been through `clean_line` before it becomes a piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size

Piece = tuple[str, str]
"""A text and its tone: text, strong, soft, faint, line, accent, second, good, warn, bad."""
Line = tuple[Piece, ...]


def width_of(line: Iterable[Piece]) -> int:
    """Cells a line takes."""
    return sum(cells(text) for text, _ in line)


def cells(text: str) -> int:
    """Cells a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def cut(text: str, width: int) -> str:
    """The text in at most `width` cells, with … where something is left out."""
    if cells(text) <= width:
        return text
    return "" if width <= 0 else set_cell_size(text, width - 1).rstrip() + "…"


def pad(text: str, width: int) -> str:
    """The text in exactly `width` cells."""
    text = cut(text, width)
    return text + " " * (width - cells(text))


def right(text: str, width: int) -> str:
    """The text in exactly `width` cells, at the right."""
    text = cut(text, width)
    return " " * (width - cells(text)) + text


def fit(line: Sequence[Piece], width: int) -> Line:
    """The line in exactly `width` cells: cut with …, or filled with spaces."""
    room = width
    fitted: list[Piece] = []
    for text, tone in line:
        taken = cells(text)
        if taken > room:
            fitted.append((cut(text, room), tone))
            room -= cells(fitted[-1][0])
            break
        fitted.append((text, tone))
        room -= taken
    if room > 0:
        fitted.append((" " * room, "text"))
    return tuple(fitted)


def spread(left: Sequence[Piece], right_side: Sequence[Piece], width: int) -> Line:
    """Two groups at the two ends of a line; the left one is cut where they would meet."""
    room = max(width - width_of(right_side), 0)
    return fit((*fit(left, room), *right_side), width)


def join(pieces: Sequence[Line], separator: Piece) -> Line:
    """Groups of pieces with a separator between them."""
    joined: list[Piece] = []
    for number, group in enumerate(pieces):
        joined += [separator, *group] if number else group
    return tuple(joined)


def wrap(text: str, width: int) -> list[str]:
    """The words of a text in lines of at most `width` cells; words that are too long are broken."""
    lines: list[str] = []
    line = ""
    for long_word in text.split():
        word = long_word
        if line and cells(line) + 1 + cells(word) <= width:
            line = f"{line} {word}"
            continue
        if line:
            lines.append(line)
        while cells(word) > width > 0:
            head = set_cell_size(word, width).rstrip() or word[:1]
            lines.append(head)
            word = word[len(head) :]
        line = word
    return [*lines, line] if line else lines


def bar(share: float | None, width: int, tone: str = "accent") -> Line:
    """A bar of `width` cells, filled to a share between 0 and 1 in halves of a cell; None where nobody knows."""
    if share is None:
        return (("╌" * width, "faint"),)
    full, half = divmod(round(min(max(share, 0.0), 1.0) * width * 2), 2)
    filled = "━" * full + ("╸" if half else "")
    return ((filled, tone), ("─" * (width - len(filled)), "line"))


def mark(start: float, end: float, width: int, tone: str) -> Line:
    """Where a time lies on a line of `width` cells; start and end are shares of the whole, at least half a cell."""
    first = min(int(start * width * 2), width * 2 - 1)
    last = min(max(round(end * width * 2), first + 1), width * 2)
    begins_late, ends_early = first % 2, last % 2
    cell = first // 2
    if last - first == 1:
        drawn = "╺" if begins_late else "╸"
    else:
        drawn = ("╺" if begins_late else "") + "━" * ((last - ends_early - first - begins_late) // 2)
        drawn += "╸" if ends_early else ""
    return ((" " * cell, "text"), (drawn, tone), (" " * (width - cell - len(drawn)), "text"))
