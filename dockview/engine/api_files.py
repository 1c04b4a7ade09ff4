"""The part of an engine's face that is about volumes and the files of containers (api.py has the rest)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from dockview.engine.model import Change, PathStat, Volume

if TYPE_CHECKING:
    from dockview.engine.api import Stream


class FileVerbs(Protocol):
    """Volumes, and what is in containers."""

    def volumes(self) -> Sequence[Volume]:
        """All volumes, anonymous ones too."""
        ...

    def create_volume(
        self,
        name: str = "",
        *,
        driver: str = "local",
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Volume:
        """Make a volume, or give the one that has this name; without a name it is anonymous.

        Raises: InvalidRequest, NotSupported for a driver or option that is not here.
        """
        ...

    def remove_volume(self, name: str, *, force: bool = False) -> None:
        """Remove a volume with all that is in it; with `force` it may be gone already.

        Raises: Conflict where a container uses it.
        """
        ...

    def diff(self, ref: str) -> Sequence[Change]:
        """What the container has added to, changed in and deleted from the file system of its image, by path."""
        ...

    def stat_path(self, ref: str, path: str) -> PathStat:
        """What there is at a path inside, also of a stopped container; a link is not followed. Raises: NotFound."""
        ...

    def copy_from(self, ref: str, path: str) -> Stream[bytes]:
        """A tar archive of what is at a path inside; its names begin with the path's last part.

        Raises: NotFound, InvalidRequest.
        """
        ...

    def copy_to(self, ref: str, path: str, archive: Iterable[bytes], *, is_user: bool = False) -> None:
        """Unpack a tar archive into a folder inside, whose links cannot lead out of the container.

        With `is_user` everything belongs to the container's user afterwards, and not to whom the archive says.

        Raises: NotFound, InvalidRequest, Conflict, DataError, OutOfSpace.
        """
        ...

    def export(self, ref: str) -> Stream[bytes]:
        """A tar archive of the container's whole file system, without its volumes and binds."""
        ...

    def commit(
        self, ref: str, reference: str = "", *, author: str = "", message: str = "", changes: Sequence[str] = (),
        pause: bool = True,
    ) -> str:  # fmt: skip
        """Make an image of the container's file system as it is now; the image's ID.

        `changes` are lines of a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR, STOPSIGNAL.

        Raises: InvalidRequest, InvalidReference.
        """
        ...
