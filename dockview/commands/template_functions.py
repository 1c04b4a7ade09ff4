"""The functions of templates: those of Go's text/template, and docker's own.

Sources: https://pkg.go.dev/text/template (Functions), https://docs.docker.com/engine/cli/formatting/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from dockview.commands.template import to_json

_VERB = re.compile(r"%([-+# 0]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])")
_WIDEST = 10_000


class TemplateError(Exception):
    """A template asks for what is not there."""

    def __init__(self, what: str, hint: str = "docker's --format and Go's text/template say what there is") -> None:
        super().__init__(what)
        self.hint = hint


def go_text(value: Any) -> str:
    """A value as Go's templates print it."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{_inner(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list | tuple):
        return f"[{' '.join(map(_inner, value))}]"
    return str(value)


def _inner(value: Any) -> str:
    return "<nil>" if value is None else go_text(value)


def _length(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, str):
        return len(value.encode(errors="surrogateescape"))
    if isinstance(value, list | tuple | Mapping):
        return len(value)
    raise TemplateError(f"error calling len: len of {go_text(value)}")


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key, "" if all(isinstance(item, str) for item in value.values()) else None)
        elif isinstance(value, list | tuple | str) and isinstance(key, int):
            if not 0 <= key < len(value):
                raise TemplateError(f"error calling index: index out of range: {key}")
            value = value[key]
        elif value is None and isinstance(key, str):
            value = ""
        else:
            what = "untyped nil" if value is None else go_text(value)
            raise TemplateError(f"error calling index: cannot index {what} with {go_text(key)}")
    return value


def _slice(value: Any, *bounds: Any) -> Any:
    if not isinstance(value, str | list | tuple):
        raise TemplateError(f"error calling slice: can't slice {go_text(value)}")
    low, high = [*bounds, *(0, len(value))[len(bounds) :]][:2]
    if not 0 <= low <= high <= len(value):
        raise TemplateError(f"error calling slice: index out of range: {high if high > len(value) else low}")
    return value[low:high]


def _equal(first: Any, *others: Any) -> bool:
    if not others:
        raise TypeError
    return any(first == other and isinstance(first, bool) == isinstance(other, bool) for other in others)


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        is_number = isinstance(left, int | float) and isinstance(right, int | float)
        if not is_number and not (isinstance(left, str) and isinstance(right, str)):
            raise TemplateError(f"incompatible types for comparison: {go_text(left)} and {go_text(right)}")
        return test(left, right)

    return compare


def _print(*values: Any) -> str:
    """Go's Sprint: a space between two neighbours that are no strings."""
    text = ""
    for at, value in enumerate(values):
        if at and not isinstance(value, str) and not isinstance(values[at - 1], str):
            text += " "
        text += _inner(value)
    return text


def _printf(pattern: str, *values: Any) -> str:
    left = list(values)

    def one(found: re.Match[str]) -> str:
        flags, width, precision, verb = found.groups()
        if verb == "%":
            return "%"
        if not left:
            return f"%!{verb}(MISSING)"
        value = left.pop(0)
        text = _formatted(verb, value, precision, flags)
        wide = min(int(width or 0), _WIDEST)
        if "-" in flags:
            return text.ljust(wide)
        return text.zfill(wide) if "0" in flags else text.rjust(wide)

    text = _VERB.sub(one, pattern)
    return text + (f"%!(EXTRA {', '.join(map(go_text, left))})" if left else "")


def _formatted(verb: str, value: Any, precision: str | None, flags: str) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if verb in "vs":
        text = _inner(value)
        return text[: int(precision)] if precision and verb == "s" else text
    if verb == "q":
        return to_json(_inner(value))
    if verb == "t" and isinstance(value, bool):
        return go_text(value)
    if verb == "d" and isinstance(value, int) and is_number:
        return f"{value:+d}" if "+" in flags else str(value)
    if verb in "xX" and isinstance(value, int | str) and not isinstance(value, bool):
        return format(value, verb) if isinstance(value, int) else value.encode().hex()
    if verb in "feg" and is_number:
        return f"{value:.{min(int(precision or 6), 100)}{verb}}"
    if verb == "T":
        return {str: "string", bool: "bool", int: "int", float: "float64"}.get(type(value), "interface {}")
    return f"%!{verb}({go_text(value)})"


def _join(items: Any, separator: str) -> str:
    if items is None:
        return ""
    if not isinstance(items, list | tuple):
        raise TemplateError(f"error calling join: {go_text(items)} is no list")
    return separator.join(map(go_text, items))


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else list(text)


def _pad(text: str, before: int, after: int) -> str:
    return f"{' ' * min(before, _WIDEST)}{text}{' ' * min(after, _WIDEST)}" if text else text


def _truncate(text: str, width: int) -> str:
    return text[:width] if width >= 0 else text


def _title(text: str) -> str:
    return re.sub(r"(^|\s)(\S)", lambda found: found[1] + found[2].upper(), text)


def _escape_html(*values: Any) -> str:
    import html  # noqa: PLC0415  hardly ever used

    return html.escape(_print(*values)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def _escape_url(*values: Any) -> str:
    from urllib.parse import quote_plus  # noqa: PLC0415  hardly ever used

    return quote_plus(_print(*values))


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "and": all, "or": any,  # looked at one by one, by the evaluation itself
    "not": lambda value: not value,
    "len": _length, "index": _index, "slice": _slice,
    "print": _print, "printf": _printf, "println": lambda *values: f"{' '.join(map(_inner, values))}\n",
    "html": _escape_html, "urlquery": _escape_url,
    "eq": _equal, "ne": lambda left, right: not _equal(left, right),
    "lt": _ordered(lambda a, b: bool(a < b)), "le": _ordered(lambda a, b: bool(a <= b)),
    "gt": _ordered(lambda a, b: bool(a > b)), "ge": _ordered(lambda a, b: bool(a >= b)),
    "json": to_json, "split": _split, "join": _join, "title": _title, "lower": lambda text: go_text(text).lower(),
    "upper": lambda text: go_text(text).upper(), "pad": _pad, "truncate": _truncate,
}  # fmt: skip
"""Name to function. A TypeError of one means that it was given the wrong number or kind of arguments."""
