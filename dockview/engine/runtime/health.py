"""Health checks, as the shim makes them: a command run in the container now and then, and what its exit code says.

A probe is one more command in the container (exec_door.py): the shim is its own client, through a socket pair. Docker's
rules: the first probe comes one interval after the start, the next one an interval after the end of the one before;
`retries` failures in a row make the container unhealthy, but failures of the start period do not count until a probe
has succeeded.
"""

from __future__ import annotations

import _socket
import os
import select
import time

from dockview.engine.runtime.codec import dumps, loads
from dockview.engine.runtime.door import LARGEST, Client
from dockview.engine.runtime.health_log import write_health

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from dockview.engine.runtime.story import Story
    from dockview.engine.runtime.supervise import Supervisor

_KEPT = 5
_OUTPUT_LIMIT = 4096
_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR
_SIGKILL = 9


class Health:
    """Of one life of one container."""

    def __init__(self, bundle: str, wish: Mapping[str, Any], supervisor: Supervisor, story: Story) -> None:
        self._bundle = bundle
        self._wish = wish
        self._supervisor = supervisor
        self._story = story
        self._endpoint: _socket.socket | None = None
        self._output = b""
        self._pid = 0
        self._is_late = False
        self._began_wall_ns = 0
        self._start_ns = time.monotonic_ns()
        self._due_ns = self._start_ns + wish["interval_ns"]
        """When the next probe begins; while one is at work, when it has taken too long."""
        self._state: dict[str, Any] = {"Status": "starting", "FailingStreak": 0, "Log": []}
        write_health(bundle, self._state)

    def timeout_ms(self) -> int:
        """How long poll may wait."""
        return max(0, int(self._due_ns - time.monotonic_ns()) // 1_000_000 + 1)

    def look(self, ready: Mapping[int, int]) -> None:
        """What is due is done; `ready` is what poll has found."""
        if self._endpoint is not None and ready.get(self._endpoint.fileno(), 0) & _READABLE:
            self._hear()
        if time.monotonic_ns() < self._due_ns:
            return
        if self._endpoint is None:
            self._begin()
        elif not self._is_late:
            self._is_late = True
            self._due_ns = time.monotonic_ns() + 3_600_000_000_000
            self._kill()

    def _begin(self) -> None:
        control = self._supervisor.control
        if control is None or control.is_paused:
            self._due_ns = time.monotonic_ns() + int(self._wish["interval_ns"])
            return
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        client = Client(theirs)
        client.wish = dumps({"id": os.urandom(32).hex(), "args": self._wish["argv"], "env": []}).encode()
        self._endpoint, self._output, self._pid, self._is_late = ours, b"", 0, False
        self._began_wall_ns = time.time_ns()
        self._due_ns = time.monotonic_ns() + int(self._wish["timeout_ns"])
        self._supervisor.poll.register(ours.fileno(), select.POLLIN)
        try:
            control.execute(client)
        except (OSError, ValueError) as error:
            self._output = str(error).encode()
            self._end(-1)
        finally:
            theirs.close()

    def _kill(self) -> None:
        """The probe has taken too long: end it; that of a command that has not begun yet comes to the same."""
        if not self._pid:
            self._end(-1)
            return
        try:
            os.kill(self._pid, _SIGKILL)
        except OSError:
            self._end(-1)

    def _hear(self) -> None:
        while self._endpoint is not None:
            try:
                data = self._endpoint.recv(LARGEST + 1)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            letter, content = data[:1], data[1:]
            if letter in (b"1", b"2"):
                if len(self._output) < _OUTPUT_LIMIT:
                    self._output += content
            elif letter == b"B":
                self._pid = int(loads(content.decode())["pid"])
            elif letter == b"F":
                self._output = str(loads(content.decode())["message"]).encode()
                self._end(-1)
            elif letter == b"X":
                self._end(-1 if self._is_late else int(loads(content.decode())["exit_code"]))
            elif not letter:
                self._end(-1)

    def _end(self, code: int) -> None:
        if self._endpoint is not None:
            self._supervisor.poll.unregister(self._endpoint.fileno())
            self._endpoint.close()
            self._endpoint = None
        now_ns = time.monotonic_ns()
        self._due_ns = now_ns + int(self._wish["interval_ns"])
        output = self._output[:_OUTPUT_LIMIT].decode("utf-8", "replace")
        if self._is_late:
            output = f"Health check exceeded timeout ({_shown(int(self._wish['timeout_ns']))})"
        is_news = self._judge(code, is_new=now_ns - self._start_ns < int(self._wish["start_period_ns"]))
        probe = {"Start": _rfc3339(self._began_wall_ns), "End": _rfc3339(time.time_ns()), "ExitCode": code,
                 "Output": output}  # fmt: skip
        self._state["Log"] = [*self._state["Log"], probe][-_KEPT:]
        write_health(self._bundle, self._state)
        if is_news:
            self._story.event(f"health_status: {self._state['Status']}", {})

    def _judge(self, code: int, *, is_new: bool) -> bool:
        """Whether the status is another one now."""
        before = self._state["Status"]
        if code == 0:
            self._state |= {"Status": "healthy", "FailingStreak": 0}
        elif before != "starting" or not is_new:
            self._state["FailingStreak"] += 1
            if self._state["FailingStreak"] >= int(self._wish["retries"]):
                self._state["Status"] = "unhealthy"
        return bool(self._state["Status"] != before)

    def close(self) -> None:
        """The life has ended."""
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None


def _shown(duration_ns: int) -> str:
    return f"{duration_ns / 1e9:g}s" if duration_ns >= 1_000_000_000 else f"{duration_ns / 1e6:g}ms"


def _rfc3339(time_ns: int) -> str:
    second, rest = divmod(time_ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(second))}.{rest:09d}Z"
