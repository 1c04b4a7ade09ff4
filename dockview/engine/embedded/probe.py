"""A program of its own that tries what a container needs, so that nothing is concluded from version numbers.

    python -I -S probe.py root|user FOLDER

Each trial runs in a child of this process, in namespaces that end with it: nothing is left on the host. The answers
are lines `NAME ERRNO`; errno 0 means that it works. FOLDER is an empty folder of the store, for the overlay; what the
trial makes in it is for the caller to remove.

As `user`, every trial first makes a user namespace, as a rootless container does.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from functools import partial

NAMESPACES = {
    "user": 0x10000000,
    "mnt": 0x00020000,
    "uts": 0x04000000,
    "ipc": 0x08000000,
    "net": 0x40000000,
    "pid": 0x20000000,
    "cgroup": 0x02000000,
}
_NEWLINK = 16
_REQUEST_CREATE = 0x001 | 0x004 | 0x200 | 0x400
_LINKINFO = 18 | 0x8000
_PRIVATE_RECURSIVE = 1 << 18 | 1 << 14

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def unshare(kind: str) -> None:
    """Move this process into a new namespace (unshare(2)); root in it, if it is a user namespace."""
    uid, gid = os.geteuid(), os.getegid()
    _checked(_libc.unshare(NAMESPACES[kind]))
    if kind == "user":
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)


def mount_overlay(folder: str, *, is_user: bool) -> None:
    """Mount an overlay over three folders of the store, where only this process sees it (mount(2))."""
    for name in ("lower", "upper", "work", "merged"):
        os.makedirs(f"{folder}/{name}", exist_ok=True)
    unshare("mnt")
    _checked(_libc.mount(b"none", b"/", None, _PRIVATE_RECURSIVE, None))
    options = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
    options += ",userxattr" if is_user else ""
    _checked(_libc.mount(b"overlay", f"{folder}/merged".encode(), b"overlay", 0, options.encode()))


def make_link(kind: str) -> None:
    """Make a bridge or a veth pair in a network namespace of its own (rtnetlink(7))."""
    unshare("net")
    name = kind.encode()
    inner = struct.pack("=HH", 4 + len(name), 1) + name + b"\0" * (-len(name) % 4)
    body = struct.pack("=BxHiII", 0, 0, 0, 0, 0) + struct.pack("=HH", 4 + len(inner), _LINKINFO) + inner
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as net:
        net.send(struct.pack("=IHHII", 16 + len(body), _NEWLINK, _REQUEST_CREATE, 1, 0) + body)
        number = -struct.unpack_from("=i", net.recv(4096), 16)[0]
    if number:
        raise OSError(number, os.strerror(number))


def attempt(task: Callable[[], None]) -> int:
    """Perform a task in a child; the errno with which it failed, 0 when it did not."""
    child = os.fork()
    if child == 0:
        try:
            task()
        except OSError as error:
            os._exit(error.errno or 255)
        except BaseException:  # noqa: BLE001  a child may never return into its parent's code
            os._exit(255)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(mode: str, folder: str) -> None:
    """Try everything and print the answers."""
    is_user = mode == "user"

    def within(task: Callable[[], None]) -> None:
        if is_user:
            unshare("user")
        task()

    def trials() -> Iterator[tuple[str, Callable[[], None]]]:
        yield "user", partial(unshare, "user")
        for kind in NAMESPACES:
            if kind != "user":
                yield kind, partial(within, partial(unshare, kind))
        yield "overlay", partial(within, partial(mount_overlay, folder, is_user=is_user))
        for kind in ("bridge", "veth"):
            yield kind, partial(within, partial(make_link, kind))

    for name, task in trials():
        # Unbuffered: what a buffer holds, each child would write again.
        os.write(1, f"{name} {attempt(task)}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
