"""Published ports: the listeners on the host, and the command line of the proxy that serves them.

The engine binds, so that a port that is taken stops a run before anything has started; the shim's child serves
(proxy.py). Binding is the test: nothing is asked first and hoped for later.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dockview.engine.errors import InvalidRequest, NotSupported, PortInUse, SyscallError
from dockview.engine.model import PortMapping
from dockview.engine.network.holders import find_holder

_ANY, _ANY_6 = "0.0.0.0", "::"  # noqa: S104  docker's default
_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_BACKLOG = 4096
_RANDOM_TRIES = 16
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.ENOPROTOOPT)


@dataclass(frozen=True)
class Bound:
    """A mapping whose host port is ours now."""

    mapping: PortMapping
    """With the host port that was taken."""
    listeners: tuple[socket.socket, ...]
    """One, or one for IPv4 and one for IPv6."""

    def close(self) -> None:
        """Give the port back."""
        for listener in self.listeners:
            listener.close()


def requested(ports: Iterable[PortMapping], exposed: Iterable[str], *, publish_all: bool) -> tuple[PortMapping, ...]:
    """The mappings that a container shall have.

    Args:
        ports: Those that were asked for one by one.
        exposed: The image's EXPOSEd ports, as in its config: `80/tcp`.
        publish_all: Whether each exposed port without a mapping gets a free host port.

    Raises: InvalidRequest, for an exposed port that cannot be read.
    """
    wanted = list(dict.fromkeys(ports))
    known = {(mapping.container_port, mapping.protocol) for mapping in wanted}
    for text in sorted(exposed) if publish_all else ():
        first, last, protocol = _exposed(text)
        span = range(first, last + 1)
        wanted += [PortMapping(port, protocol) for port in span if (port, protocol) not in known]
    return tuple(wanted)


def _exposed(text: str) -> tuple[int, int, str]:
    found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?", text)
    if found is None:
        raise InvalidRequest(f"the image exposes {text!r}, which is no port", hint="publish its ports one by one")
    first = int(found[1])
    return first, int(found[2] or first), found[3] or "tcp"


def bind_all(mappings: Sequence[PortMapping]) -> list[Bound]:
    """Take the host ports, all or none.

    Raises: PortInUse (naming the process that has it, where we may know), NotSupported, InvalidRequest, SyscallError.
    """
    bound: list[Bound] = []
    with contextlib.ExitStack() as stack:
        for mapping in mappings:
            bound.append(bind(mapping))
            stack.callback(bound[-1].close)
        stack.pop_all()
    return bound


def bind(mapping: PortMapping) -> Bound:
    """Take one host port; with host port 0, one that is free. Raises: as `bind_all`."""
    tries = 1 if mapping.host_port else _RANDOM_TRIES
    while True:
        tries -= 1
        try:
            return _bind_once(mapping)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not tries:
                raise _explained(mapping, error) from error


def _bind_once(mapping: PortMapping) -> Bound:
    host_ip = mapping.host_ip.strip("[]") or _ANY
    kind = _KINDS.get(mapping.protocol)
    if kind is None:
        raise NotSupported(
            f"the embedded engine cannot publish {mapping.container_port}/{mapping.protocol}",
            hint="it publishes tcp and udp",
        )
    if not (_is_address(socket.AF_INET, host_ip) or _is_address(socket.AF_INET6, host_ip)):
        raise InvalidRequest(f"{mapping.host_ip!r} is no IP address", hint="write -p 127.0.0.1:8080:80, for example")
    first = _listen(kind, host_ip, mapping.host_port)
    taken = replace(mapping, host_ip=host_ip, host_port=first.getsockname()[1])
    if host_ip != _ANY:
        return Bound(taken, (first,))
    try:
        return Bound(taken, (first, _listen(kind, _ANY_6, taken.host_port)))
    except OSError as error:
        if error.errno in _NO_IPV6:
            return Bound(taken, (first,))
        first.close()
        raise


def _is_address(family: int, text: str) -> bool:
    try:
        socket.inet_pton(family, text)
    except OSError:
        return False
    return True


def _listen(kind: int, address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            # Connections of an earlier container in TIME_WAIT do not hold the port; for udp the same flag would
            # let two sockets share it.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        if kind == socket.SOCK_STREAM:
            listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _explained(mapping: PortMapping, error: OSError) -> Exception:
    port, where = f"{mapping.host_port}/{mapping.protocol}", mapping.host_ip
    if error.errno == errno.EADDRINUSE:
        holder = find_holder(mapping.host_port, mapping.protocol)
        who = f"is taken by {holder}" if holder else "is taken, by a process that we may not see"
        return PortInUse(
            f"port {port} of this host {who}",
            hint=f"stop it, or publish another port: -p {mapping.host_port + 1}:{mapping.container_port}",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return NotSupported(
            f"an ordinary user may not listen on port {port}",
            hint=f"publish a port from {_first_free_for_all()} up, or as root: "
            f"sysctl net.ipv4.ip_unprivileged_port_start={mapping.host_port}",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return InvalidRequest(f"this host does not have the address {where}", hint="see `ip -br address`")
    return SyscallError("bind", error.errno or 0, f"{where}:{port}")


def _first_free_for_all() -> int:
    try:
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
            return int(file.read())
    except OSError:
        return 1024


def endpoint(listener: socket.socket) -> str:
    """Where a socket listens, read back from it: `0.0.0.0:8080`, `[::]:8080`."""
    address, port = listener.getsockname()[:2]
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def proxy_command(container_id: str, bound: Sequence[Bound], target: str) -> list[str]:
    """The proxy's command line for these listeners, in the order in which `listeners` has them (see proxy.py)."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "proxy.py")
    targets = [f"{target}:{one.mapping.container_port}" for one in bound for _ in one.listeners]
    return [sys.executable, "-I", "-S", program, container_id[:12], "{fds}", "{netns}", "{userns}", *targets]


def listeners(bound: Sequence[Bound]) -> list[socket.socket]:
    """All sockets, in the order of `proxy_command`."""
    return [listener for one in bound for listener in one.listeners]
