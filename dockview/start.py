"""Starting the app: the engine opens while the libraries of the screen are still being loaded."""

from __future__ import annotations

from dockview.engine.api import Engine
from dockview.opening import Opening


def start_app(*, engine: str, root: str | None, context: str | None) -> int:
    """Run the app on an engine until the user leaves.

    Args:
        engine: embedded or docker.
        root: the store's folder, or None for the default.
        context: the docker context, or None for the current one.

    Returns: the exit code.
    """
    from dockview.engine import open_engine  # noqa: PLC0415  engines are known to their package alone

    def open_kind(kind: str) -> Engine:
        return open_engine(kind, root=root, context=context)

    opening = Opening(lambda: open_kind(engine))
    from dockview.app import run_on  # noqa: PLC0415  loads for a tenth of a second, in which the engine opens
    from dockview.engine import hub_images  # noqa: PLC0415

    return run_on(opening, open_kind, hub_images)
