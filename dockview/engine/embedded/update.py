"""`update`: new limits for a container that exists, in force at once where it runs; and its restart policy."""

from __future__ import annotations

from dataclasses import replace

from dockview.engine.create_body import create_body
from dockview.engine.embedded.discard import note
from dockview.engine.embedded.house import House
from dockview.engine.embedded.limits import check_limits, flags_of
from dockview.engine.embedded.query import is_running
from dockview.engine.errors import InvalidRequest, NotSupported
from dockview.engine.lifecycle import Phase
from dockview.engine.model import RunRequest, UpdateRequest
from dockview.engine.recorder import SpanRecorder
from dockview.engine.runtime.cgroups import Cgroup, inherit_cpuset
from dockview.engine.runtime.groups import group_of, save_resources
from dockview.engine.runtime.policy import write_policy
from dockview.engine.runtime.spec import resources
from dockview.engine.state import containers
from dockview.engine.state.containers import ContainerRecord


def update(house: House, ref: str, wanted: UpdateRequest) -> str:
    """Change the limits; the container's ID. Raises: NotFound, InvalidRequest, NotSupported."""
    record = containers.find(house.database, ref)
    before = record.request
    after = changed(before, wanted)
    create_body(after)
    if after == before:
        return record.id
    with house.traces.record("update", record.name, line=line_of(wanted, record.name)) as trace:
        trace.subject(container=record.id, name=record.name, image=record.image)
        with trace.phase(Phase.CGROUP) as span:
            check_limits(house, after)
            is_alive = is_running(house, record.id)
            if wanted.restart is not None:
                span.fact("restart policy", f"{wanted.restart.name}, {wanted.restart.max_retries} retries at most"
                          if wanted.restart.max_retries else wanted.restart.name)  # fmt: skip
                if is_alive:
                    write_policy(house.layout.container(record.id), wanted.restart.name, wanted.restart.max_retries)
            if replace(after, restart=before.restart) == before:
                span.fact("limits", "unchanged")
            elif is_alive:
                _apply(house, record, wanted, after, span)
            else:
                span.fact("in force", "from its next start")
            save_resources(house.layout.container(record.id), resources(after))
            containers.save_request(house.database, record.id, after)
        note(house, "update", record)
        trace.commit()
    return record.id


def line_of(wanted: UpdateRequest, name: str) -> str:
    """The docker line that asks for it."""
    restart = wanted.restart
    policy = restart and (f"{restart.name}:{restart.max_retries}" if restart.max_retries else restart.name)
    flags = {
        "--memory": wanted.memory_bytes, "--memory-swap": wanted.memory_swap_bytes,
        "--cpus": None if wanted.nano_cpus is None else wanted.nano_cpus / 1e9, "--cpu-shares": wanted.cpu_shares,
        "--cpuset-cpus": wanted.cpuset_cpus, "--pids-limit": wanted.pids_limit, "--restart": policy,
    }  # fmt: skip
    words = [f"{flag} {value}" for flag, value in flags.items() if value is not None]
    return " ".join(["docker update", *words, name])


def changed(before: RunRequest, wanted: UpdateRequest) -> RunRequest:
    """The request with its new limits. Raises: InvalidRequest, as docker does."""
    memory = before.memory_bytes if wanted.memory_bytes is None else wanted.memory_bytes
    swap = before.memory_swap_bytes if wanted.memory_swap_bytes is None else wanted.memory_swap_bytes
    if wanted.memory_bytes and wanted.memory_swap_bytes is None and before.memory_bytes:
        held = before.memory_swap_bytes or 2 * before.memory_bytes
        if 0 < held < wanted.memory_bytes:
            raise InvalidRequest(
                "memory limit should be smaller than already set memoryswap limit,"
                " update the memoryswap at the same time",
                hint=f"add --memory-swap {2 * wanted.memory_bytes}",
            )
        swap = held
    if wanted.restart is not None and wanted.restart.name != "no" and before.auto_remove:
        raise InvalidRequest("a restart policy and --rm exclude each other")
    return replace(
        before, memory_bytes=memory, memory_swap_bytes=swap,
        nano_cpus=before.nano_cpus if wanted.nano_cpus is None else wanted.nano_cpus,
        cpu_shares=before.cpu_shares if wanted.cpu_shares is None else wanted.cpu_shares,
        cpuset_cpus=before.cpuset_cpus if wanted.cpuset_cpus is None else wanted.cpuset_cpus,
        pids_limit=before.pids_limit if wanted.pids_limit is None else wanted.pids_limit,
        restart=before.restart if wanted.restart is None else wanted.restart,
    )  # fmt: skip


def _apply(house: House, record: ContainerRecord, wanted: UpdateRequest, after: RunRequest, span: SpanRecorder) -> None:
    """Write what changes into the groups of a running container, and read it back."""
    group = group_of(house.layout.container(record.id))
    if not group.folders:
        raise NotSupported(f"{flags_of(after)} cannot be changed: the container has no control group of its own")
    was = group.limits()
    limits = resources(_only(wanted, after))
    if "cpus" in limits.get("cpu", {}):
        _enter_cpuset(group)
    if wanted.pids_limit is not None and wanted.pids_limit <= 0:
        limits["pids"] = {"limit": -1}
    group.limit(limits)
    if group.discarded:
        why = ", ".join(f"{limit}: {reason}" for limit, reason in group.discarded.items())
        raise NotSupported(f"the kernel does not take it: {why}")
    for name, value in group.limits().items():
        span.fact(name, value)
        if was.get(name) != value:
            span.fact(f"{name} before", was.get(name))
    folder = next(iter(group.folders.values()))
    span.fact("path", folder)
    span.check(f"cat {group.folders.get('memory', folder)}/memory.{'limit_in_bytes' if group.have.v1 else 'max'}")


def _only(wanted: UpdateRequest, after: RunRequest) -> RunRequest:
    """The new limits alone: what is not named is not touched."""
    is_memory = wanted.memory_bytes is not None or wanted.memory_swap_bytes is not None
    return replace(
        after, memory_bytes=after.memory_bytes if is_memory else None,
        memory_swap_bytes=after.memory_swap_bytes if is_memory else None,
        nano_cpus=wanted.nano_cpus, cpu_shares=wanted.cpu_shares, cpuset_cpus=wanted.cpuset_cpus or "",
        pids_limit=wanted.pids_limit,
    )  # fmt: skip


def _enter_cpuset(group: Cgroup) -> None:
    """On v1 a container is in no group of cpuset until one is asked for: make it, and move the processes there."""
    if "cpuset" in group.folders or not group.have.v1:
        return
    source = next((folder for name, folder in group.folders.items() if name in ("pids", "memory", "freezer")), None)
    group.wants_cpuset = True
    group.create()
    folder = group.folders.get("cpuset")
    if folder is None or source is None:
        raise NotSupported("--cpuset-cpus cannot be set: there is no cpuset controller here")
    inherit_cpuset(group.have.v1["cpuset"], group.path)
    with open(f"{source}/cgroup.procs") as file:
        pids = [line.strip() for line in file]
    for pid in pids:
        with open(f"{folder}/cgroup.procs", "w") as members:
            members.write(pid)
