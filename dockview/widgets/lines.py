"""Drawing of lines: pieces of text with tones become segments of an exact width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.strip import Strip

from dockview.theme import Paint

Piece = tuple[str, str]
"""Clean text and its tone."""


def fit(text: str, width: int, *, is_right: bool = False) -> str:
    """The text in exactly `width` cells; what does not fit ends in an ellipsis."""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    return " " * (width - length) + text if is_right else text + " " * (width - length)


def width_of(pieces: Iterable[Piece]) -> int:
    """Cells that pieces take."""
    return sum(cell_len(text) for text, _ in pieces)


def cut(pieces: Sequence[Piece], width: int) -> list[Piece]:
    """Pieces within `width` cells; what does not fit ends in an ellipsis."""
    if width_of(pieces) <= width:
        return list(pieces)
    left, kept = width, []
    for text, tone in pieces:
        length = cell_len(text)
        if length >= left:
            kept.append((fit(text + "  ", left), tone))
            break
        kept.append((text, tone))
        left -= length
    return kept


def strip_of(paint: Paint, pieces: Iterable[Piece], width: int, ground: str = "") -> Strip:
    """A line of exactly `width` cells."""
    segments = [Segment(text, paint(tone, ground)) for text, tone in pieces if text]
    return Strip(segments).adjust_cell_length(width, paint("text", ground))


def spread(left: Sequence[Piece], right: Sequence[Piece], width: int, filler: str, tone: str) -> list[Piece]:
    """Left and right pieces with the filler between them, in `width` cells; the left gives way."""
    room = width - width_of(right)
    left = cut(left, max(room, 0))
    return [*left, (filler * max(room - width_of(left), 0), tone), *right]
