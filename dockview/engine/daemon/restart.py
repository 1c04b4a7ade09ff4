"""`restart` by a daemon: one call, told as the phases that it is made of."""

from __future__ import annotations

from dockview.engine.cancel import CancelToken
from dockview.engine.daemon import containers, mapping
from dockview.engine.daemon.client import Daemon
from dockview.engine.daemon.observe import observe
from dockview.engine.daemon.watch import Watch
from dockview.engine.lifecycle import Origin, Phase
from dockview.engine.recorder import Recorder


def restart(
    daemon: Daemon, trace: Recorder, watch: Watch, found: mapping.Json, *, timeout_s: int | None, signal: str
) -> mapping.Json:
    """STOP and START, both done by the daemon; the inspect JSON afterwards.

    Raises: StartFailed, PortInUse, Cancelled.
    """
    container_id, name = str(found["Id"]), str(found.get("Name") or "").lstrip("/")
    containers.connect(daemon, trace)
    if (found.get("State") or {}).get("Running"):
        containers.stop(daemon, trace, found, timeout_s, signal)
    else:
        trace.skip(Phase.STOP, why="it does not run")
    life = watch.claim(container_id)
    try:
        with trace.phase(Phase.START, check=f"docker top {name}") as span, daemon.line(trace.cancel) as api:
            with daemon.mapped(f"cannot restart container {name}", trace.cancel):
                # What is stopped is started by the same call, and the daemon tells it as a restart.
                api.restart(container_id)
            running = containers.inspect(daemon, container_id)
            state = running.get("State") or {}
            span.fact("state", state.get("Status"), Origin.REPORTED)
            span.fact("pid", state.get("Pid") or None, Origin.REPORTED)
    except BaseException:
        watch.release(container_id)
        raise
    trace.commit()
    trace.cancel = CancelToken()
    observe(trace, daemon.endpoint, running)
    life.begin(trace, pid=int(state.get("Pid") or 0), started_at=str(state.get("StartedAt") or ""))
    return running
