"""The bundle of a container, put together from its record, its image and this machine."""

from __future__ import annotations

import os
import sys

from dockview.engine.embedded.discard import attributes
from dockview.engine.embedded.house import House
from dockview.engine.embedded.leases import Lease
from dockview.engine.embedded.life import forget_lives, harden, life_settings
from dockview.engine.embedded.pull import lower_dirs
from dockview.engine.runtime.base import host_base
from dockview.engine.runtime.bundle import ShimSettings, write_bundle
from dockview.engine.runtime.spec import build_spec
from dockview.engine.state import volumes
from dockview.engine.state.containers import ContainerRecord
from dockview.engine.state.images import ImageRecord

_HOST_BASE = "dev.dockview.base"
_PACKAGE_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def write(house: House, record: ContainerRecord, image: ImageRecord, wire: Lease, trace_id: str) -> None:
    """Write config.json and shim.json. Raises: InvalidRequest where the image names no command and none was given."""
    folder = house.layout.container(record.id)
    config = image.config.get("config") or {}
    files = (("hostname", "/etc/hostname"), ("hosts", "/etc/hosts"), ("resolv.conf", "/etc/resolv.conf"))
    spec = build_spec(
        config, record.request, container_id=record.id, hostname=wire.hostname, rootless=house.is_rootless,
        binds=[(f"{wire.folder or folder}/{name}", destination, False) for name, destination in files],
        netns_path=wire.netns_path,
    )  # fmt: skip
    harden(spec, record.request, is_rootless=house.is_rootless)
    mounts = volumes.mounts_of(house.database, record.id)
    if mounts:
        from dockview.engine.embedded.mounts import put_into  # noqa: PLC0415  most containers have none

        put_into(house, spec, mounts)
    # Only what the hub itself made is trusted with the host's userland; a label alone is anybody's word.
    wants_base = image.is_hub and (config.get("Labels") or {}).get(_HOST_BASE) == "host"
    shim = ShimSettings(
        id=record.id, name=record.name, image=record.image, lower_dirs=tuple(lower_dirs(house, image)),
        upper_dir=f"{folder}/upper", work_dir=f"{folder}/work", log_path=house.layout.log(record.id),
        trace_path=house.layout.trace(trace_id), events_path=house.layout.events, tty=record.request.tty,
        open_stdin=record.request.open_stdin, rootless=house.is_rootless,
        base_mounts=tuple(host_base()) if wants_base else (),
        on_exit=_reaper(house, record.id) if record.request.auto_remove else (), attributes=attributes(record),
        user_mounts=tuple(mount.target for mount in mounts),
        volumes=tuple((m.source, m.target, str(not m.read_only).lower()) for m in mounts if m.type == "volume"),
        shares_mounts=any("share" in mount.propagation or "slave" in mount.propagation for mount in mounts),
        **life_settings(record.request, config),
    )  # fmt: skip
    forget_lives(folder, is_asked=bool(shim.health))
    write_bundle(folder, spec, shim)


def _reaper(house: House, container_id: str) -> tuple[str, ...]:
    """What the shim of a --rm container becomes: dockview's own `rm`, without a screen or a command line."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from dockview.engine.embedded.reap import reap; reap(sys.argv[2], sys.argv[3])"
    )
    return (sys.executable, "-c", code, _PACKAGE_ROOT, house.layout.root, container_id)
