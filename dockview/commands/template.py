r"""Go templates, as far as `--format` goes here: `{{.Field}}`, `{{.A.B}}`, `{{json .}}`, `{{json .A}}`, `\t`, `\n`.

Anything else of Go's template language is refused by name, never printed half-done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from dockview.engine.errors import InvalidRequest

_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_FIELD = re.compile(r"(json\s+)?\.((?:[A-Za-z_][\w-]*)(?:\.[A-Za-z_][\w-]*)*)?")
_ESCAPES = {r"\t": "\t", r"\n": "\n", r"\r": "\r", r"\\": "\\"}

Render = Callable[[Any], str]


def compile_template(template: str) -> Render:
    """A function that fills the template from a JSON-like object.

    Raises: InvalidRequest for what is not supported; the function itself, for a field that does not exist.
    """
    pieces = _ACTION.split(re.sub(r"\\[tnr\\]", lambda found: _ESCAPES[found[0]], template))
    parts: list[Render] = []
    for index, piece in enumerate(pieces):
        if index % 2 == 0:
            if "{{" in piece:
                raise InvalidRequest("template parsing error: unclosed action", hint="an action is closed by }}")
            parts.append(_literal(piece))
        else:
            parts.append(_action(piece.strip()))
    return lambda value: "".join(part(value) for part in parts)


def fields(template: str) -> list[str]:
    """The names of the fields that a template of a table shows, for its header."""
    return [match[2] or "" for match in map(_FIELD.fullmatch, map(str.strip, _ACTION.findall(template))) if match]


def _literal(text: str) -> Render:
    return lambda _value: text


def _action(text: str) -> Render:
    found = _FIELD.fullmatch(text)
    if found is None:
        raise InvalidRequest(
            f"the template action {{{{{text}}}}} is not in this version of dockview",
            hint="{{.Field}}, {{.A.B}}, {{json .}} and {{json .Field}} are",
        )
    path = found[2].split(".") if found[2] else []
    as_json = bool(found[1])
    return lambda value: (to_json if as_json else _go_text)(_at(value, path))


def _at(value: Any, path: list[str]) -> Any:
    for depth, name in enumerate(path):
        if not isinstance(value, Mapping):
            raise InvalidRequest(f"template: .{'.'.join(path[:depth])} has no fields, so no .{'.'.join(path)}")
        if name not in value:
            raise InvalidRequest(f'template: no field "{name}"', hint=f"there are {', '.join(map(str, value))}")
        value = value[name]
    return value


def to_json(value: Any) -> str:
    """Compact JSON, as docker prints it."""
    import json  # noqa: PLC0415  many commands print none

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _go_text(value: Any) -> str:
    """A value as Go's templates print it."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{_go_text(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list | tuple):
        return f"[{' '.join(map(_go_text, value))}]"
    return str(value)
