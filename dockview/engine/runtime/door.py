"""The shim's door: the unix socket `attach.sock` in the bundle, through which any process of the owner may speak to it.

SOCK_SEQPACKET; each message is one letter and its content. The connection must begin with one of these:

    A {"stdin", "stdin_once", "logs"}   attach to the streams; the answer is H
    S {"signal", "why", "keeps"}        send a signal to the command; the answer is K
    W {}                                wait for the exit
    P {"pause"}                         freeze all processes, or let them go on; the answer is K
    e bytes, …, E bytes                 execute one more command (exec_door.py): JSON, in pieces; the answer is B or F

and then carries, from the client:                 and from the shim:

    I bytes         to standard input                  H {"tty", "log_size", …}   attached from this place in the log on
    C               no more standard input             1 bytes, 2 bytes        standard output, standard error
    R {rows, cols}  size of the pty                    G {"from", "skip"}      from here on read the log yourself
    V               I shall remove the container       (so that the shim awaits my end before it looks)
    N               I have come to G                   J {"to"}                … up to here; live output follows
                                                       K {"errno"}             the signal was sent, or why not
                                                       X {"exit_code", …}      the container has exited; the last one
                                                       B {"pid", "facts"}      exec: the command was executed
                                                       F {"kind", "message"}   exec: it was not, and why (sync.py)

A client that reads slowly holds nothing up and loses nothing: what does not fit into its socket is in the log. G, for
which the socket is made larger, tells it from where on it misses output (`skip` is how many bytes of each stream's
output from there on it has seen already); it answers N once it has read so far, and then the live output goes on. An
end without J means: the log to its end.
"""

from __future__ import annotations

import _socket
import os
import struct
import sys

from dockview.engine.runtime.codec import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dockview.engine.runtime.logfile import LogWriter
    from dockview.engine.runtime.supervise import Supervisor

NAME = "attach.sock"
LARGEST = 32768
"""Bytes of content of one message."""
_ROOM, _MORE_ROOM = 1 << 16, 1 << 17
"""Bytes of a client's socket (the kernel grants twice as much, socket(7))."""
_STREAMS = {"stdout": b"1", "stderr": b"2"}


class Client:
    """One connection; what it is for is known after its first message."""

    def __init__(self, endpoint: _socket.socket) -> None:
        self.socket = endpoint
        self.kind = ""
        """attach, wait, or empty."""
        self.has_stdin = False
        self.closes_stdin = False
        self.removes = False
        """Whether it has promised to remove the container once that has ended."""
        self.is_behind = False
        """Whether it reads the log by itself now."""
        self.wish = b""
        """What it has said so far of the command that it wants to be executed."""

    def send(self, letter: bytes, content: bytes) -> bool:
        """Send without blocking; False when it does not fit now."""
        try:
            self.socket.send(letter + content, _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        except OSError:
            pass  # it is gone, which its end of file will say
        return True

    def set_room(self, size: int) -> None:
        """Give the socket this much room: `_ROOM` for output, `_MORE_ROOM` for the few words that must not be lost."""
        self.socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, size)

    def peer(self) -> tuple[int, int]:
        """(pid, uid) of who is at the other end (SO_PEERCRED)."""
        credentials = self.socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
        pid, uid, _gid = struct.unpack("=iii", credentials)
        return pid, uid


class Door:
    """The listener and its clients."""

    def __init__(self, bundle: str, log: LogWriter) -> None:
        self._path = f"{bundle}/{NAME}"
        self._log = log
        self.clients: dict[int, Client] = {}
        self.socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        # The socket's address holds 107 bytes, a store's path may be longer: it is bound from within its folder.
        os.chdir(bundle)
        try:
            os.unlink(NAME)
        except FileNotFoundError:
            pass
        mask = os.umask(0o177)
        self.socket.bind(NAME)
        os.umask(mask)
        self.socket.listen(64)
        self.socket.setblocking(False)
        os.chdir("/")

    def accept(self) -> list[Client]:
        """Take all who are waiting."""
        arrived: list[Client] = []
        while True:
            try:
                fd, _address = self.socket._accept()  # type: ignore[attr-defined]  # noqa: SLF001  the C half of accept
            except OSError:
                return arrived
            client = Client(_socket.socket(fileno=fd))
            client.socket.setblocking(False)
            client.set_room(_ROOM)
            self.clients[fd] = client
            arrived.append(client)

    def drop(self, client: Client) -> None:
        """Let a client go."""
        self.clients.pop(client.socket.fileno(), None)
        client.socket.close()

    def broadcast(self, stream: str, data: bytes, size: int, pending: dict[str, bytes]) -> None:
        """Send output, which the log has got already, to all who attached.

        `size` and `pending` are the log's before it got this output.
        """
        for client in self.clients.values():
            if client.kind == "attach" and not client.is_behind:
                self._send_or_refer(client, stream, data, size, pending)

    def _send_or_refer(self, client: Client, stream: str, data: bytes, size: int, pending: dict[str, bytes]) -> None:
        for start in range(0, len(data), LARGEST):
            if client.send(_STREAMS[stream], data[start : start + LARGEST]):
                continue
            seen = {**pending, stream: pending.get(stream, b"") + data[:start]}
            client.is_behind = True
            client.set_room(_MORE_ROOM)
            client.send(b"G", dumps({"from": size, "skip": {s: _logged_length(d) for s, d in seen.items()}}).encode())
            return

    def catch_up(self, client: Client) -> None:
        """A client has read so far: from here on it gets the live output again."""
        client.is_behind = False
        client.set_room(_ROOM)
        client.send(b"J", dumps({"to": self._log.size}).encode())
        self.send_pending(client)

    def send_pending(self, client: Client) -> None:
        """Send what the streams wrote after their last newline, which is not in the log yet."""
        for stream, data in self._log.pending.items():
            if not client.is_behind:
                self._send_or_refer(client, stream, data, self._log.size, {})

    def part(self, message: dict[str, Any]) -> list[Client]:
        """Tell all who wait for the end of this life, which is not the last; they are to be forgotten."""
        told = [client for client in self.clients.values() if client.kind]
        for client in told:
            client.set_room(_MORE_ROOM)
            client.send(b"X", dumps(message).encode())
        return told

    def close(self, message: dict[str, Any]) -> list[Client]:
        """Tell everybody the exit, and go; those who have promised to remove the container stay."""
        self.accept()
        # The door is closed before anybody hears of the exit: who then comes to it finds none.
        self.socket.close()
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass
        last = dumps(message).encode()
        for client in list(self.clients.values()):
            client.set_room(_MORE_ROOM)
            client.send(b"X", last)
            if not client.removes:
                self.drop(client)
        return list(self.clients.values())


def await_removers(clients: list[Client]) -> None:
    """Wait until everybody who has promised to remove the container has gone, whether he has kept his word or not."""
    for client in clients:
        client.socket.setblocking(True)
        try:
            while client.socket.recv(LARGEST + 1):
                pass
        except OSError:
            continue


def serve(supervisor: Supervisor, client: Client) -> None:
    """Take one message from a client and do what it says; a client that breaks the rules is dropped."""
    try:
        data = client.socket.recv(LARGEST + 1)
    except BlockingIOError:
        return
    except OSError:
        data = b""
    if not data:
        _leave(supervisor, client)
        return
    letter, content = data[:1], data[1:]
    try:
        if client.kind:
            _attached(supervisor, client, letter, content)
        elif letter in (b"e", b"E", b"P"):
            _control(supervisor, client, letter, content)
        else:
            _greet(supervisor, client, letter, loads(content.decode() or "{}"))
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        print("door:", error, file=sys.stderr)  # noqa: T201  the shim's own stderr
        _leave(supervisor, client)


def _greet(supervisor: Supervisor, client: Client, letter: bytes, wish: dict[str, Any]) -> None:
    log = supervisor.log
    if letter == b"A":
        client.kind = "attach"
        client.has_stdin = bool(wish.get("stdin"))
        client.closes_stdin = client.has_stdin and bool(wish.get("stdin_once"))
        client.send(b"H", dumps({"tty": supervisor.is_tty, "log_size": log.size, **log.anchor()}).encode())
        if wish.get("logs"):
            supervisor.door.send_pending(client)
    elif letter == b"S":
        pid, uid = client.peer()
        supervisor.is_kept = bool(wish.get("keeps"))
        number = supervisor.signal(int(wish["signal"]), {"why": str(wish.get("why", "")), "pid": pid, "uid": uid})
        client.send(b"K", dumps({"errno": number}).encode())
    elif letter == b"W":
        client.kind = "wait"
    else:
        raise ValueError(f"unknown greeting {letter!r}")


def _control(supervisor: Supervisor, client: Client, letter: bytes, content: bytes) -> None:
    """Pause and exec, which there are from the start of the command on."""
    if supervisor.control is None:
        raise ValueError("the container is not started")
    if letter == b"P":
        number = supervisor.control.pause(is_paused=bool(loads(content.decode())["pause"]))
        client.send(b"K", dumps({"errno": number}).encode())
        return
    supervisor.control.take(client, content)
    if letter == b"E":
        supervisor.control.execute(client)
        supervisor.forget(client)


def _attached(supervisor: Supervisor, client: Client, letter: bytes, content: bytes) -> None:
    if letter == b"I" and client.has_stdin:
        supervisor.feed(content)
    elif letter == b"C" and client.has_stdin:
        supervisor.end_stdin()
    elif letter == b"V":
        client.removes = True
    elif letter == b"N" and client.is_behind:
        supervisor.door.catch_up(client)
    elif letter == b"R":
        size = loads(content.decode())
        supervisor.resize(int(size["rows"]), int(size["cols"]))


def _leave(supervisor: Supervisor, client: Client) -> None:
    if client.closes_stdin and not supervisor.is_tty:
        supervisor.end_stdin()
    supervisor.forget(client)


def _logged_length(data: bytes) -> int:
    """How many bytes output has in the log, where what is not UTF-8 was replaced."""
    return len(data.decode("utf-8", "replace").encode())
