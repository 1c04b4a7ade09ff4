"""The verbs of images, as the face of DockerEngine has them."""

from __future__ import annotations

import shlex
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence

from dockview.engine.api import OnRecord
from dockview.engine.cancel import CancelToken
from dockview.engine.daemon import archives, containers, images, logins, mapping
from dockview.engine.daemon.client import Daemon
from dockview.engine.model import HistoryEntry, Image, LoginReport
from dockview.engine.recorder import Recorder


class ImageVerbs:
    """A part of DockerEngine."""

    _daemon: Daemon
    _image_details: dict[str, Image]

    @abstractmethod
    def _record(
        self,
        verb: str,
        target: str,
        line: str,
        cancel: CancelToken | None = None,
        on_record: OnRecord | None = None,
    ) -> Recorder: ...

    def images(self) -> Sequence[Image]:
        """The images that are here, newest first."""
        return images.list_images(self._daemon, self._image_details)

    def pull(
        self,
        reference: str,
        *,
        platform: str = "",
        cancel: CancelToken | None = None,
        on_record: OnRecord | None = None,
    ) -> Image:
        """Fetch an image."""
        line = shlex.join(["docker", "pull", *(["--platform", platform] if platform else []), reference])
        with self._record("pull", reference, line, cancel, on_record) as trace:
            trace.subject(image=reference)
            containers.connect(self._daemon, trace)
            name = images.resolve(trace, self._daemon, reference)
            return mapping.image_of_inspect(images.pull_image(self._daemon, trace, name, platform=platform))

    def remove_image(self, ref: str, *, force: bool = False) -> Sequence[str]:
        """Untag and delete."""
        with self._record("rmi", ref, f"docker rmi {'-f ' if force else ''}{ref}") as trace:
            return images.remove_image(self._daemon, trace, ref, force=force)

    def tag(self, source: str, target: str) -> None:
        """Give an image one more name."""
        with self._record("tag", source, shlex.join(["docker", "tag", source, target])) as trace:
            archives.tag(self._daemon, trace, source, target)

    def history(self, ref: str) -> Sequence[HistoryEntry]:
        """The steps that made an image."""
        return archives.history(self._daemon, ref)

    def save(
        self,
        refs: Sequence[str],
        write: Callable[[bytes], object],
        *,
        cancel: CancelToken | None = None,
        on_record: OnRecord | None = None,
    ) -> None:
        """Images as one archive, as the daemon writes it."""
        with self._record("save", " ".join(refs), shlex.join(["docker", "save", *refs]), cancel, on_record) as trace:
            archives.save(self._daemon, trace, refs, write)

    def load(
        self, archive: Iterable[bytes], *, cancel: CancelToken | None = None, on_record: OnRecord | None = None
    ) -> Sequence[str]:
        """The images of an archive."""
        with self._record("load", "archive", "docker load", cancel, on_record) as trace:
            return archives.load(self._daemon, trace, archive)

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
        line = shlex.join(["docker", "import", "-", *([reference] if reference else [])])
        with self._record("import", reference or "archive", line, cancel, on_record) as trace:
            return archives.import_image(
                self._daemon, trace, archive, reference, changes=changes, message=message, platform=platform
            )

    def login(
        self, registry: str, user: str = "", password: str = "", *, cancel: CancelToken | None = None
    ) -> LoginReport:
        """Let the daemon check credentials, and keep them."""
        with self._record("login", registry, shlex.join(["docker", "login", registry]), cancel) as trace:
            return logins.login(self._daemon, trace, registry, user, password)

    def logout(self, registry: str) -> bool:
        """Forget credentials."""
        with self._record("logout", registry, shlex.join(["docker", "logout", registry])) as trace:
            return logins.logout(trace, registry)
