"""What a container mounts: the request, --volumes-from and the image's VOLUMEs become one list that is kept with it."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from dockview.engine.cancel import CancelToken
from dockview.engine.embedded import volumes as verbs
from dockview.engine.embedded.house import House
from dockview.engine.errors import Conflict, InvalidRequest, NotFound, NotSupported
from dockview.engine.lifecycle import Phase
from dockview.engine.model import Mount, RunRequest
from dockview.engine.recorder import Recorder, SpanRecorder
from dockview.engine.state import containers, volumes
from dockview.engine.state.images import ImageRecord

_PROPAGATIONS = ("", "private", "rprivate", "shared", "rshared", "slave", "rslave")
_SHARING = ("shared", "rshared")


def claim(
    house: House, trace: Recorder, span: SpanRecorder, *, container_id: str, image: ImageRecord, request: RunRequest
) -> None:
    """Decide what the container mounts, make the volumes that are missing, and fill new ones from the image.

    Raises: InvalidRequest, NotFound, NotSupported.
    """
    declared = (image.config.get("config") or {}).get("Volumes") or {}
    mounts = resolve(house, request, declared)
    anonymous = [mount.source for mount in mounts if mount.type == "volume" and _is_ours(mount, request)]
    made: list[str] = []
    trace.on_failure(Phase.CREATE, "volumes", lambda: _take_back(house, container_id, made))
    made += volumes.claim(house.database, container_id, mounts, anonymous)
    for mount in mounts:
        if mount.type == "volume":
            _volume(house, span, mount, is_new=mount.source in made)
            _fill(house, span, mount, image, trace.cancel)
        elif mount.type == "bind":
            make_source(mount, span)
        if mount.relabel:
            span.fact(f"label {mount.target}", f"option {mount.relabel} is not done: no SELinux labels are set")


def _is_ours(mount: Mount, request: RunRequest) -> bool:
    """Whether nobody has named it: resolve() gave it a name, or it comes from another container, where it has one."""
    return not any(mount.source == asked.source for asked in request.mounts if asked.type == "volume")


def _volume(house: House, span: SpanRecorder, mount: Mount, *, is_new: bool) -> None:
    verbs.make_folder(house, mount.source)
    shown = mount.source if len(mount.source) < 64 else f"{mount.source[:12]}…"
    span.fact(f"volume {mount.target}", f"{shown} ({'new' if is_new else 'was here'})")
    if is_new:
        verbs.note(house, "create", mount.source)


def _fill(house: House, span: SpanRecorder, mount: Mount, image: ImageRecord, cancel: CancelToken) -> None:
    """Copy what the image has at the mount's place into a volume that is empty, unless that is not wanted."""
    folder = house.layout.volume(mount.source)
    if mount.no_copy or not _may_have(house, image, mount.target) or not _is_empty(folder):
        return
    from dockview.engine.embedded.views import copy_up  # noqa: PLC0415  only for an empty volume

    copied = copy_up(house, image, mount.target, folder, cancel)
    if copied is not None:
        span.fact(f"copied to {mount.target}", f"{copied['files']} files, {copied['bytes']} bytes of the image's")


def _may_have(house: House, image: ImageRecord, path: str) -> bool:
    """Whether a layer of the image has something at a path, or on the way to it a link that only a helper follows."""
    for layer in image.layers:
        place = house.layout.layer(layer.diff_id)
        for part in path.strip("/").split("/"):
            place = f"{place}/{part}"
            try:
                mode = os.lstat(place).st_mode
            except (FileNotFoundError, NotADirectoryError):
                break
            except PermissionError:
                return True
            if stat.S_ISLNK(mode):
                return True
        else:
            return True
    return False


def _is_empty(folder: str) -> bool:
    try:
        return not os.listdir(folder)
    except PermissionError:  # the container of an ordinary user has given it to another ID of his
        return False


def _take_back(house: House, container_id: str, made: list[str]) -> None:
    volumes.release(house.database, container_id)
    for name in made:
        verbs.discard_volume(house, name)


def make_source(mount: Mount, span: SpanRecorder | None = None) -> None:
    """Make the folder of a `-v` bind that is not there, as docker does."""
    if mount.is_short and not os.path.lexists(mount.source):
        with contextlib.suppress(FileExistsError):
            os.makedirs(mount.source, mode=0o755)
        if span is not None:
            span.fact(f"made {mount.source}", "the folder was not there")


def resolve(house: House, request: RunRequest, declared: Iterable[str]) -> list[Mount]:
    """The mounts of a container: its own first, then those of other containers, then what the image declares.

    Raises: InvalidRequest, NotFound, NotSupported.
    """
    found: dict[str, Mount] = {}
    for mount in request.mounts:
        mount = _checked(house, mount)  # noqa: PLW2901
        if mount.target in found:
            raise InvalidRequest(f"Duplicate mount point: {mount.target}", hint="name each path inside only once")
        found[mount.target] = mount
    borrowed: dict[str, Mount] = {}
    for text in request.volumes_from:
        borrowed.update((mount.target, mount) for mount in _borrowed(house, text))
    for target, mount in borrowed.items():
        found.setdefault(target, mount)
    for path in declared:
        target = os.path.normpath(f"/{path.lstrip('/')}")
        if target != "/" and target not in found:
            found[target] = Mount(type="volume", target=target)
    return [
        replace(mount, source=verbs.new_name()) if mount.type == "volume" and not mount.source else mount
        for mount in found.values()
    ]


def _checked(house: House, mount: Mount) -> Mount:
    target = os.path.normpath(mount.target) if mount.target else ""
    if not target.startswith("/"):
        raise InvalidRequest(
            f"invalid mount config for type \"{mount.type}\": invalid mount path: '{mount.target}' mount path must be"
            " absolute"
        )
    target = f"/{target.lstrip('/')}"
    if target == "/":
        raise InvalidRequest("invalid specification: destination can't be '/'")
    if mount.propagation not in _PROPAGATIONS:
        raise InvalidRequest(f'invalid propagation "{mount.propagation}"', hint="rprivate, rshared, rslave, …")
    if mount.type == "volume":
        if mount.source:
            verbs.check_name(mount.source)
        if mount.propagation:
            raise InvalidRequest(f"{mount.target}: propagation is for binds")
    elif mount.type == "bind":
        _check_bind(house, mount)
    elif mount.type != "tmpfs":
        raise InvalidRequest(f'mount type unknown: "{mount.type}"', hint="bind, volume and tmpfs are")
    return replace(mount, target=target)


def _check_bind(house: House, mount: Mount) -> None:
    source = mount.source
    if not source.startswith("/"):
        raise InvalidRequest(f"invalid mount path: '{source}' mount path must be absolute")
    if not os.path.exists(source):
        if not mount.is_short:
            raise InvalidRequest(
                f'invalid mount config for type "bind": bind source path does not exist: {source}',
                hint="make it first, or use -v, which makes it",
            )
        _check_can_be_made(source)
    if mount.propagation in _SHARING and house.is_rootless:
        raise NotSupported(
            f"{mount.target}: propagation {mount.propagation} needs root: a user namespace gets its mounts as slaves",
            hint="rslave and rprivate work here",
        )
    wanted = {"shared": ("shared:",), "slave": ("shared:", "master:")}.get(mount.propagation.removeprefix("r"), ())
    if wanted and os.path.exists(source):
        point, tags = _mount_above(os.path.realpath(source))
        if not any(tag.startswith(wanted) for tag in tags):
            kind = "shared" if len(wanted) == 1 else "shared or slave"
            raise InvalidRequest(
                f"path {source} is mounted on {point} but it is not a {kind} mount",
                hint=f"`mount --make-rshared {point}` makes it one",
            )


def _check_can_be_made(source: str) -> None:
    above = os.path.dirname(source)
    while not os.path.exists(above):
        above = os.path.dirname(above)
    if not os.path.isdir(above) or not os.access(above, os.W_OK):
        raise InvalidRequest(
            f"error while creating mount source path '{source}': mkdir below {above} is not possible",
            hint="make it first, or choose another one",
        )


def _mount_above(path: str) -> tuple[str, list[str]]:
    """The mount that a path lies on: its mount point, and its tags of propagation (proc_pid_mountinfo(5))."""
    best: tuple[str, list[str]] = ("/", [])
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields = line.split(" ")
            point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4])
            is_above = point in ("/", path) or path.startswith(f"{point}/")
            if is_above and len(point) >= len(best[0]):
                best = (point, fields[6 : fields.index("-")])
    return best


def _borrowed(house: House, text: str) -> list[Mount]:
    name, _, mode = text.partition(":")
    if mode not in ("", "ro", "rw", "z", "Z"):
        raise InvalidRequest(f'invalid mode for volumes-from: "{mode}"', hint="ro or rw")
    try:
        record = containers.find(house.database, name)
    except NotFound as error:
        raise NotFound(f"--volumes-from: {error.message}", hint=error.hint) from error
    if record.is_removing:
        raise Conflict(f"--volumes-from: container {record.name} is being removed")
    return [
        replace(mount, read_only=mount.read_only or mode == "ro", no_copy=True)
        for mount in volumes.mounts_of(house.database, record.id)
        if mount.type != "tmpfs"
    ]


def entries(house: House, mounts: Iterable[Mount]) -> list[dict[str, Any]]:
    """The OCI `mounts` of config.json, parents first."""
    found = []
    for mount in mounts:
        if mount.type == "tmpfs":
            options = ["nosuid", "nodev", "noexec"]
            given = [word for word in mount.tmpfs_options.split(",") if word]
            undone = {word.removeprefix("no") for word in given} | {f"no{word}" for word in given}
            options = [word for word in options if word not in undone] + [word for word in given if word != "z"]
            if mount.tmpfs_size_bytes is not None:
                options.append(f"size={mount.tmpfs_size_bytes}")
            if mount.tmpfs_mode is not None:
                options.append(f"mode={mount.tmpfs_mode:o}")
            options += ["ro"] if mount.read_only else []
            found.append({"destination": mount.target, "type": "tmpfs", "source": "tmpfs", "options": options})
            continue
        source = mount.source if mount.type == "bind" else verbs.make_folder(house, mount.source)
        options = ["rbind", mount.propagation or "rprivate", "ro" if mount.read_only else "rw"]
        found.append({"destination": mount.target, "type": "bind", "source": source, "options": options})
    return found


def put_into(house: House, spec: dict[str, Any], mounts: tuple[Mount, ...]) -> None:
    """Add a container's mounts to its OCI configuration; one of docker's own at the same place gives way."""
    taken = {mount.target for mount in mounts}
    for mount in mounts:
        if mount.type == "bind":
            make_source(mount)
    own = [entry for entry in spec["mounts"] if entry["destination"] not in taken]
    spec["mounts"] = [*own, *entries(house, mounts)]
    hidden = tuple(f"{target}/" for target in taken)
    for key in ("maskedPaths", "readonlyPaths"):
        spec["linux"][key] = [p for p in spec["linux"].get(key, ()) if not f"{p}/".startswith(hidden)]
