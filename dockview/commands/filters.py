"""`--filter key=value`, checked against what a list knows to filter by."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from dockview.engine.errors import InvalidRequest


def read_filters(texts: Sequence[str], known: Collection[str]) -> list[tuple[str, str]]:
    """The filters of a line. Raises: InvalidRequest for a key that is not known or a filter without a value."""
    filters = []
    for text in texts:
        key, equals, wanted = text.partition("=")
        key = key.strip().lower()
        if not equals:
            raise InvalidRequest(f"invalid filter '{text}'", hint="a filter is key=value")
        if key not in known:
            raise InvalidRequest(f"invalid filter '{key}'", hint=f"there are {', '.join(sorted(known))}")
        filters.append((key, wanted.strip()))
    return filters


def has_label(labels: Mapping[str, str], wanted: str) -> bool:
    """Whether `key` is there, or `key=value` with that very value."""
    key, equals, text = wanted.partition("=")
    return key in labels and (not equals or labels[key] == text)
