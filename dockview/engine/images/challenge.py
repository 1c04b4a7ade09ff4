"""The WWW-Authenticate header of a registry: what it wants (RFC 9110, 11.6.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Challenge:
    """`bearer`: get a token for a scope from the realm; `basic`: send a user and a password."""

    scheme: str
    realm: str
    service: str = ""


def parse_challenge(header: str) -> Challenge | None:
    """The first challenge that can be met; None where there is none."""
    for match in re.finditer(
        r"(?i)(?:^|,)\s*(bearer|basic)\s+((?:[^\",]|,(?!\s*(?:bearer|basic)\s)|\"[^\"]*\")*)", header
    ):
        parameters = {
            name.lower(): quoted or plain
            for name, quoted, plain in re.findall(r"([A-Za-z]+)\s*=\s*(?:\"([^\"]*)\"|([^\s,\"]*))", match[2])
        }
        return Challenge(match[1].lower(), parameters.get("realm", ""), parameters.get("service", ""))
    return None
