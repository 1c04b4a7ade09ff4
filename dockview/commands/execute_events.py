"""`events`: what happens on the engine, whoever does it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.filters import has_label, read_filters
from dockview.commands.listing import clean_cell, matches
from dockview.commands.template import compile_template, to_json
from dockview.commands.times import rfc3339_local
from dockview.engine.api import Engine
from dockview.engine.errors import InvalidRequest
from dockview.engine.model import Event
from dockview.engine.moments import moment_ns

_FILTERS = ("container", "event", "image", "label", "network", "type", "volume")


def events(engine: Engine, command: Command, console: Console) -> int:
    """Print events as they happen, until --until or ctrl-c."""
    filters = read_filters(command.texts("filter"), _FILTERS)
    line = _printer(command.text("format").strip())
    now = time.time_ns()
    since_ns, until_ns = moment(command, "since", now), moment(command, "until", now)
    stream = engine.events(since_ns=since_ns, until_ns=until_ns)
    try:
        for event in stream:
            if _passes(event, filters):
                console.print(line(event))
    finally:
        stream.close()
    return 0


def moment(command: Command, name: str, now_ns: int) -> int | None:
    """The moment that an option names, in nanoseconds since the epoch; None when it was not given."""
    text = command.text(name)
    try:
        return moment_ns(text, now_ns) if text else None
    except ValueError as error:
        raise InvalidRequest(
            f"invalid value for --{name}: {error}", hint="10m, 2013-01-02T13:23:37Z and 1357133017 are understood"
        ) from None


def _printer(template: str) -> Callable[[Event], str]:
    if not template:
        return _text
    if template == "json":
        return lambda event: to_json(event.to_docker())
    render = compile_template(template)
    return lambda event: render(
        {**event.to_docker(), "ID": event.actor_id, "Status": event.action, "Time": event.time_ns // 1_000_000_000}
    )


def _text(event: Event) -> str:
    attributes = ", ".join(f"{key}={text}" for key, text in sorted(event.attributes.items()))
    about = f" ({attributes})" if attributes else ""
    return clean_cell(f"{rfc3339_local(event.time_ns)} {event.type} {event.action} {event.actor_id}{about}")


def _passes(event: Event, filters: Sequence[tuple[str, str]]) -> bool:
    def is_it(kind: str) -> Callable[[str], bool]:
        return lambda text: (
            event.type == kind and (event.actor_id.startswith(text) or event.attributes.get("name") == text)
        )

    return matches(filters, {
        "type": lambda text: event.type == text,
        "event": lambda text: event.action == text,
        "container": is_it("container"),
        "network": is_it("network"),
        "volume": is_it("volume"),
        "image": lambda text: text in (event.attributes.get("image"), event.actor_id)
        or (event.type == "image" and event.attributes.get("name") == text),
        "label": lambda text: has_label(event.attributes, text),
    })  # fmt: skip
