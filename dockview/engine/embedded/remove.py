"""`rm`: a container, its writable layer, log and address go; its traces stay."""

from __future__ import annotations

from dockview.engine.embedded import image_verbs
from dockview.engine.embedded.discard import discard
from dockview.engine.embedded.house import House
from dockview.engine.embedded.query import is_running
from dockview.engine.embedded.stop import kill_and_wait
from dockview.engine.embedded.trees import tree_size
from dockview.engine.errors import Conflict
from dockview.engine.lifecycle import Phase
from dockview.engine.runtime.turn import TURN_TIMEOUT_S, turn
from dockview.engine.state import containers, reserve
from dockview.engine.state.volumes import anonymous_of


def remove(house: House, ref: str, *, force: bool, volumes: bool = False) -> None:
    """Remove a container, with its anonymous volumes if asked for.

    Raises: NotFound, Conflict when it runs and force was not asked for.
    """
    record = containers.find(house.database, ref)
    running = is_running(house, record.id)
    if record.is_building and record.is_owned:
        raise Conflict(
            f'container "{record.name}" is being made by pid {record.owner[0]}', hint="wait for it, or end that process"
        )
    if running and not force:
        raise Conflict(f'container "{record.name}" is running', hint=f"stop it first, or: dockview rm -f {record.name}")
    flag = ("-f " if force else "") + ("-v " if volumes else "")
    with (
        reserve.spend(house.layout.root),
        house.traces.record("rm", record.name, line=f"docker rm {flag}{record.name}") as trace,
    ):
        trace.subject(container=record.id, name=record.name, image=record.image)
        if running:
            with trace.phase(Phase.KILL) as span:
                kill_and_wait(house, record, span)
        with trace.phase(Phase.REMOVE, check=f"ls {house.layout.containers}") as span:
            folder = house.layout.container(record.id)
            freed = tree_size(folder)
            with turn(folder, TURN_TIMEOUT_S) as is_ours:
                if not is_ours or is_running(house, record.id):
                    raise Conflict(f'container "{record.name}" was started meanwhile', hint="stop it first, or: rm -f")
                if not containers.claim_removal(house.database, record.id):
                    span.skip("another process removes it")
                    return
                if (volumes or record.request.auto_remove) and (going := anonymous_of(house.database, record.id)):
                    span.fact("anonymous volumes", ", ".join(going))
                discard(house, record.id, has_volumes=volumes)
            span.fact("folder", folder)
            span.fact("freed", freed)
            span.fact("address", record.address or None)
            span.fact("image stays", record.image)


def remove_image(house: House, ref: str, *, force: bool) -> list[str]:
    """`rmi`: untag an image, and delete what no tag and no container needs. Raises: ImageNotFound, ImageInUse."""

    def users(image_id: str) -> list[str]:
        return [record.name for record in containers.everything(house.database) if record.image_id == image_id]

    flag = "-f " if force else ""
    with (
        reserve.spend(house.layout.root),
        house.traces.record("rmi", ref, line=f"docker rmi {flag}{ref}") as trace,
    ):
        trace.subject(image=ref)
        with trace.phase(Phase.REMOVE_IMAGE, check="dockview images") as span:
            lines = image_verbs.remove_image(house, ref, force, users)
            span.fact("untagged", sum(line.startswith("Untagged") for line in lines))
            span.fact("deleted", sum(line.startswith("Deleted") for line in lines))
    return lines
