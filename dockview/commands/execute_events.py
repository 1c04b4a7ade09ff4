"""`events`: what happens on the engine, whoever does it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.filters import has_label, matches, read_filters
from dockview.commands.listing import clean_cell
from dockview.commands.names import split_tag
from dockview.commands.template import compile_template, to_json
from dockview.commands.times import rfc3339_local
from dockview.engine.api import Engine
from dockview.engine.errors import InvalidRequest
from dockview.engine.model import Event
from dockview.engine.moments import NS, moment_ns

_FILTERS = ("container", "daemon", "event", "image", "label", "network", "scope", "type", "volume")
_NAMED = ("container", "image")
"""Kinds whose events have the older keys status, id and from, too."""


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
        return lambda event: to_json(_with_older_keys(event))
    render = compile_template(template)
    return lambda event: render({
        **_with_older_keys(event), "ID": event.actor_id, "Status": event.action,
        "From": event.attributes.get("image", ""), "Scope": "local", "Time": event.time_ns // NS,
        "TimeNano": event.time_ns,
    })  # fmt: skip


def _with_older_keys(event: Event) -> dict[str, Any]:
    """Docker's JSON, with the keys of its first API for the events that had them."""
    older = {"status": event.action, "id": event.actor_id} if event.type in _NAMED else {}
    if event.type == "container":
        older["from"] = event.attributes.get("image", "")
    return {**older, **event.to_docker()}


def _text(event: Event) -> str:
    attributes = ", ".join(f"{key}={text}" for key, text in sorted(event.attributes.items()))
    about = f" ({attributes})" if attributes else ""
    return clean_cell(f"{rfc3339_local(event.time_ns)} {event.type} {event.action} {event.actor_id}{about}")


def _passes(event: Event, filters: Sequence[tuple[str, str]]) -> bool:
    names = (event.attributes.get("name", ""), event.attributes.get("container", ""))

    def is_it(kind: str) -> Callable[[str], bool]:
        return lambda text: event.type == kind and (event.actor_id.startswith(text) or text in names)

    return matches(filters, {
        "type": lambda text: event.type == text,
        "event": lambda text: text in (event.action, event.action.partition(":")[0]),
        "container": is_it("container"),
        "network": is_it("network"),
        "volume": is_it("volume"),
        "daemon": is_it("daemon"),
        "scope": lambda text: text == "local",
        "image": lambda text: _is_of_image(event, text),
        "label": lambda text: has_label(event.attributes, text),
    })  # fmt: skip


def _is_of_image(event: Event, text: str) -> bool:
    name = event.attributes.get("name" if event.type == "image" else "image", "")
    return text in (name, split_tag(name)[0]) or (event.type == "image" and text == event.actor_id)
