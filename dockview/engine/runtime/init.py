"""The container's first process, from its birth in the new pid namespace to the exec of the command.

The stage (stage.py) forks it; sync.py draws the conversation. It runs single-threaded in a fork of the shim, so plain
Python is safe here; what it changes is its own and its namespaces' only.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C half of signal, which loads no enum
import _socket
import errno
import fcntl
import os
import struct
import termios

from dockview.engine.runtime import linux, rootfs, security, users
from dockview.engine.runtime.spans import Span, over
from dockview.engine.runtime.sync import Gone, Refused, failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from dockview.engine.runtime.plan import Plan

_SIGKILL = 9
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(plan: Plan) -> NoReturn:
    """Live until exec; whatever goes wrong is reported to the shim, and the process ends."""
    try:
        _prepare(plan)
        plan.inner.receive()  # go
        _execute(plan)
    except Gone:
        pass  # the shim is dead; nobody is left to tell
    except BaseException as error:  # noqa: BLE001  a fork must not return into its parent's code
        try:
            plan.inner.send(failure(error))
        except Gone:
            pass
    os._exit(1)


def _preload(plan: Plan) -> None:
    """Import what is needed later: then the host's files are out of sight."""
    process = plan.spec["process"]
    if plan.settings.get("init"):
        from dockview.engine.runtime import reaper  # noqa: F401, PLC0415
    if "rlimits" in process or "oomScoreAdj" in process or plan.spec["linux"].get("sysctl"):
        import resource  # noqa: F401, PLC0415

        from dockview.engine.runtime import limits  # noqa: F401, PLC0415


def _prepare(plan: Plan) -> None:
    _preload(plan)
    plan.inner.receive()  # adopted: from now on the parent is the shim
    linux.prctl(linux.PR_SET_PDEATHSIG, _SIGKILL)
    # Had the shim died before that wish, this send finds nobody.
    plan.inner.send({"m": "cgroup-me"})
    os.setsid()
    os.umask(0o022)
    _join(plan)
    with Span(over(plan.control), "rootfs") as span:
        _build_rootfs(plan, span)
    fds = _take_streams(plan)
    plan.inner.send({"m": "built"}, fds)
    for fd in fds:
        os.close(fd)


def _join(plan: Plan) -> None:
    _message, fds = plan.inner.receive()
    for fd in fds:
        os.write(fd, b"0")
        os.close(fd)
    plan.inner.send({"m": "joined"})
    with Span(over(plan.control), "namespaces", "cgroup"):
        if "cgroup" in plan.new_namespaces:
            linux.unshare(linux.CLONE_NEWCGROUP, "cgroup")


def _build_rootfs(plan: Plan, span: Span) -> None:
    facts = rootfs.build(plan.bundle, plan.spec, plan.settings, plan.trees)
    for name, value in facts.items():
        span.fact(name, value)
    mounts = rootfs.mounts()
    root = next((m for m in mounts if m[0] == "/"), None)
    if root is not None:
        span.fact("root", root[1])
        for option in root[2].split(","):
            name, _, value = option.partition("=")
            if name == "lowerdir":
                span.fact("lowerdirs", len(value.replace("\\:", "").split(":")))
            elif name in ("upperdir", "workdir"):
                span.fact(name, value)
    span.fact("mounts", len(mounts))
    for target, shown in rootfs.told(plan.settings.get("user_mounts", ())):
        span.fact(f"mount {target}", shown)


def _take_streams(plan: Plan) -> list[int]:
    """Put the container's ends of its streams on 0, 1 and 2; the pty's master, if there is one, to hand over."""
    if not plan.settings["tty"]:
        for number, fd in enumerate(plan.stdio):
            os.dup2(fd, number)
        return []
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in (0, 1, 2):
        os.dup2(slave, number)
    name = os.ttyname(slave)
    os.close(slave)
    os.close(os.open("/dev/console", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY, 0o600))
    linux.mount(name, "/dev/console", "", linux.MS_BIND)
    return [master]


def _execute(plan: Plan) -> None:
    process = plan.spec["process"]
    environment = dict(entry.split("=", 1) for entry in process["env"])
    with Span(over(plan.control), "security") as span:
        identity = users.lookup(process["user"].get("username", ""), more=process.get("groups", ()))
        environment.setdefault("HOME", identity.home)
        _enter_folder(process["cwd"])
        _set_limits(plan, span)
        security.apply(process, identity, has_seccomp="seccomp" in plan.spec["linux"], span=span)
    span = Span(over(plan.control), "start")
    arguments = process["args"]
    try:
        candidates = _candidates(arguments[0], environment.get("PATH", _DEFAULT_PATH))
        shown = " ".join(arguments)
        span.fact("argv", shown if len(shown) <= 400 else shown[:399] + "…")
        span.flush()
        _reset_signals()
        plan.inner.send({"m": "exec", "executable": candidates[0]})
        if plan.settings.get("init"):
            from dockview.engine.runtime import reaper  # noqa: PLC0415  only with --init

            reaper.split(plan)
            _reset_signals()
        _exec(candidates, arguments, environment)
    except Exception as error:
        span.fail(str(error))
        span.end()
        raise


def _set_limits(plan: Plan, span: Span) -> None:
    process = plan.spec["process"]
    if "rlimits" in process or "oomScoreAdj" in process:
        from dockview.engine.runtime import limits  # noqa: PLC0415  only where they were asked for

        limits.apply(process, span)


def _enter_folder(path: str) -> None:
    try:
        os.makedirs(path, exist_ok=True)
        os.chdir(path)
    except OSError as error:
        raise Refused("start", f'cannot use working directory "{path}": {error.strerror}', exit_code=126) from None


def _candidates(name: str, path: str) -> list[str]:
    """The files that exec may mean, of which the first that can be executed is taken, as execvp(3) does."""
    if "/" in name:
        if not os.path.exists(name):
            raise Refused("start", f'exec: "{name}": stat {name}: no such file or directory', exit_code=127)
        return [name]
    found = [f"{folder or '.'}/{name}" for folder in path.split(":")]
    found = [file for file in found if os.path.exists(file) and not os.path.isdir(file)]
    usable = [file for file in found if os.access(file, os.X_OK)]
    if not found:
        raise Refused(
            "start",
            f'exec: "{name}": executable file not found in $PATH',
            hint=f"the container's PATH is {path}",
            exit_code=127,
        )
    return usable or found


def _exec(candidates: list[str], arguments: list[str], environment: dict[str, str]) -> NoReturn:
    file = candidates[0]
    try:
        os.execve(file, arguments, environment)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise Refused(
                "start",
                f'exec: "{file}": no such file or directory',
                hint="the file is there, but the interpreter or loader that it names is not",
                exit_code=127,
            ) from None
        if error.errno in (errno.EACCES, errno.EISDIR, errno.EPERM):
            what = "is a directory" if os.path.isdir(file) else "permission denied"
            hint = "" if os.path.isdir(file) else "is it executable for the container's user (chmod +x)?"
            raise Refused("start", f'exec: "{file}": {what}', hint=hint, exit_code=126) from None
        if error.errno == errno.ENOEXEC:
            raise Refused(
                "start",
                f'exec: "{file}": exec format error',
                hint="it is a program for another architecture, or a script without its #! line",
                exit_code=126,
            ) from None
        raise Refused("start", f'exec: "{file}": {error.strerror}', exit_code=126) from None


def _reset_signals() -> None:
    """Undo what Python set for itself (ignored SIGPIPE, SIGXFSZ): exec keeps ignored signals ignored."""
    for number in _signal.valid_signals():
        try:
            _signal.signal(number, _signal.SIG_DFL)
        except (OSError, ValueError):
            continue
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())


def raise_loopback() -> None:
    """Set `lo` up in this network namespace (netdevice(7))."""
    endpoint = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC, 0)
    try:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(endpoint.fileno(), _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(endpoint.fileno(), _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))
    finally:
        endpoint.close()
