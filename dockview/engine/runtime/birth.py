"""The shim's part in a container's birth: it forks the stage, maps IDs, makes the cgroup, owns init (see sync.py)."""

from __future__ import annotations

import os
import select
import time

from dockview.engine.runtime import idmap, stage, sync
from dockview.engine.runtime.cgroups import Cgroup
from dockview.engine.runtime.plan import NAMESPACE_FLAGS, Plan, namespace_links
from dockview.engine.runtime.spans import Span, fact, over
from dockview.engine.runtime.sync import Channel, Gone, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SIGKILL = 9


class ChildFailed(Exception):
    """The stage or init reported a failure: `message` is its `failed`, as it goes on to the engine."""

    def __init__(self, message: dict[str, Any]) -> None:
        super().__init__(message.get("message", ""))
        self.message = message


class Aborted(Exception):
    """The engine is gone or has changed its mind."""


class Birth:
    """Holds what exists so far, so that `undo` can take it back at any point."""

    def __init__(self, bundle: str, control: Channel) -> None:
        self.control = control
        self.inner, theirs = sync.pair()
        self.plan = Plan(bundle, control, theirs)
        self.host = namespace_links("self")
        self.cgroup: Cgroup | None = None
        self.stage_pid = 0
        self.pid = 0
        """Of init, on the host."""
        self.pidfd = -1
        self.proxy_pid = 0
        self.proxy_stdin = -1
        self.stdin = -1
        self.stdout = -1
        self.stderr = -1
        self.pty = -1
        self.namespace_fds: dict[str, int] = {}
        self.executable = ""

    # Building

    def build(self) -> None:
        """Everything up to an init that waits for `go`. Raises: ChildFailed, Aborted, OSError."""
        self._make_streams()
        self._fork_stage()
        if "user" in self.plan.new_namespaces:
            self._expect("map-me")
            self.namespace_source = idmap.write(self.stage_pid, self.plan.spec["linux"])
            self.inner.send({"m": "mapped"})
        message, fds = self._expect("forked")
        self.pid = message["pid"]
        self.namespace_fds = dict(zip(message["fds"], fds, strict=True))
        self.pidfd = os.pidfd_open(self.pid)
        os.waitpid(self.stage_pid, 0)
        self.stage_pid = 0
        self.inner.send({"m": "adopted"})
        self._expect("cgroup-me")
        self._join_cgroup()
        _message, fds = self._expect("built")
        self.pty = fds[0] if fds else -1
        self._tell_evidence()
        names = list(self.namespace_fds)
        born = {"m": "born", "pid": self.pid, "fds": names}
        self.control.send(born, [self.namespace_fds[name] for name in names])
        if "netlink" in self.namespace_fds:
            os.close(self.namespace_fds.pop("netlink"))

    def _make_streams(self) -> None:
        settings = self.plan.settings
        if settings["tty"]:
            return
        if settings["open_stdin"]:
            stdin, self.stdin = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(self.stdin, False)
        else:
            stdin = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        self.stdout, stdout = os.pipe2(os.O_CLOEXEC)
        self.stderr, stderr = os.pipe2(os.O_CLOEXEC)
        self.plan.stdio = [stdin, stdout, stderr]

    def _fork_stage(self) -> None:
        self.stage_pid = os.fork()
        if self.stage_pid == 0:
            self.inner.close()  # so that the shim's death is seen at once
            stage.run(self.plan)
        self.plan.inner.close()
        for fd in self.plan.stdio:
            os.close(fd)
        self.plan.stdio = []

    def _join_cgroup(self) -> None:
        plan = self.plan
        with Span(over(self.control), "cgroup", "", f"cat /proc/{self.pid}/cgroup") as span:
            resources = plan.spec["linux"].get("resources", {})
            self.cgroup = Cgroup(plan.spec["linux"]["cgroupsPath"], rootless=plan.settings["rootless"])
            self.cgroup.wants_cpuset = "cpus" in resources.get("cpu", {})
            try:
                self.cgroup.create()
                self.cgroup.limit(resources)
                _refuse_discarded(self.cgroup)
                members = self.cgroup.open_members()
            except OSError as error:
                if resources:
                    raise Refused("unsupported", _why_no_cgroup(error)) from None
                self.cgroup.remove()
                self.cgroup = None
                members = []
                span.skip(_why_no_cgroup(error))
            self.inner.send({"m": "cgroup"}, members)
            for fd in members:
                os.close(fd)
            self._expect("joined")
            if self.cgroup is not None:
                _cgroup_facts(span, self.cgroup, self.pid)

    def _tell_evidence(self) -> None:
        """Read back, for init itself, what the stage saw of its own namespaces."""
        inside = namespace_links(self.pid)
        records: list[dict[str, Any]] = []
        for name in NAMESPACE_FLAGS:
            span = f"c.namespaces.{name}"
            own, host = inside.get(name), self.host.get(name)
            records += [fact(span, "container", own), fact(span, "host", host)]
            records.append(fact(span, "is_new", None if own is None or host is None else own != host))
            records.append({"t": "check", "span": span, "check": f"readlink /proc/{self.pid}/ns/{name}"})
        if "user" in self.plan.new_namespaces:
            records.append(fact("c.namespaces.user", "uid map", idmap.shown(self.pid)))
        records.append({"t": "check", "span": "c.rootfs", "check": f"findmnt -N {self.pid}"})
        over(self.control)(records)

    # Starting

    def go(self, proxy: list[str], listeners: list[int]) -> None:
        """Let init become the command. Raises: ChildFailed, Aborted, Refused, OSError."""
        if proxy:
            self._spawn_proxy(proxy, listeners)
        for fd in listeners:
            os.close(fd)
        self.inner.send({"m": "go"})
        message, _fds = self._expect("exec")
        self.executable = message["executable"]
        try:
            message, _fds = self._await()
        except Gone:
            return  # execve closed init's end
        raise ChildFailed(message)

    def _spawn_proxy(self, argv: list[str], listeners: list[int]) -> None:
        """Start the port proxy with its descriptors inherited under the numbers that they have here."""
        names = {
            "{fds}": ",".join(map(str, listeners)),
            "{netns}": str(self.namespace_fds["netns"]),
            "{userns}": str(self.namespace_fds.get("userns", -1)),
        }
        stdin, self.proxy_stdin = os.pipe2(os.O_CLOEXEC)
        for fd in (*listeners, *self.namespace_fds.values()):
            os.set_inheritable(fd, True)
        argv = [names.get(argument, argument) for argument in argv]
        actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, 1, 2)]
        self.proxy_pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions)
        os.close(stdin)
        for fd in self.namespace_fds.values():
            os.set_inheritable(fd, False)

    def close_namespaces(self) -> None:
        """Let go of the namespaces that are kept for a next life (lives.py)."""
        for fd in self.namespace_fds.values():
            os.close(fd)
        self.namespace_fds = {}

    # Waiting

    def _expect(self, kind: str) -> tuple[dict[str, Any], list[int]]:
        try:
            message, fds = self._await()
        except Gone:
            raise Refused("bug", f"the container's first process ended before it sent {kind!r}") from None
        if message["m"] == "failed":
            raise ChildFailed(message)
        if message["m"] != kind:
            raise Refused("bug", f"{message['m']!r} came where {kind!r} was expected")
        return message, fds

    def _await(self) -> tuple[dict[str, Any], list[int]]:
        """The next message from stage or init, unless the engine leaves first."""
        poll = select.poll()
        if self.control.fileno() >= 0:
            poll.register(self.control.fileno(), select.POLLIN)
        poll.register(self.inner.fileno(), select.POLLIN)
        ready = {fd for fd, _mask in poll.poll()}
        if self.inner.fileno() in ready:
            return self.inner.receive()
        raise Aborted

    # Undoing

    def undo(self) -> None:
        """Kill whatever was born, and remove the cgroup."""
        if self.proxy_stdin >= 0:
            os.close(self.proxy_stdin)
            self.proxy_stdin = -1
        for pid in (self.stage_pid, self.pid):
            _end(pid)
        if self.proxy_pid:
            _end(self.proxy_pid)
        # A stage that died before it could name its child leaves that child to this subreaper.
        self.inner.close()
        _reap_all()
        if self.cgroup is not None:
            self.cgroup.remove()
            self.cgroup = None


def _end(pid: int) -> None:
    if not pid:
        return
    try:
        os.kill(pid, _SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def _reap_all() -> None:
    """Wait for children that were adopted; init ends by itself once the channel to it is closed."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _why_no_cgroup(error: OSError) -> str:
    where = f" {os.fsdecode(error.filename)}" if error.filename else ""
    why = f"no right to make a control group{where}: {error.strerror}" if error.errno in (1, 13) else str(error)
    return f"{why}; limits and counters are not available"


def _refuse_discarded(cgroup: Cgroup) -> None:
    """A limit that is not in force is not passed over: who asked for it relies on it."""
    if cgroup.discarded:
        limits = ", ".join(f"{limit} ({why})" for limit, why in cgroup.discarded.items())
        raise Refused("unsupported", f"the kernel does not take a limit that was asked for: {limits}")


def _cgroup_facts(span: Span, cgroup: Cgroup, pid: int) -> None:
    for controller, folder in cgroup.folders.items():
        span.fact("path" if controller == "unified" else f"path {controller}", folder)
    for name, value in cgroup.limits().items():
        span.fact(name, value)
    span.fact("joined", ", ".join(cgroup.joined(pid)))


def start_facts(birth: Birth) -> None:
    """Tell what the kernel says of the command, and end its span, which init began."""
    inside, executable = None, birth.executable
    try:
        with open(f"/proc/{birth.pid}/status") as file:
            inside = next((int(line.split()[-1]) for line in file if line.startswith("NSpid:")), None)
        executable = os.readlink(f"/proc/{birth.pid}/exe")
    except OSError:
        pass  # a command that has already ended has no executable; what init was about to execute stands
    span = "c.start"
    records: list[dict[str, Any]] = [
        fact(span, "pid", birth.pid), fact(span, "pid inside", inside), fact(span, "executable", executable),
        {"t": "check", "span": span, "check": f"ps -o pid,args -p {birth.pid}"},
        {"t": "check", "span": "c.security",
         "check": f"grep -E '^(Uid|Cap|NoNewPrivs|Seccomp)' /proc/{birth.pid}/status"},
        {"t": "end", "span": span, "clock_ns": time.monotonic_ns(), "status": "ok", "why": ""},
    ]  # fmt: skip
    over(birth.control)(records)
