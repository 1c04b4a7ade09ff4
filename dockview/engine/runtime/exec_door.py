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
    from typing import Any, NoReturn

    from dockview.engine.runtime.birth import Birth
    from dockview.engine.runtime.door import Client
    from dockview.engine.runtime.story import Story

_SETTLED_WITHIN_MS = 3000
_GONE_WITHIN_MS = 100


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

        Raises: ValueError for a wish that is none, OSError where no process can be made.
        """
        wish: dict[str, Any] = loads(client.wish.decode())
        cgroup = self._birth.cgroup
        fds = cgroup.open_members() if cgroup is not None else []
        members = list(fds)
        # Between the fork and the note of it no signal may be handled: the helper may end at once.
        _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGCHLD,))
        try:
            done, tell = os.pipe2(os.O_CLOEXEC)
            fds.append(tell)
            try:
                pid = os.fork()
            except OSError:
                os.close(done)
                raise
            if pid == 0:
                self._become_helper((client.socket.fileno(), tell), members, wish)
            self._helpers[pid] = done
        finally:
            _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (_signal.SIGCHLD,))
            for fd in fds:
                os.close(fd)

    def _become_helper(self, fds: tuple[int, int], members: list[int], wish: dict[str, Any]) -> NoReturn:
        try:
            from dockview.engine.runtime import exec_helper  # noqa: PLC0415  its memory is not the shim's

            exec_helper.run(fds, members, self._birth, self._story, wish)
        finally:
            os._exit(1)  # whatever went wrong, there is no second shim

    def settle(self) -> None:
        """The container has ended: wait until every helper has told so of its command, in the journal and the trace."""
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
        for pid, done in self._helpers.items():
            # A pid, then the end; who is stopped by a debugger does not hold up the container's own end for long.
            while _is_ready(done, _SETTLED_WITHIN_MS) and os.read(done, 64):
                pass
            os.close(done)
            pidfd = os.pidfd_open(pid)
            if _is_ready(pidfd, _GONE_WITHIN_MS):  # it may still have a slow client to serve
                os.waitpid(pid, 0)
            os.close(pidfd)
        self._helpers = {}

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


def _is_ready(fd: int, within_ms: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(within_ms))


def _told(fd: int) -> set[int]:
    try:
        return {int(text) for text in os.read(fd, 64).split()}
    except BlockingIOError:
        return set()
