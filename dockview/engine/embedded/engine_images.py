"""The verbs of images, as the face of the embedded engine has them."""

# ruff: noqa: PLC0415  what a verb needs is imported with the verb: start-up time is part of the product

from __future__ import annotations

import contextlib
import shlex
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence

from dockview.engine.api import OnRecord
from dockview.engine.cancel import CancelToken
from dockview.engine.embedded.house import House
from dockview.engine.model import HistoryEntry, Image, LoginReport


class ImageVerbs:
    """A part of EmbeddedEngine."""

    _house: House

    @abstractmethod
    def _cancellable(self, cancel: CancelToken | None) -> contextlib.AbstractContextManager[CancelToken]: ...

    def images(self) -> Sequence[Image]:
        """The images that are here."""
        from dockview.engine.embedded.listed import list_images

        return list_images(self._house)

    def pull(
        self,
        reference: str,
        *,
        platform: str = "",
        cancel: CancelToken | None = None,
        on_record: OnRecord | None = None,
    ) -> Image:
        """Fetch an image."""
        from dockview.engine.embedded.pull import ensure_image

        house = self._house
        line = shlex.join(["docker", "pull", *(["--platform", platform] if platform else []), reference])
        with (
            self._cancellable(cancel) as token,
            house.traces.record("pull", reference, line=line, cancel=token, on_record=on_record) as trace,
        ):
            trace.subject(image=reference)
            record = ensure_image(house, trace, reference, policy="always", platform=platform)
            trace.commit()
        return next(image for image in self.images() if image.id == record.id)

    def remove_image(self, ref: str, *, force: bool = False) -> Sequence[str]:
        """Untag and delete."""
        from dockview.engine.embedded.remove import remove_image

        return remove_image(self._house, ref, force=force)

    def tag(self, source: str, target: str) -> None:
        """Give an image one more name."""
        from dockview.engine.embedded.image_names import tag

        tag(self._house, source, target)

    def history(self, ref: str) -> Sequence[HistoryEntry]:
        """The steps that made an image."""
        from dockview.engine.embedded.image_names import history

        return history(self._house, ref)

    def save(
        self,
        refs: Sequence[str],
        write: Callable[[bytes], object],
        *,
        cancel: CancelToken | None = None,
        on_record: OnRecord | None = None,
    ) -> None:
        """Images as one archive."""
        from dockview.engine.embedded.image_save import save

        with self._cancellable(cancel) as token:
            save(self._house, refs, write, token, on_record)

    def load(
        self, archive: Iterable[bytes], *, cancel: CancelToken | None = None, on_record: OnRecord | None = None
    ) -> Sequence[str]:
        """The images of an archive."""
        from dockview.engine.embedded.image_load import load

        with self._cancellable(cancel) as token:
            return load(self._house, archive, token, on_record)

    def import_image(
        self,
        archive: Iterable[bytes],
        reference: str = "",
        *,
        changes: Sequence[str] = (),
        message: str = "",
        platform: str = "",
        cancel: CancelToken | None = None,
        on_record: OnRecord | None = None,
    ) -> str:
        """An image of a file system."""
        from dockview.engine.embedded.image_import import import_image

        with self._cancellable(cancel) as token:
            return import_image(
                self._house, archive, reference, changes=changes, message=message, platform=platform, cancel=token,
                on_record=on_record,
            )  # fmt: skip

    def login(
        self, registry: str, user: str = "", password: str = "", *, cancel: CancelToken | None = None
    ) -> LoginReport:
        """Check credentials, and keep them."""
        from dockview.engine.embedded.login import login

        with self._cancellable(cancel) as token:
            return login(self._house, registry, user, password, token)

    def logout(self, registry: str) -> bool:
        """Forget credentials."""
        from dockview.engine.embedded.login import logout

        return logout(self._house, registry)
