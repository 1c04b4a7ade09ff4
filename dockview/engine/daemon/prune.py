"""Prune on a daemon: the plan is made from lists, and each thing is then removed by its name.

The daemon's own prune calls decide what goes while they remove it; a plan that was shown must be what happens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dockview.engine.daemon import mapping
from dockview.engine.daemon.client import Daemon
from dockview.engine.errors import DockviewError, ImageInUse, InvalidRequest, NotFound
from dockview.engine.lifecycle import Phase
from dockview.engine.model import PruneItem, PrunePlan, PruneReport
from dockview.engine.moments import NS
from dockview.engine.prune_filter import PruneFilter, is_anonymous
from dockview.engine.recorder import Recorder

_PREDEFINED = {"bridge", "host", "none", "podman", "nat", "ingress"}


def plan(daemon: Daemon, kinds: Sequence[str], wanted: PruneFilter) -> PrunePlan:
    """What a prune of these kinds would remove; touches nothing."""
    with daemon.line() as api, daemon.mapped("cannot find out what is unused"):
        usage = api.df()
        rows = api.containers(all=True)
        ended = [row for row in rows if str(row.get("State")) in ("created", "exited", "dead")]
        stopped = [row for row in ended if wanted.passes(row.get("Labels") or {}, _second(row.get("Created")))]
        # A prune of several kinds removes the stopped containers first, so what only they use goes with them.
        going = {row["Id"] for row in stopped} if "container" in kinds else set()
        using = [row for row in rows if row["Id"] not in going]
        items: list[PruneItem] = []
        if "container" in kinds:
            items += _containers(stopped, usage)
        if "network" in kinds:
            items += _networks(api.networks(), using, wanted)
        if "image" in kinds:
            items += _images(usage, using, wanted)
        if "volume" in kinds:
            items += _volumes(usage, using, wanted)
    return PrunePlan(tuple(kinds), tuple(items))


def _containers(stopped: Sequence[mapping.Json], usage: mapping.Json) -> list[PruneItem]:
    sizes = {row.get("Id"): row.get("SizeRw") or 0 for row in usage.get("Containers") or ()}
    items = []
    for row in stopped:
        container = mapping.container_of_list(row)
        why = "created, never started" if container.status == "created" else str(row.get("Status") or "").lower()
        items.append(PruneItem("container", container.id, container.name, sizes.get(container.id), why))
    return items


def _second(created: Any) -> int | None:
    """Nanoseconds of a Unix time."""
    return created * NS if isinstance(created, int) else None


def _networks(rows: Sequence[mapping.Json], using: Sequence[mapping.Json], wanted: PruneFilter) -> list[PruneItem]:
    used = {name for row in using for name in ((row.get("NetworkSettings") or {}).get("Networks") or {})}
    networks = [
        mapping.network(row)
        for row in rows
        if row.get("Scope", "local") == "local"
        and wanted.passes(row.get("Labels") or {}, mapping.nanoseconds(row.get("Created")))
    ]
    return [
        PruneItem("network", n.id, n.name, 0, "no container is on it")
        for n in networks
        if n.name not in used and n.name not in _PREDEFINED
    ]


def _images(usage: mapping.Json, using: Sequence[mapping.Json], wanted: PruneFilter) -> list[PruneItem]:
    used = {row.get("ImageID") for row in using}
    items = []
    for row in usage.get("Images") or ():
        image = mapping.image_of_list(row)
        if image.id in used or (wanted.is_dangling and image.tags):
            continue
        if not wanted.passes(image.labels, image.created_ns):
            continue
        shared = row.get("SharedSize")
        is_known = isinstance(shared, int) and shared >= 0 and image.size_bytes is not None
        size = image.size_bytes - shared if is_known and image.size_bytes is not None and shared is not None else None
        why = "no container uses it" if image.tags else "it has no tag, and no container uses it"
        items.append(PruneItem("image", image.id, image.tags[0] if image.tags else "<none>", size, why))
    return items


def _volumes(usage: mapping.Json, using: Sequence[mapping.Json], wanted: PruneFilter) -> list[PruneItem]:
    used = {mount.get("Name") for row in using for mount in row.get("Mounts") or ()}
    volumes = [mapping.volume(row) for row in usage.get("Volumes") or ()]
    return [
        PruneItem("volume", v.name, v.name, v.size_bytes, _why_volume(v.name))
        for v in volumes
        if v.name not in used
        and (wanted.has_named_volumes or is_anonymous(v.name))
        and wanted.passes(v.labels, v.created_ns)
    ]


def _why_volume(name: str) -> str:
    return f"{'anonymous' if is_anonymous(name) else 'named'}, and no container uses it"


def prune(daemon: Daemon, trace: Recorder, plan: PrunePlan) -> PruneReport:
    """Remove what the plan names, in its order; what has come into use since is kept, with the daemon's reason."""
    removed: list[PruneItem] = []
    kept: list[tuple[PruneItem, str]] = []
    for kind in dict.fromkeys(item.kind for item in plan.items):
        with trace.phase(Phase.PRUNE, kind) as span, daemon.line(trace.cancel) as api:
            items = [item for item in plan.items if item.kind == kind]
            for item in items:
                trace.cancel.raise_if_set()
                why = _remove(daemon, _remover(api, kind), item)
                if why:
                    kept.append((item, why))
                else:
                    removed.append(item)
            span.fact("removed", sum(item.kind == kind for item in removed))
            span.fact("kept", sum(item.kind == kind for item, _ in kept))
    sizes = [item.size_bytes for item in removed]
    return PruneReport(tuple(removed), tuple(kept), None if None in sizes else sum(s for s in sizes if s is not None))


def _remover(api: Any, kind: str) -> Callable[[str], Any]:
    removers: dict[str, Callable[[str], Any]] = {
        "container": api.remove_container,
        "image": lambda image_id: _remove_image(api, image_id),
        "volume": api.remove_volume,
        "network": api.remove_network,
    }
    if kind not in removers:
        raise InvalidRequest(f"a daemon cannot prune a {kind}")
    return removers[kind]


def _remove_image(api: Any, image_id: str) -> None:
    """Tag by tag, as an image with several cannot be removed by its ID; untagging alone would hide a used image."""
    for row in api.containers(all=True):
        if row.get("ImageID") == image_id:
            raise ImageInUse(f"container {(row.get('Id') or '')[:12]} uses it now")
    for name in mapping.image_of_inspect(api.inspect_image(image_id)).tags or (image_id,):
        api.remove_image(name)


def _remove(daemon: Daemon, remove: Callable[[str], Any], item: PruneItem) -> str:
    """Remove one thing, never by force; the reason why not, or empty."""
    try:
        with daemon.mapped(f"cannot remove {item.kind} {item.name}"):
            remove(item.id)
    except NotFound:
        return "it is gone already"
    except DockviewError as error:
        return error.message
    return ""
