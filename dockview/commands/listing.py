"""Lists as docker prints them: a table, JSON (one object a line), a template, or IDs only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.template import Row, compile_template, to_json

_GAP = 3
_NARROWEST = 10
"""Docker's tables: a cell with its gap is at least ten wide, the last column is not padded."""

Headers = Mapping[str, str]
"""Field to header, for every field of a row."""


@dataclass(frozen=True)
class Listing:
    """What a list shows."""

    headers: Headers
    columns: Sequence[str]
    """The fields of the plain table."""
    rows: Sequence[Mapping[str, str]]
    """Each with all fields of `headers`, if not more; a Row where a template may call something on it."""
    quiet_field: str = "ID"
    """What --quiet prints."""


def show(listing: Listing, command: Command, console: Console) -> int:
    """Print a list in the format that the command asks for; 0. Raises: InvalidRequest for a bad template."""
    template = command.text("format").strip()
    listed = [row if isinstance(row, Row) else Row(row) for row in listing.rows]
    if command.is_on("quiet") and not template:
        _lines(console, [row[listing.quiet_field] for row in listed])
    elif template in ("", "table"):
        headers = [listing.headers.get(field, field) for field in listing.columns]
        _table(console, headers, listed, listing.columns)
    elif template == "json":
        _lines(console, [to_json(row) for row in listed])
    elif template.startswith("table "):
        text = template.removeprefix("table ").strip()
        head = compile_template(text, is_header=True)(Row(listing.headers, Label=_label_header))
        render = compile_template(text)
        rows = [render(row) for row in map(_clean_row, listed)]
        console.print(table([text.split("\t") for text in (head, *rows)]))
    else:
        render = compile_template(template)
        _lines(console, [render(row) for row in listed])
    return 0


def _label_header(key: str) -> str:
    """Docker's header of `{{.Label "com.example.my-key"}}`: MY KEY without the upper case."""
    return key.rpartition(".")[2].replace("-", " ").replace("_", " ")


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells, the first being the header, aligned."""
    if not rows:
        return ""
    widths = [max((len(row[at]) for row in rows if at < len(row)), default=0) for at in range(max(map(len, rows)))]
    padded = [max(width + _GAP, _NARROWEST) for width in widths]
    return "\n".join(
        "".join(cell.ljust(padded[at]) if at + 1 < len(row) else cell for at, cell in enumerate(row)) for row in rows
    )


def _table(console: Console, headers: Sequence[str], listed: Sequence[Row], columns: Sequence[str]) -> None:
    rows = [[row[field] for field in columns] for row in map(_clean_row, listed)]
    console.print(table([headers, *rows]))


def _clean_row(row: Row) -> Row:
    """The row without what would break the columns; names and labels come from strangers."""
    return Row({key: clean_cell(text) for key, text in row.items()}, **row.methods)


def clean_cell(text: str) -> str:
    """One plain line of what may be anything."""
    if text.isprintable():
        return text
    from dockview.text import clean_line  # noqa: PLC0415  hardly ever needed

    return clean_line(text)


def _lines(console: Console, lines: Sequence[str]) -> None:
    if lines:
        console.print("\n".join(lines))
