"""Rows and columns of the lists."""

from __future__ import annotations

from dockview.engine.model import ContainerStatus, PortMapping
from dockview.widgets.lines import fit
from dockview.widgets.rows import (
    COLUMNS,
    column_widths,
    container_row,
    port_words,
    short_references,
    status_words,
    tone_of,
)
from tests import fakes


def test_status_words__tell_state_and_code() -> None:
    """An unknown exit code is a question mark, never 0."""
    made = fakes.make_container
    exited = ContainerStatus.EXITED
    assert status_words(made(1, "a", "b", started_ns=fakes.NOW_NS - fakes.HOUR), fakes.NOW_NS) == "up 1h"
    assert status_words(made(1, "a", "b", started_ns=None), fakes.NOW_NS) == "running"
    assert status_words(made(1, "a", "b", status=exited, exit_code=3), fakes.NOW_NS) == "exited 3"
    assert status_words(made(1, "a", "b", status=exited, exit_code=None), fakes.NOW_NS) == "exited ?"


def test_tone__tells_failure_from_a_clean_exit() -> None:
    """Exit 0 is calm, another code is not, an unknown one claims neither."""
    tones = [
        tone_of(fakes.make_container(1, "a", "b", status=ContainerStatus.EXITED, exit_code=c)) for c in (0, 1, None)
    ]
    assert tones == ["faint", "bad", "faint"]


def test_port_words__are_short() -> None:
    """The protocol is named only where it is not tcp; doubled bindings are told once."""
    ports = (PortMapping(80, host_port=8080), PortMapping(80, host_ip="::", host_port=8080), PortMapping(53, "udp"))
    assert port_words(ports) == "8080→80 →53"


def test_row__is_clean() -> None:
    """No control character of a name reaches a cell."""
    row = container_row(fakes.make_container(1, "a\x1b[31mb\nc", "i\x07"), fakes.NOW_NS)
    assert all(cell.text.isprintable() for cell in row.cells)


def test_columns__go_by_rank_and_fill_the_room() -> None:
    """A wide list has all columns, a narrow one name and status, and the last one stands at the right."""
    rows = [container_row(container, fakes.NOW_NS) for container in fakes.default_containers()]
    columns = COLUMNS["container"]
    shown = {}
    for room in (80, 34, 24, 12):
        widths = column_widths(columns, rows, room)
        alive = [width for width in widths if width]
        assert sum(alive) + 2 * (len(alive) - 1) == room
        shown[room] = [column.title for column, width in zip(columns, widths, strict=True) if width]
    assert shown[80] == ["NAME", "IMAGE", "STATUS", "PORTS"]
    assert shown[34] == ["NAME", "STATUS", "PORTS"]
    assert shown[24] == ["NAME", "STATUS"]
    assert shown[12] == ["NAME"]


def test_fit__counts_cells_and_not_letters() -> None:
    """A wide letter takes two cells; what is cut ends in an ellipsis."""
    assert fit("日本語", 5) == "日本…"
    assert fit("ab", 4) == "ab  "
    assert fit("ab", 4, is_right=True) == "  ab"


def test_short_reference__keeps_the_end() -> None:
    """The name tells more than the registry."""
    assert short_references("hub.localhost/hello-world") == ("hello-world",)
    assert short_references("quay.io/org/tool:1") == ("org/tool:1", "tool:1")
    assert short_references("web") == ()
