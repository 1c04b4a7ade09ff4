"""`exec`: one more command in a container that runs."""

from __future__ import annotations

from dockview.engine.api import OnRecord
from dockview.engine.embedded.house import House
from dockview.engine.embedded.query import is_running, refuse_restarting
from dockview.engine.errors import Conflict, InvalidRequest
from dockview.engine.lifecycle import Phase
from dockview.engine.model import ExecRequest
from dockview.engine.runtime.exec_client import ExecAttachment, new_id
from dockview.engine.runtime.state import read_state
from dockview.engine.state import containers


def execute(house: House, ref: str, request: ExecRequest, on_record: OnRecord | None) -> ExecAttachment:
    """Execute a command; its streams. Raises: NotFound, Conflict, StartFailed, InvalidRequest, NotSupported."""
    record = containers.find(house.database, ref)
    folder = house.layout.container(record.id)
    check(request)
    if not is_running(house, record.id):
        raise Conflict(f'container "{record.name}" is not running', hint=f"start it: dockview start {record.name}")
    refuse_restarting(house, record)
    state = read_state(folder)
    if state is not None and state.paused:
        raise Conflict(
            f"container {record.name} is paused, unpause the container before exec",
            hint=f"dockview unpause {record.name}",
        )
    with house.traces.record("exec", record.name, line=request.line, on_record=on_record) as trace:
        trace.subject(container=record.id, name=record.name, image=record.image)
        with trace.phase(Phase.EXEC) as span:
            span.fact("argv", " ".join(request.command))
            wish = {
                "id": new_id(), "args": list(request.command), "env": list(request.env), "user": request.user,
                "cwd": request.workdir, "tty": request.tty, "stdin": request.open_stdin, "detach": request.detach,
                "privileged": request.privileged, "trace_path": house.layout.trace(trace.id),
                "size": list(request.size) if request.size else None,
            }  # fmt: skip
            attachment = ExecAttachment(folder, wish)
            span.fact("exec ID", str(wish["id"]))
            for name, value in attachment.facts:
                span.fact(name, value)
            init = state.pid if state is not None else None
            span.check(f"ls -l /proc/{attachment.pid}/ns /proc/{init}/ns; cat /proc/{attachment.pid}/cgroup")
        trace.commit()
    if request.detach:
        attachment.close()
    return attachment


def check(request: ExecRequest) -> None:
    """Raises: InvalidRequest for what cannot be right anywhere."""
    if not request.command or not request.command[0]:
        raise InvalidRequest("no command specified", hint="for example: dockview exec -it web sh")
    for entry in request.env:
        if "=" not in entry or entry.startswith("="):
            raise InvalidRequest(f'invalid environment variable "{entry}"', hint="write it as KEY=value")
    if request.workdir and not request.workdir.startswith("/"):
        raise InvalidRequest(f'the working directory "{request.workdir}" is not an absolute path')
