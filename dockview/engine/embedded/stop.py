"""`stop`, `kill` and `wait`: how a container is asked to end, made to, and awaited."""

from __future__ import annotations

from dockview.engine.embedded.discard import note
from dockview.engine.embedded.house import House
from dockview.engine.embedded.query import image_config, is_running
from dockview.engine.errors import Conflict
from dockview.engine.lifecycle import Phase
from dockview.engine.recorder import Recorder, SpanRecorder
from dockview.engine.runtime import stop as runtime
from dockview.engine.runtime.signals import send_signal, signal_number
from dockview.engine.runtime.state import read_state
from dockview.engine.state import containers
from dockview.engine.state.containers import ContainerRecord

DEFAULT_TIMEOUT_S = 10
"""Docker's own."""


def stop(house: House, ref: str, timeout_s: int | None, wanted: str = "") -> ContainerRecord:
    """Send the stop signal, or the wanted one, wait, then SIGKILL; one that does not run is left as it is."""
    record = containers.find(house.database, ref)
    if not is_running(house, record.id):
        return record
    flag = f"-s {wanted} " if wanted else ""
    with house.traces.record("stop", record.name, line=f"docker stop {flag}{record.name}") as trace:
        trace.subject(container=record.id, name=record.name, image=record.image)
        perform(house, trace, record, wanted, grace_of(record, timeout_s))
        note(house, "stop", record)
    return record


def grace_of(record: ContainerRecord, timeout_s: int | None) -> int:
    """How long it may take to end by itself: what was asked for, else its --stop-timeout, else docker's default."""
    return next(s for s in (timeout_s, record.request.stop_timeout_s, DEFAULT_TIMEOUT_S) if s is not None)


def perform(
    house: House, trace: Recorder, record: ContainerRecord, wanted: str, grace_s: int, *, why: str = "stop",
    keeps: bool = False,
) -> None:  # fmt: skip
    """The phase STOP; with `keeps` a --rm container is not removed at this end."""
    signal = wanted or record.request.stop_signal or image_config(house, record.image_id).get("StopSignal") or "SIGTERM"
    with trace.phase(Phase.STOP, check=_check(house, record)) as span:
        span.fact("signal", signal)
        span.fact("grace", f"{grace_s} s")
        folder = house.layout.container(record.id)
        was_killed = runtime.stop(folder, signal, grace_s, why=why, keeps=keeps, cancel=house.closing)
        span.fact("SIGKILL needed", was_killed)
        _outcome(house, record, span)


def kill(house: House, ref: str, signal: str) -> None:
    """Send a signal to the first process. Raises: Conflict when the container does not run."""
    record = containers.find(house.database, ref)
    number = signal_number(signal)
    if not is_running(house, record.id):
        raise Conflict(f'container "{record.name}" is not running', hint=f"start it: dockview start {record.name}")
    flag = "" if signal == "SIGKILL" else f"-s {signal} "
    with house.traces.record("kill", record.name, line=f"docker kill {flag}{record.name}") as trace:
        trace.subject(container=record.id, name=record.name, image=record.image)
        with trace.phase(Phase.KILL, check=_check(house, record)) as span:
            span.fact("signal", signal)
            span.fact("number", number)
            send_signal(house.layout.container(record.id), signal)
        note(house, "kill", record, signal=str(number))


def kill_and_wait(house: House, record: ContainerRecord, span: SpanRecorder) -> None:
    """End a running container at once, as `rm -f` does."""
    folder = house.layout.container(record.id)
    span.fact("signal", "SIGKILL")
    runtime.stop(folder, "SIGKILL", -1, why="rm -f", cancel=house.closing)
    _outcome(house, record, span)


def wait(house: House, ref: str) -> int | None:
    """Block until the container has exited; its exit code, None where that is unknown."""
    record = containers.find(house.database, ref)
    return runtime.wait(house.layout.container(record.id), cancel=house.closing)


def _outcome(house: House, record: ContainerRecord, span: SpanRecorder) -> None:
    state = read_state(house.layout.container(record.id))
    span.fact("exit code", None if state is None else state.exit_code)


def _check(house: House, record: ContainerRecord) -> str:
    state = read_state(house.layout.container(record.id))
    return "dockview ps -a" if state is None or state.pid is None else f"ps -o pid,stat,args -p {state.pid}"
