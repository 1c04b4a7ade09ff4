"""The port proxy: a program of its own that carries published ports into a container's network namespace.

    python -I -S proxy.py CONTAINER {fds} {netns} {userns} TARGET...

    CONTAINER  the container's short ID: shown by ps, so that a person can tell whose proxy this is
    {fds}      comma-separated numbers of the inherited listeners: tcp sockets that listen, udp sockets that are bound
    {netns}    number of the inherited descriptor of the container's network namespace
    {userns}   that of its user namespace, or -1 where it has none of its own
    TARGET     one for each listener, in their order: address:port, reached from inside the namespace

The engine writes this command line with the three placeholders in place (ports.py) and binds the listeners; the shim
receives those as descriptors, replaces each placeholder by the numbers that its child inherits, and starts it.
Standard input is a pipe from the shim: at its end the proxy exits. So it never outlives its container.

Listeners keep the network namespace that they were bound in, and sockets that are opened after setns(2) belong to the
container's: nothing is routed and no firewall is touched, which is why this works without root too. A tcp byte goes
socket → pipe → socket by splice(2) and is never copied here; each direction ends by itself (half-close), and a reset
is passed on as a reset. A udp client has a socket of its own to the target, for as long as it is heard of.

Standard library only, one thread, and few modules (`_socket` and not `socket`, which is 1.5 MB larger): it lives as
long as its container.
"""

from __future__ import annotations

import _socket
import os
import select
import struct
import sys
import time
from collections.abc import Callable

IN, OUT, BROKEN = select.EPOLLIN, select.EPOLLOUT, select.EPOLLHUP | select.EPOLLERR

_CHUNK_BYTES = 1 << 16
_ROUNDS = 16
"""How many chunks one direction may move before others have their turn."""
_ACCEPTS = 64
_DATAGRAM_BYTES = 1 << 16
_UDP_IDLE_S = 90
_UDP_CLIENTS = 1024
_NOBODY = 65534
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_RESET = struct.pack("ii", 1, 0)
_SPLICE = os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE

Target = tuple[str, int]
Address = tuple[object, ...]
"""Where a datagram came from, as the socket says it."""


class Loop:
    """Waits for descriptors and calls who asked for them."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._calls: dict[int, Callable[[int], None]] = {}
        self._masks: dict[int, int] = {}
        self.on_spare: list[Callable[[], None]] = []
        """Called once when descriptors have become free again."""
        self.on_tick: list[Callable[[], bool]] = []
        """Called from time to time; the answer is whether that is still needed."""

    def watch(self, fd: int, mask: int, call: Callable[[int], None]) -> None:
        """Call with the events of a descriptor; mask 0 forgets it, as even an empty mask reports hang-ups."""
        before = self._masks.get(fd)
        if mask == (before or 0):
            return
        if before is None:
            self._epoll.register(fd, mask)
        elif mask:
            self._epoll.modify(fd, mask)
        else:
            self.forget(fd)
            return
        self._calls[fd], self._masks[fd] = call, mask

    def forget(self, fd: int) -> None:
        """Stop watching a descriptor; to be called before it is closed."""
        if self._masks.pop(fd, None) is not None:
            self._epoll.unregister(fd)
            del self._calls[fd]

    def spare(self) -> None:
        """Say that descriptors were closed."""
        waiting, self.on_spare = self.on_spare, []
        for call in waiting:
            call()

    def run(self) -> None:
        """Go on until somebody raises SystemExit."""
        while True:
            for fd, events in self._epoll.poll(_UDP_IDLE_S / 3 if self.on_tick else None):
                # An earlier call of this round may have forgotten the descriptor.
                if (call := self._calls.get(fd)) is not None:
                    call(events)
            self.on_tick = [tick for tick in self.on_tick if tick()]


class Flow:
    """One direction of a connection: what comes from `source` goes to `sink`, and so does its end."""

    def __init__(self, source: _socket.socket, sink: _socket.socket) -> None:
        self._source, self._sink = source, sink
        self._read_end, self._write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.pending = 0
        """Bytes in the pipe."""
        self.is_ended = False

    def pump(self) -> None:
        """Move what can be moved now. Raises: OSError, when either side is broken."""
        for _ in range(_ROUNDS):
            try:
                if self.pending == 0 and not self._fill():
                    return
                self.pending -= os.splice(self._read_end, self._sink.fileno(), self.pending, flags=_SPLICE)
            except BlockingIOError:
                return

    def _fill(self) -> bool:
        """Take from the source; False at its end, which is passed on."""
        if self.is_ended:
            return False
        self.pending = os.splice(self._source.fileno(), self._write_end, _CHUNK_BYTES, flags=_SPLICE)
        if self.pending == 0:
            self.is_ended = True
            self._sink.shutdown(_socket.SHUT_WR)
        return self.pending > 0

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._read_end)
        os.close(self._write_end)


class Connection:
    """A client, the target, and the two flows between them."""

    def __init__(self, loop: Loop, client: _socket.socket, target: Target) -> None:
        self._loop, self._client = loop, client
        self._target = _socket.socket(_family(target), _socket.SOCK_STREAM)
        self._flows: list[Flow] = []
        try:
            for side in (client, self._target):
                side.setblocking(False)
                side.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            self._up = Flow(client, self._target)
            self._flows.append(self._up)
            self._down = Flow(self._target, client)
            self._flows.append(self._down)
        except OSError:
            self._close(is_reset=True)
            raise
        self._target.connect_ex(target)
        loop.watch(self._target.fileno(), OUT, self._on_connected)

    def _on_connected(self, _events: int) -> None:
        if self._target.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR):
            self._close(is_reset=True)
            return
        self._loop.forget(self._target.fileno())
        self._update()

    def _on_client(self, events: int) -> None:
        self._pump(self._up if events & (IN | BROKEN) else None, self._down if events & (OUT | BROKEN) else None)

    def _on_target(self, events: int) -> None:
        self._pump(self._down if events & (IN | BROKEN) else None, self._up if events & (OUT | BROKEN) else None)

    def _pump(self, *flows: Flow | None) -> None:
        try:
            for flow in flows:
                if flow is not None:
                    flow.pump()
        except OSError:
            self._close(is_reset=True)
            return
        if self._up.is_ended and self._down.is_ended:
            self._close(is_reset=False)
        else:
            self._update()

    def _update(self) -> None:
        self._loop.watch(self._client.fileno(), _interest(self._up, self._down), self._on_client)
        self._loop.watch(self._target.fileno(), _interest(self._down, self._up), self._on_target)

    def _close(self, *, is_reset: bool) -> None:
        for side in (self._client, self._target):
            self._loop.forget(side.fileno())
            if is_reset:
                side.setsockopt(_socket.SOL_SOCKET, _socket.SO_LINGER, _RESET)
            side.close()
        for flow in self._flows:
            flow.close()
        self._loop.spare()


def _family(target: Target) -> int:
    return _socket.AF_INET6 if ":" in target[0] else _socket.AF_INET


def _interest(outgoing: Flow, incoming: Flow) -> int:
    """What a socket is watched for: the source of one flow, the sink of the other."""
    reads = IN if outgoing.pending == 0 and not outgoing.is_ended else 0
    return reads | (OUT if incoming.pending else 0)


class TcpDoor:
    """A listener whose clients are carried to a target."""

    def __init__(self, loop: Loop, listener: _socket.socket, target: Target) -> None:
        self._loop, self._listener, self._target = loop, listener, target
        self._open()

    def _open(self) -> None:
        self._loop.watch(self._listener.fileno(), IN, self._on_clients)

    def _on_clients(self, _events: int) -> None:
        for _ in range(_ACCEPTS):
            try:
                fd, _address = self._listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001  behind accept()
            except BlockingIOError:
                return
            except ConnectionError:
                continue
            except OSError:
                # Out of descriptors: clients wait in the backlog until a connection ends.
                self._loop.forget(self._listener.fileno())
                self._loop.on_spare.append(self._open)
                return
            client = _socket.socket(fileno=fd)
            try:
                Connection(self._loop, client, self._target)
            except OSError:
                client.close()


class UdpDoor:
    """A bound socket whose clients each get a socket to the target; answers go back through the bound one."""

    def __init__(self, loop: Loop, listener: _socket.socket, target: Target) -> None:
        self._loop, self._listener, self._target = loop, listener, target
        self._clients: dict[Address, tuple[_socket.socket, list[float]]] = {}
        loop.watch(listener.fileno(), IN, self._on_datagrams)

    def _on_datagrams(self, _events: int) -> None:
        for _ in range(_ACCEPTS):
            try:
                data, address = self._listener.recvfrom(_DATAGRAM_BYTES)
                outgoing, heard = self._clients.get(address) or self._admit(address)
                heard[0] = time.monotonic()
                outgoing.send(data)
            except BlockingIOError:
                return
            except OSError:
                continue  # a datagram may be lost: nobody listens inside, or descriptors ran out

    def _admit(self, address: Address) -> tuple[_socket.socket, list[float]]:
        if len(self._clients) >= _UDP_CLIENTS:
            self._dismiss(min(self._clients, key=lambda known: self._clients[known][1][0]))
        outgoing = _socket.socket(_family(self._target), _socket.SOCK_DGRAM)
        outgoing.setblocking(False)
        outgoing.connect(self._target)
        if not self._clients:
            self._loop.on_tick.append(self._expire)
        self._clients[address] = entry = outgoing, [time.monotonic()]
        self._loop.watch(outgoing.fileno(), IN, lambda _events: self._on_answers(outgoing, address))
        return entry

    def _on_answers(self, outgoing: _socket.socket, address: Address) -> None:
        for _ in range(_ACCEPTS):
            try:
                data = outgoing.recv(_DATAGRAM_BYTES)
                self._clients[address][1][0] = time.monotonic()
                self._listener.sendto(data, address)
            except BlockingIOError:
                return
            except OSError:
                continue

    def _expire(self) -> bool:
        limit = time.monotonic() - _UDP_IDLE_S
        for address in [known for known, (_, heard) in self._clients.items() if heard[0] < limit]:
            self._dismiss(address)
        return bool(self._clients)

    def _dismiss(self, address: Address) -> None:
        outgoing, _ = self._clients.pop(address)
        self._loop.forget(outgoing.fileno())
        outgoing.close()
        self._loop.spare()


def enter(netns: int, userns: int) -> None:
    """Join the container's namespaces for all sockets to come, and let go of what root could still do.

    setns(2) into a user namespace needs a process with one thread whose user owns it, and gives every capability in
    there, which joining its network namespace then needs.
    """
    for fd, kind in ((userns, _CLONE_NEWUSER), (netns, _CLONE_NEWNET)):
        if fd >= 0:
            _setns(fd, kind)
            os.close(fd)
    if userns < 0 and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _setns(fd: int, kind: int) -> None:
    if sys.version_info >= (3, 12):
        os.setns(fd, kind)
        return
    import ctypes  # noqa: PLC0415  only where os.setns is missing

    if ctypes.CDLL(None, use_errno=True).setns(fd, kind) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


def _raise_limit() -> None:
    """A connection takes six descriptors."""
    import resource  # noqa: PLC0415  used once

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _on_shim(_events: int) -> None:
    if not os.read(0, 1024):
        raise SystemExit(0)


def main(argv: list[str]) -> None:
    """Carry until standard input ends."""
    _container, fds, netns, userns, *targets = argv
    with open("/proc/self/comm", "w") as name:
        name.write("dockview-proxy")
    _raise_limit()
    enter(int(netns), int(userns))
    loop = Loop()
    loop.watch(0, IN, _on_shim)
    for fd, target in zip(map(int, fds.split(",")), targets, strict=True):
        address, _, port = target.rpartition(":")
        listener = _socket.socket(fileno=fd)
        listener.setblocking(False)
        door = TcpDoor if listener.type == _socket.SOCK_STREAM else UdpDoor
        door(loop, listener, (address, int(port)))
    loop.run()


if __name__ == "__main__":
    main(sys.argv[1:])
