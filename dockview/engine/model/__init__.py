"""What an engine speaks of: frozen values, shared by all layers, standard library only.

Times are wall-clock nanoseconds since the epoch, sizes are bytes, and None is "unknown" (never 0, never "").

Each part is read when one of its names is first used: making a data class takes half a millisecond, and a run needs
few of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dockview.engine.model.containers import Container as Container
    from dockview.engine.model.containers import ContainerStatus as ContainerStatus
    from dockview.engine.model.containers import Healthcheck as Healthcheck
    from dockview.engine.model.containers import Mount as Mount
    from dockview.engine.model.containers import PortMapping as PortMapping
    from dockview.engine.model.containers import RestartPolicy as RestartPolicy
    from dockview.engine.model.containers import RunRequest as RunRequest
    from dockview.engine.model.containers import Ulimit as Ulimit
    from dockview.engine.model.engines import Capabilities as Capabilities
    from dockview.engine.model.engines import EngineInfo as EngineInfo
    from dockview.engine.model.engines import Finding as Finding
    from dockview.engine.model.images import HistoryEntry as HistoryEntry
    from dockview.engine.model.images import Image as Image
    from dockview.engine.model.images import Layer as Layer
    from dockview.engine.model.images import LoginReport as LoginReport
    from dockview.engine.model.processes import ExecRequest as ExecRequest
    from dockview.engine.model.processes import ProcessTable as ProcessTable
    from dockview.engine.model.processes import Stats as Stats
    from dockview.engine.model.processes import UpdateRequest as UpdateRequest
    from dockview.engine.model.pruning import DiskUsage as DiskUsage
    from dockview.engine.model.pruning import ImageUse as ImageUse
    from dockview.engine.model.pruning import PruneItem as PruneItem
    from dockview.engine.model.pruning import PrunePlan as PrunePlan
    from dockview.engine.model.pruning import PruneReport as PruneReport
    from dockview.engine.model.pruning import VolumeUse as VolumeUse
    from dockview.engine.model.records import Event as Event
    from dockview.engine.model.records import LogRecord as LogRecord
    from dockview.engine.model.resources import Change as Change
    from dockview.engine.model.resources import Network as Network
    from dockview.engine.model.resources import NetworkRequest as NetworkRequest
    from dockview.engine.model.resources import PathStat as PathStat
    from dockview.engine.model.resources import Volume as Volume

_PLACES = {
    "ContainerStatus": "containers",
    "PortMapping": "containers",
    "Mount": "containers",
    "RestartPolicy": "containers",
    "Healthcheck": "containers",
    "Ulimit": "containers",
    "RunRequest": "containers",
    "Container": "containers",
    "Layer": "images",
    "HistoryEntry": "images",
    "LoginReport": "images",
    "Image": "images",
    "Network": "resources",
    "NetworkRequest": "resources",
    "Volume": "resources",
    "Change": "resources",
    "PathStat": "resources",
    "ExecRequest": "processes",
    "ProcessTable": "processes",
    "Stats": "processes",
    "UpdateRequest": "processes",
    "LogRecord": "records",
    "Event": "records",
    "PruneItem": "pruning",
    "PrunePlan": "pruning",
    "PruneReport": "pruning",
    "ImageUse": "pruning",
    "VolumeUse": "pruning",
    "DiskUsage": "pruning",
    "EngineInfo": "engines",
    "Finding": "engines",
    "Capabilities": "engines",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    return value
