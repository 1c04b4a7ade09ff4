"""`prune`: first what would go, with bytes and reasons; then exactly that, except what has come into use since."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from dockview.engine.embedded import image_verbs, network_verbs, volumes
from dockview.engine.embedded.discard import discard
from dockview.engine.embedded.house import House
from dockview.engine.embedded.query import to_container
from dockview.engine.embedded.trees import tree_size
from dockview.engine.errors import DockviewError, NotFound
from dockview.engine.lifecycle import Phase
from dockview.engine.model import ContainerStatus, PruneItem, PrunePlan, PruneReport
from dockview.engine.prune_filter import PruneFilter, read_prune_filter
from dockview.engine.runtime.turn import turn
from dockview.engine.state import containers, reserve
from dockview.text import duration


def plan(house: House, kinds: Sequence[str], *, all_images: bool, filters: Mapping[str, Sequence[str]]) -> PrunePlan:
    """What a prune of these kinds would remove now; touches nothing. Raises: InvalidRequest."""
    wanted = read_prune_filter(kinds, filters, all_images=all_images)
    items: list[PruneItem] = []
    stopped = _stopped_containers(house, wanted)
    if "container" in kinds:
        items += stopped
    if "network" in kinds:
        going = {item.id for item in stopped} if "container" in kinds else set()
        items += network_verbs.unused(house, going, wanted.passes)
    if "image" in kinds:
        # A system prune removes the stopped containers first, so what only they use goes with them.
        going = {item.id for item in stopped} if "container" in kinds else set()
        used = {record.image_id for record in containers.everything(house.database) if record.id not in going}
        items += image_verbs.unused(house, used, wanted)
    if "volume" in kinds:
        going = {item.id for item in stopped} if "container" in kinds else set()
        items += volumes.unused(house, wanted, going)
    return PrunePlan(tuple(kinds), tuple(items))


def _stopped_containers(house: House, wanted: PruneFilter) -> list[PruneItem]:
    now = time.time_ns()
    items = []
    for record in containers.everything(house.database):
        container = to_container(house, record)
        if container.status.is_alive or (record.is_building and record.is_owned):
            continue
        if not wanted.passes(container.labels, record.created_ns):
            continue
        if container.finished_ns is not None:
            why = f"{container.status} {duration(now - container.finished_ns)} ago"
        elif container.status is ContainerStatus.CREATED:
            why = "created, never started"
        else:
            why = str(container.status)
        size = tree_size(house.layout.container(record.id))
        items.append(PruneItem("container", record.id, record.name, size, why))
    return items


def prune(house: House, plan: PrunePlan) -> PruneReport:
    """Remove what the plan names."""
    target = " ".join(plan.kinds)
    noun = plan.kinds[0] if len(plan.kinds) == 1 else "system"
    removed: list[PruneItem] = []
    kept: list[tuple[PruneItem, str]] = []
    with (
        reserve.spend(house.layout.root),
        house.traces.record("prune", target, line=f"docker {noun} prune") as trace,
    ):
        with trace.phase(Phase.PRUNE, "container", check="dockview ps -a") as span:
            for item in (item for item in plan.items if item.kind == "container"):
                why = _prune_container(house, item)
                (kept.append((item, why)) if why else removed.append(item))
            span.fact("removed", len(removed))
            span.fact("kept", len(kept))
        networks = [item for item in plan.items if item.kind == "network"]
        if networks:
            with trace.phase(Phase.PRUNE, "network", check="dockview network ls") as span:
                for item in networks:
                    why = network_verbs.prune_network(house, item)
                    (kept.append((item, why)) if why else removed.append(item))
                span.fact("removed", sum(item.kind == "network" for item in removed))
        unused = [item for item in plan.items if item.kind == "volume"]
        if unused:
            with trace.phase(Phase.PRUNE, "volume", check="dockview volume ls") as span:
                gone = [item for item in unused if volumes.discard_volume(house, item.id)]
                removed += gone
                kept += [(item, "it came into use, or is gone already") for item in unused if item not in gone]
                span.fact("removed", len(gone))
        images = [item for item in plan.items if item.kind in ("image", "layer", "blob")]
        if images:
            with trace.phase(Phase.PRUNE, "image", check="dockview images") as span:
                used = {record.image_id for record in containers.everything(house.database)}
                gone = image_verbs.delete_unused(house, images, used)
                removed += gone
                kept += [(item, "it came into use") for item in images if item not in gone]
                span.fact("removed", len(gone))
        house.traces.trim()
    sizes = [item.size_bytes for item in removed]
    freed = None if None in sizes else sum(size for size in sizes if size is not None)
    return PruneReport(tuple(removed), tuple(kept), freed)


def _prune_container(house: House, item: PruneItem) -> str:
    """Remove one container; the reason why not, or empty."""
    try:
        with turn(house.layout.container(item.id), 0) as is_ours:
            container = to_container(house, containers.find(house.database, item.id))
            if container.status.is_alive or not is_ours:
                return "it was started meanwhile"
            if not containers.claim_removal(house.database, item.id):
                return "another process removes it"
            discard(house, item.id)
    except NotFound:
        return "it is gone already"
    except (DockviewError, OSError) as error:
        return str(error)
    return ""
