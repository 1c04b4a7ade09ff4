"""What can be seen of a container that a daemon has started: from /proc where it is this machine's, else from inspect.

Nothing here may fail the run: what cannot be seen is a phase that is skipped, with the reason.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from dockview.engine.daemon import mapping
from dockview.engine.daemon.connection import Endpoint
from dockview.engine.lifecycle import NAMESPACES, Origin, Phase
from dockview.engine.recorder import Recorder, SpanRecorder

_SECCOMP = {"0": "none", "1": "strict", "2": "filter"}
_LIMITS = {
    "memory": (("memory", "memory.limit_in_bytes"), ("", "memory.max")),
    "pids": (("pids", "pids.max"), ("", "pids.max")),
    "cpu quota": (("cpu", "cpu.cfs_quota_us"), ("", "cpu.max")),
}
"""By the fact's name: the controller of cgroup v1 ("" is v2's only tree) and its file."""


def observe(trace: Recorder, endpoint: Endpoint, found: mapping.Json) -> None:
    """Record NAMESPACES, CGROUP, ROOTFS, NETWORK, PORTS and SECURITY of a container, as inspected after its start."""
    pid = int((found.get("State") or {}).get("Pid") or 0)
    hidden = why_hidden(endpoint, pid, str(found.get("Id") or ""))
    for part in NAMESPACES:
        with _evidence(trace, Phase.NAMESPACES, part, f"readlink /proc/{pid}/ns/{part}", hidden) as span:
            if span is not None:
                _namespace(span, pid, part)
    with _evidence(trace, Phase.CGROUP, "", f"cat /proc/{pid}/cgroup", hidden) as span:
        if span is not None:
            _cgroup(span, pid)
    with _evidence(trace, Phase.ROOTFS, "", f"findmnt -N {pid}", hidden) as span:
        if span is not None:
            _rootfs(span, pid)
    _network(trace, found, "" if hidden else f"nsenter -t {pid} -n ip addr")
    _ports(trace, found)
    with _evidence(
        trace, Phase.SECURITY, "", f"grep -E 'Cap|Seccomp|NoNewPrivs|Uid' /proc/{pid}/status", hidden
    ) as span:
        if span is not None:
            _security(span, pid)


def why_hidden(endpoint: Endpoint, pid: int, container_id: str) -> str:
    """Why /proc tells nothing about this container, empty where it does.

    A pid that a daemon reports may be another process here (a daemon in a virtual machine, a forwarded socket): the
    container's ID must be in the path of the process's cgroup.
    """
    if not endpoint.socket_path:
        return "not visible from here: the daemon is not on this machine"
    if not pid:
        return "not visible from here: the process had already ended"
    try:
        with open(f"/proc/{pid}/cgroup") as file:
            groups = file.read()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESRCH):
            return f"not visible from here: there is no process {pid} in this /proc (any more)"
        return f"not visible from here: /proc/{pid}/cgroup: {error.strerror}"
    if not container_id or container_id not in groups:
        return f"not visible from here: process {pid} of this /proc is not the container's"
    return ""


@contextlib.contextmanager
def _evidence(trace: Recorder, phase: Phase, part: str, check: str, hidden: str) -> Iterator[SpanRecorder | None]:
    """A phase that reads /proc; what may not be read, or is gone by now, makes it a skipped one."""
    with trace.phase(phase, part, check="" if hidden else check) as span:
        if hidden:
            span.skip(hidden)
            yield None
            return
        try:
            yield span
        except OSError as error:
            span.skip(f"not visible from here: {error.filename}: {error.strerror}")


def _namespace(span: SpanRecorder, pid: int, part: str) -> None:
    inside, here = os.readlink(f"/proc/{pid}/ns/{part}"), os.readlink(f"/proc/self/ns/{part}")
    span.fact("container", inside)
    span.fact("host", here)
    span.fact("is_new", inside != here)


def _cgroup(span: SpanRecorder, pid: int) -> None:
    with open(f"/proc/{pid}/cgroup") as file:
        rows = [line.rstrip("\n").split(":", 2) for line in file]
    paths = {controller: path for _, controllers, path in rows for controller in controllers.split(",")}
    span.fact("path", paths.get("memory") or paths.get("", ""))
    for name, places in _LIMITS.items():
        for controller, leaf in places:
            file_name = f"/sys/fs/cgroup/{controller}{paths.get(controller, '')}/{leaf}"
            if controller in paths and os.path.exists(file_name):
                with open(file_name) as file:
                    span.fact(name, file.read().strip())
                break


def _rootfs(span: SpanRecorder, pid: int) -> None:
    with open(f"/proc/{pid}/mountinfo") as file:
        rows = [line.split() for line in file]
    span.fact("mounts", len(rows))
    for row in rows:
        if row[4] == "/":
            kind, _, options = row[row.index("-") + 1 :][:3]
            span.fact("type", kind)
            for option in options.split(","):
                name, _, value = option.partition("=")
                if name == "lowerdir":
                    span.fact("lowerdirs", value.count(":") + 1)
                elif name in ("upperdir", "workdir"):
                    span.fact(name, value)


def _security(span: SpanRecorder, pid: int) -> None:
    with open(f"/proc/{pid}/status") as file:
        fields = dict(line.rstrip("\n").split(":", 1) for line in file if ":" in line)
    for name, key in (("capabilities", "CapEff"), ("bounding set", "CapBnd")):
        if key in fields:
            mask = fields[key].strip()
            span.fact(name, f"{int(mask, 16).bit_count()} ({mask})")
    if "Seccomp" in fields:
        span.fact("seccomp", _SECCOMP.get(fields["Seccomp"].strip()))
    if "NoNewPrivs" in fields:
        span.fact("no_new_privs", fields["NoNewPrivs"].strip() == "1")
    for name, key in (("uid", "Uid"), ("gid", "Gid")):
        if key in fields:
            span.fact(name, int(fields[key].split()[1]))


def _network(trace: Recorder, found: mapping.Json, check: str) -> None:
    networks = (found.get("NetworkSettings") or {}).get("Networks") or {}
    with trace.phase(Phase.NETWORK, check=check) as span:
        span.fact("networks", " ".join(networks), Origin.REPORTED)
        for name, end in networks.items():
            prefix = f"{name} " if len(networks) > 1 else ""
            for fact, key in (("address", "IPAddress"), ("gateway", "Gateway"), ("mac", "MacAddress")):
                if value := (end or {}).get(key):
                    mask = f"/{end['IPPrefixLen']}" if key == "IPAddress" and end.get("IPPrefixLen") else ""
                    span.fact(prefix + fact, f"{value}{mask}", Origin.REPORTED)


def _ports(trace: Recorder, found: mapping.Json) -> None:
    ports = mapping.published_ports(found)
    if not ports:
        trace.skip(Phase.PORTS, why="no port is published")
        return
    with trace.phase(Phase.PORTS) as span:
        for port in ports:
            span.fact(f"{port.container_port}/{port.protocol}", f"{port.host_ip}:{port.host_port}", Origin.REPORTED)
