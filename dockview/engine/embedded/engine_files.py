"""The part of the embedded engine's face that is about volumes and the files of containers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from dockview.engine.api import Stream
from dockview.engine.embedded.house import House
from dockview.engine.model import Change, PathStat, Volume

S = TypeVar("S")


class Files:
    """Mixed into EmbeddedEngine; `_house` is the engine's."""

    _house: House

    def _owned(self, stream: S) -> S:
        raise NotImplementedError

    def volumes(self) -> Sequence[Volume]:
        """All volumes, with their sizes."""
        from dockview.engine.embedded.listed import list_volumes  # noqa: PLC0415

        return list_volumes(self._house)

    def create_volume(
        self,
        name: str = "",
        *,
        driver: str = "local",
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Volume:
        """Make a volume."""
        from dockview.engine.embedded.volumes import create_volume  # noqa: PLC0415

        return create_volume(self._house, name, driver, labels or {}, options or {})

    def remove_volume(self, name: str, *, force: bool = False) -> None:
        """Remove a volume."""
        from dockview.engine.embedded.volumes import remove_volume  # noqa: PLC0415

        remove_volume(self._house, name, force=force)

    def diff(self, ref: str) -> Sequence[Change]:
        """What a container has changed."""
        from dockview.engine.embedded.files import diff  # noqa: PLC0415

        return diff(self._house, ref)

    def stat_path(self, ref: str, path: str) -> PathStat:
        """What there is at a path."""
        from dockview.engine.embedded.files import stat_path  # noqa: PLC0415

        return stat_path(self._house, ref, path)

    def copy_from(self, ref: str, path: str) -> Stream[bytes]:
        """An archive of what is at a path."""
        from dockview.engine.embedded.files import copy_from  # noqa: PLC0415

        return self._owned(copy_from(self._house, ref, path))

    def copy_to(self, ref: str, path: str, archive: Iterable[bytes], *, is_user: bool = False) -> None:
        """Unpack an archive into a folder."""
        from dockview.engine.embedded.files import copy_to  # noqa: PLC0415

        copy_to(self._house, ref, path, archive, is_user=is_user)

    def export(self, ref: str) -> Stream[bytes]:
        """An archive of a container's file system."""
        from dockview.engine.embedded.files import export  # noqa: PLC0415

        return self._owned(export(self._house, ref))

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
        from dockview.engine.embedded.commit import commit  # noqa: PLC0415

        return commit(self._house, ref, reference, author=author, message=message, changes=changes, pause=pause)
