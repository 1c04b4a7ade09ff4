"""The values of flags that limit a container; text in, values out. They raise ValueError with docker's wording."""

from __future__ import annotations

import re

from dockview.commands.values import integer, memory
from dockview.engine.model import RestartPolicy

_POLICIES = ("no", "on-failure", "always", "unless-stopped")


def memory_swap(text: str) -> int | None:
    """Bytes of memory and swap together; -1 is unlimited swap, None (of 0) is docker's default, twice the memory."""
    return -1 if text == "-1" else memory(text)


def shares(text: str) -> int | None:
    """A weight; None for 0, which is the default."""
    return integer(text) or None


def cpuset(text: str) -> str:
    """`0-2,5`."""
    if text and not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", text):
        raise ValueError(f"invalid value {text} for cpuset cpus")
    return text


def restart_policy(text: str) -> RestartPolicy:
    """`no`, `always`, `unless-stopped`, `on-failure` or `on-failure:3`."""
    name, colon, count = (text or "no").partition(":")
    if name not in _POLICIES:
        raise ValueError(f"invalid restart policy: unknown policy '{name}'; use one of {', '.join(_POLICIES)}")
    if colon and name != "on-failure":
        raise ValueError("invalid restart policy: maximum retry count can only be used with 'on-failure'")
    if colon and not count.isdecimal():
        raise ValueError("invalid restart policy: maximum retry count must be an integer")
    return RestartPolicy(name=name, max_retries=int(count or 0))
