"""The prunes: first what would go, with bytes and reasons; then a question; then exactly that."""

from __future__ import annotations

from collections.abc import Sequence

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.listing import clean_cell, table
from dockview.engine.api import Engine
from dockview.engine.errors import InvalidRequest
from dockview.engine.model import PruneItem, PrunePlan
from dockview.text import docker_size

_WHAT = {
    "container": "all stopped containers",
    "image": "all dangling images",
    "network": "all networks not used by at least one container",
    "volume": "all anonymous volumes not used by at least one container",
}
_WHAT_WITH_ALL = {
    "image": "all images without at least one container associated to them",
}
_SHORT = 12


def prune(engine: Engine, command: Command, console: Console) -> int:
    """Remove what is not used; 0, or 1 when the answer was no."""
    kinds = [kind for kind in command.texts("kinds") if isinstance(kind, str)]
    if command.is_on("volumes"):
        kinds.append("volume")
    wants_all = command.is_on("all")
    filters = _filters(command, kinds, wants_all=wants_all)
    plan = engine.prune_plan(kinds, all_images=wants_all and "image" in kinds, filters=filters)
    if not plan.items:
        console.print("Nothing to remove: everything here is in use.\nTotal reclaimed space: 0B")
        return 0
    console.print(_preview(plan))
    if command.is_on("dry-run"):
        return 0
    if not command.is_on("force") and not _is_confirmed(kinds, console, wants_all=wants_all):
        console.note("Nothing was removed.")
        return 1
    report = engine.prune(plan)
    console.print(_removed(report.removed))
    for item, why in report.kept:
        console.note(f"kept {item.kind} {clean_cell(item.name or item.id)}: {why}")
    freed = "unknown" if report.freed_bytes is None else docker_size(report.freed_bytes)
    console.print(f"Total reclaimed space: {freed}")
    return 0


def _filters(command: Command, kinds: Sequence[str], *, wants_all: bool) -> dict[str, list[str]]:
    """The filters as the engine takes them. `volume prune --all` takes named volumes, `system prune --all` does not."""
    filters: dict[str, list[str]] = {"all": ["true"]} if wants_all and tuple(kinds) == ("volume",) else {}
    for text in command.texts("filter"):
        key, equals, wanted = str(text).partition("=")
        if not equals:
            raise InvalidRequest(f"invalid filter '{text}'", hint="a filter is key=value")
        filters.setdefault(key.strip().lower(), []).append(wanted.strip())
    return filters


def _preview(plan: PrunePlan) -> str:
    rows = [("KIND", "ID", "NAME", "SIZE", "WHY")]
    rows += [
        (item.kind, item.id.removeprefix("sha256:")[:_SHORT], clean_cell(item.name),
         "N/A" if item.size_bytes is None else docker_size(item.size_bytes), clean_cell(item.why))
        for item in plan.items
    ]  # fmt: skip
    total = "unknown" if plan.size_bytes is None else docker_size(plan.size_bytes)
    count = len(plan.items)
    return f"{table(rows)}\n\n{count} {'item' if count == 1 else 'items'}, {total} in all"


def _is_confirmed(kinds: Sequence[str], console: Console, *, wants_all: bool) -> bool:
    what = [_WHAT[kind] for kind in kinds]
    if wants_all:
        what = [_WHAT_WITH_ALL.get(kind, _WHAT[kind]) for kind in kinds]
    console.print("\nWARNING! This will remove:\n" + "\n".join(f"  - {text}" for text in what) + "\n")
    return console.ask("Are you sure you want to continue? [y/N] ").lower() in ("y", "yes")


def _removed(items: Sequence[PruneItem]) -> str:
    lines = []
    for kind in dict.fromkeys(item.kind for item in items):
        lines.append(f"Deleted {kind.capitalize()}s:")
        lines += [clean_cell(item.name or item.id) if kind != "container" else item.id
                  for item in items if item.kind == kind]  # fmt: skip
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n" if lines else "Nothing was removed."
