"""The command of an exec: from a fork of the helper into the container's control group, namespaces, user, and execve.

Everything that this needs is imported before the namespaces are joined: afterwards the host's files are out of sight.
The process cannot be inspected from inside the container until it is the command (PR_SET_DUMPABLE): its executable is
the host's Python.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import termios

from dockview.engine.runtime import caps, init, limits, linux, security, users
from dockview.engine.runtime.plan import NAMESPACE_FLAGS, namespace_links
from dockview.engine.runtime.sync import Channel, Gone, Refused, failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    Scalar = str | int | float | bool | None

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CAPABILITY_SETS = ("bounding", "effective", "permitted")


class Facts:
    """Collects evidence, as a span of a birth does."""

    def __init__(self) -> None:
        self.found: list[tuple[str, Scalar]] = []

    def fact(self, name: str, value: Scalar, _origin: str = "") -> None:
        """Record one piece of evidence."""
        self.found.append((name, value))


class Join:
    """What is to be executed, and where."""

    def __init__(self, pid: int, pidfd: int, spec: dict[str, Any], wish: dict[str, Any]) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self.spec = spec
        self.wish = wish
        self.members: list[int] = []
        self.facts = Facts()
        self.stdio: list[int] = []
        """The command's ends of its streams, without a pty."""


def run(join: Join, inner: Channel) -> NoReturn:
    """Join, and fork the command, whose pid namespace is then the container's; whatever fails is reported."""
    try:
        for fd in join.members:
            os.write(fd, b"0")
            os.close(fd)
        _set_limits(join)
        if "rlimits" in join.spec["process"]:
            import resource  # noqa: F401, PLC0415  needed when the host's files are out of sight

        linux.prctl(linux.PR_SET_DUMPABLE, 0)
        own, theirs = namespace_links("self"), namespace_links(join.pid)
        join_namespaces(join.pid, join.pidfd, [name for name, link in theirs.items() if own.get(name) != link])
        pid = os.fork()
        if pid == 0:
            _become(join, inner, theirs)
        inner.send({"m": "forked", "pid": pid})
    except Gone:
        pass
    except BaseException as error:  # noqa: BLE001  a fork must not return into its parent's code
        _report(inner, error)
    os._exit(0)


def _set_limits(join: Join) -> None:
    """Take the container's ulimits and OOM score, while this process may still write to its own files in /proc."""
    process = join.spec["process"]
    if "rlimits" in process or "oomScoreAdj" in process:
        from dockview.engine.runtime import limits  # noqa: PLC0415  only where they were asked for

        limits.apply(process, join.facts)  # type: ignore[arg-type]  # it tells facts


def join_namespaces(pid: int, pidfd: int, names: list[str]) -> None:
    """Join those namespaces of a process: all at once through its pidfd, before Linux 5.8 one by one."""
    flags = 0
    for name in names:
        flags |= NAMESPACE_FLAGS[name]
    try:
        linux.setns(pidfd, flags)
    except linux.SyscallFailed as error:
        if error.errno not in (errno.EINVAL, errno.EBADF):
            raise
        fds = [(name, os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)) for name in names]
        for name, fd in fds:
            linux.setns(fd, NAMESPACE_FLAGS[name])
            os.close(fd)


def _become(join: Join, inner: Channel, theirs: dict[str, str]) -> NoReturn:
    try:
        inner.receive()  # adopted: from now on the parent is the helper
        os.setsid()
        os.umask(0o022)
        pty = _take_streams(join)
        facts = join.facts
        environment = _environment(join)
        candidates = _restrict(join, environment, facts)
        _namespace_facts(facts, theirs)
        inner.send({"m": "ready", "facts": facts.found, "executable": candidates[0]}, pty)
        for fd in pty:
            os.close(fd)
        inner.receive()  # go
        init._reset_signals()  # noqa: SLF001  the two births end alike
        init._exec(candidates, join.wish["args"], environment)  # noqa: SLF001
    except Gone:
        pass
    except BaseException as error:  # noqa: BLE001
        _report(inner, error)
    os._exit(1)


def _report(inner: Channel, error: BaseException) -> None:
    try:
        inner.send(failure(error))
    except Gone:
        pass


def _take_streams(join: Join) -> list[int]:
    """Put the command's ends of its streams on 0, 1 and 2; the pty's master, if there is one, to hand over."""
    if not join.wish.get("tty"):
        for number, fd in enumerate(join.stdio):
            os.dup2(fd, number)
        return []
    master, slave = os.openpty()
    rows, columns = join.wish.get("size") or (0, 0)
    if rows and columns:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in (0, 1, 2):
        os.dup2(slave, number)
    os.close(slave)
    return [master]


def _environment(join: Join) -> dict[str, str]:
    """The container's own variables, then TERM for a pty, then the exec's."""
    entries = [*join.spec["process"]["env"], *(["TERM=xterm"] if join.wish.get("tty") else []), *join.wish["env"]]
    return dict(entry.split("=", 1) for entry in entries)


def _restrict(join: Join, environment: dict[str, str], facts: Facts) -> list[str]:
    """Take the user and the restrictions of the container's own process; the files that the command may mean."""
    process = dict(join.spec["process"])
    has_seccomp = "seccomp" in join.spec["linux"]
    if join.wish.get("privileged"):
        process["capabilities"] = dict.fromkeys(_CAPABILITY_SETS, _everything())
        has_seccomp = False
    user = join.wish.get("user") or process["user"].get("username", "")
    identity = users.lookup(user, more=process.get("groups", ()))
    environment.setdefault("HOME", identity.home)
    cwd = join.wish.get("cwd") or process["cwd"]
    try:
        os.chdir(cwd)
    except OSError as error:
        code = 127 if error.errno == errno.ENOENT else 126
        what = (error.strerror or "").lower()
        raise Refused("start", f'chdir to cwd ("{cwd}") failed: {what}', exit_code=code) from None
    limits.apply(process, facts)  # type: ignore[arg-type]  # it tells facts
    security.apply(process, identity, has_seccomp=has_seccomp, span=facts)  # type: ignore[arg-type]  # it tells facts
    return init._candidates(join.wish["args"][0], environment.get("PATH", _DEFAULT_PATH))  # noqa: SLF001


def _everything() -> list[str]:
    """All capabilities that this process has to give, in the container's user namespace."""
    status = security._status()  # noqa: SLF001
    granted = int(status["CapBnd"], 16) & int(status["CapPrm"], 16)
    return [f"CAP_{name}" for number, name in enumerate(caps.NAMES) if granted >> number & 1]


def _namespace_facts(facts: Facts, theirs: dict[str, str]) -> None:
    """What the kernel says of this process, beside what it said of the container's first one."""
    own = namespace_links("self")
    for name, link in own.items():
        facts.fact(f"{name} namespace", link)
    facts.fact("namespaces as init's", sum(theirs.get(name) == link for name, link in own.items()) if own else None)
