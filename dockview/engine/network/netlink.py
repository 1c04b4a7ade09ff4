"""Netlink messages: one request, its answers, and the kernel's own words when it says no (netlink(7)).

This module owns the wire format and nothing else; what the messages mean for links, addresses and routes is in
rtnetlink.py. A client of our own and not a library, because a whole run may take less time than such a library
needs to be imported.

    nlmsghdr { u32 length, u16 type, u16 flags, u32 sequence, u32 port } + family header + attributes
    attribute { u16 length, u16 type } + value, padded to 4 bytes; a value may hold attributes again
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Self

from dockview.engine.errors import SyscallError

REQUEST = 0x001
ACK = 0x004
DUMP = 0x300
EXCLUSIVE = 0x200
CREATE = 0x400

NETLINK_ROUTE = 0
NETLINK_NETFILTER = 12

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_MESSAGE_ERROR = 2
_MESSAGE_DONE = 3
_FLAG_CAPPED = 0x100
_FLAG_ACK_ATTRIBUTES = 0x200
_ATTRIBUTE_TYPE_MASK = 0x3FFF
_NESTED = 0x8000
_ERROR_TEXT = 1
_SOL_NETLINK = 270
_EXTENDED_ACK = 11
_RECEIVE_BYTES = 1 << 16
_DEADLINE_S = 5.0
_REMEDIES = {errno.EPERM: "this needs CAP_NET_ADMIN"}


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute."""
    size = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(size, kind) + value + b"\0" * (-size % 4)


def text(kind: int, value: str) -> bytes:
    """An attribute that holds a NUL-terminated string."""
    return attribute(kind, value.encode() + b"\0")


def number(kind: int, value: int) -> bytes:
    """An attribute that holds an unsigned 32-bit number, in the machine's byte order."""
    return attribute(kind, struct.pack("=I", value))


def nested(kind: int, *children: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | _NESTED, b"".join(children))


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes in `data`, by type; of a repeated one the last."""
    found: dict[int, bytes] = {}
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, offset)
        if size < _ATTRIBUTE.size:
            break
        found[kind & _ATTRIBUTE_TYPE_MASK] = data[offset + _ATTRIBUTE.size : offset + size]
        offset += size + (-size % 4)
    return found


def string_of(found: Mapping[int, bytes], kind: int) -> str:
    """The string attribute of that type, empty when it is not there."""
    return found.get(kind, b"").partition(b"\0")[0].decode(errors="replace")


def number_of(found: Mapping[int, bytes], kind: int) -> int | None:
    """The 32-bit number of that type, None when it is not there."""
    value = found.get(kind)
    return None if value is None or len(value) < 4 else int(struct.unpack_from("=I", value)[0])


class Netlink:
    """One netlink socket and the namespace in which it was opened: what it changes is changed there.

    The kernel asks for CAP_NET_ADMIN in the user namespace that owns that network namespace, of the process that
    opened the socket and of the one that sends (netlink(7), `netlink_ns_capable` in the kernel). So a process that
    stays outside may configure a container through a socket opened inside: as root, or as the owner of the user
    namespace. One thread uses an object at a time.
    """

    def __init__(self, opened: socket.socket | None = None, *, family: int = NETLINK_ROUTE) -> None:
        """Take over a socket that was opened elsewhere (and close it in the end), or open one here."""
        if opened is None:
            opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
            opened.bind((0, 0))
        self._socket = opened
        self._sequence = 0
        self._socket.settimeout(_DEADLINE_S)
        self._socket.setsockopt(_SOL_NETLINK, _EXTENDED_ACK, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def request(self, what: str, kind: int, body: bytes, *, flags: int = 0, about: str = "") -> list[bytes]:
        """Send one message and collect its answers, each without its netlink header.

        Args:
            what: The message's name in the kernel's headers, for the error.
            kind: Its type.
            body: The family's header and the attributes.
            flags: DUMP, CREATE, EXCLUSIVE; a request that is no dump is always acknowledged.
            about: What it is about, for the error.

        Raises:
            SyscallError: The kernel said no; the hint holds its own words, where it gave any.
        """
        self._sequence += 1
        flags |= REQUEST if flags & DUMP == DUMP else REQUEST | ACK
        size = _HEADER.size + len(body)
        answers: list[bytes] = []
        try:
            self._socket.send(_HEADER.pack(size, kind, flags, self._sequence, 0) + body)
            for answer, answer_flags, payload in self._messages():
                if answer == _MESSAGE_DONE:
                    return answers
                if answer == _MESSAGE_ERROR:
                    _raise_for(payload, answer_flags, what, about)
                    return answers
                answers.append(payload)
        except TimeoutError:
            raise SyscallError(what, errno.ETIMEDOUT, about, hint="the kernel did not answer") from None
        except SyscallError:
            raise
        except OSError as error:
            raise SyscallError(what, error.errno or 0, about) from error
        return answers

    def _messages(self) -> Iterator[tuple[int, int, bytes]]:
        """(type, flags, payload) of the answers to the current request, until the caller has enough."""
        while True:
            data = self._socket.recv(_RECEIVE_BYTES)
            offset = 0
            while offset + _HEADER.size <= len(data):
                size, kind, flags, sequence, _ = _HEADER.unpack_from(data, offset)
                if sequence == self._sequence:
                    yield kind, flags, data[offset + _HEADER.size : offset + size]
                offset += size + (-size % 4)


def _raise_for(payload: bytes, flags: int, what: str, about: str) -> None:
    """Raise what an error message says; errno 0 is an acknowledgement."""
    code = -int(struct.unpack_from("=i", payload)[0])
    if code == 0:
        return
    words = ""
    if flags & _FLAG_ACK_ATTRIBUTES:
        # After the errno comes the request's header, then (unless capped) the whole request, then the attributes.
        echoed = _HEADER.size if flags & _FLAG_CAPPED else int(struct.unpack_from("=I", payload, 4)[0])
        words = string_of(attributes(payload[4 + echoed + (-echoed % 4) :]), _ERROR_TEXT)
    raise SyscallError(what, code, about, hint=f"the kernel says: {words}" if words else _REMEDIES.get(code, ""))
