"""Stores for one test: a short root, and everything that lives in it taken away afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile

from dockview.engine.api import Engine
from dockview.engine.errors import NotFound


def make_root() -> str:
    """A new folder with a short name: unix sockets have room for 107 bytes."""
    folder = tempfile.mkdtemp(prefix="dv-", dir="/tmp")
    os.chmod(folder, 0o711)  # noqa: S103  as a store's own folders
    return folder


def open_embedded(root: str) -> Engine:
    """An embedded engine on this store."""
    from dockview.engine import open_engine

    return open_engine("embedded", root=root)


def remove_store(root: str) -> None:
    """Remove every container of a store, the bridge that they shared, and the folder."""
    remove_containers(root)
    shutil.rmtree(root)


def remove_containers(root: str) -> None:
    """Remove every container of a store, and the bridge that they shared."""
    if not os.path.exists(f"{root}/dockview.db"):
        return
    from dockview.engine.embedded.engine import EmbeddedEngine
    from dockview.engine.embedded.wire import remove_bridge

    with contextlib.closing(EmbeddedEngine(root)) as engine:
        for container in engine.containers(all=True):
            with contextlib.suppress(NotFound):  # its own --rm may be faster
                engine.remove(container.id, force=True)
        remove_bridge(engine._house)
