"""HTTP with one registry, by somebody who trusts nothing: bounded bodies, counted redirects, patience with an end.

Credentials are sent to the address that they are for and never follow a redirect to another one; no redirect leads
from https to http. `abort()` unblocks every thread that is inside, from any other thread.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from dockview.engine.errors import Cancelled, DataError, Unavailable
from dockview.engine.images.descriptor import parse_object
from dockview.engine.images.transport import Sockets, host_and_port, make_pool, proxy_for

ATTEMPTS = 5
"""How often a request is made before its failure is believed."""
BACK_OFF_S = 0.5
"""The first pause between attempts; each further one is twice as long."""
LONGEST_PAUSE_S = 30.0
CHUNK_BYTES = 1 << 18
MAX_REDIRECTS = 5
RETRIED = frozenset({429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REST_BYTES = 1 << 14
"""A body's rest that is worth reading to keep the connection."""


class Broken(Exception):
    """A connection could not be made, or broke; another attempt may succeed."""


class UntrustedCertificate(Unavailable):
    """The registry speaks TLS, but nobody who is trusted vouches for it."""


class Session:
    """The connections to one registry and to where it redirects."""

    def __init__(
        self, registry: str, *, is_verified: bool = True, connect_timeout_s: float = 5.0, read_timeout_s: float = 30.0
    ) -> None:
        self.registry = registry
        self._is_verified = is_verified
        self._sockets = Sockets()
        self._timeouts = (connect_timeout_s, read_timeout_s)
        self._warm: list[Any] = []
        self._pool: Any = None
        self._lock = threading.Lock()

    def connect(self, endpoint: str, timeout_s: float) -> None:
        """Find out whether the endpoint, or the proxy before it, takes connections. Raises: Unavailable, Cancelled."""
        parts = urlsplit(self._proxy(endpoint) or endpoint)
        host, port = host_and_port(parts.netloc.rpartition("@")[2], 80 if parts.scheme == "http" else 443)
        try:
            self._warm.append(self._sockets.connect(host, port, timeout_s))
        except Unavailable:
            self.raise_if_aborted()
            raise

    def follow(self, method: str, url: str, headers: Mapping[str, str]) -> Any:
        """An answer, after redirects; its body is still to be read. Raises: Broken, DataError, Cancelled."""
        origin = urlsplit(url)
        for _ in range(MAX_REDIRECTS + 1):
            answer = self.send(method, url, headers)
            if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                return answer
            answer.close()
            try:
                target = urlsplit(urljoin(url, answer.headers["Location"]))
            except ValueError as error:
                raise DataError(f"{self.registry} redirects to an address that is none") from error
            if target.scheme not in ("http", "https") or (origin.scheme == "https" and target.scheme == "http"):
                raise DataError(f"{self.registry} redirects to {target.scheme}://{target.netloc}, which is not secure")
            if (target.scheme, target.netloc) != (origin.scheme, origin.netloc):
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
            url = target.geturl()
        raise DataError(f"{self.registry} redirects in circles (more than {MAX_REDIRECTS} times)")

    def send(self, method: str, url: str, headers: Mapping[str, str], body: str | None = None) -> Any:
        """One request, one answer, whatever it is. Raises: Broken, DataError, Cancelled."""
        from urllib3.exceptions import HTTPError, LocationValueError  # noqa: PLC0415  slow to import

        self.raise_if_aborted()
        try:
            return self._connections(url).request(
                method,
                url,
                headers={"User-Agent": "dockview", **headers},
                body=body,
                preload_content=False,
                redirect=False,
            )
        except (LocationValueError, ValueError) as error:
            raise DataError(f"{self.registry} names an address that is none") from error
        except (HTTPError, OSError) as error:
            self.raise_if_aborted()
            words = _words(error)
            if "certificate verify failed" in words.lower():
                raise UntrustedCertificate(
                    f"the certificate of {self.registry} is not trusted: {words}",
                    hint=f"put its authority's certificate into /etc/docker/certs.d/{self.registry}/ca.crt"
                    f" or ~/.config/docker/certs.d/{self.registry}/ca.crt",
                ) from error
            raise Broken(words) from error

    def read(self, answer: Any) -> bytes:
        """The next piece of a body, empty at its end. Raises: Broken, Cancelled."""
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            # read1() gives what has come instead of waiting for a full piece.
            return bytes(answer.read1(CHUNK_BYTES, decode_content=False))
        except (HTTPError, OSError) as error:
            self.raise_if_aborted()
            raise Broken(_words(error)) from error

    def body(self, answer: Any, limit: int, what: str) -> bytes:
        """A whole small body. Raises: DataError where it is longer than the limit, Broken, Cancelled."""
        chunks, size = [], 0
        while chunk := self.read(answer):
            size += len(chunk)
            if size > limit:
                raise DataError(f"{what} is longer than {limit >> 10} KiB")
            chunks.append(chunk)
        return b"".join(chunks)

    def pause(self, attempt: int, retry_after: str = "") -> None:
        """Wait before the next attempt, as long as the registry asks for or a while. Raises: Cancelled."""
        seconds = float(retry_after) if retry_after.isdecimal() else BACK_OFF_S * 2**attempt * random.uniform(0.8, 1.2)  # noqa: S311
        self.aborted.wait(min(seconds, LONGEST_PAUSE_S))
        self.raise_if_aborted()

    @property
    def aborted(self) -> threading.Event:
        """Set once abort() was called."""
        return self._sockets.is_aborted

    def raise_if_aborted(self) -> None:
        """Raises: Cancelled, once abort() was called."""
        if self.aborted.is_set():
            raise Cancelled("cancelled")

    def abort(self) -> None:
        """Break every connection and refuse new ones; whoever is inside raises Cancelled."""
        self._sockets.abort()

    def close(self) -> None:
        """Let go of all connections."""
        for sock in self._warm:
            sock.close()
        if self._pool is not None:
            self._pool.clear()
        self._sockets.close()

    def _proxy(self, url: str) -> str:
        return proxy_for(urlsplit(url).netloc)

    def _connections(self, url: str) -> Any:
        with self._lock:
            if self._pool is None:
                connect_s, read_s = self._timeouts
                self._pool = make_pool(
                    self._sockets,
                    self._warm,
                    registry=self.registry,
                    proxy=self._proxy(url),
                    is_verified=self._is_verified,
                    connect_timeout_s=connect_s,
                    read_timeout_s=read_s,
                )
            return self._pool


@contextlib.contextmanager
def finishing(answer: Any) -> Iterator[None]:
    """Give the connection back afterwards if the body is at its end, or nearly; else close it."""
    try:
        yield
    except BaseException:
        answer.close()
        raise
    # A body of unknown length that goes on could keep the reader for ever.
    rest = answer.length_remaining
    if rest is not None and rest <= _REST_BYTES:
        with contextlib.suppress(Exception):
            answer.read()
        answer.release_conn()
    else:
        answer.close()


def said(answer: Any) -> str:
    """The first error in a registry's JSON body, cut and without control characters; empty where there is none."""
    with contextlib.suppress(Exception):
        errors = parse_object(answer.read(_REST_BYTES), "the answer").get("errors")
        text = str((errors or [{}])[0].get("message", ""))
        return "".join(c for c in text if c.isprintable())[:200]
    return ""


def _words(error: BaseException) -> str:
    """urllib3's nested errors, down to the one that says something."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return _words(reason)
    text = str(error)
    # urllib3 puts a representation of the connection in front of some messages.
    return (text.rpartition(">: ")[2] or text or type(error).__name__)[:200]
