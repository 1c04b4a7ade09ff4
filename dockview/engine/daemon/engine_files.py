"""The part of a daemon's face that is about volumes and the files of containers."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from dockview.engine.api import OnRecord, Stream
from dockview.engine.cancel import CancelToken
from dockview.engine.daemon import containers, files, mapping
from dockview.engine.daemon.client import Daemon
from dockview.engine.model import Change, PathStat, Volume
from dockview.engine.recorder import Recorder


class Files:
    """Mixed into DockerEngine; `_daemon` and `_record` are the engine's."""

    _daemon: Daemon

    def _record(
        self, verb: str, target: str, line: str, cancel: CancelToken | None = None, on_record: OnRecord | None = None
    ) -> Recorder:
        raise NotImplementedError

    def volumes(self) -> Sequence[Volume]:
        """All volumes; their sizes are not counted here, which may take long, but in `prune_plan`."""
        with self._daemon.mapped("cannot list volumes"):
            return [mapping.volume(row) for row in self._daemon.api.volumes().get("Volumes") or ()]

    def create_volume(
        self,
        name: str = "",
        *,
        driver: str = "local",
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Volume:
        """Make a volume."""
        with self._record("volume", name, f"docker volume create {name}".rstrip()) as trace:
            return files.create_volume(
                self._daemon, trace, name, driver=driver, labels=labels or {}, options=options or {}
            )

    def remove_volume(self, name: str, *, force: bool = False) -> None:
        """Remove a volume."""
        with self._record("volume", name, f"docker volume rm {'-f ' if force else ''}{name}") as trace:
            files.remove_volume(self._daemon, trace, name, force=force)

    def diff(self, ref: str) -> Sequence[Change]:
        """What a container has changed."""
        return files.diff(self._daemon, ref)

    def stat_path(self, ref: str, path: str) -> PathStat:
        """What there is at a path."""
        return files.stat_path(self._daemon, ref, path)

    def copy_from(self, ref: str, path: str) -> Stream[bytes]:
        """An archive of what is at a path."""
        return files.copy_from(self._daemon, ref, path)

    def copy_to(self, ref: str, path: str, archive: Iterable[bytes], *, is_user: bool = False) -> None:
        """Unpack an archive into a folder."""
        found = mapping.container_of_inspect(containers.inspect(self._daemon, ref))
        with self._record("cp", found.name, f"docker cp - {found.name}:{path}") as trace:
            trace.subject(container=found.id, name=found.name, image=found.image)
            files.copy_to(self._daemon, trace, found.id, path, archive, is_user=is_user)

    def export(self, ref: str) -> Stream[bytes]:
        """An archive of a container's file system."""
        return files.export(self._daemon, ref)

    def commit(
        self,
        ref: str,
        reference: str = "",
        *,
        author: str = "",
        message: str = "",
        changes: Sequence[str] = (),
        pause: bool = True,
    ) -> str:
        """Make an image of a container."""
        found = mapping.container_of_inspect(containers.inspect(self._daemon, ref))
        line = shlex.join(["docker", "commit", found.name, *([reference] if reference else [])])
        with self._record("commit", found.name, line) as trace:
            trace.subject(container=found.id, name=found.name, image=found.image)
            return files.commit(
                self._daemon, trace, found.id, reference, author=author, message=message, changes=changes, pause=pause
            )
