"""A client of one registry: the pull half of the OCI distribution protocol.

It trusts nothing: bodies are bounded, redirects are counted and never lead from https to http, credentials go to the
registry and to the realm it names and to nobody else, and what was fetched is verified against its digest by whoever
asked for it. A connection that breaks in the middle of a blob is taken up where it broke (Range). `abort()` unblocks
every thread that is inside, from any other thread.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from dockview.engine.errors import Cancelled, DataError, ImageNotFound, Unauthorized, Unavailable
from dockview.engine.images.challenge import Challenge, parse_challenge
from dockview.engine.images.credentials import Credentials, find_credentials
from dockview.engine.images.descriptor import ACCEPT, MANIFEST_LIMIT_BYTES, Descriptor, parse_object
from dockview.engine.images.reference import DOCKER_HUB
from dockview.engine.images.transport import Sockets, host_and_port, is_loopback, make_pool, proxy_for

ATTEMPTS = 5
"""How often a request is made before its failure is believed."""
BACK_OFF_S = 0.5
"""The first pause between attempts; each further one is twice as long."""
CHUNK_BYTES = 1 << 18
REDIRECTS = 5
_RETRIED = frozenset({429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TOKEN_LIMIT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Login:
    """What came of asking for access: what may be shown of it."""

    scheme: str
    """bearer, basic, or empty where the registry asks for nothing."""
    realm: str
    service: str
    scope: str
    status: str
    user: str
    """Empty for anonymous."""


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or an index, as the registry sent it."""

    body: bytes
    media_type: str
    claimed_digest: str
    """What the registry says its digest is; empty where it says nothing."""
    url: str


class RegistryClient:
    """One registry, for the length of one pull; close it."""

    def __init__(
        self,
        registry: str,
        *,
        endpoint: str = "",
        is_insecure: bool = False,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 30.0,
    ) -> None:
        self.registry = registry
        self._host = "registry-1.docker.io" if registry == DOCKER_HUB else registry
        self._may_be_plain = is_insecure or is_loopback(registry)
        self._endpoint = endpoint
        self._credentials: Credentials | None = None
        self._authorization = ""
        self._challenge: Challenge | None = None
        self._scope = ""
        self._sockets = Sockets()
        self._timeouts = (connect_timeout_s, read_timeout_s)
        self._warm: list[Any] = []
        self._pool: Any = None

    @property
    def endpoint(self) -> str:
        """The address that requests go to: scheme, host, port."""
        return self._endpoint or f"https://{self._host}"

    def connect(self, timeout_s: float) -> None:
        """Find out whether the registry, or the proxy before it, takes connections. Raises: Unavailable, Cancelled."""
        target = proxy_for(self._host) or self.endpoint
        parts = urlsplit(target)
        host, port = host_and_port(parts.netloc.rpartition("@")[2], 80 if parts.scheme == "http" else 443)
        try:
            self._warm.append(self._sockets.connect(host, port, timeout_s))
        except Unavailable:
            self._raise_if_aborted()
            raise

    def ping(self) -> Challenge | None:
        """GET /v2/: does it speak the protocol, and what does it want before it answers? None for nothing.

        Where plain HTTP is allowed and the registry does not speak TLS, plain HTTP is used from here on.
        """
        try:
            answer = self._request("GET", "/v2/", attempts=1 if self._may_be_plain else ATTEMPTS)
        except Unavailable:
            if self._endpoint or not self._may_be_plain:
                raise
            self._endpoint = f"http://{self._host}"
            answer = self._request("GET", "/v2/")
        with _drained(answer):
            if answer.status == 401:  # noqa: PLR2004
                self._challenge = parse_challenge(answer.headers.get("WWW-Authenticate", ""))
            elif answer.status not in (200, 404):
                raise self._refusal(answer, "/v2/")
        return self._challenge

    def login(self, repository: str) -> Login:
        """Get what the registry wants to see for pulling from a repository. Raises: Unauthorized, Unavailable."""
        self._scope = f"repository:{repository}:pull"
        challenge = self._challenge
        if challenge is None:
            return Login("", "", "", "", "200 OK: no token needed", "")
        self._credentials = find_credentials(self.registry)
        user = self._credentials.user or "identity token" if self._credentials else ""
        if challenge.scheme == "basic":
            if self._credentials is None:
                raise Unauthorized(f"{self.registry} wants a user and a password", hint=self._login_hint)
            self._authorization = self._credentials.basic
            return Login("basic", challenge.realm, "", "", "credentials sent", user)
        status = self._fetch_token(challenge)
        return Login("bearer", challenge.realm, challenge.service, self._scope, status, user)

    def manifest(self, repository: str, reference: str) -> Document:
        """A manifest or an index, by tag or digest. Raises: ImageNotFound, Unauthorized, Unavailable, DataError."""
        path = f"/v2/{repository}/manifests/{reference}"
        answer = self._request("GET", path, headers={"Accept": ACCEPT}, is_authorized=True)
        with _drained(answer):
            if answer.status != 200:  # noqa: PLR2004
                raise self._refusal(answer, f"{repository}:{reference}")
            return Document(
                self._body(answer, MANIFEST_LIMIT_BYTES, f"the manifest of {repository}:{reference}"),
                answer.headers.get("Content-Type", ""),
                answer.headers.get("Docker-Content-Digest", ""),
                self.endpoint + path,
            )

    def blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """The bytes of a blob, as they come; exactly as many as the descriptor says.

        Raises: ImageNotFound, Unauthorized, Unavailable, DataError where there are too many or too few.
        """
        path = f"/v2/{repository}/blobs/{descriptor.digest}"
        done, failures, is_retried = 0, 0, False
        while done < descriptor.size or not (done or is_retried):
            is_retried = True
            before = done
            try:
                for chunk in self._blob_from(path, descriptor, done):
                    done += len(chunk)
                    if done > descriptor.size:
                        raise DataError(f"{descriptor.digest} is longer than its {descriptor.size} bytes")
                    yield chunk
                why = f"the body ended after {done} of {descriptor.size} bytes"
            except _Broken as error:
                why = str(error)
            if done < descriptor.size:
                # An attempt that got further starts the count anew: a long download survives many short breaks.
                failures = 1 if done > before else failures + 1
                if failures >= ATTEMPTS:
                    raise Unavailable(f"{self.registry} broke off {descriptor.digest}: {why}", hint="try again")
                self._pause(failures - 1, "")

    @property
    def aborted(self) -> threading.Event:
        """Set once abort() was called."""
        return self._sockets.is_aborted

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

    # Requests

    def _blob_from(self, path: str, descriptor: Descriptor, offset: int) -> Iterator[bytes]:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        answer = self._request("GET", path, headers=headers, is_authorized=True)
        try:
            if answer.status not in (200, 206):
                raise self._refusal(answer, descriptor.digest)
            # A registry that knows nothing of ranges starts anew: what is here already is read and passed over.
            skip = offset if answer.status == 200 else 0  # noqa: PLR2004
            if answer.status == 206 and not _starts_at(answer.headers.get("Content-Range", ""), offset):  # noqa: PLR2004
                raise DataError(f"{self.registry} sent another range of {descriptor.digest} than asked for")
            while chunk := self._read(answer):
                if skip:
                    skip, chunk = max(0, skip - len(chunk)), chunk[skip:]
                if chunk:
                    yield chunk
        finally:
            # A body that was not read to its end cannot be followed by another answer: the connection goes.
            answer.close()

    def _read(self, answer: Any) -> bytes:
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            return bytes(answer.read(CHUNK_BYTES, decode_content=False))
        except (HTTPError, OSError) as error:
            self._raise_if_aborted()
            raise _Broken(_words(error)) from error

    def _body(self, answer: Any, limit: int, what: str) -> bytes:
        chunks, size = [], 0
        try:
            while chunk := self._read(answer):
                size += len(chunk)
                if size > limit:
                    raise DataError(f"{what} is longer than {limit >> 20} MiB")
                chunks.append(chunk)
        except _Broken as error:
            raise Unavailable(f"{self.registry} broke off {what}: {error}", hint="try again") from error
        return b"".join(chunks)

    def _request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        is_authorized: bool = False,
        attempts: int = ATTEMPTS,
    ) -> Any:
        """An answer whose body is still to be read: retried on trouble, logged in again once, redirected."""
        has_logged_in_again = False
        failure = ""
        for attempt in range(attempts):
            sent = dict(headers or {})
            if is_authorized and self._authorization:
                sent["Authorization"] = self._authorization
            try:
                answer = self._follow(method, self.endpoint + path, sent)
            except _Broken as error:
                failure = str(error)
                if attempt + 1 < attempts:
                    self._pause(attempt, "")
                continue
            if answer.status in _RETRIED and attempt + 1 < attempts:
                after = answer.headers.get("Retry-After", "")
                answer.close()
                self._pause(attempt, after)
                continue
            if answer.status == 401 and is_authorized and not has_logged_in_again:  # noqa: PLR2004
                if self._renew(answer):
                    has_logged_in_again = True
                    answer = self._follow_again(method, path, headers)
            return answer
        raise Unavailable(f"{self.registry} cannot be reached: {failure}", hint="is the network up?")

    def _follow_again(self, method: str, path: str, headers: Mapping[str, str] | None) -> Any:
        try:
            return self._follow(method, self.endpoint + path, {**(headers or {}), "Authorization": self._authorization})
        except _Broken as error:
            raise Unavailable(f"{self.registry} cannot be reached: {error}") from error

    def _renew(self, answer: Any) -> bool:
        """After a 401 with a challenge for a token: get a fresh one."""
        challenge = parse_challenge(answer.headers.get("WWW-Authenticate", ""))
        if challenge is None or challenge.scheme != "bearer" or not self._scope:
            return False
        answer.close()
        self._fetch_token(challenge)
        return True

    def _follow(self, method: str, url: str, headers: dict[str, str]) -> Any:
        origin = urlsplit(url)
        for _ in range(REDIRECTS + 1):
            answer = self._send(method, url, headers)
            if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                return answer
            answer.close()
            target = urlsplit(urljoin(url, answer.headers["Location"]))
            if target.scheme not in ("http", "https") or (urlsplit(url).scheme == "https" and target.scheme == "http"):
                raise DataError(f"{self.registry} redirects to {target.scheme}://{target.netloc}, which is not secure")
            if target.netloc != origin.netloc:
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
            url = target.geturl()
        raise DataError(f"{self.registry} redirects in circles (more than {REDIRECTS} times)")

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: str | None = None) -> Any:
        from urllib3.exceptions import HTTPError, LocationParseError  # noqa: PLC0415

        self._raise_if_aborted()
        if self._pool is None:
            connect_s, read_s = self._timeouts
            self._pool = make_pool(
                self._sockets, self._warm, proxy=proxy_for(self._host), connect_timeout_s=connect_s,
                read_timeout_s=read_s,
            )  # fmt: skip
        try:
            return self._pool.request(
                method, url, headers={"User-Agent": "dockview", **headers}, body=body, preload_content=False,
                redirect=False,
            )  # fmt: skip
        except LocationParseError as error:
            raise DataError(f"{self.registry} names an address that is none") from error
        except (HTTPError, OSError) as error:
            self._raise_if_aborted()
            raise _Broken(_words(error)) from error

    def _fetch_token(self, challenge: Challenge) -> str:
        """Ask the realm for a token; the status line of its answer, which is all of it that may be shown."""
        realm = urlsplit(challenge.realm)
        if realm.scheme != "https" and not (realm.scheme == "http" and self._may_be_plain):
            raise DataError(f"{self.registry} wants its token fetched from {challenge.realm!r}, which is not secure")
        query = {"service": challenge.service, "scope": self._scope}
        headers, body, method, url = {}, None, "GET", challenge.realm
        if self._credentials is not None and self._credentials.identity_token:
            query |= {"grant_type": "refresh_token", "client_id": "dockview"}
            body = urlencode({**query, "refresh_token": self._credentials.identity_token})
            method, headers = "POST", {"Content-Type": "application/x-www-form-urlencoded"}
        else:
            url += ("&" if realm.query else "?") + urlencode(query)
            if self._credentials is not None:
                headers["Authorization"] = self._credentials.basic
        answer = self._ask_realm(method, url, headers, body)
        with _drained(answer):
            if answer.status != 200:  # noqa: PLR2004
                raise self._refusal(answer, self._scope)
            found = parse_object(self._body(answer, _TOKEN_LIMIT_BYTES, "the token"), "the answer with the token")
        token = found.get("token") or found.get("access_token")
        if not isinstance(token, str) or not token.isprintable():
            raise DataError(f"{challenge.realm} answered without a token")
        self._authorization = f"Bearer {token}"
        return f"{answer.status} {answer.reason or 'OK'}"

    def _ask_realm(self, method: str, url: str, headers: Mapping[str, str], body: str | None) -> Any:
        failure = ""
        for attempt in range(ATTEMPTS):
            try:
                answer = self._send(method, url, headers, body)
            except _Broken as error:
                failure = str(error)
            else:
                if answer.status not in _RETRIED:
                    return answer
                failure = f"status {answer.status}"
                answer.close()
            if attempt + 1 < ATTEMPTS:
                self._pause(attempt, "")
        raise Unavailable(f"{urlsplit(url).netloc} gives no token: {failure}", hint="try again")

    # Trouble

    def _pause(self, attempt: int, retry_after: str) -> None:
        seconds = float(retry_after) if retry_after.isdigit() else BACK_OFF_S * 2**attempt * random.uniform(0.8, 1.2)  # noqa: S311
        self._sockets.is_aborted.wait(min(seconds, 30.0))
        self._raise_if_aborted()

    def _raise_if_aborted(self) -> None:
        if self._sockets.is_aborted.is_set():
            raise Cancelled("cancelled")

    @property
    def _login_hint(self) -> str:
        return f"`docker login {self.registry}` stores credentials that dockview reads too"

    def _refusal(self, answer: Any, what: str) -> Exception:
        """The error for an answer that is not what was asked for."""
        said = _said(answer)
        status = answer.status
        if status == 404:  # noqa: PLR2004
            return ImageNotFound(f"{self.registry} has no {what}{said}", hint="check the name and the tag")
        if status in (401, 403):
            return Unauthorized(
                f"{self.registry} denies {what} ({status}{said}): it does not exist, or it is private",
                hint=self._login_hint,
            )
        hint = "wait a while: too many pulls" if status == 429 else "try again later"  # noqa: PLR2004
        return Unavailable(f"{self.registry} answers {status} for {what}{said}", hint=hint)


class _Broken(Exception):
    """A connection could not be made, or broke."""


def _said(answer: Any) -> str:
    """The first error in a registry's JSON body, cut and without control characters."""
    with contextlib.suppress(Exception):
        errors = parse_object(answer.read(1 << 14), "the answer").get("errors")
        text = str((errors or [{}])[0].get("message", ""))
        text = "".join(c for c in text if c.isprintable())[:200]
        return f": {text}" if text else ""
    return ""


@contextlib.contextmanager
def _drained(answer: Any) -> Iterator[None]:
    """Give the connection back when the answer has been read, close it when there is more than is worth reading."""
    try:
        yield
    finally:
        with contextlib.suppress(Exception):
            answer.read(1 << 14)
        answer.close() if not answer.closed and answer.length_remaining else answer.release_conn()


def _starts_at(content_range: str, offset: int) -> bool:
    return content_range.startswith(f"bytes {offset}-")


def _words(error: BaseException) -> str:
    """urllib3's nested errors, down to the one that says something."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return _words(reason)
    text = str(error)
    # urllib3 puts a representation of the connection in front of some messages.
    return (text.rpartition(">: ")[2] or text or type(error).__name__)[:200]
