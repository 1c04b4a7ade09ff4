"""The channel between the engine, the shim, and the container's first process, and what is said over it.

    engine                          shim                       stage                    init (pid 1 inside)
      | -- spawn ------------------> |
      | <- hello {pid} ------------- | -- fork ---------------> |
      |                              |                          | unshare user
      |                              | <- map-me ---------------|
      |                              | -- mapped -------------> | unshare mnt uts ipc net pid
      | <- records (each phase) -----+--------------------------|
      |                              | <- forked {pid} ---------| -- fork ------------------> |
      |                              |    (stage ends; the shim, as subreaper, owns init)     |
      |                              | -- adopted -------------------------------------------> | dies with the shim
      |                              |                                                         | from here on
      |                              | <- cgroup-me -------------------------------------------|
      |                              | -- cgroup [descriptors] ------------------------------> | joins; cgroup ns
      | <- records (rootfs) ---------+---------------------------------------------------------| rootfs
      |                              | <- built [netns, userns, netlink, pty] -----------------|
      | <- born {pid} [fds] -------- |                                                         | waits
      |  (network, ports)            |                                                         |
      | -- go {proxy} [listeners] -> | -- go ------------------------------------------------> | security
      |                              | <- exec {argv, executable} -----------------------------|
      |                              | <- end of file: execve has closed the channel ----------| the command
      | <- started {pid} ----------- |
      | -- ack --------------------> |    (commit: the shim lives alone)

Each arrow is one JSON message on a SOCK_SEQPACKET socket; descriptors travel with it (SCM_RIGHTS). `records` carry
trace records and may come from the shim, the stage or init at any time, straight to the engine. Instead of what is
drawn, `failed {kind, message, …}` ends the birth from either side's child, and the end of file from the engine, or
`abort`, before `ack` makes the shim kill the container and clean up. Nobody sleeps; everybody blocks in recvmsg or
poll, and the death of a partner wakes him.
"""

from __future__ import annotations

import _socket
import os
import sys

from dockview.engine.runtime.codec import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

CONTROL_FD = 3
"""Where the shim finds its end of the channel to the engine."""
TURN_FD = 4
"""And its bundle's folder, locked by whoever starts the container (turn.py)."""
FDS_PER_MESSAGE = 200
"""Below SCM_MAX_FD (253), so that many listeners go in several messages."""
_LARGEST = 1 << 17


class Refused(Exception):
    """The birth cannot go on; travels to the engine, which raises the error of the same kind.

    `kind` is unsupported, start, syscall or bug; `exit_code` is for start; the rest as in engine/errors.py.
    """

    def __init__(self, kind: str, message: str, *, hint: str = "", exit_code: int = 1) -> None:
        super().__init__(message)
        self.kind = kind
        self.hint = hint
        self.exit_code = exit_code


class Gone(Exception):
    """The partner has closed the channel: he is dead, or has executed the command."""


class Channel:
    """One end of a SOCK_SEQPACKET socket pair."""

    def __init__(self, endpoint: _socket.socket) -> None:
        self.socket = endpoint

    def fileno(self) -> int:
        """The descriptor, for poll."""
        return self.socket.fileno()

    def send(self, message: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
        """Send one message. Raises: Gone."""
        rights = b"".join(fd.to_bytes(4, sys.byteorder) for fd in fds)
        control = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)] if fds else []
        try:
            self.socket.sendmsg([dumps(message).encode()], control, _socket.MSG_NOSIGNAL)
        except (BrokenPipeError, ConnectionResetError):
            raise Gone from None

    def receive(self) -> tuple[dict[str, Any], list[int]]:
        """Block for one message with its descriptors, which are not inheritable. Raises: Gone."""
        space = _socket.CMSG_SPACE(4 * FDS_PER_MESSAGE)
        try:
            data, ancillary, _flags, _address = self.socket.recvmsg(_LARGEST, space, _socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:
            # The partner went with a message of ours unread, which is said first; his own last ones come after it.
            data, ancillary, _flags, _address = self.socket.recvmsg(_LARGEST, space, _socket.MSG_CMSG_CLOEXEC)
        fds: list[int] = []
        for level, kind, rights in ancillary:
            if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS):
                fds += [int.from_bytes(rights[i : i + 4], sys.byteorder) for i in range(0, len(rights) // 4 * 4, 4)]
        if not data:
            raise Gone
        return loads(data.decode()), fds

    def close(self) -> None:
        """Close this end."""
        self.socket.close()


def pair() -> tuple[Channel, Channel]:
    """Two connected ends, neither inheritable."""
    left, right = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    return Channel(left), Channel(right)


def failure(error: BaseException) -> dict[str, Any]:
    """The `failed` message for an error."""
    message: dict[str, Any] = {"m": "failed", "message": str(error)}
    if isinstance(error, Refused):
        return {**message, "kind": error.kind, "hint": error.hint, "exit_code": error.exit_code}
    if isinstance(error, OSError):
        syscall = getattr(error, "syscall", "") or "system call"
        path = getattr(error, "path", "") or os.fsdecode(error.filename or "")
        return {**message, "kind": "syscall", "syscall": syscall, "path": path, "errno": error.errno or 0}
    return {**message, "kind": "bug", "message": f"{type(error).__name__}: {error}"}
