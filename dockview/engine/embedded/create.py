"""From a line to a container that exists but does not run: parse, connect, image, create, writable layer."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import replace

from dockview.engine.create_body import create_body
from dockview.engine.embedded import life
from dockview.engine.embedded.discard import discard, note
from dockview.engine.embedded.house import House
from dockview.engine.embedded.leases import check, lease
from dockview.engine.embedded.limits import check_limits
from dockview.engine.embedded.names import random_name
from dockview.engine.embedded.pull import ensure_image, lower_dirs
from dockview.engine.errors import NameInUse
from dockview.engine.lifecycle import Phase
from dockview.engine.model import RunRequest
from dockview.engine.recorder import Recorder
from dockview.engine.state import containers
from dockview.engine.state.containers import ContainerRecord
from dockview.engine.state.images import ImageRecord


def create(house: House, trace: Recorder, request: RunRequest) -> tuple[ContainerRecord, ImageRecord]:
    """Perform the phases up to the writable layer; the caller commits. Failing, nothing is left behind."""
    with trace.phase(Phase.PARSE) as span:
        body = create_body(request)
        check(house, request)
        life.check(house, request)
        check_limits(house, request)
        if request.mounts or request.volumes_from:
            from dockview.engine.embedded.mounts import resolve  # noqa: PLC0415  most containers have none

            resolve(house, request, ())
        span.fact("request", "POST /containers/create")
        span.fact("body", json.dumps(body, ensure_ascii=False))
    with trace.phase(Phase.CONNECT, check="dockview version") as span:
        span.fact("engine", "embedded: in this process, no daemon")
        span.fact("store", house.layout.root)
        span.fact("records", _count(house))
    image = ensure_image(house, trace, request.image, policy=request.pull, platform=request.platform)

    container_id = os.urandom(32).hex()
    folder = house.layout.container(container_id)
    with trace.phase(Phase.CREATE, undo=lambda: discard(house, container_id)) as span:
        name = _claim(house, container_id, image.id, request)
        trace.subject(container=container_id, name=name, image=request.image)
        os.mkdir(folder, 0o711)
        lease(house, container_id, request)
        log = house.layout.log(container_id)
        os.close(os.open(log, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o640))
        span.fact("ID", container_id)
        span.fact("name", name)
        span.fact("folder", folder)
        span.fact("log", log)
        if request.mounts or request.volumes_from or (image.config.get("config") or {}).get("Volumes"):
            from dockview.engine.embedded.mounts import claim  # noqa: PLC0415  most containers have none

            claim(house, trace, span, container_id=container_id, image=image, request=request)
        span.check(f"dockview --root {shlex.quote(house.layout.root)} inspect {name}")
        record = containers.find(house.database, container_id)
        note(house, "create", record)
    with trace.phase(Phase.WRITABLE) as span:
        lowers = lower_dirs(house, image)
        upper, work = f"{folder}/upper", f"{folder}/work"
        for path in (upper, work):
            os.mkdir(path, 0o755)
        span.fact("lowerdirs", len(lowers))
        for number, lower in enumerate(lowers, 1):
            span.fact(f"lower {number}", lower)
        span.fact("upperdir", upper)
        span.fact("workdir", work)
        span.check(f"ls -A {shlex.quote(upper)}")
    return record, image


def _count(house: House) -> int:
    return int(house.database.query("SELECT count(*) FROM containers")[0][0])


def _claim(house: House, container_id: str, image_id: str, request: RunRequest) -> str:
    """Take the name that was asked for, or a free one of our own."""
    if request.name:
        containers.insert(house.database, id=container_id, name=request.name, image_id=image_id, request=request)
        return request.name
    for attempt in range(20):
        name = random_name() + (str(attempt) if attempt > 10 else "")
        try:
            containers.insert(
                house.database, id=container_id, name=name, image_id=image_id, request=replace(request, name=name)
            )
        except NameInUse:
            continue
        return name
    raise NameInUse("no free name was found", hint="give one with --name")
