"""Durations and moments as docker's flags and filters spell them."""

from __future__ import annotations

import re

NS = 1_000_000_000
"""Nanoseconds in a second."""

_DECIMAL = re.compile(r"\d+(\.\d*)?|\.\d+")
_PART_OF_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNITS_NS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": NS, "m": 60 * NS, "h": 3600 * NS}
_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?)?(Z|[+-]\d\d:\d\d)?",
)


def duration_ns(text: str) -> int | None:
    """Nanoseconds of Go's `1h30m`, `10s`, `1.5h`; None when the text is no duration."""
    parts = _PART_OF_DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(int(float(number) * _UNITS_NS[unit]) for number, unit in parts)


def moment_ns(text: str, now_ns: int) -> int:
    """Wall-clock nanoseconds of a moment: `10m` ago, a Unix time, RFC 3339, or a date with less after it.

    Without a zone a time is the local one, as with docker.

    Raises: ValueError.
    """
    if (ago := duration_ns(text)) is not None:
        return now_ns - ago
    if _DECIMAL.fullmatch(text):
        whole, _, fraction = text.partition(".")
        return int(whole or "0") * NS + int((fraction + "0" * 9)[:9])
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError(f'failed to parse value as time or duration: "{text}"')
    from datetime import datetime  # noqa: PLC0415  only for a spelled-out time

    *parts, fraction, zone = found.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    zone = (zone or "").replace("Z", "+00:00")
    moment = datetime.fromisoformat(f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}")
    return int(moment.timestamp()) * NS + int(((fraction or "") + "0" * 9)[:9])
