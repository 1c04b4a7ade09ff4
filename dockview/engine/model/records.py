"""What happens, line by line: logs and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A line that a container wrote; `text` is as written (untrusted), without its newline.

    `is_partial` is true where the line was cut and goes on in the next record.
    """

    time_ns: int
    stream: str
    text: str
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, in docker's shape."""

    time_ns: int
    type: str
    """container, image, network, volume."""
    action: str
    actor_id: str
    attributes: Mapping[str, str]

    def to_docker(self) -> dict[str, Any]:
        """The JSON object of `docker events --format json`."""
        return {
            "Type": self.type,
            "Action": self.action,
            "Actor": {"ID": self.actor_id, "Attributes": dict(self.attributes)},
            "scope": "local",
            "time": self.time_ns // 1_000_000_000,
            "timeNano": self.time_ns,
        }
