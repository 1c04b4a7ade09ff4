"""The SDK's client with one thing added: another thread can wake whoever waits for its sockets.

The SDK blocks in recv(2) and hides the socket; shutdown(2) from another thread ends such a wait at once, close(2) does
not. So every socket that a client opens is noted here. Importing this module imports the SDK, which takes as long as
the rest of the program; it is imported when a daemon is first spoken to.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Callable
from typing import Any, cast

import docker.tls
import requests.adapters
from docker.transport import UnixHTTPAdapter

import docker
from dockview.engine.daemon.connection import Endpoint
from dockview.engine.errors import Unavailable


class Sockets:
    """The open sockets of one client."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._is_shut = False

    def add(self, opened: socket.socket) -> None:
        """Note a socket; after shut() it is shut at once."""
        with self._lock:
            self._open = [s for s in self._open if s.fileno() >= 0]
            self._open.append(opened)
            is_shut = self._is_shut
        if is_shut:
            _shut(opened)

    @property
    def last(self) -> socket.socket:
        """The socket opened last. Raises: Unavailable when there is none."""
        with self._lock:
            if not self._open:
                raise Unavailable("the connection to the daemon is closed")
            return self._open[-1]

    def shut(self) -> None:
        """Wake every reader, which then finds the end of its stream."""
        with self._lock:
            self._is_shut = True
            still_open = list(self._open)
        for opened in still_open:
            _shut(opened)

    def close(self) -> None:
        """Let go of the file descriptors; nobody may be reading."""
        self.shut()
        with self._lock:
            still_open, self._open = self._open, []
        for opened in still_open:
            opened.close()


def _shut(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)


class Line:
    """A client of its own, for one long call or one stream: `shut()` from any thread ends what it waits for."""

    def __init__(self, endpoint: Endpoint, version: str, *, timeout_s: float | None, is_exact: bool = False) -> None:
        self.sockets = Sockets()
        self.version = version
        tls: Any = False
        if endpoint.has_tls:
            pair = (endpoint.client_cert, endpoint.client_key) if endpoint.client_cert else None
            verify = endpoint.is_verified
            tls = docker.tls.TLSConfig(client_cert=pair, ca_cert=endpoint.ca_cert or None, verify=verify)
        # Typed as Any: the stubs demand what the API leaves optional, and know nothing of streams.
        self.api: Any = docker.APIClient(base_url=endpoint.host, version=version, timeout=timeout_s, tls=tls)  # type: ignore[arg-type]
        if endpoint.socket_path:
            unix = _UnixAdapter(f"http+unix://{endpoint.socket_path}", cast("int", timeout_s))
            unix.observe(self.sockets, is_exact)
            self.api.mount("http+docker://", unix)
        else:
            for scheme in ("http://", "https://"):
                tcp = _TcpAdapter()
                tcp.observe(self.sockets, is_exact)
                self.api.mount(scheme, tcp)

    def get(self, path: str, params: dict[str, Any]) -> Any:
        """GET a stream; the response, whose status the caller checks."""
        return self.api.get(f"{self.api.base_url}/v{self.version}{path}", params=params, stream=True, timeout=None)

    def shut(self) -> None:
        """Wake whoever waits for this client."""
        self.sockets.shut()

    def close(self) -> None:
        """Let go of everything."""
        self.sockets.shut()
        self.api.close()
        self.sockets.close()


class _Observed:
    """Has each pool of connections note the sockets that it opens."""

    def observe(self, sockets: Sockets, is_exact: bool) -> None:
        self._sockets = sockets
        self._is_exact = is_exact

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)  # type: ignore[misc]
        if not getattr(pool, "is_observed", False):
            pool.is_observed = True
            pool._new_conn = self._observing(pool._new_conn)  # noqa: SLF001  the one place where all transports pass
        return pool

    @staticmethod
    def _dialler(connection: Any) -> Callable[[], None]:
        dial: Callable[[], None] = connection.connect
        return dial

    def _observing(self, make: Callable[[], Any]) -> Callable[[], Any]:
        sockets, is_exact = self._sockets, self._is_exact

        def new_connection() -> Any:
            connection = make()
            dial = self._dialler(connection)

            def connect() -> None:
                dial()
                sockets.add(connection.sock)

            connection.connect = connect
            if is_exact:
                connection.response_class = _ExactResponse
            return connection

        return new_connection


class _UnixAdapter(_Observed, UnixHTTPAdapter):
    @staticmethod
    def _dialler(connection: Any) -> Callable[[], None]:
        """As the SDK dials, except that a socket that finds nobody is closed."""

        def dial() -> None:
            opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                opened.settimeout(connection.timeout)
                opened.connect(connection.unix_socket)
            except BaseException:
                opened.close()
                raise
            connection.sock = opened

        return dial


class _TcpAdapter(_Observed, requests.adapters.HTTPAdapter):
    pass


class _ExactResponse(http.client.HTTPResponse):
    """Reads not one byte past the headers, so that after an upgrade the rest is still in the socket."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = sock.makefile("rb", buffering=1)
