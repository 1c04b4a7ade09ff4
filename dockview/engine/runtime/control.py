"""What may be done to a container while it runs, from the shim's side: freeze it, and execute more commands in it.

The shim keeps this small object for each container; what does the work is imported when it is first asked for.
"""

from __future__ import annotations

import errno

from dockview.engine.runtime.codec import dumps
from dockview.engine.runtime.sync import failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dockview.engine.runtime.birth import Birth
    from dockview.engine.runtime.door import Client
    from dockview.engine.runtime.exec_door import Execs
    from dockview.engine.runtime.story import Story

_LARGEST_WISH = 1 << 21


class Control:
    """Of one running container."""

    def __init__(self, birth: Birth, story: Story) -> None:
        self._birth = birth
        self._story = story
        self._execs: Execs | None = None
        self.is_paused = False

    # Pause

    def pause(self, *, is_paused: bool) -> int:
        """Freeze every process of the container, or thaw them; 0, or the errno."""
        from dockview.engine.runtime.freezer import freeze  # noqa: PLC0415

        cgroup = self._birth.cgroup
        if cgroup is None:
            return errno.ENOTSUP
        if is_paused == self.is_paused:
            return errno.EALREADY
        try:
            freeze(cgroup.folders, is_frozen=is_paused)
        except OSError as error:
            return error.errno or errno.EIO
        self.is_paused = is_paused
        self._story.paused(is_paused)
        return 0

    def signalled(self) -> None:
        """A signal was sent: a frozen process cannot take it, so the container goes on, as in docker."""
        if self.is_paused:
            self.pause(is_paused=False)

    # Further commands

    @staticmethod
    def take(client: Client, piece: bytes) -> None:
        """Take one piece of what a client wants to be executed. Raises: ValueError for one beyond all bounds."""
        client.wish += piece
        if len(client.wish) > _LARGEST_WISH:
            raise ValueError("the command line is too long")

    def execute(self, client: Client) -> None:
        """Execute what the client has said. Raises: ValueError."""
        if self._execs is None:
            from dockview.engine.runtime.exec_door import Execs  # noqa: PLC0415

            self._execs = Execs(self._birth, self._story)
        try:
            self._execs.begin(client)
        except OSError as error:
            client.send(b"F", dumps(failure(error)).encode())

    def settle(self) -> None:
        """The container has ended: its further commands have, too; wait until that is told."""
        if self._execs is not None:
            self._execs.settle()
