"""Platforms, as image indexes name them: linux/amd64, linux/arm/v7 (OCI image-spec, image-index.md)."""

from __future__ import annotations

import os
from dataclasses import dataclass

from dockview.engine.errors import InvalidRequest

_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "amd64": ("amd64", ""),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "aarch64": ("arm64", "v8"),
    "arm64": ("arm64", "v8"),
    "armv7l": ("arm", "v7"),
    "armhf": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "armel": ("arm", "v6"),
}


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system, an architecture, and the variant of it where there are several."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read `linux/arm64/v8`, or just `arm64`. Raises: InvalidRequest."""
        parts = text.lower().split("/")
        if len(parts) == 1:
            parts = ["linux", *parts]
        if len(parts) > 3 or not all(parts):
            raise InvalidRequest(f"{text!r} is not a platform", hint="a platform is os/architecture, as in linux/arm64")
        architecture, variant = _ARCHITECTURES.get(parts[1], (parts[1], ""))
        return cls(parts[0], architecture, parts[2] if len(parts) == 3 else variant)

    @classmethod
    def host(cls) -> Platform:
        """This machine's platform; containers are Linux whatever the kernel says."""
        return cls.parse(f"linux/{os.uname().machine}")

    def accepts(self, other: Platform) -> bool:
        """Whether an image for `other` is right for this: the same, or an older variant of the same."""
        if (self.os, self.architecture) != (other.os, other.architecture):
            return False
        return not other.variant or not self.variant or other.variant <= self.variant

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)
