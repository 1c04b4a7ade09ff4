"""`doctor`: what this machine can do, and what to install for the rest."""

from __future__ import annotations

import textwrap

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.listing import Listing, clean_cell, show
from dockview.engine.api import Engine
from dockview.engine.model import Finding

_GLYPHS = {"ok": ("✓", "32"), "limited": ("~", "33"), "missing": ("✗", "31")}
_NO_WRAP = 10_000
"""For a pipe: a finding stays on one line, so that it can be searched for."""
_HEADERS = {"Topic": "TOPIC", "State": "STATE", "Detail": "DETAIL", "Remedy": "REMEDY"}


def doctor(engine: Engine, command: Command, console: Console) -> int:
    """Show the findings; 1 when something is missing, else 0."""
    findings = engine.doctor()
    if command.text("format").strip():
        rows = [
            {"Topic": item.topic, "State": item.state, "Detail": item.detail, "Remedy": item.remedy}
            for item in findings
        ]  # fmt: skip
        show(Listing(_HEADERS, tuple(_HEADERS), rows, quiet_field="Topic"), command, console)
    else:
        topic_width = max((len(item.topic) for item in findings), default=0)
        for item in findings:
            console.print(_text(item, topic_width, console))
    return 1 if any(item.state == "missing" for item in findings) else 0


def _text(item: Finding, topic_width: int, console: Console) -> str:
    glyph, colour = _GLYPHS.get(item.state, ("?", "33"))
    head = f"{console.paint(f'{glyph} {item.state:<7}', colour)}  {item.topic:<{topic_width}}  "
    indent = " " * (2 + 7 + 2 + topic_width + 2)
    width = max(console.columns - len(indent), 30) if console.out_is_tty else _NO_WRAP
    lines = textwrap.wrap(clean_cell(item.detail), width, break_on_hyphens=False) or [""]
    if item.remedy:
        lines += textwrap.wrap(f"→ {clean_cell(item.remedy)}", width, subsequent_indent="  ", break_on_hyphens=False)
    return head + f"\n{indent}".join(lines)
