"""The end of a container's story, as the shim tells it: state, events, and the spans `running` and `exited`."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C half of signal, which loads no enum
import os
import time

from dockview.engine.runtime.codec import dumps
from dockview.engine.runtime.spans import Span
from dockview.engine.runtime.state import start_ticks, write_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dockview.engine.runtime.cgroups import Cgroup
    from dockview.engine.runtime.plan import Plan


class Story:
    """Writes into the bundle, the trace's file and the journal of events."""

    def __init__(
        self, plan: Plan, pid: int, *, life: int = 1, oom_kills: int | None = None, is_told: bool = True
    ) -> None:
        self._bundle = plan.bundle
        self._settings = plan.settings
        self._part = str(life) if life > 1 else ""
        self._oom_kills = oom_kills or 0
        """Of earlier lives: the control group goes on counting."""
        self._is_told = is_told
        self._started_clock_ns = time.monotonic_ns()
        self.values: dict[str, Any] = {
            "status": "running", "pid": pid, "pid_start": start_ticks(pid), "shim_pid": os.getpid(),
            "shim_start": start_ticks(os.getpid()), "started_ns": time.time_ns(), "finished_ns": None,
            "exit_code": None, "signal": None, "oom_killed": None, "sent_signal": None, "ended_by": "",
            "restart_count": life - 1,
        }  # fmt: skip
        self._running: Span | None = None

    def tell(self, records: list[dict[str, Any]]) -> None:
        """Append records to the trace's file."""
        if self._is_told:
            _append(self._settings["trace_path"], records)

    def lived_s(self) -> float:
        """How long the command has run."""
        return (time.monotonic_ns() - self._started_clock_ns) / 1e9

    def started(self) -> None:
        """The command was executed."""
        write_state(self._bundle, self.values)
        self._volume_events("mount")
        self._event("start", {})

    def running(self) -> None:
        """The engine has let go: the rest of the trace is the shim's to write."""
        pid = self.values["pid"]
        self._running = Span(self.tell, "running", self._part, f"ps -o pid,etime,args -p {pid}")
        self._running.fact("pid", pid)
        self._running.flush()

    def first_output(self) -> None:
        """The command has written something for the first time."""
        if self._running is not None:
            elapsed_ms = (time.monotonic_ns() - self._started_clock_ns) / 1e6
            self._running.fact("first output after", f"{elapsed_ms:.1f} ms")
            self._running.flush()

    def exited(
        self, code: int | None, signal: int | None, sent: dict[str, Any] | None, cgroup: Cgroup | None, *,
        restart_in_s: float | None = None, restarts: int = 0,
    ) -> None:  # fmt: skip
        """The command has ended: record it everywhere, in the order state, trace, event.

        With `restart_in_s` a new life follows, which will be the `restarts`-th restart.
        """
        lived_ns = time.monotonic_ns() - self._started_clock_ns
        kills = cgroup.oom_kills() if cgroup is not None else None
        kills = None if kills is None else kills - self._oom_kills
        oom_killed = None if kills is None else kills > 0
        ended_by = _who(signal, sent, oom_killed=oom_killed)
        self.values |= {
            "status": "exited" if restart_in_s is None else "restarting", "finished_ns": time.time_ns(),
            "exit_code": code, "signal": signal, "oom_killed": oom_killed, "sent_signal": sent, "ended_by": ended_by,
        }  # fmt: skip
        if restart_in_s is not None:
            self.values |= {"restart_count": restarts, "pid": None, "pid_start": None}
        write_state(self._bundle, self.values)
        if self._running is not None:
            self._running.end()
        with Span(self.tell, "exited", self._part, "dockview ps -a") as span:
            span.fact("exit code", code)
            span.fact("signal", "none" if signal is None else _signal_name(signal))
            span.fact("oom killed", oom_killed)
            if kills:
                span.fact("oom kills", kills)
            span.fact("ended by", ended_by, "inferred" if "unknown" in ended_by else "measured")
            span.fact("lived", f"{lived_ns / 1e9:.3f} s")
            if cgroup is not None and (peak := cgroup.memory_peak()) is not None:
                span.fact("memory peak", peak)
            if restart_in_s is not None:
                span.fact("restart", f"number {restarts}, in {restart_in_s:g} s")
            span.fact("container still exists", not self._settings.get("on_exit"))
        if oom_killed:
            self._event("oom", {})
        self._event("die", {"exitCode": "" if code is None else str(code)})
        self._volume_events("unmount")

    def settled(self) -> None:
        """The next life, that was waited for, is not to be: somebody has stopped it."""
        self.values["status"] = "exited"
        write_state(self._bundle, self.values)

    def failed(self, why: str, code: int) -> None:
        """The next life could not begin; with docker's exit code for that."""
        self.values |= {"status": "exited", "finished_ns": time.time_ns(), "exit_code": code, "error": why}
        write_state(self._bundle, self.values)

    def said(self, events: list[dict[str, Any]]) -> None:
        """Append events that are about something else than the container."""
        _append(self._settings["events_path"], events)

    def event(self, action: str, more: dict[str, str]) -> None:
        """Journal an event of the container."""
        self._event(action, more)

    @staticmethod
    def append(path: str, records: list[dict[str, Any]]) -> None:
        """Append records to the file of another trace than that of the birth."""
        _append(path, records)

    def paused(self, is_paused: bool) -> None:
        """All processes of the container are frozen, or go on."""
        self.values["paused"] = is_paused
        write_state(self._bundle, self.values)
        self._event("pause" if is_paused else "unpause", {})

    def _volume_events(self, action: str) -> None:
        """Journal `mount` or `unmount` of each volume."""
        for volume in self._settings.get("volumes", ()):
            attributes = {"driver": "local", "container": self._settings["id"]}
            if action == "mount":
                attributes |= {"destination": volume[1], "propagation": "", "read/write": volume[2]}
            self._event(action, attributes, kind="volume", actor=volume[0])

    def _renamed(self) -> dict[str, str]:
        """The name that `rename` has given since the container was started."""
        try:
            with open(f"{self._bundle}/name", encoding="utf-8") as file:
                return {"name": file.read()}
        except OSError:
            return {}

    def _event(self, action: str, more: dict[str, str], *, kind: str = "container", actor: str = "") -> None:
        now = time.time_ns()
        attributes = more if actor else {**self._settings["attributes"], **self._renamed(), **more}
        event = {
            "Type": kind, "Action": action,
            "Actor": {"ID": actor or self._settings["id"], "Attributes": attributes},
            "scope": "local", "time": now // 1_000_000_000, "timeNano": now,
        }  # fmt: skip
        _append(self._settings["events_path"], [event])


def _append(path: str, records: list[dict[str, Any]]) -> None:
    """One write of whole lines at the file's end; a full disk costs the record, never the container."""
    if not path or not records:
        return
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.write(fd, "".join(dumps(record) + "\n" for record in records).encode())
        finally:
            os.close(fd)
    except OSError:
        pass


def _who(signal: int | None, sent: dict[str, Any] | None, *, oom_killed: bool | None) -> str:
    """Who ended the command, from what was seen: its own exit, our signals, the kernel's counter."""
    asked = f"{sent['why'] or 'kill'} by dockview (pid {sent['pid']}, uid {sent['uid']})" if sent else ""
    if signal is None:
        if sent:
            return f"itself, after {_signal_name(sent['signal'])}: {asked}"
        return "itself, after the kernel had killed a process of it: out of memory" if oom_killed else "itself"
    if sent and sent["signal"] == signal:
        return asked
    if oom_killed and signal == int(_signal.SIGKILL):
        return "the kernel: out of memory"
    if signal in (4, 5, 7, 8, 11, 31):
        return "itself: a fault of the program"  # SIGILL, TRAP, BUS, FPE, SEGV, SYS come from the kernel for a deed
    return "unknown sender"


def _signal_name(number: int) -> str:
    names = {getattr(_signal, name): name for name in dir(_signal) if name.startswith("SIG") and name[3] != "_"}
    return names.get(number, f"signal {number}")
