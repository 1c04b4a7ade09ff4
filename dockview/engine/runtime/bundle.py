"""The bundle as the engine writes it: an OCI config.json, and shim.json with what the shim needs besides."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ShimSettings:
    """What the shim needs to know of its container beyond the OCI configuration. Paths are absolute."""

    id: str
    name: str
    image: str
    lower_dirs: tuple[str, ...]
    """Unpacked layers, the top one first."""
    upper_dir: str
    work_dir: str
    log_path: str
    trace_path: str = ""
    """Where the spans `running` and `exited` go; empty for nowhere."""
    events_path: str = ""
    tty: bool = False
    open_stdin: bool = False
    rootless: bool = False
    base_mounts: tuple[tuple[str, str], ...] = ()
    """(source, destination) of the host's userland, for the hub's own images (base.py)."""
    on_exit: tuple[str, ...] = ()
    """A command line that the shim becomes as its last act."""
    user_mounts: tuple[str, ...] = ()
    """What -v, --mount, --tmpfs and the image's VOLUMEs have mounted: the paths inside, for the evidence."""
    volumes: tuple[tuple[str, str, str], ...] = ()
    """(name, path inside, whether it can be written to: true or false), for the events of volumes."""
    shares_mounts: bool = False
    """Whether a bind wants to share mounts with the host (sharing.py)."""
    restart: Mapping[str, Any] = field(default_factory=dict)
    """The restart policy, `name` and `max_retries`; empty for none (lives.py)."""
    stop_signal: int = 0
    """The only signal besides SIGKILL that ends the restarting, too; 0 where every signal does."""
    health: Mapping[str, Any] = field(default_factory=dict)
    """How the container is asked how it is (health.py); empty for not at all."""
    log_max_bytes: int = 0
    """At which size the log is rotated; 0 for never."""
    log_max_files: int = 1
    """How many files of log there may be."""
    init: bool = False
    """Whether the first process is a reaper of dockview's, and the command its child (reaper.py)."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Of the events `start`, `oom` and `die`: image, name, labels."""


def write_bundle(folder: str, spec: Mapping[str, Any], shim: ShimSettings) -> None:
    """Write both files, and make the folders that the root file system needs, where they are missing."""
    for path in (f"{folder}/rootfs", shim.upper_dir, shim.work_dir):
        os.makedirs(path, mode=0o755, exist_ok=True)
    for name, content in (("config.json", spec), ("shim.json", asdict(shim))):
        # Environment variables may be secrets: for the owner's eyes only.
        fd = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=True)
