"""A docker line, understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dockview.engine.model import RunRequest


@dataclass(frozen=True, slots=True)
class Command:
    """What a line asks for.

    Every spelling of a verb ends in one: `container ls` and `ps` are both `ps`, `image rm` is `rmi`, `system info` is
    `info`. `help` is the verb of a line with `--help`, its ref the verb that help is wanted for.
    """

    verb: str
    """`run`, `stop`, `image prune`, `system df`, …"""
    request: RunRequest | None = None
    """Of `run` and `create`."""
    refs: tuple[str, ...] = ()
    """The arguments: containers, images, names."""
    options: Mapping[str, object] = field(default_factory=dict)
    """The value of every flag of the verb by its long name: bool, str, int, tuple[str, …] or None when not given."""
    line: str = ""
    """The docker line, as typed."""

    def is_on(self, name: str) -> bool:
        """Whether a switch was given."""
        return self.options.get(name) is True

    def text(self, name: str) -> str:
        """The text of an option, empty when it was not given."""
        found = self.options.get(name)
        return found if isinstance(found, str) else ""

    def number(self, name: str) -> int | None:
        """The number of an option, None when it was not given."""
        found = self.options.get(name)
        return found if isinstance(found, int) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of an option that may be given more than once."""
        found = self.options.get(name)
        return found if isinstance(found, tuple) else ()
