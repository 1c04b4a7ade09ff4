"""From a container that exists to a process that runs: the bundle, the shim, the wire, the ports, the start."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from dockview.engine.api import OnAttach
from dockview.engine.embedded.bundle import write
from dockview.engine.embedded.house import House
from dockview.engine.embedded.leases import lease
from dockview.engine.embedded.publish import publish
from dockview.engine.embedded.settle import unsettle
from dockview.engine.embedded.wire import connect
from dockview.engine.lifecycle import Phase
from dockview.engine.recorder import Recorder
from dockview.engine.runtime.launch import Launch
from dockview.engine.runtime.leftovers import remove_leftovers
from dockview.engine.runtime.streams import ShimAttachment
from dockview.engine.state import containers
from dockview.engine.state.containers import ContainerRecord
from dockview.engine.state.images import ImageRecord


def launch(
    house: House, trace: Recorder, record: ContainerRecord, image: ImageRecord, on_attach: OnAttach | None
) -> ContainerRecord:
    """Perform the phases from the namespaces to the start; the record, with the host ports that were taken.

    Raises: StartFailed, PortInUse, NotSupported, SyscallError, Cancelled; whatever was made is undone by the trace.
    """
    folder = house.layout.container(record.id)
    # Of an earlier life whose shim was killed.
    remove_leftovers(folder)
    unsettle(house, record)
    wire = lease(house, record.id, record.request, is_starting=True)
    write(house, record, image, wire, trace.id)
    start = Launch(folder, emit=trace.emit, cancel=trace.cancel)
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
