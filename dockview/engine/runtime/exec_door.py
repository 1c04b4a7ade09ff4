"""Further commands in a running container, from the shim's side: a helper process is forked for each.

    shim                     helper                     joiner                  the command
      | -- fork ---------------> |
      |                          | -- fork ---------------> | joins the control group, then the namespaces
      |                          | <- forked {pid} ---------| -- fork -------------> |
      |                          |    (the joiner ends; the helper, as subreaper, owns the command)
      |                          | -- adopted ------------------------------------> | pty, user, security
      |                          | <- ready {facts} [pty] --------------------------|
      |                          | -- go -----------------------------------------> |
      |                          | <- end of file: execve has closed the channel ---| runs
      | <- its pid --------------|
      | <- end of file ----------| `exec_die` is in the journal

The helper takes the connection of the client with it, copies the command's streams and reports its exit (door.py has
the letters). It must reap the command at once: the kernel keeps a container's first process from ending as long as
another process of its pid namespace is not reaped. Should the helper be killed, the command goes with it, and the shim
reaps that.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C half of signal, which loads no enum
import os
import select

from dockview.engine.runtime.codec import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dockview.engine.runtime.birth import Birth
    from dockview.engine.runtime.door import Client
    from dockview.engine.runtime.story import Story

_SETTLED_WITHIN_MS = 3000


class Execs:
    """The helpers that run."""

    def __init__(self, birth: Birth, story: Story) -> None:
        self._birth = birth
        self._story = story
        self._helpers: dict[int, int] = {}
        """Helper's pid to the pipe through which it tells its command's pid, and whose end says that all is told."""
        self._orphans: set[int] = set()
        _signal.signal(_signal.SIGCHLD, self._reap)

    def begin(self, client: Client) -> None:
        """Fork the helper for a client that has said what it wants; the connection is the helper's from here on.

        Raises: ValueError for a wish that is none.
        """
        wish: dict[str, Any] = loads(client.wish.decode())
        done, tell = os.pipe2(os.O_CLOEXEC)
        cgroup = self._birth.cgroup
        members = cgroup.open_members() if cgroup is not None else []
        # Between the fork and the note of it no signal may be handled: the helper may end at once.
        _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGCHLD,))
        try:
            pid = os.fork()
            if pid == 0:
                from dockview.engine.runtime import exec_helper  # noqa: PLC0415  its memory is not the shim's

                exec_helper.run((client.socket.fileno(), tell), members, self._birth, self._story, wish)
            self._helpers[pid] = done
        finally:
            _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (_signal.SIGCHLD,))
            for fd in (tell, *members):
                os.close(fd)

    def settle(self) -> None:
        """The container has ended: wait until every helper has told so of its command, in the journal and the trace."""
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
        for done in self._helpers.values():
            poll = select.poll()
            poll.register(done, select.POLLIN)
            # A pid, then the end; who is stopped by a debugger does not hold up the container's own end for long.
            while poll.poll(_SETTLED_WITHIN_MS) and os.read(done, 64):
                pass

    def _reap(self, *_: object) -> None:
        for pid, done in list(self._helpers.items()):
            found, status = os.waitpid(pid, os.WNOHANG)
            if not found:
                continue
            del self._helpers[pid]
            if status:
                # Killed: its command, which dies with it, is this process's child now.
                os.set_blocking(done, False)
                self._orphans |= _told(done)
            os.close(done)
        for pid in list(self._orphans):
            try:
                found, _status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                found = pid
            if found:
                self._orphans.discard(pid)


def _told(fd: int) -> set[int]:
    try:
        return {int(text) for text in os.read(fd, 64).split()}
    except BlockingIOError:
        return set()
