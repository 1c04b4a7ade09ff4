"""Rows of the four lists: what a container, image, network or volume looks like in one line.

Pure functions from model values to `Row`s. Every foreign string passes `clean_line`, and a state is told by a glyph,
a word and a colour together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dockview.engine.lifecycle import Status, Trace
from dockview.engine.model import Container, ContainerStatus, Image, Network, PortMapping, Volume
from dockview.text import age, clean_line, size


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list."""

    title: str
    rank: int
    """Columns are left out in the order of their rank, highest first; 0 always stays."""
    most: int = 40
    """Cells it takes at most."""
    least: int = 4
    """Cells below which it is left out."""
    is_right: bool = False
    share: int = 0
    """Its part of spare cells."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of a row, already clean."""

    text: str
    tone: str = "text"
    shorter: tuple[str, ...] = ()
    """What may stand for the text where that does not fit, longest first."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list."""

    id: str
    name: str
    """What filters look at, with the cells, and what dialogs call it."""
    glyph: Cell
    cells: tuple[Cell, ...]
    keys: tuple[Any, ...] = ()
    """What each column sorts by."""
    is_pending: bool = False
    """Something was asked of it that the engine has not confirmed."""

    @property
    def haystack(self) -> str:
        """What a filter searches."""
        return " ".join((self.id, self.name, *(cell.text for cell in self.cells))).lower()


COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "container": (
        Column("NAME", 0, most=28, least=8, share=1),
        Column("IMAGE", 3, most=32, least=6, share=1),
        Column("STATUS", 1, most=16, least=6),
        Column("PORTS", 2, most=22, least=5),
    ),
    "image": (
        Column("IMAGE", 0, most=40, least=8, share=1),
        Column("ID", 4, most=12, least=12),
        Column("CREATED", 3, most=8, least=4, is_right=True),
        Column("SIZE", 1, most=9, least=6, is_right=True),
        Column("USED", 2, most=5, least=4, is_right=True),
    ),
    "network": (
        Column("NAME", 0, most=28, least=8, share=1),
        Column("DRIVER", 3, most=10, least=4),
        Column("SUBNET", 1, most=19, least=9),
        Column("USED", 2, most=5, least=4, is_right=True),
    ),
    "volume": (
        Column("NAME", 0, most=40, least=8, share=1),
        Column("DRIVER", 3, most=10, least=4),
        Column("CREATED", 2, most=8, least=4, is_right=True),
        Column("SIZE", 1, most=9, least=6, is_right=True),
    ),
}
"""The columns by kind of object."""

_LUXURY = 3
"""Columns of this rank or more go before any other is cut."""

GLYPHS: Mapping[ContainerStatus, str] = {
    ContainerStatus.CREATED: "◌",
    ContainerStatus.RUNNING: "●",
    ContainerStatus.PAUSED: "◐",
    ContainerStatus.RESTARTING: "↻",
    ContainerStatus.REMOVING: "◌",
    ContainerStatus.EXITED: "○",
    ContainerStatus.DEAD: "✗",
    ContainerStatus.UNKNOWN: "?",
}


def tone_of(container: Container) -> str:
    """The tone of a container's state."""
    match container.status:
        case ContainerStatus.RUNNING:
            return {"unhealthy": "bad", "starting": "warn"}.get(container.health, "good")
        case ContainerStatus.PAUSED | ContainerStatus.RESTARTING | ContainerStatus.REMOVING:
            return "warn"
        case ContainerStatus.DEAD:
            return "bad"
        case ContainerStatus.EXITED if container.exit_code not in (0, None):
            return "bad"
        case _:
            return "faint"


def status_words(container: Container, now_ns: int) -> str:
    """The state in few words: `up 2m`, `exited 137`, `created`."""
    status = container.status
    if status is ContainerStatus.RUNNING:
        words = f"up {age(container.started_ns, now_ns)}" if container.started_ns else "running"
        return f"{words} {container.health}" if container.health else words
    if status is ContainerStatus.EXITED:
        code = "?" if container.exit_code is None else container.exit_code
        return f"exited {code}"
    return str(status)


def port_words(ports: Sequence[PortMapping]) -> str:
    """Published ports, as short as they stay clear: `8080→80`, `5353→53/udp`."""
    words = []
    for port in ports:
        protocol = "" if port.protocol == "tcp" else f"/{clean_line(port.protocol)}"
        words.append(
            f"{port.host_port}→{port.container_port}{protocol}" if port.host_port else f"→{port.container_port}"
        )
    return " ".join(dict.fromkeys(words))


def short_references(reference: str) -> tuple[str, ...]:
    """A reference without its registry, and then without its folder: the end tells more than the beginning."""
    first, _, rest = reference.partition("/")
    has_registry = bool(rest) and ("." in first or ":" in first or first == "localhost")
    found = [rest] if has_registry else []
    name = reference.rpartition("/")[2]
    return tuple(dict.fromkeys(text for text in (*found, name) if text != reference))


def container_row(container: Container, now_ns: int, *, is_pending: bool = False) -> Row:
    """A container's line."""
    name, image = clean_line(container.name) or container.short_id, clean_line(container.image)
    tone = tone_of(container)
    is_alive = container.status.is_alive
    words, ports = status_words(container, now_ns), port_words(container.ports)
    return Row(
        id=container.id,
        name=name,
        glyph=Cell(GLYPHS[container.status], tone),
        cells=(
            Cell(name, "text" if is_alive else "soft"),
            Cell(image, "soft" if is_alive else "faint", short_references(image)),
            Cell(words, tone if tone != "faint" else "soft"),
            Cell(ports, "second" if is_alive else "faint"),
        ),
        keys=(name, image, (not is_alive, -(container.started_ns or 0)), ports),
        is_pending=is_pending,
    )


def image_row(image: Image, now_ns: int, *, is_pending: bool = False) -> Row:
    """An image's line."""
    name = clean_line(image.tags[0]) if image.tags else "<none>"
    shown = name.removesuffix(":latest")
    more = f" +{len(image.tags) - 1}" if len(image.tags) > 1 else ""
    used = "" if not image.containers else f"● {image.containers}"
    return Row(
        id=image.id,
        name=name,
        glyph=Cell(" "),
        cells=(
            Cell(
                shown + more, "text" if image.tags else "faint", tuple(text + more for text in short_references(shown))
            ),
            Cell(clean_line(image.short_id), "faint"),
            Cell(age(image.created_ns, now_ns), "faint"),
            Cell(size(image.size_bytes), "second"),
            Cell(used, "good"),
        ),
        keys=(name, image.id, -(image.created_ns or 0), -(image.size_bytes or 0), -(image.containers or 0)),
        is_pending=is_pending,
    )


def network_row(network: Network) -> Row:
    """A network's line."""
    name, used = clean_line(network.name), len(network.containers)
    return Row(
        id=network.id,
        name=name,
        glyph=Cell(" "),
        cells=(
            Cell(name),
            Cell(clean_line(network.driver), "faint"),
            Cell(clean_line(network.subnet), "second"),
            Cell(f"● {used}" if used else "", "good"),
        ),
        keys=(name, network.driver, network.subnet, -used),
    )


def volume_row(volume: Volume, now_ns: int) -> Row:
    """A volume's line."""
    name = clean_line(volume.name)
    return Row(
        id=volume.name,
        name=name,
        glyph=Cell(" "),
        cells=(
            Cell(name),
            Cell(clean_line(volume.driver), "faint"),
            Cell("" if volume.created_ns is None else age(volume.created_ns, now_ns), "faint"),
            Cell("" if volume.size_bytes is None else size(volume.size_bytes), "second"),
        ),
        keys=(name, volume.driver, -(volume.created_ns or 0), -(volume.size_bytes or 0)),
    )


def birth_row(trace: Trace) -> Row:
    """The line of a run (or pull) that is no container (or image) yet, or failed to become one."""
    is_live = trace.status is Status.RUNNING
    open_spans = [span for span in trace.spans if span.status is Status.RUNNING]
    is_ok = trace.status is Status.OK
    state = clean_line(open_spans[-1].label) if open_spans else "starting" if is_live or is_ok else str(trace.status)
    target = clean_line(trace.target)
    name = clean_line(trace.container_name) or target
    tone = "warn" if is_live else "bad" if trace.status is Status.FAILED else "faint"
    cells: tuple[Cell, ...] = (Cell(name), Cell(target, "soft"), Cell(state, tone), Cell(""))
    if trace.verb == "pull":
        cells = (Cell(name), Cell(""), Cell(""), Cell(state, tone), Cell(""))
    keys = ("",) * len(cells)
    glyph = Cell("◌" if is_live or is_ok else "✗", tone)
    return Row(f"trace:{trace.id}", name, glyph, cells, keys, is_pending=is_live or is_ok)


def shortening(rows: Sequence[Row], index: int, width: int) -> int:
    """How often a column's cells are shortened so that all of them fit, which keeps a column in one style."""
    from rich.cells import cell_len  # noqa: PLC0415  as in column_widths

    cells = [row.cells[index] for row in rows]
    most = max((len(cell.shorter) for cell in cells), default=0)
    return next((n for n in range(most) if all(cell_len(shortened(cell, n)) <= width for cell in cells)), most)


def shortened(cell: Cell, times: int) -> str:
    """A cell's text, so often shortened, or as often as it can be."""
    return (cell.text, *cell.shorter)[min(times, len(cell.shorter))]


def column_widths(columns: Sequence[Column], rows: Sequence[Row], room: int, gap: int = 2) -> list[int]:
    """How many cells each column gets within `room`; 0 leaves it out.

    Each column wants its widest cell. Where that is too much, columns that are a luxury go first, then those with a
    share shrink to their least, then columns go by rank. Spare cells go to the columns with a share, so that the last
    column stands at the right.
    """
    from rich.cells import cell_len  # noqa: PLC0415  textual has loaded it; tests of pure rows need not

    wanted = []
    for index, column in enumerate(columns):
        widest = max((cell_len(row.cells[index].text) for row in rows), default=0)
        is_empty = widest == 0 and column.rank > 0
        wanted.append(0 if is_empty else min(max(widest, len(column.title)), column.most))
    alive = [index for index, width in enumerate(wanted) if width]

    def need(widths: Sequence[int]) -> int:
        return sum(widths[index] for index in alive) + gap * max(len(alive) - 1, 0)

    def least() -> list[int]:
        return [min(width, columns[i].least) if columns[i].share else width for i, width in enumerate(wanted)]

    while need(wanted) > room and max(columns[index].rank for index in alive) >= _LUXURY:
        alive.remove(max(alive, key=lambda index: columns[index].rank))
    while len(alive) > 1 and need(least()) > room:
        alive.remove(max(alive, key=lambda index: columns[index].rank))
    widths = [wanted[index] if index in alive else 0 for index in range(len(columns))]
    over = need(widths) - room
    for index in sorted(alive, key=lambda index: -columns[index].rank):
        if over > 0 and columns[index].share:
            cut = min(over, widths[index] - min(widths[index], columns[index].least))
            widths[index] -= cut
            over -= cut
    if over > 0 and alive:
        widths[alive[0]] = max(1, widths[alive[0]] - over)
    spare = room - need(widths)
    sharers = [index for index in alive if columns[index].share]
    for position, index in enumerate(sharers):
        part = spare // (len(sharers) - position)
        widths[index] += part
        spare -= part
    return widths
