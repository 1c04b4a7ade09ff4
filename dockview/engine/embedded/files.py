"""`diff`, `cp` and `export`: what is in a container, read and written the way the container itself would see it."""

from __future__ import annotations

from collections.abc import Iterable

from dockview.engine.embedded import views
from dockview.engine.embedded.house import House
from dockview.engine.embedded.query import image_config
from dockview.engine.embedded.views import Archive, Work
from dockview.engine.errors import DockviewError, InvalidRequest, NotFound
from dockview.engine.lifecycle import Phase
from dockview.engine.model import Change, PathStat
from dockview.engine.state import containers
from dockview.engine.state.containers import ContainerRecord


def diff(house: House, ref: str) -> list[Change]:
    """What the writable layer adds, changes and hides."""
    record = containers.find(house.database, ref)
    answer = views.do(house, {**views.upper_job(house, record), "action": "diff"})
    return [Change(kind, path) for kind, path in answer["changes"]]


def stat_path(house: House, ref: str, path: str) -> PathStat:
    """What there is at a path; a link is not followed."""
    record = containers.find(house.database, ref)
    return _stat(house, record, path)


def _stat(house: House, record: ContainerRecord, path: str) -> PathStat:
    job = {**views.container_job(house, record), "action": "stat", "path": absolute(path)}
    with _told(record, path):
        found = views.do(house, job)
    return PathStat(
        name=found["name"], size_bytes=found["size"], mode=found["mode"], modified_ns=found["mtime_ns"],
        link_target=found["link_target"],
    )  # fmt: skip


def copy_from(house: House, ref: str, path: str) -> Archive:
    """An archive of what is at a path."""
    record = containers.find(house.database, ref)
    _stat(house, record, path)  # so that a path that is not there is an error here, and not in the middle of a stream
    _tell(house, "archive-path", record)
    return Archive(Work(house, {**views.container_job(house, record), "action": "pack", "path": absolute(path)}))


def copy_to(house: House, ref: str, path: str, archive: Iterable[bytes], *, is_user: bool) -> None:
    """Unpack an archive into a folder."""
    record = containers.find(house.database, ref)
    user = (record.request.user or image_config(house, record.image_id).get("User") or "") if is_user else ""
    with house.traces.record("cp", record.name, line=f"docker cp - {record.name}:{path}") as trace:
        trace.subject(container=record.id, name=record.name, image=record.image)
        with trace.phase(Phase.COPY, check=f"dockview diff {record.name}") as span, _told(record, path):
            job = views.container_job(house, record)
            span.fact("folder", path)
            span.fact("through", "the container's mount namespace" if job["view"] == "running" else "its layers")
            with Work(house, {**job, "action": "unpack", "path": absolute(path), "user": user}) as work:
                work.feed(archive)
                answer = work.finish()
            span.fact("files", answer["files"])
            span.fact("bytes", answer["bytes"])
    _tell(house, "extract-to-dir", record)


def export(house: House, ref: str) -> Archive:
    """An archive of the whole file system, without what is mounted upon it."""
    record = containers.find(house.database, ref)
    job = views.container_job(house, record, is_bare=True)
    _tell(house, "export", record)
    return Archive(Work(house, {**job, "action": "export"}))


def absolute(path: str) -> str:
    """A path inside as docker takes it: from the root, whatever it begins with; its end (`/`, `/.`) keeps its sense."""
    if "\0" in path:
        raise InvalidRequest("a path cannot have a NUL in it")
    return f"/{path.lstrip('/')}"


class _told:  # noqa: N801  a context manager, used as a verb
    """Say in docker's words that a path is not there."""

    def __init__(self, record: ContainerRecord, path: str) -> None:
        self._name, self._path = record.name, path

    def __enter__(self) -> None: ...

    def __exit__(self, _type: object, error: BaseException | None, _tb: object) -> None:
        if isinstance(error, NotFound):
            raise NotFound(f"Could not find the file {self._path} in container {self._name}") from error
        if isinstance(error, DockviewError):
            error.message = error.message.replace("\n", " ")


def _tell(house: House, action: str, record: ContainerRecord) -> None:
    from dockview.engine.embedded.discard import note  # noqa: PLC0415

    note(house, action, record)
