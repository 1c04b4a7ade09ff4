"""The way out of a rootless container: pasta, a program of its own that carries its packets in user space (passt(1)).

One a container. It puts itself into the background once the container's interface stands, watches the namespace's
entry below /proc, and ends when the container's first process has ended; nobody needs to look after it.
"""

from __future__ import annotations

import os
import tempfile
from typing import NamedTuple

from dockview.engine.cancel import CancelToken

_DEADLINE_S = 10


class Attached(NamedTuple):
    """What became of the way out."""

    is_open: bool
    detail: str
    pid: int | None = None


def command(pid: int, pid_file: str) -> list[str]:
    """The command line: an interface configured as the host's, no port forwarded, no way to the host's loopback."""
    return [
        "pasta", "--config-net", "--quiet", "--no-map-gw", "-t", "none", "-u", "none", "-T", "none", "-U", "none",
        "--pid", pid_file, "--userns", f"/proc/{pid}/ns/user", "--netns", f"/proc/{pid}/ns/net",
    ]  # fmt: skip


def attach(pid: int, cancel: CancelToken) -> Attached:
    """Give the container's namespace a way out, if pasta is installed and can; never an error."""
    import subprocess  # noqa: PLC0415  rootless only

    cancel.raise_if_set()
    # A file for its words: a pipe would stay open for as long as it lives.
    with tempfile.TemporaryDirectory(prefix="dockview-pasta-") as folder, tempfile.TemporaryFile() as said:
        pid_file = f"{folder}/pid"
        try:
            done = subprocess.run(
                command(pid, pid_file), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
                timeout=_DEADLINE_S, check=False,
            )  # fmt: skip
        except FileNotFoundError:
            return Attached(False, "pasta is not installed")
        except (OSError, subprocess.TimeoutExpired) as error:
            return Attached(False, f"pasta cannot be run: {error}")
        if done.returncode != 0:
            said.seek(0)
            words = said.read(4096).decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
            return Attached(False, f"pasta says: {words[-1]}")
        return Attached(True, "pasta: packets are carried in user space by a process of yours", _read_pid(pid_file))


def _read_pid(path: str) -> int | None:
    try:
        with open(path) as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def is_installed() -> bool:
    """Whether there is a pasta to run."""
    return any(os.access(f"{folder}/pasta", os.X_OK) for folder in os.environ.get("PATH", "").split(":") if folder)
