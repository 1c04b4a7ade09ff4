"""Pages of the detail that are plain lines: the processes of a container, and the files that it has changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from dockview.engine.model import Change, ProcessTable
from dockview.text import clean_line
from dockview.widgets.lines import Piece, fit

Line = Sequence[Piece]

_WIDEST = 24
"""Cells of a column at most, but for the last one."""
_WORDS = {"A": ("+", "added", "good"), "C": ("~", "changed", "warn"), "D": ("-", "deleted", "bad")}
"""By kind of change: its mark, its word and its tone."""
_RIGHT = frozenset({"PID", "PPID", "C", "%CPU", "%MEM", "VSZ", "RSS", "TIME"})


def process_lines(table: ProcessTable) -> list[Line]:
    """The processes, one a line, under the titles of ps(1)."""
    rows = [[clean_line(cell) for cell in row] for row in (table.titles, *table.rows)]
    if not table.titles:
        return []
    *widths, _ = [min(max(cell_len(row[i]) for row in rows if i < len(row)), _WIDEST) for i in range(len(rows[0]))]
    lines: list[Line] = []
    for number, row in enumerate(rows):
        tone = "text" if number else "faint"
        cells: list[Piece] = [
            (fit(cell, width, is_right=title in _RIGHT) + "  ", tone if title != "PID" or not number else "second")
            for cell, width, title in zip(row, widths, table.titles, strict=False)
        ]
        lines.append([*cells, (row[-1], "strong" if number else tone)])
    count = len(table.rows)
    lines += [[], [(f"{count} process{'' if count == 1 else 'es'}", "faint")]]
    return lines


def change_lines(changes: Sequence[Change]) -> list[Line]:
    """What has become different from the image, one path a line."""
    if not changes:
        return [[("Nothing differs from the image: the writable layer is empty.", "soft")]]
    counts: list[Piece] = []
    for kind, (_, word, tone) in _WORDS.items():
        number = sum(change.kind == kind for change in changes)
        if number:
            counts += [(f"{number} ", tone), (f"{word}   ", "soft")]
    lines: list[Line] = [[*counts, ("since its image", "faint")], []]
    for change in changes:
        mark, _, tone = _WORDS.get(change.kind, ("?", "", "text"))
        lines.append([(f"{mark} ", tone), (clean_line(change.path), "text" if change.kind != "C" else "soft")])
    return lines
