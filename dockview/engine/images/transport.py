"""Connections to registries that another thread can break at any moment, also while they are being made.

Every socket is registered here under a second descriptor of its own: shutting that one down unblocks whoever reads,
writes or connects, whether TLS is wrapped around the first or not (shutdown(2) acts on the connection, not on the
descriptor).
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import threading
import time
from typing import Any

from dockview.engine.errors import Unavailable
from dockview.engine.images.certificates import certificate_folders, certified_context


class Sockets:
    """The open sockets of one client."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._twins: list[socket.socket] = []
        self.is_aborted = threading.Event()

    def register(self, sock: socket.socket) -> None:
        """Let abort() reach this socket; raises at once if it has already been called."""
        with self._lock:
            if not self.is_aborted.is_set():
                self._twins.append(socket.socket(sock.family, sock.type, sock.proto, fileno=os.dup(sock.fileno())))
                return
        sock.close()
        raise ConnectionAbortedError("aborted")

    def abort(self) -> None:
        """Break every connection; for good."""
        self.is_aborted.set()
        with self._lock:
            for twin in self._twins:
                with contextlib.suppress(OSError):
                    twin.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the second descriptors."""
        with self._lock:
            twins, self._twins = self._twins, []
        for twin in twins:
            twin.close()

    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """A TCP connection, within a deadline that counts the look-up of the name too.

        Raises: Unavailable, with the reason in a few words.
        """
        deadline = time.monotonic() + timeout_s
        why = "no address"
        for family, address in self._addresses(host, port, timeout_s):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                break
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.settimeout(remaining)
            try:
                self.register(sock)
                sock.connect(address)
            except OSError as error:
                sock.close()
                why = f"no answer within {timeout_s:.1f} s" if isinstance(error, TimeoutError) else _reason(error)
            else:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
        raise Unavailable(why)

    def _addresses(self, host: str, port: int, timeout_s: float) -> list[tuple[int, Any]]:
        """getaddrinfo(3) cannot be interrupted: it runs in a thread that is left alone once time is up."""
        answer: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def look_up() -> None:
            try:
                answer.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except OSError as error:
                answer.put(error)

        threading.Thread(target=look_up, daemon=True, name=f"resolve {host}").start()
        deadline = time.monotonic() + timeout_s
        while not self.is_aborted.is_set() and (remaining := deadline - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                found = answer.get(timeout=min(remaining, 0.05))
                if isinstance(found, OSError):
                    raise Unavailable(f"its name cannot be resolved: {_reason(found)}")
                return [(item[0], item[4]) for item in found]
        raise Unavailable(f"its name was not resolved within {timeout_s:.1f} s")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()


def is_loopback(host: str) -> bool:
    """Whether a registry's host (with or without a port) is this machine: there, plain HTTP is fine."""
    name = host_and_port(host, 0)[0]
    if name in ("localhost", "::1") or name.endswith(".localhost"):
        return True
    # 127.example.com is a name like any other.
    return name.startswith("127.") and name.count(".") == 3 and name.replace(".", "").isdecimal()


def host_and_port(authority: str, default_port: int) -> tuple[str, int]:
    """`host`, `host:port` or `[address]:port`, taken apart; the brackets are dropped."""
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = authority.partition(":")
    return host, int(port) if port else default_port


def make_pool(
    sockets: Sockets,
    warm: list[socket.socket],
    *,
    registry: str,
    proxy: str,
    is_verified: bool,
    connect_timeout_s: float,
    read_timeout_s: float,
) -> Any:
    """An urllib3 pool manager whose connections are registered with `sockets`; it uses the `warm` sockets first.

    Typed as Any: urllib3 is imported here and not with the module, because importing it takes longer than a cached run.
    """
    import urllib3  # noqa: PLC0415
    from urllib3.connection import HTTPConnection, HTTPSConnection  # noqa: PLC0415
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool  # noqa: PLC0415
    from urllib3.exceptions import NewConnectionError  # noqa: PLC0415

    def new_socket(connection: HTTPConnection) -> socket.socket:
        for sock in warm:
            if sock.getpeername()[1] == connection.port:
                warm.remove(sock)
                sock.settimeout(read_timeout_s)
                return sock
        try:
            sock = sockets.connect(connection._dns_host, connection.port, connect_timeout_s)  # noqa: SLF001
        except Unavailable as error:
            raise NewConnectionError(connection, str(error)) from error
        sock.settimeout(read_timeout_s)
        return sock

    class PlainConnection(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return new_socket(self)

    class SecureConnection(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return new_socket(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = PlainConnection

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    timeout = urllib3.Timeout(connect=connect_timeout_s, read=read_timeout_s)
    settings: dict[str, Any] = {"timeout": timeout, "retries": False, "maxsize": 6}
    if not is_verified:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        settings |= {"cert_reqs": "CERT_NONE", "assert_hostname": False}
    elif folders := certificate_folders(registry):
        settings["ssl_context"] = certified_context(folders)
    pool: Any = urllib3.ProxyManager(proxy, **settings) if proxy else urllib3.PoolManager(**settings)
    pool.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return pool


def proxy_for(host: str) -> str:
    """The proxy that HTTPS_PROXY names for a host, empty where NO_PROXY excludes it or none is named."""
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy") or ""
    excluded = (os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or "").split(",")
    name = host_and_port(host, 0)[0]
    is_excluded = any(
        entry in ("*", name) or name.endswith("." + entry.lstrip("."))
        for entry in (item.strip() for item in excluded)
        if entry
    )
    return "" if is_excluded or is_loopback(host) else proxy
