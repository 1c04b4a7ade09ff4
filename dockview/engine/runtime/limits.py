"""Resource limits (getrlimit(2)), the OOM score and the sysctls of a container, as its first process sets them."""

from __future__ import annotations

import os

from dockview.engine.runtime.sync import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from dockview.engine.runtime.spans import Span

NAMES = {
    "cpu": 0, "fsize": 1, "data": 2, "stack": 3, "core": 4, "rss": 5, "nproc": 6, "nofile": 7, "memlock": 8, "as": 9,
    "locks": 10, "sigpending": 11, "msgqueue": 12, "nice": 13, "rtprio": 14, "rttime": 15,
}  # fmt: skip
"""Docker's names, and the kernel's numbers on x86-64 and arm64."""
_SHOWN = {
    "cpu": "Max cpu time", "fsize": "Max file size", "data": "Max data size", "stack": "Max stack size",
    "core": "Max core file size", "rss": "Max resident set", "nproc": "Max processes", "nofile": "Max open files",
    "memlock": "Max locked memory", "as": "Max address space", "locks": "Max file locks",
    "sigpending": "Max pending signals", "msgqueue": "Max msgqueue size", "nice": "Max nice priority",
    "rtprio": "Max realtime priority", "rttime": "Max realtime timeout",
}  # fmt: skip
"""As /proc/PID/limits has them."""
SYSCTLS_OF_IPC = frozenset({
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
    "kernel.shmmni", "kernel.shm_rmid_forced",
})  # fmt: skip


def current(name: str) -> tuple[int, int]:
    """(soft, hard) of this process; -1 is unlimited."""
    import resource  # noqa: PLC0415  only where a limit was asked for

    return resource.getrlimit(NAMES[name])


def set_sysctls(wanted: Mapping[str, str]) -> dict[str, str]:
    """Write the sysctls of this process's namespaces; what they then are, as evidence. Raises: Refused."""
    facts: dict[str, str] = {}
    for name, value in wanted.items():
        path = "/proc/sys/" + name.replace(".", "/")
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(fd, value.encode())
            finally:
                os.close(fd)
            with open(path) as file:
                facts[f"sysctl {name}"] = " ".join(file.read().split())
        except OSError as error:
            raise Refused(
                "unsupported", f"sysctl {name} cannot be set to {value!r}: {error.strerror}",
                hint="without root some sysctls belong to the machine's root alone" if error.errno in (1, 13) else "",
            ) from None  # fmt: skip
    return facts


def apply(process: Mapping[str, Any], span: Span) -> None:
    """Set the limits and the OOM score of this process, and read them back. Raises: Refused."""
    limits: Sequence[Mapping[str, Any]] = process.get("rlimits", ())
    if limits:
        import resource  # noqa: PLC0415

        for limit in limits:
            name = limit["type"].removeprefix("RLIMIT_").lower()
            try:
                resource.setrlimit(NAMES[name], (limit["soft"], limit["hard"]))
            except (OSError, ValueError) as error:
                raise Refused("unsupported", f"ulimit {name} cannot be set: {error}") from None
        told = _limits()
        for limit in limits:
            name = limit["type"].removeprefix("RLIMIT_").lower()
            span.fact(f"ulimit {name}", told.get(_SHOWN[name]))
    if "oomScoreAdj" in process:
        try:
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write(str(process["oomScoreAdj"]))
        except OSError as error:
            raise Refused("unsupported", f"the OOM score cannot be set: {error.strerror}") from None
        with open("/proc/self/oom_score_adj") as file:
            span.fact("oom_score_adj", int(file.read()))


def _limits() -> dict[str, str]:
    """Name to `soft hard`, from /proc/self/limits, whose first column is 25 characters wide."""
    with open("/proc/self/limits") as file:
        return {line[:25].strip(): " ".join(line[25:].split()[:2]) for line in file}
