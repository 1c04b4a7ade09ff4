"""Images of a daemon by other ways than a registry: tag, history, save, load, import."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from dockview.engine.daemon import images
from dockview.engine.daemon.client import Daemon
from dockview.engine.daemon.errors import from_answer
from dockview.engine.errors import DataError, InvalidReference, InvalidRequest
from dockview.engine.image_changes import apply_changes
from dockview.engine.images.reference import Reference
from dockview.engine.lifecycle import Origin, Phase
from dockview.engine.model import HistoryEntry
from dockview.engine.recorder import Recorder

_NS = 1_000_000_000


def tag(daemon: Daemon, trace: Recorder, source: str, target: str) -> None:
    """Phases RESOLVE and STORE. Raises: ImageNotFound, InvalidReference."""
    _check_name(target)
    name = images.resolve(trace, daemon, target)
    what = f"cannot tag {source}"
    with trace.phase(Phase.STORE, check=f"docker image inspect {target}") as span, daemon.mapped(what):
        daemon.api.tag(source, name.pulled, name.tag)
        span.fact("reference", target)


def _check_name(text: str) -> None:
    """The daemon takes `a:b:c` for a name, and makes another one of it."""
    if Reference.parse(text).digest:
        raise InvalidReference(f"{text!r} names a digest, which nobody can choose", hint="give a name and a tag")


def history(daemon: Daemon, ref: str) -> Sequence[HistoryEntry]:
    """The daemon's own list, the last step first. Raises: ImageNotFound."""
    with daemon.mapped(f"cannot read the history of {ref}"):
        rows: list[dict[str, Any]] = daemon.api.history(ref)
    return [
        HistoryEntry(
            id="" if row.get("Id") in (None, "", "<missing>") else str(row["Id"]),
            created_ns=_time(row.get("Created")),
            created_by=str(row.get("CreatedBy") or ""),
            comment=str(row.get("Comment") or ""),
            size_bytes=row.get("Size"),
            tags=tuple(row.get("Tags") or ()),
        )
        for row in rows
    ]


def _time(seconds: Any) -> int | None:
    """What no step says comes as the beginning of Go's calendar."""
    return seconds * _NS if isinstance(seconds, int) and seconds >= 0 else None


def save(daemon: Daemon, trace: Recorder, refs: Sequence[str], write: Callable[[bytes], object]) -> None:
    """Phase STORE: the daemon's archive. Raises: ImageNotFound, InvalidRequest, Cancelled."""
    if not refs:
        raise InvalidRequest("nothing to save", hint="name one or more images")
    what = f"cannot save {', '.join(refs)}"
    with (
        trace.phase(Phase.STORE) as span,
        daemon.line(trace.cancel) as api,
        daemon.mapped(what, trace.cancel),
    ):
        answer = api._get(api._url("/images/get"), params={"names": list(refs)}, stream=True)  # noqa: SLF001  the SDK has one name only
        api._raise_for_status(answer)  # noqa: SLF001
        size = 0
        for chunk in answer.iter_content(1 << 20):
            trace.cancel.raise_if_set()
            write(chunk)
            size += len(chunk)
            span.progress(size, None, stage="write")
        span.fact("bytes", size)
    trace.cancel.raise_if_set()


def load(daemon: Daemon, trace: Recorder, archive: Iterable[bytes]) -> Sequence[str]:
    """Phase STORE; docker's lines. Raises: DataError, OutOfSpace, Cancelled."""
    what = "cannot load the archive"
    lines: list[str] = []
    with trace.phase(Phase.STORE) as span, daemon.line(trace.cancel) as api, daemon.mapped(what, trace.cancel):
        for said in api.load_image(_checked(trace, archive), quiet=True):
            if error := said.get("error"):
                raise _loading_failed(str(error), what)
            lines += str(said.get("stream") or "").splitlines()
        span.fact("images", len(lines), Origin.REPORTED)
    trace.cancel.raise_if_set()
    return [line for line in lines if line]


def _loading_failed(error: str, what: str) -> Exception:
    lowered = error.lower()
    if any(word in lowered for word in ("unexpected eof", "archive/tar", "no such file", "manifest.json", "invalid")):
        return DataError(f"{what}: {error}")
    return from_answer(error, what)


def import_image(
    daemon: Daemon, trace: Recorder, archive: Iterable[bytes], reference: str, *, changes: Sequence[str],
    message: str, platform: str,
) -> str:  # fmt: skip
    """Phase STORE; the image's ID. Raises: InvalidRequest, InvalidReference, DataError, Cancelled."""
    apply_changes({}, changes)
    params: dict[str, Any] = {"fromSrc": "-", "changes": list(changes), "message": message}
    if reference:
        _check_name(reference)
        name = images.parse(daemon, reference)
        params |= {"repo": name.pulled, "tag": name.tag}
    if platform:
        params["platform"] = platform
    what = "cannot import the archive"
    with trace.phase(Phase.STORE) as span, daemon.line(trace.cancel) as api, daemon.mapped(what, trace.cancel):
        answer = api._post(  # noqa: SLF001  the SDK cannot send a stream that has no name
            api._url("/images/create"), data=_checked(trace, archive), params=params,  # noqa: SLF001
            headers={"Content-Type": "application/tar"},
        )  # fmt: skip
        api._raise_for_status(answer)  # noqa: SLF001
        image_id = ""
        for line in answer.text.splitlines():
            said = json.loads(line)
            if error := said.get("error"):
                raise _loading_failed(str(error), what)
            image_id = str(said.get("status") or image_id)
        span.fact("ID", image_id, Origin.REPORTED)
    return image_id


def _checked(trace: Recorder, archive: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in archive:
        trace.cancel.raise_if_set()
        yield chunk
