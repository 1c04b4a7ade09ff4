"""Containers as they stand: the records, together with the live truth that their shims write."""

from __future__ import annotations

import shlex
from typing import Any

from dockview.engine.embedded.house import House
from dockview.engine.embedded.settle import settle
from dockview.engine.errors import Conflict
from dockview.engine.model import Container, ContainerStatus
from dockview.engine.runtime.health_log import health_status
from dockview.engine.runtime.state import ALIVE, ShimState, is_process, read_state
from dockview.engine.state import containers
from dockview.engine.state.containers import ContainerRecord
from dockview.engine.state.images import ImageRecord, by_id
from dockview.engine.state.volumes import mounts_of


def list_containers(house: House, *, everything: bool) -> list[Container]:
    """The running containers, or all of them; newest first."""
    found = [to_container(house, record) for record in containers.everything(house.database)]
    return [container for container in found if everything or container.status.is_alive]


def get_container(house: House, ref: str) -> Container:
    """One container. Raises: NotFound, Conflict."""
    return to_container(house, containers.find(house.database, ref))


def is_running(house: House, container_id: str) -> bool:
    """Whether its processes exist, as its shim and the kernel say."""
    state = read_state(house.layout.container(container_id))
    return state is not None and state.status in ALIVE


def is_over(house: House, container_id: str) -> bool:
    """Whether it has lived, and the shim that was to see to its end is gone."""
    state = read_state(house.layout.container(container_id))
    return state is not None and state.status not in ALIVE and not is_process(state.shim_pid, state.shim_start)


def refuse_restarting(house: House, record: ContainerRecord) -> None:
    """For what needs a process, and not only a container that docker calls running. Raises: Conflict."""
    state = read_state(house.layout.container(record.id))
    if state is not None and state.status == "restarting":
        raise Conflict(f"container {record.name} is restarting, wait until the container is running")


def to_container(house: House, record: ContainerRecord) -> Container:
    """Put a record and the live truth together."""
    state = read_state(house.layout.container(record.id))
    if state is not None and state.status == "dead":
        settle(house, record)
    request = record.request
    return Container(
        id=record.id, name=record.name, image=record.image, image_id=record.image_id,
        command=command_of(house, record), created_ns=record.created_ns, status=_status(record, state),
        pid=state.pid if state and state.status == "running" else None,
        exit_code=state.exit_code if state else None, oom_killed=state.oom_killed if state else None,
        started_ns=state.started_ns if state else None, finished_ns=state.finished_ns if state else None,
        ports=record.ports or request.ports, labels=request.labels, ip=record.address,
        network=record.networks or request.network, tty=request.tty, auto_remove=request.auto_remove,
        error=state.error if state else "", restart_count=state.restart_count if state else 0,
        health=health_status(house.layout.container(record.id)) if state and state.status == "running" else "",
        mounts=tuple(mount.source for mount in mounts_of(house.database, record.id) if mount.source),
    )  # fmt: skip


def _status(record: ContainerRecord, state: ShimState | None) -> ContainerStatus:
    if record.is_removing:
        return ContainerStatus.REMOVING
    if state is None:
        return ContainerStatus.CREATED
    return ContainerStatus.PAUSED if state.paused else ContainerStatus(state.status)


def command_of(house: House, record: ContainerRecord) -> str:
    """The command as docker prints it: entrypoint and arguments, quoted like a shell line."""
    return shlex.join(argv_of(house, record))


def argv_of(house: House, record: ContainerRecord) -> list[str]:
    """ENTRYPOINT and CMD, the request's own before the image's (a new entrypoint drops the image's command)."""
    config = image_config(house, record.image_id)
    request = record.request
    entrypoint = list(request.entrypoint) if request.entrypoint is not None else list(config.get("Entrypoint") or [])
    command = list(request.command)
    if not command and request.entrypoint is None:
        command = list(config.get("Cmd") or [])
    return entrypoint + command


def image_of(house: House, image_id: str) -> ImageRecord:
    """The image of a container; an image ID names its content, so it is read once."""
    image = house.images.get(image_id)
    if image is None:
        image = house.images[image_id] = by_id(house.database, image_id)
    return image


def image_config(house: House, image_id: str) -> dict[str, Any]:
    """The `config` object of an image's configuration: Env, Entrypoint, Cmd, …"""
    config = image_of(house, image_id).config.get("config")
    return config if isinstance(config, dict) else {}
