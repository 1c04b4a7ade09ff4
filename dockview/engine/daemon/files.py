"""Volumes and the files of containers on a daemon: volume create and rm, diff, cp, export, commit."""

from __future__ import annotations

import base64
import binascii
import json
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from dockview.engine.daemon import mapping
from dockview.engine.daemon.client import Daemon
from dockview.engine.errors import DataError, InvalidRequest, NotFound
from dockview.engine.lifecycle import Origin, Phase
from dockview.engine.model import Change, PathStat, Volume
from dockview.engine.recorder import Recorder

_CHUNK_BYTES = 1 << 18
_KINDS = "CAD"
"""Of a change, by the daemon's number."""
_GO_MODES = (
    (1 << 31, stat.S_IFDIR), (1 << 27, stat.S_IFLNK), (1 << 25, stat.S_IFIFO), (1 << 24, stat.S_IFSOCK),
    (1 << 26 | 1 << 21, stat.S_IFCHR), (1 << 26, stat.S_IFBLK),
)  # fmt: skip
_GO_BITS = ((1 << 23, stat.S_ISUID), (1 << 22, stat.S_ISGID), (1 << 20, stat.S_ISVTX))


def create_volume(
    daemon: Daemon, trace: Recorder, name: str, *, driver: str, labels: Mapping[str, str], options: Mapping[str, str]
) -> Volume:
    """Phase CREATE of a volume."""
    with trace.phase(Phase.CREATE, "volume", check=f"docker volume inspect {name}") as span:
        with daemon.mapped(f"cannot create volume {name}"):
            row = daemon.api.create_volume(name or None, driver or "local", dict(options) or None, dict(labels) or None)
        made = mapping.volume(row)
        span.fact("name", made.name, Origin.REPORTED)
        span.fact("folder", made.mountpoint, Origin.REPORTED)
    return made


def remove_volume(daemon: Daemon, trace: Recorder, name: str, *, force: bool) -> None:
    """Phase REMOVE of a volume. Raises: NotFound, Conflict."""
    with trace.phase(Phase.REMOVE, "volume", check="docker volume ls") as span, daemon.line(trace.cancel) as api:
        try:
            with daemon.mapped(f"cannot remove volume {name}"):
                api.remove_volume(name, force=force)
        except NotFound:  # An older daemon says so also to those who do not mind.
            if not force:
                raise
            span.skip("there was none")


def diff(daemon: Daemon, ref: str) -> list[Change]:
    """What a container has changed."""
    with daemon.line() as api, daemon.mapped(f"cannot compare the files of {ref}"):
        rows = api.diff(ref) or ()
    return sorted((Change(_KINDS[row["Kind"]], row["Path"]) for row in rows), key=lambda change: change.path)


def stat_path(daemon: Daemon, ref: str, path: str) -> PathStat:
    """What there is at a path. Raises: NotFound."""
    with daemon.line() as api, daemon.mapped(f"cannot look at {path} in {ref}"):
        answer = api.head(api._url("/containers/{0}/archive", ref), params={"path": path})  # noqa: SLF001
        api._raise_for_status(answer)  # noqa: SLF001  the SDK has no call for this request
    try:
        said = json.loads(base64.b64decode(answer.headers.get("X-Docker-Container-Path-Stat", "")))
        return PathStat(
            name=said["name"], size_bytes=said["size"], mode=_mode(said["mode"]),
            modified_ns=mapping.nanoseconds(said.get("mtime")) or 0, link_target=said.get("linkTarget", ""),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise DataError(f"the daemon says nothing understandable of {path}") from error


def _mode(go_mode: int) -> int:
    """Go's FileMode as st_mode (package io/fs)."""
    kind = next((ours for theirs, ours in _GO_MODES if go_mode & theirs == theirs), stat.S_IFREG)
    bits = sum(ours for theirs, ours in _GO_BITS if go_mode & theirs)
    return kind | bits | (go_mode & 0o777)


class Archive:
    """A daemon's answer that is an archive, as a stream of bytes (api.Stream), over a line of its own."""

    def __init__(self, daemon: Daemon, what: str, path: str, ref: str, params: Mapping[str, str]) -> None:
        self._daemon, self._what = daemon, what
        self._line = daemon.open_line()
        try:
            api: Any = self._line.api
            with daemon.mapped(what):
                answer = api._get(api._url(path, ref), params=dict(params), stream=True)  # noqa: SLF001
                api._raise_for_status(answer)  # noqa: SLF001
        except BaseException:
            self.close()
            raise
        self._pieces: Iterator[bytes] = answer.iter_content(_CHUNK_BYTES)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        with self._daemon.mapped(self._what):
            piece = next(self._pieces, None)
        if piece is None:
            self.close()
            raise StopIteration
        return piece

    def close(self) -> None:
        """Let go of the connection."""
        self._daemon.close_line(self._line)


def copy_from(daemon: Daemon, ref: str, path: str) -> Archive:
    """An archive of what is at a path. Raises: NotFound."""
    return Archive(daemon, f"cannot copy {path} from {ref}", "/containers/{0}/archive", ref, {"path": path})


def copy_to(
    daemon: Daemon, trace: Recorder, ref: str, path: str, archive: Iterable[bytes], *, is_user: bool
) -> None:  # fmt: skip
    """Phase COPY: unpack an archive into a folder. Raises: NotFound, InvalidRequest."""
    params = {"path": path, "noOverwriteDirNonDir": "true", **({"copyUIDGID": "true"} if is_user else {})}
    with trace.phase(Phase.COPY, check=f"docker diff {ref}") as span, daemon.line(trace.cancel) as api:
        span.fact("folder", path)
        with daemon.mapped(f"cannot copy to {path} in {ref}", trace.cancel):
            url = api._url("/containers/{0}/archive", ref)  # noqa: SLF001
            answer = api._put(url, params=params, data=iter(archive))  # noqa: SLF001  the SDK's call knows no parameters
            if answer.status_code == 400 and "cannot overwrite" in answer.text:
                raise InvalidRequest(str(answer.json().get("message", answer.text)))
            api._raise_for_status(answer)  # noqa: SLF001


def export(daemon: Daemon, ref: str) -> Archive:
    """An archive of the whole file system."""
    return Archive(daemon, f"cannot export {ref}", "/containers/{0}/export", ref, {})


def commit(
    daemon: Daemon, trace: Recorder, ref: str, reference: str, *, author: str, message: str, changes: Sequence[str],
    pause: bool,
) -> str:  # fmt: skip
    """Phase COMMIT: an image of a container; its ID."""
    params: dict[str, Any] = {
        "container": ref, "comment": message or None, "author": author or None, "pause": int(pause),
        "changes": list(changes),
    }  # fmt: skip
    if reference:
        name, colon, tag = reference.rpartition(":")
        has_tag = bool(colon) and "/" not in tag
        params |= {"repo": name if has_tag else reference, "tag": tag if has_tag else "latest"}
    with trace.phase(Phase.COMMIT, check="docker images") as span, daemon.line(trace.cancel) as api:
        with daemon.mapped(f"cannot commit {ref}", trace.cancel):
            answer = api._post_json(api._url("/commit"), data={}, params=params)  # noqa: SLF001
            image_id = str(api._result(answer, json=True)["Id"])  # noqa: SLF001
        span.fact("image ID", image_id, Origin.REPORTED)
    return image_id
