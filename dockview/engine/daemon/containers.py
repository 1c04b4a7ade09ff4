"""The verbs on containers, told as phases that are bracketed by the SDK's calls."""

from __future__ import annotations

import json
import time
from typing import Any

from dockview.engine.api import OnAttach
from dockview.engine.cancel import CancelToken
from dockview.engine.create_body import create_body
from dockview.engine.daemon import mapping
from dockview.engine.daemon.client import Daemon
from dockview.engine.daemon.images import ensure_image
from dockview.engine.daemon.observe import observe
from dockview.engine.daemon.streams import DaemonAttachment
from dockview.engine.daemon.watch import Watch
from dockview.engine.errors import Conflict, DockviewError, NotFound, NotSupported
from dockview.engine.lifecycle import Origin, Phase
from dockview.engine.model import Container, RunRequest
from dockview.engine.recorder import Recorder

_GONE_WITHIN_S = 10
_ENDED_WITHIN_S = 2
"""How long after the end of its streams a container may take to be said to have exited."""


def inspect(daemon: Daemon, ref: str) -> dict[str, Any]:
    """Docker's inspect JSON of a container. Raises: NotFound."""
    with daemon.mapped(f"cannot find container {ref}"):
        found: dict[str, Any] = daemon.api.inspect_container(ref)
    return found


def connect(daemon: Daemon, trace: Recorder) -> None:
    """Phase CONNECT: reach the daemon and hear what it is."""
    with trace.phase(Phase.CONNECT, check=f"docker -H {daemon.endpoint.host} version") as span:
        span.fact("endpoint", daemon.endpoint.host)
        span.fact("found by", daemon.endpoint.origin)
        begun = time.monotonic_ns()
        api = daemon.api
        with daemon.mapped("cannot reach the daemon"):
            api.ping()
        span.fact("answer ms", round((time.monotonic_ns() - begun) / 1e6, 1))
        span.fact("version", daemon.version.get("Version"), Origin.REPORTED)
        span.fact("API version", daemon.version.get("ApiVersion"), Origin.REPORTED)


def create(daemon: Daemon, trace: Recorder, request: RunRequest) -> dict[str, Any]:
    """PARSE to WRITABLE; the inspect JSON of the new container. Failing, nothing is left behind."""
    with trace.phase(Phase.PARSE) as span:
        body = _body(request)
        span.fact("request", "POST /containers/create")
        span.fact("body", json.dumps(body, ensure_ascii=False))
    connect(daemon, trace)
    ensure_image(daemon, trace, request.image, policy=request.pull, platform=request.platform)
    with trace.phase(Phase.CREATE) as span:
        # A short call that is not cut off by a cancel, so that the ID of what it made is always known.
        with daemon.mapped(f"cannot create container {request.name or 'from ' + request.image}"):
            answer = daemon.api.create_container_from_config(body, request.name or None, request.platform or None)
        container_id = str(answer["Id"])
        trace.on_failure(Phase.CREATE, "", lambda: discard(daemon, container_id))
        found = inspect(daemon, container_id)
        name = str(found.get("Name") or "").lstrip("/")
        trace.subject(container=container_id, name=name, image=request.image)
        span.check(f"docker inspect {name}")
        span.fact("ID", container_id, Origin.REPORTED)
        span.fact("name", name, Origin.REPORTED)
        for number, warning in enumerate(answer.get("Warnings") or (), 1):
            span.fact(f"warning {number}", str(warning), Origin.REPORTED)
    _writable(trace, found)
    return found


def _body(request: RunRequest) -> dict[str, Any]:
    body = create_body(request)
    if request.entrypoint == ():
        body["Entrypoint"] = [""]  # The API's way to say "none", where an empty list means the image's own.
    if request.open_stdin and not request.detach:
        body["StdinOnce"] = True
    return body


def _writable(trace: Recorder, found: mapping.Json) -> None:
    driver = found.get("GraphDriver") or {}
    data = driver.get("Data") or {}
    if not data.get("UpperDir"):
        trace.skip(Phase.WRITABLE, why="not visible from here: the daemon does not tell where the layer lies")
        return
    with trace.phase(Phase.WRITABLE, check=f"ls -A {data['UpperDir']}") as span:
        span.fact("driver", driver.get("Name"), Origin.REPORTED)
        span.fact("lowerdirs", len(str(data.get("LowerDir") or "").split(":")), Origin.REPORTED)
        span.fact("upperdir", data["UpperDir"], Origin.REPORTED)
        span.fact("workdir", data.get("WorkDir"), Origin.REPORTED)


def start(
    daemon: Daemon, trace: Recorder, watch: Watch, found: mapping.Json, on_attach: OnAttach | None = None
) -> mapping.Json:
    """START, the point of no return, and then everything that can be seen of what runs; its inspect JSON.

    A daemon lets a client attach before the start, so that `on_attach` gets the streams from their very beginning.

    Raises: StartFailed, PortInUse, Cancelled.
    """
    container_id, name = str(found["Id"]), str(found.get("Name") or "").lstrip("/")
    life = watch.claim(container_id)
    attachment: DaemonAttachment | None = None
    try:
        if on_attach is not None:
            has_stdin = bool((found.get("Config") or {}).get("OpenStdin"))
            attachment = attach(daemon, watch, found, stdin=has_stdin, logs=False)
            on_attach(attachment)
        with trace.phase(Phase.START, check=f"docker top {name}") as span, daemon.line(trace.cancel) as api:
            span.fact("argv", " ".join([found.get("Path") or "", *(found.get("Args") or ())]), Origin.REPORTED)
            with daemon.mapped(f"cannot start container {name}", trace.cancel):
                api.start(container_id)
            running = _after_start(daemon, found)
            span.fact("state", (running.get("State") or {}).get("Status"), Origin.REPORTED)
            span.fact("pid", (running.get("State") or {}).get("Pid") or None, Origin.REPORTED)
            span.fact("log", running.get("LogPath") or None, Origin.REPORTED)
    except BaseException:
        watch.release(container_id)
        if attachment is not None:
            attachment.close()
        raise
    trace.commit()
    trace.cancel = CancelToken()  # It runs: what follows only looks, and is not cut short.
    state = running.get("State") or {}
    observe(trace, daemon.endpoint, running)
    life.begin(trace, pid=int(state.get("Pid") or 0), started_at=str(state.get("StartedAt") or ""))
    return running


def _after_start(daemon: Daemon, found: mapping.Json) -> mapping.Json:
    try:
        return inspect(daemon, str(found["Id"]))
    except NotFound:  # It ran with --rm and has ended already: what is left is what was known before.
        return {**found, "State": {}}


def stop(daemon: Daemon, trace: Recorder, found: mapping.Json, timeout_s: int | None, signal: str = "") -> None:
    """Phase STOP: the stop signal, the grace period, SIGKILL, all done by the daemon."""
    name = str(found.get("Name") or "").lstrip("/")
    with trace.phase(Phase.STOP, check="docker ps -a") as span, daemon.line(trace.cancel) as api:
        own = (found.get("Config") or {}).get("StopSignal") or "SIGTERM"
        span.fact("signal", signal or own, Origin.MEASURED if signal else Origin.REPORTED)
        span.fact("grace s", timeout_s)
        with daemon.mapped(f"cannot stop container {name}", trace.cancel):
            if signal:
                stop_with(api, str(found["Id"]), signal, timeout_s)
            else:
                api.stop(found["Id"], timeout=timeout_s)


def stop_with(api: Any, container_id: str, signal: str, timeout_s: int | None) -> None:
    """Stop by another signal than the container's own; daemons before API 1.42 cannot, and would ignore it.

    Raises: NotSupported.
    """
    if tuple(int(part) for part in api.api_version.split(".")) < (1, 42):
        raise NotSupported(
            f"this daemon cannot stop with another signal: its API is {api.api_version}, which cannot say so",
            hint="docker kill -s sends a signal; API 1.42 (docker 23) stops with one",
        )
    params = {"signal": signal, **({} if timeout_s is None else {"t": timeout_s})}
    answer = api._post(api._url("/containers/{0}/stop", container_id), params=params)  # noqa: SLF001
    api._raise_for_status(answer)  # noqa: SLF001


def rename(daemon: Daemon, trace: Recorder, container: Container, name: str) -> None:
    """Phase RENAME. Raises: NameInUse, Conflict, InvalidRequest."""
    with trace.phase(Phase.RENAME, check=f"docker inspect -f '{{{{.Name}}}}' {container.short_id}") as span:
        span.fact("old name", container.name)
        span.fact("new name", name)
        with daemon.mapped(f"cannot rename container {container.name}"):
            daemon.api.rename(container.id, name)


def kill(daemon: Daemon, trace: Recorder, found: mapping.Json, signal: str) -> None:
    """Phase KILL. Raises: Conflict when it does not run."""
    name = str(found.get("Name") or "").lstrip("/")
    with trace.phase(Phase.KILL) as span, daemon.mapped(f"cannot kill container {name}"):
        span.fact("signal", signal)
        daemon.api.kill(found["Id"], signal)


def remove(daemon: Daemon, trace: Recorder, found: mapping.Json, *, force: bool, volumes: bool = False) -> None:
    """Phase REMOVE. Raises: Conflict when it runs and force is not given."""
    name = str(found.get("Name") or "").lstrip("/")
    with trace.phase(Phase.REMOVE, check="docker ps -a") as span, daemon.line(trace.cancel) as api:
        span.fact("force", force)
        with daemon.mapped(f"cannot remove container {name}", trace.cancel):
            api.remove_container(found["Id"], force=force, v=volumes)


def attach_running(daemon: Daemon, watch: Watch, ref: str, *, stdin: bool, logs: bool) -> DaemonAttachment:
    """Join a container that runs. Raises: Conflict when it does not, or ends meanwhile.

    A daemon never ends the streams of a client that attaches after the exit, so the state is asked again afterwards.
    """
    found = inspect(daemon, ref)
    _raise_unless_alive(found)
    attachment = attach(daemon, watch, found, stdin=stdin, logs=logs)
    try:
        _raise_unless_alive(inspect(daemon, str(found["Id"])))
    except BaseException:
        attachment.close()
        raise
    return attachment


def _raise_unless_alive(found: mapping.Json) -> None:
    container = mapping.container_of_inspect(found)
    if not container.status.is_alive:
        raise Conflict(f"container {container.name} does not run", hint=f"its output: `docker logs {container.name}`")


def attach(daemon: Daemon, watch: Watch, found: mapping.Json, *, stdin: bool, logs: bool) -> DaemonAttachment:
    """Join the standard streams of a container that runs, or is about to."""
    container_id = str(found["Id"])

    def exit_code() -> int | None:
        known = watch.exit_code(container_id, _ENDED_WITHIN_S)
        if known is not None:
            return known
        try:
            with daemon.line() as api, daemon.mapped("cannot ask for the exit code"):
                code = api.wait(container_id, timeout=_ENDED_WITHIN_S).get("StatusCode")
        except DockviewError:  # It goes on, or is gone: nobody knows.
            return None
        return code if isinstance(code, int) else None

    is_tty = bool((found.get("Config") or {}).get("Tty"))
    return DaemonAttachment(daemon, container_id, is_tty=is_tty, stdin=stdin, logs=logs, ask_exit_code=exit_code)


def wait(daemon: Daemon, watch: Watch, ref: str) -> int | None:
    """Block until the container has exited; None when its exit code is not known."""
    try:
        found = inspect(daemon, ref)
    except NotFound:
        if (known := watch.exit_code(ref, 0)) is not None:  # Started here with --rm, and gone.
            return known
        raise
    has_run = (found.get("State") or {}).get("Status") != "created"
    with daemon.line() as api, daemon.mapped(f"cannot wait for container {ref}"):
        answer = api.wait(found["Id"], condition="not-running" if has_run else "next-exit")
    code = answer.get("StatusCode")
    return code if isinstance(code, int) else None


def discard(daemon: Daemon, container_id: str) -> None:
    """Take a container back, with its anonymous volumes; idempotent, and possible while the engine closes."""
    with daemon.line(is_last=True) as api:
        deadline = time.monotonic() + _GONE_WITHIN_S
        while True:
            try:
                with daemon.mapped("cannot take the container back"):
                    api.remove_container(container_id, force=True, v=True)
            except NotFound:
                return
            except Conflict:  # The daemon is removing it already, as --rm asks: wait until that is done.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
