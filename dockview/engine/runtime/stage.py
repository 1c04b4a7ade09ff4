"""The stage: a short-lived fork of the shim that leaves the host's namespaces one by one and forks init.

Each namespace is an unshare of its own and a span of its own, so that the birth can be watched. The shim itself never
leaves the host's namespaces.
"""

from __future__ import annotations

import _socket
import os

from dockview.engine.runtime import init, linux
from dockview.engine.runtime.plan import NAMESPACE_FLAGS, namespace_links
from dockview.engine.runtime.spans import Span, over
from dockview.engine.runtime.sync import Gone, failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from dockview.engine.runtime.plan import Plan

_NETLINK_ROUTE = 0


def run(plan: Plan) -> NoReturn:
    """Perform the stage; whatever goes wrong is reported to the shim, and the process ends."""
    try:
        for name in ("user", "mnt", "uts", "ipc", "net"):
            with Span(over(plan.control), "namespaces", name):
                if name in plan.new_namespaces:
                    _leave(plan, name)
                elif name in plan.joined_namespaces:
                    _join(plan.joined_namespaces[name], name)
        _fork_init(plan)
    except Gone:
        pass
    except BaseException as error:  # noqa: BLE001  a fork must not return into its parent's code
        try:
            plan.inner.send(failure(error))
        except Gone:
            pass
        os._exit(1)
    os._exit(0)


def _leave(plan: Plan, name: str) -> None:
    linux.unshare(NAMESPACE_FLAGS[name], name)
    if name == "user":
        plan.inner.send({"m": "map-me"})
        plan.inner.receive()  # mapped
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    elif name == "mnt":
        if plan.settings.get("shares_mounts"):
            from dockview.engine.runtime import sharing  # noqa: PLC0415  hardly ever needed

            plan.trees = sharing.clones(plan.spec)
        linux.mount("", "/", "", linux.MS_REC | linux.MS_PRIVATE)
    elif name == "uts":
        linux.sethostname(plan.spec["hostname"])
    elif name == "net":
        init.raise_loopback()


def _join(path: str, name: str) -> None:
    """Enter a namespace of another container. Raises: OSError, where that one has ended."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        linux.setns(fd, NAMESPACE_FLAGS[name])
    finally:
        os.close(fd)
    if name == "user":
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)


def _fork_init(plan: Plan) -> None:
    fds = [os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)]
    names = ["netns"]
    if "user" in plan.new_namespaces:
        fds.append(os.open("/proc/self/ns/user", os.O_RDONLY | os.O_CLOEXEC))
        names.append("userns")
    if "net" in plan.new_namespaces:
        # Made here, the socket belongs to the new network namespace for good, whoever holds it.
        endpoint = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, _NETLINK_ROUTE)
        fds.append(endpoint.fileno())
        names.append("netlink")
    span = Span(over(plan.control), "namespaces", "pid")
    with span:
        linux.unshare(linux.CLONE_NEWPID, "pid")
        pid = os.fork()
        if pid == 0:
            init.run(plan)
        # Empty until the first child of the new namespace exists.
        span.fact("container", namespace_links("self", ("pid_for_children",))["pid_for_children"])
    plan.inner.send({"m": "forked", "pid": pid, "fds": names}, fds)
