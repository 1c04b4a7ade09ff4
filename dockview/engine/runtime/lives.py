"""One life after another: what the restart policy asks for, done by the shim while no engine lives.

A new life is a new first process with new pid, mount, ipc and uts namespaces. The network namespace (and rootless the
user namespace that owns it) is held open by the shim and joined again, so the address, the neighbours and the published
ports stay; so do the control group, the writable layer and the log.
"""

from __future__ import annotations

import os

from dockview.engine.runtime import story, sync
from dockview.engine.runtime.birth import Aborted, Birth, ChildFailed
from dockview.engine.runtime.control import Control
from dockview.engine.runtime.plan import namespace_links
from dockview.engine.runtime.policy import read_policy
from dockview.engine.runtime.spans import Span
from dockview.engine.runtime.sync import Gone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from dockview.engine.runtime.supervise import Supervisor

_FIRST_WAIT_S, _LONGEST_WAIT_S, _LONG_LIFE_S = 0.1, 60.0, 10.0
_TOLD_LIVES = 100
"""So many lives are told in the trace; the events tell all. A trace is a file that would grow for ever."""


class Lives:
    """Counts the lives of one container, and gives it the next one."""

    def __init__(self) -> None:
        self.restarts = 0
        self._wait_s = 0.0

    def wants_another(self, policy: tuple[str, int], code: int, lived_s: float) -> float | None:
        """How long to wait before the next life, in seconds; None where there is to be none.

        Docker's rules: the wait doubles from 100 ms to a minute, and begins anew after a life of ten seconds.
        """
        name, most = policy
        if lived_s >= _LONG_LIFE_S:
            self._wait_s = 0.0
        self._wait_s = min(self._wait_s * 2, _LONGEST_WAIT_S) or _FIRST_WAIT_S
        is_failure = name == "on-failure" and code != 0 and (most == 0 or self.restarts < most)
        if not is_failure and name not in ("always", "unless-stopped"):
            return None
        self.restarts += 1
        return self._wait_s

    def next(
        self, birth: Birth, supervisor: Supervisor, tale: story.Story, ended: tuple[int, int | None]
    ) -> tuple[Birth, story.Story] | None:
        """A new life where the policy wants one; None when it was the last one, whose end is then still to be told."""
        policy = read_policy(birth.plan.bundle, birth.plan.settings)
        wait_s = None if supervisor.is_stopped else self.wants_another(policy, ended[0], tale.lived_s())
        if wait_s is None:
            return None
        code, signal = ended
        tale.exited(code, signal, supervisor.sent, birth.cgroup, restart_in_s=wait_s, restarts=self.restarts)
        supervisor.part({"exit_code": code, "signal": signal, "oom_killed": tale.values["oom_killed"]})
        if not supervisor.rest(wait_s):
            tale.settled()
            return None
        return self._bear(birth, supervisor, tale, wait_s)

    def _bear(
        self, before: Birth, supervisor: Supervisor, tale: story.Story, wait_s: float
    ) -> tuple[Birth, story.Story] | None:
        number = self.restarts + 1
        tell = tale.tell if number <= _TOLD_LIVES else _tell_nothing
        span = Span(tell, "start", str(number))
        span.fact("waited", f"{wait_s:g} s")
        oom_kills = before.cgroup.oom_kills() if before.cgroup is not None else None
        birth: Birth | None = None
        try:
            birth = _heir(before)
            birth.build()
            birth.close_namespaces()
            birth.namespace_fds = before.namespace_fds
            birth.go([], [])
            birth.inner.close()
        except (ChildFailed, Aborted, Gone, OSError, sync.Refused) as error:
            message = error.message if isinstance(error, ChildFailed) else sync.failure(error)
            if birth is not None:
                birth.undo()
            before.cgroup, before.proxy_pid, before.proxy_stdin = None, 0, -1
            span.fail(str(message["message"]))
            span.end()
            tale.failed(str(message["message"]), int(message.get("exit_code") or 128))
            return None
        span.fact("pid", birth.pid)
        span.fact("argv", " ".join(birth.plan.spec["process"]["args"])[:400])
        span.fact("network namespace", namespace_links(birth.pid, ("net",)).get("net"))
        span.check(f"ps -o pid,args -p {birth.pid}")
        span.end()
        heir = story.Story(birth.plan, birth.pid, life=number, oom_kills=oom_kills, is_told=number <= _TOLD_LIVES)
        heir.started()
        heir.running()
        supervisor.take(birth)
        supervisor.control = Control(birth, heir)
        supervisor.on_first_output = heir.first_output
        supervisor.ask(birth, heir)
        if supervisor.is_stopped:
            supervisor.signal(9, supervisor.sent or {"why": "stop", "pid": 0, "uid": 0})
        return birth, heir


class _Nobody:
    """Stands where the channel to the engine stands at the first birth: there is nobody who listens."""

    @staticmethod
    def fileno() -> int:
        return -1

    @staticmethod
    def send(_message: Mapping[str, Any], _fds: Sequence[int] = ()) -> None:
        return

    @staticmethod
    def close() -> None:
        return


def _tell_nothing(_records: list[dict[str, Any]]) -> None:
    """A life that the trace does not tell any more."""


def _heir(before: Birth) -> Birth:
    """The next birth, with what stays: the network and its owner, the control group's folder, the port proxy."""
    birth = Birth(before.plan.bundle, _Nobody())  # type: ignore[arg-type]  # what a birth does with a channel
    plan = birth.plan
    for name, kept in (("user", "userns"), ("net", "netns")):
        if kept in before.namespace_fds and (name in plan.new_namespaces or name in plan.joined_namespaces):
            plan.joined_namespaces[name] = f"/proc/self/fd/{before.namespace_fds[kept]}"
            plan.new_namespaces -= {name}
    birth.proxy_pid, birth.proxy_stdin = before.proxy_pid, before.proxy_stdin
    if before.pidfd >= 0:
        os.close(before.pidfd)
        before.pidfd = -1
    return birth
