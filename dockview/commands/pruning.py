"""What docker leaves when it is not told --all: images with a tag, and volumes that somebody has named."""

from __future__ import annotations

from dataclasses import replace

from dockview.engine.api import Engine
from dockview.engine.model import PruneItem, PrunePlan


def narrowed(engine: Engine, plan: PrunePlan, *, wants_all: bool) -> PrunePlan:
    """A plan of everything unused, cut down to what docker's prune of these kinds removes.

    Without --all only dangling images go, and only anonymous volumes; `volume prune --all` takes the named ones, too,
    `system prune --all` does not.
    """
    items = plan.items
    if "image" in plan.kinds and not wants_all:
        tagged = [image for image in engine.images() if image.tags]
        kept = {name for image in tagged for layer in image.layers for name in (layer.digest, layer.diff_id)}
        kept |= {image.id for image in tagged}
        items = tuple(item for item in items if item.id not in kept)
    if not (wants_all and plan.kinds == ("volume",)):
        items = tuple(item for item in items if item.kind != "volume" or _is_anonymous(item))
    return replace(plan, items=items)


def _is_anonymous(volume: PruneItem) -> bool:
    """Docker names a volume that nobody named by 64 digits; one that somebody named may hold what he wants back."""
    return len(volume.name) == 64 and not set(volume.name) - set("0123456789abcdef")
