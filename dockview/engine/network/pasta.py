"""The way out of a rootless container: pasta, a program of its own that carries its packets in user space (passt(1)).

One a container. It puts itself into the background once the container's interface stands. Newer ones end with the
container by themselves, older ones do not: so the container's shim ends it, or, where the shim was killed, whoever
clears up after it.
"""

from __future__ import annotations

import os
import tempfile
from typing import NamedTuple

from dockview.engine.cancel import CancelToken
from dockview.engine.processes import process_start_ticks

_DEADLINE_S = 10
_TUN = "/dev/net/tun"


class Attached(NamedTuple):
    """What became of the way out."""

    is_open: bool
    detail: str
    pid: int | None = None
    start: int | None = None
    """Its start time, in clock ticks since boot."""


def command(pid: int, pid_file: str) -> list[str]:
    """The command line: an interface configured as the host's, no port forwarded, no way to the host's loopback."""
    return [
        "pasta", "--config-net", "--quiet", "--no-map-gw", "-t", "none", "-u", "none", "-T", "none", "-U", "none",
        "--pid", pid_file, "--userns", f"/proc/{pid}/ns/user", "--netns", f"/proc/{pid}/ns/net",
    ]  # fmt: skip


def attach(pid: int, cancel: CancelToken) -> Attached:
    """Give the container's namespace a way out, if pasta is installed and can; never an error."""
    if why := why_not():
        return Attached(False, why)
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
        except (OSError, subprocess.TimeoutExpired) as error:
            return Attached(False, f"pasta cannot be run: {error}")
        if done.returncode != 0:
            said.seek(0)
            words = said.read(4096).decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
            return Attached(False, f"pasta says: {words[-1]}")
        pid_of_pasta = _read_pid(pid_file)
        if pid_of_pasta is None:
            return Attached(False, "pasta has not said which process it is")
        start = process_start_ticks(pid_of_pasta)
        return Attached(True, "pasta: packets are carried in user space by a process of yours", pid_of_pasta, start)


def _read_pid(path: str) -> int | None:
    try:
        with open(path) as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def why_not() -> str:
    """Why pasta cannot be used, as far as that can be seen without running it; empty where it can be tried."""
    folders = os.environ.get("PATH", "").split(":")
    if not any(os.access(f"{folder}/pasta", os.X_OK) for folder in folders if folder):
        return "pasta is not installed"
    if not os.access(_TUN, os.R_OK | os.W_OK):
        return f"pasta cannot be used: {_TUN} is not open to you"
    return ""
