"""Requests as tests write them."""

from __future__ import annotations

import shlex
from typing import Any

from dockview.engine.model import RunRequest

HUB = "hub.localhost"
"""Named in full, an image of the hub is looked up nowhere else."""


def request(image: str, *command: str, **settings: Any) -> RunRequest:
    """What `docker run [settings] IMAGE [COMMAND]` asks for."""
    settings.setdefault("detach", True)
    name = settings.get("name", "")
    words = ["docker", "run", *(["--name", name] if name else []), image, *command]
    return RunRequest(image=image, line=shlex.join(words), command=command, **settings)
