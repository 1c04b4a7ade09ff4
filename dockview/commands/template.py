r"""Go templates, as `--format` takes them: what is shared by every list, and the way into the small evaluator.

`{{.Field}}`, `{{.A.B}}`, `{{json .}}`, pipelines, variables, `if`, `range`, `with`, and the functions of text/template
and of docker (see template_functions.py). What is left out (`define`, `template`, `block`, `call`) is refused by name,
never printed half-done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_ESCAPES = {r"\t": "\t", r"\n": "\n"}

Render = Callable[[Any], str]


class Row(dict[str, str]):
    """A line of a list: the text of each field, and what a template may call on it, such as `{{.Label "key"}}`."""

    def __init__(self, fields: Mapping[str, str], **methods: Callable[[str], str]) -> None:
        super().__init__(sorted(fields.items()))
        self.methods: Mapping[str, Callable[[str], str]] = methods


def labelled(fields: Mapping[str, str], labels: Mapping[str, str]) -> Row:
    """A line of a list of things that have labels."""
    return Row(fields, Label=lambda key: labels.get(key, ""))


def compile_template(template: str, *, is_header: bool = False) -> Render:
    r"""A function that fills the template from a JSON-like object. A `\t` or `\n` as typed is a tab or a new line.

    `is_header` is for the head of a table: functions leave the words of the columns as they are.

    Raises: InvalidRequest for what is no template; the function itself, for a field that does not exist.
    """
    from dockview.commands.template_parse import parse  # noqa: PLC0415  most commands have no template
    from dockview.commands.template_run import Evaluation  # noqa: PLC0415

    nodes = parse(re.sub(r"\\[tn]", lambda found: _ESCAPES[found[0]], template))
    return lambda value: Evaluation(value, is_header=is_header).text(nodes)


def to_json(value: Any) -> str:
    """Compact JSON, as docker prints it."""
    import json  # noqa: PLC0415  many commands print none

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
