"""A process that holds a network namespace, as a container's first process does, for tests of the network alone."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dockview.engine.runtime.launch import Born

HOLDER = r"""
import ctypes, os, socket, sys
channel = socket.socket(fileno=int(sys.argv[1]))
uid, gid = os.geteuid(), os.getegid()
kinds = 0x40000000 | (0x10000000 if sys.argv[2] == "user" else 0)
if ctypes.CDLL(None, use_errno=True).unshare(kinds) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
if sys.argv[2] == "user":
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
net = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
net.bind((0, 0))
paths = ["/proc/self/ns/net"] + (["/proc/self/ns/user"] if sys.argv[2] == "user" else [])
fds = [net.fileno()] + [os.open(path, os.O_RDONLY) for path in paths]
socket.send_fds(channel, [b"born"], fds)
channel.recv(1)
"""

ECHO = r"""
import socket, sys, threading
kind = socket.SOCK_DGRAM if sys.argv[3] == "udp" else socket.SOCK_STREAM
server = socket.socket(socket.AF_INET, kind)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((sys.argv[1], int(sys.argv[2])))
if kind == socket.SOCK_STREAM:
    server.listen(512)
print("ready", flush=True)
def serve(client):
    with client:
        try:
            while data := client.recv(65536):
                client.sendall(data)
            client.sendall(b"<end>")
        except OSError:
            pass
while True:
    if kind == socket.SOCK_DGRAM:
        data, address = server.recvfrom(65536)
        server.sendto(data.upper(), address)
    else:
        client, address = server.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()
"""


class Held(Born):
    """What the runtime hands over for a container (`Born`), from a process of ours."""

    def inside(self, *argv: str) -> list[str]:
        """The command line that runs another program in the namespaces."""
        user = [] if self.userns_fd is None else ["--user", "--preserve-credentials"]
        return ["nsenter", "-t", str(self.pid), *user, "--net", *argv]

    def run(self, *argv: str) -> str:
        """What a program says in there."""
        return subprocess.run(self.inside(*argv), capture_output=True, text=True, check=True, timeout=20).stdout

    def ip(self, *argv: str) -> Any:
        """What ip(8) says in there, parsed."""
        return json.loads(self.run("ip", "-j", *argv))


@contextmanager
def hold(*, user: bool = False) -> Iterator[Held]:
    """A network namespace (in a user namespace of its own), for as long as the block runs."""
    ours, theirs = socket.socketpair()
    argv = [sys.executable, "-I", "-S", "-c", HOLDER, str(theirs.fileno()), "user" if user else "-"]
    with ours, subprocess.Popen(argv, pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        _, fds, _, _ = socket.recv_fds(ours, 16, 3)
        net = socket.socket(fileno=fds[0])
        try:
            yield Held(process.pid, process.pid, net, fds[1], fds[2] if user else None)
        finally:
            net.close()
            for fd in fds[1:]:
                os.close(fd)
            ours.send(b".")
            process.wait(10)


@contextmanager
def echo(prefix: Sequence[str], address: str, port: int, protocol: str = "tcp") -> Iterator[None]:
    """A server that says everything again, and `<end>` when the client has ended; udp in capitals."""
    argv = [*prefix, sys.executable, "-I", "-S", "-c", ECHO, address, str(port), protocol]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()
