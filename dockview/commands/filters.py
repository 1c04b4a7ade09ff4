"""`--filter key=value`, checked against what a list knows to filter by, and matched by docker's rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from fnmatch import fnmatchcase

from dockview.engine.errors import InvalidRequest

_ALL_OF = ("label",)
"""Filters of one key are alternatives; of these every one must hold."""
_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false")


def read_filters(texts: Sequence[str], known: Collection[str]) -> list[tuple[str, str]]:
    """The filters of a line. Raises: InvalidRequest for a key that is not known or a filter without a value."""
    filters = []
    for text in texts:
        key, equals, wanted = text.partition("=")
        key = key.strip().lower()
        if not equals:
            raise InvalidRequest(f"bad format of filter '{text}'", hint="a filter is name=value")
        if key not in known:
            raise InvalidRequest(f"invalid filter '{key}'", hint=f"there are {', '.join(sorted(known))}")
        filters.append((key, wanted.strip()))
    return filters


def matches(filters: Sequence[tuple[str, str]], tests: Mapping[str, Callable[[str], bool]]) -> bool:
    """Whether an object passes: filters of one key are alternatives (but labels), different keys must all agree."""
    for key in dict.fromkeys(key for key, _ in filters):
        answers = (tests[key](text) for name, text in filters if name == key)
        if not (all(answers) if key in _ALL_OF else any(answers)):
            return False
    return True


def is_true(key: str, text: str) -> bool:
    """The value of a filter that is true or false. Raises: InvalidRequest."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise InvalidRequest(f"invalid filter '{key}={text}'", hint="true or false")


def one_of(key: str, text: str, known: Collection[str]) -> str:
    """The value of a filter that has but a few. Raises: InvalidRequest."""
    if text not in known:
        raise InvalidRequest(f"invalid filter '{key}={text}'", hint=f"one of {', '.join(known)}")
    return text


def has_label(labels: Mapping[str, str], wanted: str) -> bool:
    """Whether `key` is there, or `key=value` with that very value."""
    key, equals, text = wanted.partition("=")
    return key in labels and (not equals or labels[key] == text)


def fits_name(name: str, wanted: str) -> bool:
    """Whether a name has what is wanted anywhere in it; docker reads it as a regular expression.

    Raises: InvalidRequest where it is none.
    """
    try:
        return re.search(wanted, name) is not None
    except re.error as error:
        raise InvalidRequest(f"invalid filter 'name={wanted}': {error}", hint="it is a regular expression") from None


def fits_path(name: str, pattern: str) -> bool:
    """Go's path.Match: `*` stays between two slashes."""
    names, patterns = name.split("/"), pattern.split("/")
    return len(names) == len(patterns) and all(map(fnmatchcase, names, patterns))


def port_numbers(key: str, text: str) -> set[tuple[int, str]]:
    """The ports of `80`, `80/udp`, `8000-8010/tcp`. Raises: InvalidRequest."""
    ports, _, protocol = text.partition("/")
    first, dash, last = ports.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()) or int(last or first) > 65535:
        raise InvalidRequest(f"invalid filter '{key}={text}'", hint="a port, a range of ports, with /tcp or /udp")
    return {(port, protocol or "tcp") for port in range(int(first), int(last or first) + 1)}
