"""The values of the flags about a container's life and rights; text in, values out (values.py has the rest)."""

from __future__ import annotations

import os
import re

from dockview.commands.usage import UsageError
from dockview.commands.values import label, memory
from dockview.engine.model import RestartPolicy, Ulimit

_ULIMITS = frozenset({
    "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
    "rttime", "sigpending", "stack",
})  # fmt: skip
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNITS_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def restart_policy(text: str) -> RestartPolicy:
    """`no`, `on-failure[:N]`, `always`, `unless-stopped`."""
    name, colon, count = text.partition(":")
    if not name and colon:
        raise UsageError("invalid restart policy format: no policy provided before colon")
    if count and not re.fullmatch(r"-?\d+", count):
        raise UsageError("invalid restart policy format: maximum retry count must be an integer")
    if name not in ("", "no", "always", "on-failure", "unless-stopped"):
        raise UsageError(
            f"invalid restart policy: unknown policy '{name}'; use one of 'no', 'always', 'on-failure',"
            " or 'unless-stopped'"
        )
    return RestartPolicy(name=name or "no", max_retries=int(count or 0))


def ulimit(text: str) -> Ulimit:
    """`nofile=1024:2048`, `core=-1`."""
    name, equals, rest = text.partition("=")
    if not equals:
        raise ValueError(f"invalid ulimit argument: {text}")
    if name not in _ULIMITS:
        raise ValueError(f"invalid ulimit type: {name}")
    soft, colon, hard = rest.partition(":")
    try:
        limit = Ulimit(name, int(soft), int(hard) if colon else int(soft))
    except ValueError:
        raise ValueError(f"invalid ulimit value: {rest}") from None
    if limit.hard != -1 and (limit.soft > limit.hard or limit.soft == -1):
        raise ValueError(f"ulimit soft limit must be less than or equal to hard limit: {limit.soft} > {limit.hard}")
    return limit


def duration_ns(text: str) -> int:
    """Nanoseconds of `1m30s`, `500ms`, as Go writes durations."""
    if text == "0":
        return 0
    found = _DURATION.findall(text)
    if not found or "".join(number + unit for number, unit in found) != text:
        raise ValueError(f'time: invalid duration "{text}"')
    return sum(int(float(number) * _UNITS_NS[unit]) for number, unit in found)


def size(text: str) -> int:
    """Bytes of `64m`; 0 is 0."""
    return memory(text) or 0


def key_value(text: str) -> str:
    """A `key=value`."""
    if "=" not in text or text.startswith("="):
        raise ValueError(f"{text} is not a key=value pair")
    return text


def label_file(path: str) -> tuple[str, ...]:
    """The labels of a file: one `key=value` or `key` a line; blank lines and `#` comments are passed over.

    Raises: UsageError.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = [line.strip() for line in file.read().splitlines()]
    except OSError as error:
        raise UsageError(f"open {path}: {os.strerror(error.errno or 0).lower()}") from None
    except UnicodeDecodeError:
        raise UsageError(f"label file {path} is not UTF-8") from None
    try:
        return tuple(label(line) for line in lines if line and not line.startswith("#"))
    except ValueError as error:
        raise UsageError(f"invalid label file ({path}): {error}") from None
