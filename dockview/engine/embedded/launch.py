"""From a container that exists to a process that runs: the bundle, the shim, the wire, the ports, the start."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace

from dockview.engine.api import OnAttach
from dockview.engine.cancel import CancelToken
from dockview.engine.embedded.bundle import write
from dockview.engine.embedded.house import House
from dockview.engine.embedded.leases import lease
from dockview.engine.embedded.publish import publish
from dockview.engine.embedded.settle import unsettle
from dockview.engine.embedded.wire import connect
from dockview.engine.errors import Conflict, NotFound
from dockview.engine.lifecycle import Phase
from dockview.engine.recorder import Recorder
from dockview.engine.runtime.launch import Launch
from dockview.engine.runtime.leftovers import remove_leftovers
from dockview.engine.runtime.state import ALIVE, read_state
from dockview.engine.runtime.streams import ShimAttachment
from dockview.engine.runtime.turn import TURN_TIMEOUT_S, take_turn
from dockview.engine.state import containers
from dockview.engine.state.containers import ContainerRecord
from dockview.engine.state.images import ImageRecord


def launch(
    house: House, trace: Recorder, record: ContainerRecord, image: ImageRecord, on_attach: OnAttach | None,
    *, held: int | None = None,
) -> ContainerRecord:  # fmt: skip
    """Perform the phases from the namespaces to the start; the record, with the host ports that were taken.

    `held` is the lock of the bundle, where the caller has it already.

    Raises: StartFailed, PortInUse, NotSupported, SyscallError, Cancelled; whatever was made is undone by the trace.
    """
    folder = house.layout.container(record.id)
    if held is not None:
        return _launch(house, trace, record, image, on_attach, held=held)
    with hold(folder, trace.cancel) as own:
        state = read_state(folder)
        if state is not None and state.status in ALIVE:
            raise Conflict(f"container {record.name} was started meanwhile by another process")
        return _launch(house, trace, record, image, on_attach, held=own)


@contextlib.contextmanager
def hold(folder: str, cancel: CancelToken) -> Iterator[int]:
    """The lock of a bundle that nobody else starts or removes. Raises: NotFound, Conflict, Cancelled."""
    name = os.path.basename(folder)[:12]
    try:
        held = take_turn(folder, TURN_TIMEOUT_S, lambda: cancel.is_set)
    except FileNotFoundError:
        raise NotFound(f"container {name} was removed meanwhile") from None
    cancel.raise_if_set()
    if held is None:
        raise Conflict(f"container {name} is being started or removed by another process", hint="try again")
    try:
        yield held
    finally:
        os.close(held)


def _launch(
    house: House, trace: Recorder, record: ContainerRecord, image: ImageRecord, on_attach: OnAttach | None,
    *, held: int,
) -> ContainerRecord:  # fmt: skip
    folder = house.layout.container(record.id)
    # Of an earlier life whose shim was killed.
    remove_leftovers(folder)
    unsettle(house, record)
    wire = lease(house, record.id, record.request, is_starting=True)
    write(house, record, image, wire, trace.id)
    start = Launch(folder, emit=trace.emit, cancel=trace.cancel, turn=held)
    trace.on_failure(Phase.NAMESPACES, "", start.abort)
    born = start.build()
    connect(house, trace, wire, born, folder)
    with contextlib.ExitStack() as stack:
        exposed = tuple((image.config.get("config") or {}).get("ExposedPorts") or ())
        listeners, proxy, ports = publish(house, trace, record.request, born, wire, exposed=exposed)
        for listener in listeners:
            stack.enter_context(listener)
        if ports != record.ports:
            record = replace(record, ports=ports)
            containers.save_ports(house.database, record.id, ports)
        if on_attach is not None:
            stdin = record.request.open_stdin
            on_attach(ShimAttachment(folder, stdin=stdin, stdin_once=stdin, logs=True))
        start.go(listeners, proxy)
    if any(not end.network.is_default for end in wire.ends):
        from dockview.engine.embedded.neighbours import refresh_around  # noqa: PLC0415  not on the default network

        # Somebody who came meanwhile has not seen this one run, and may have left its name out.
        refresh_around(house, record.id)
    return record
