"""Whether the limits of a request can be set here: tried on a group of its own, before anything is created."""

from __future__ import annotations

import os

from dockview.engine.embedded.house import House
from dockview.engine.errors import InvalidRequest, NotSupported
from dockview.engine.model import RunRequest
from dockview.engine.runtime.cgroups import Cgroup
from dockview.engine.runtime.spec import resources


def check_limits(house: House, request: RunRequest) -> None:
    """Raises: InvalidRequest for CPUs that are not there, NotSupported for a limit that the kernel does not take."""
    wanted = resources(request)
    if not wanted:
        return
    check_cpus(request)
    probe = Cgroup(f"dockview/probe-{os.getpid()}-{os.urandom(4).hex()}", rootless=house.is_rootless)
    probe.wants_cpuset = "cpus" in wanted.get("cpu", {})
    flags = flags_of(request)
    try:
        probe.create()
        probe.limit(wanted)
    except OSError as error:
        raise NotSupported(
            f"{flags} cannot be set: no right to make a control group: {error.strerror}",
            hint="leave the limit out, run dockview as root, or have control groups delegated to you",
        ) from error
    finally:
        probe.remove()
    if probe.discarded:
        why = ", ".join(f"{limit}: {reason}" for limit, reason in probe.discarded.items())
        raise NotSupported(
            f"{flags} cannot be set: the kernel does not take it ({why})",
            hint="`dockview doctor` shows which controllers there are",
        )


def check_cpus(request: RunRequest) -> None:
    """Raises: InvalidRequest for more CPUs than there are, or others."""
    count = os.cpu_count() or 1
    if request.nano_cpus and request.nano_cpus > count * 1_000_000_000:
        raise InvalidRequest(f"range of CPUs is from 0.01 to {count}.00, as there are only {count} CPUs available")
    if request.cpuset_cpus:
        ends = [int(end) for part in request.cpuset_cpus.split(",") for end in part.split("-")]
        if max(ends) >= count:
            raise InvalidRequest(
                f"requested CPUs are not available - requested {request.cpuset_cpus}, available: 0-{count - 1}"
            )


def flags_of(request: RunRequest) -> str:
    """The flags that limit something, as they were given."""
    given = {
        "--memory": request.memory_bytes, "--memory-swap": request.memory_swap_bytes, "--cpus": request.nano_cpus,
        "--cpu-shares": request.cpu_shares, "--cpuset-cpus": request.cpuset_cpus, "--pids-limit": request.pids_limit,
    }  # fmt: skip
    return ", ".join(flag for flag, value in given.items() if value)
