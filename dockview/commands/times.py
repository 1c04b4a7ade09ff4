"""Moments as docker prints them."""

from __future__ import annotations

import time

NS = 1_000_000_000


def rfc3339(ns: int) -> str:
    """`2024-05-01T12:00:00.123456789Z`."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(ns // NS))}.{ns % NS:09}Z"


def rfc3339_local(ns: int) -> str:
    """`2024-05-01T14:00:00.123456789+02:00`, in this machine's zone."""
    moment = time.localtime(ns // NS)
    zone = time.strftime("%z", moment)
    zone = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:5]}"
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', moment)}.{ns % NS:09}{zone}"


def created_at_exactly(ns: int | None) -> str:
    """The same with its nanoseconds, as docker prints that of networks."""
    if ns is None:
        return "N/A"
    fraction = f".{ns % NS:09}".rstrip("0").rstrip(".")
    return time.strftime(f"%Y-%m-%d %H:%M:%S{fraction} %z %Z", time.localtime(ns // NS))


def created_at(ns: int | None) -> str:
    """`2024-05-01 14:00:00 +0200 CEST`, in this machine's zone; `N/A` where unknown."""
    return "N/A" if ns is None else time.strftime("%Y-%m-%d %H:%M:%S %z %Z", time.localtime(ns // NS))
