"""What a daemon offers, and what of its containers can be seen from here."""

from __future__ import annotations

import os
from collections.abc import Sequence

from dockview.engine.daemon import mapping
from dockview.engine.daemon.client import Daemon
from dockview.engine.errors import DockviewError
from dockview.engine.model import Finding


def doctor(daemon: Daemon) -> Sequence[Finding]:
    """Findings from the daemon's own answers; an unreachable daemon is a finding, too."""
    try:
        with daemon.mapped("cannot ask the daemon what it is"):
            said = daemon.api.info()
    except DockviewError as error:
        return [Finding("daemon", "missing", error.message, error.hint)]
    info = mapping.engine_info(said, daemon.version, daemon.endpoint)
    where = f"{daemon.endpoint.host} ({daemon.endpoint.origin})"
    answer = f"{where}: version {info.version}, API {info.api_version}, {daemon.connect_ns / 1e6:.0f} ms"
    findings = [Finding("daemon", "ok", answer)]
    findings += [Finding("storage", "ok", str(said["Driver"]))] if said.get("Driver") else []
    if info.cgroup_version:
        findings.append(Finding("cgroup", "ok", f"version {info.cgroup_version}, driver {said.get('CgroupDriver')}"))
    findings += [Finding("daemon says", "limited", str(warning)) for warning in said.get("Warnings") or ()]
    findings.append(_evidence(daemon))
    return findings


def _evidence(daemon: Daemon) -> Finding:
    if not daemon.endpoint.socket_path:
        return Finding(
            "evidence", "limited", "the daemon is not on this machine: /proc tells nothing of its containers"
        )
    if not os.path.isdir("/proc/self/ns"):
        return Finding("evidence", "limited", "this machine has no /proc: namespaces and cgroups are not visible")
    if os.geteuid() != 0:
        remedy = "run dockview as root to see them"
        return Finding("evidence", "limited", "the namespaces of containers are readable by root alone", remedy)
    return Finding("evidence", "ok", "namespaces, cgroups, mounts and capabilities are read from /proc")
