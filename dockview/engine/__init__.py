"""The engines, and the one place that knows which there are.

```
with contextlib.closing(open_engine()) as engine:
    container = engine.run(RunRequest(image="hello-world", line="docker run hello-world"))
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockview.engine.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockview.engine.api import Engine

KINDS = ("embedded", "docker")


def open_engine(
    kind: str = "embedded", *, root: str | None = None, context: str | None = None, host: str | None = None
) -> Engine:
    """Open an engine.

    Args:
        kind: embedded (the bundled engine) or docker (a daemon, through the docker SDK).
        root: the store's folder, for the embedded engine; by default DOCKVIEW_ROOT, or the user's own.
        context: the docker context, for a daemon; by default DOCKER_HOST, or the current context.
        host: the daemon's address, such as unix:///run/docker.sock; it goes before a context.

    Raises:
        InvalidRequest: there is no such kind.
        Unavailable: the store cannot be used, or the daemon cannot be reached.
    """
    # Each engine is imported only where it is asked for: the docker SDK alone takes longer than a whole run.
    if kind == "embedded":
        from dockview.engine.embedded.engine import EmbeddedEngine  # noqa: PLC0415

        return EmbeddedEngine(root)
    if kind == "docker":
        from dockview.engine.daemon.engine import DockerEngine  # noqa: PLC0415

        return DockerEngine(host=host, context=context)
    raise InvalidRequest(f'there is no engine "{kind}"', hint=f"use one of: {', '.join(KINDS)}")


def hub_images() -> Sequence[str]:
    """The short names of the images that the bundled hub serves, for suggestions."""
    from dockview.engine.hub.catalogue import names  # noqa: PLC0415

    return names()
