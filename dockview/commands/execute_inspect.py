"""`inspect`: docker's JSON of containers, images, networks and volumes."""

from __future__ import annotations

import json
from typing import Any

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.report import report
from dockview.commands.template import compile_template, to_json
from dockview.engine.api import Engine
from dockview.engine.errors import DockviewError, InvalidRequest

_KINDS = ("", "container", "image", "network", "volume")


def inspect(engine: Engine, command: Command, console: Console) -> int:
    """Print a JSON array of what was found, or the template of each; 1 when something was not found."""
    kind = command.text("type")
    if kind not in _KINDS:
        raise InvalidRequest(f'"{kind}" is not a valid value for --type', hint=f"one of {', '.join(_KINDS[1:])}")
    template = command.text("format")
    render = compile_template(template) if template and template != "json" else None
    found: list[dict[str, Any]] = []
    errors: list[DockviewError] = []
    for ref in command.refs:
        try:
            found.append(engine.inspect(ref, kind, size=command.is_on("size")))
        except DockviewError as error:
            errors.append(error)
    if render:
        for thing in found:
            console.print(render(thing))
    elif template == "json":
        console.print(to_json(found))
    else:
        console.print(json.dumps(found, indent=4, ensure_ascii=False))
    for failure in errors:
        report(failure, console)
    return 1 if errors else 0
