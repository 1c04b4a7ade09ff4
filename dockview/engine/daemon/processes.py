"""The part of a daemon's face that is about the processes of running containers."""

from __future__ import annotations

import contextlib
from typing import Any

from dockview.engine.api import Attachment, OnRecord, Stream
from dockview.engine.cancel import CancelToken
from dockview.engine.daemon import containers, exec, mapping  # noqa: A004  docker's word
from dockview.engine.daemon.client import Daemon
from dockview.engine.daemon.stats import open_stats
from dockview.engine.errors import Conflict, InvalidRequest
from dockview.engine.lifecycle import Origin, Phase
from dockview.engine.model import Container, ExecRequest, ProcessTable, Stats, UpdateRequest
from dockview.engine.recorder import Recorder


class Processes:
    """Mixed into DockerEngine."""

    _daemon: Daemon

    def _record(
        self, verb: str, target: str, line: str, cancel: CancelToken | None = None, on_record: OnRecord | None = None
    ) -> Recorder:
        raise NotImplementedError

    def _record_of(self, verb: str, container: Container, line: str) -> contextlib.AbstractContextManager[Recorder]:
        raise NotImplementedError

    def exec(self, ref: str, request: ExecRequest, *, on_record: OnRecord | None = None) -> Attachment:
        """Execute one more command in a running container."""
        container = mapping.container_of_inspect(containers.inspect(self._daemon, ref))
        with self._record("exec", container.name, request.line, None, on_record) as trace:
            trace.subject(container=container.id, name=container.name, image=container.image)
            return exec.execute(self._daemon, trace, container.id, request)

    def top(self, ref: str, ps_options: str = "-ef") -> ProcessTable:
        """The processes of a running container."""
        with self._daemon.mapped(f"cannot list the processes of {ref}"):
            found = self._daemon.api.top(ref, ps_args=ps_options or None)
        return ProcessTable(tuple(found.get("Titles") or ()), tuple(map(tuple, found.get("Processes") or ())))

    def stats(self, ref: str) -> Stream[Stats]:
        """What a container uses."""
        container = mapping.container_of_inspect(containers.inspect(self._daemon, ref))
        if not container.status.is_alive:
            raise Conflict(f"container {container.name} is not running")
        return open_stats(self._daemon, container.id, container.name)

    def pause(self, ref: str) -> None:
        """Freeze all processes of a container."""
        self._freeze(ref, "pause")

    def unpause(self, ref: str) -> None:
        """Let a paused container go on."""
        self._freeze(ref, "unpause")

    def _freeze(self, ref: str, verb: str) -> None:
        container = mapping.container_of_inspect(containers.inspect(self._daemon, ref))
        check = f"docker inspect -f '{{{{.State.Paused}}}}' {container.name}"
        with (
            self._record_of(verb, container, f"docker {verb} {container.name}") as trace,
            trace.phase(Phase.PAUSE, check=check) as span,
        ):
            with self._daemon.mapped(f"cannot {verb} container {container.name}"):
                call = self._daemon.api.pause if verb == "pause" else self._daemon.api.unpause
                call(container.id)
            span.fact("frozen", verb == "pause", Origin.REPORTED)

    def update(self, ref: str, request: UpdateRequest) -> Container:
        """Change limits and the restart policy."""
        container = mapping.container_of_inspect(containers.inspect(self._daemon, ref))
        body = update_body(request)
        if not body:
            raise InvalidRequest("nothing to update")
        with (
            self._record_of("update", container, f"docker update {container.name}") as trace,
            trace.phase(Phase.CGROUP, check=f"docker inspect {container.name}") as span,
        ):
            api = self._daemon.api
            with self._daemon.mapped(f"cannot update container {container.name}"):
                # The SDK's own update leaves out two limits.
                answer = api._post_json(api._url("/containers/{0}/update", container.id), data=body)  # noqa: SLF001
                api._raise_for_status(answer)  # noqa: SLF001
            host_config = containers.inspect(self._daemon, container.id).get("HostConfig") or {}
            for name in body:
                value = host_config.get(name)
                span.fact(name, value if isinstance(value, str | int) else str(value), Origin.REPORTED)
        return mapping.container_of_inspect(containers.inspect(self._daemon, container.id))


def update_body(request: UpdateRequest) -> dict[str, Any]:
    """The JSON body of `POST /containers/ID/update`: only what changes."""
    restart = request.restart
    body = {
        "Memory": request.memory_bytes, "MemorySwap": request.memory_swap_bytes, "NanoCpus": request.nano_cpus,
        "CpuShares": request.cpu_shares, "CpusetCpus": request.cpuset_cpus, "PidsLimit": request.pids_limit,
        "RestartPolicy": restart and {"Name": restart.name, "MaximumRetryCount": restart.max_retries},
    }  # fmt: skip
    return {key: value for key, value in body.items() if value is not None}
