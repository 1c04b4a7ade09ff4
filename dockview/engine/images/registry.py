"""A client of one registry: the pull half of the OCI distribution protocol.

What was fetched is verified against its digest by whoever asked for it; here it is made sure that no more bytes come
than were announced. A connection that breaks in the middle of a blob is taken up where it broke (Range).
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from dockview.engine.errors import DataError, DockviewError, ImageNotFound, Unauthorized, Unavailable
from dockview.engine.images.challenge import Challenge, parse_challenge
from dockview.engine.images.credentials import Credentials, find_credentials
from dockview.engine.images.descriptor import ACCEPT, MANIFEST_LIMIT_BYTES, Descriptor, parse_object
from dockview.engine.images.reference import DOCKER_HUB
from dockview.engine.images.session import ATTEMPTS, RETRIED, Broken, Session, UntrustedCertificate, finishing, said
from dockview.engine.images.transport import is_loopback

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
    """What the registry says its digest is; empty where it says nothing that can be verified."""
    url: str


class RegistryClient:
    """One registry, for the length of one pull; close it.

    Plain HTTP is spoken only with an `endpoint` that says so, on loopback, or where the user named the registry
    insecure (then TLS certificates are not verified either); and only if the registry does not speak TLS.
    """

    def __init__(self, registry: str, *, endpoint: str = "", is_insecure: bool = False) -> None:
        self.registry = registry
        self._host = "registry-1.docker.io" if registry == DOCKER_HUB else registry
        self._may_be_plain = is_insecure or is_loopback(registry)
        self._endpoint = endpoint
        self._credentials: Credentials | None = None
        self._authorization = ""
        self._challenge: Challenge | None = None
        self._scope = ""
        self._session = Session(registry, is_verified=not is_insecure)
        self._login_lock = threading.Lock()

    @property
    def endpoint(self) -> str:
        """The address that requests go to: scheme, host, port."""
        return self._endpoint or f"https://{self._host}"

    @property
    def aborted(self) -> threading.Event:
        """Set once abort() was called."""
        return self._session.aborted

    def connect(self, timeout_s: float) -> None:
        """Find out whether the registry takes connections. Raises: Unavailable, Cancelled."""
        try:
            self._session.connect(self.endpoint, timeout_s)
        except Unavailable:
            if self._endpoint or not self._may_be_plain:
                raise
            # Without a port in its name, plain HTTP is at another port than TLS.
            self._session.connect(f"http://{self._host}", timeout_s)
            self._endpoint = f"http://{self._host}"

    def ping(self) -> Challenge | None:
        """GET /v2/: does it speak the protocol, and what does it want to see first? None for nothing.

        Raises: Unavailable, DataError, Cancelled.
        """
        try:
            answer = self._request("/v2/", attempts=1 if self._may_be_plain and not self._endpoint else ATTEMPTS)
        except Unavailable as error:
            if self._endpoint or not self._may_be_plain or isinstance(error, UntrustedCertificate):
                raise
            self._endpoint = f"http://{self._host}"
            answer = self._request("/v2/")
        with finishing(answer):
            if answer.status == 401:
                self._challenge = parse_challenge(answer.headers.get("WWW-Authenticate", ""))
            elif answer.status not in (200, 404):
                raise self._refusal(answer, "/v2/")
        return self._challenge

    def login(self, repository: str) -> Login:
        """Get what the registry wants to see for pulling from a repository. Raises: Unauthorized, Unavailable."""
        self._scope = f"repository:{repository}:pull"
        self._credentials = find_credentials(self.registry)
        return self._log_in()

    def check(self, credentials: Credentials) -> Login:
        """Find out whether the registry accepts these credentials, which is what docker's `login` does.

        Raises: Unauthorized, Unavailable, DataError.
        """
        self._credentials = credentials
        self.ping()
        hint = "is it the right user, and the right password?"
        try:
            login = self._log_in()
        except Unauthorized as error:
            raise Unauthorized(f"login attempt to {self.endpoint}/v2/ failed: {error}", hint=hint) from error
        answer = self._request("/v2/", is_authorized=True)
        with finishing(answer):
            if answer.status in (401, 403):
                status = f"{answer.status} {answer.reason or ''}".rstrip()
                raise Unauthorized(f"login attempt to {self.endpoint}/v2/ failed with status: {status}", hint=hint)
            if answer.status != 200:
                raise self._refusal(answer, "the login")
        return login

    def _log_in(self) -> Login:
        """What the challenge asks for, with the credentials there are."""
        user = self._credentials.user or "identity token" if self._credentials else ""
        challenge = self._challenge
        if challenge is None:
            return Login("", "", "", "", "200 OK: no token needed", "")
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
        what = f"{repository}{'@' if ':' in reference else ':'}{reference}"
        answer = self._request(path, headers={"Accept": ACCEPT}, is_authorized=True)
        with finishing(answer):
            if answer.status != 200:
                raise self._refusal(answer, what)
            try:
                body = self._session.body(answer, MANIFEST_LIMIT_BYTES, f"the manifest of {what}")
            except Broken as error:
                raise Unavailable(f"{self.registry} broke off the manifest: {error}", hint="try again") from error
            claimed = answer.headers.get("Docker-Content-Digest", "")
            return Document(
                body,
                answer.headers.get("Content-Type", ""),
                claimed if claimed.startswith("sha256:") else "",
                self.endpoint + path,
            )

    def blob(self, repository: str, descriptor: Descriptor, start: int = 0) -> Generator[bytes]:
        """The bytes of a blob from `start` on, as they come; exactly as many as the descriptor says.

        Raises: ImageNotFound, Unauthorized, Unavailable, DataError where there are too many.
        """
        path = f"/v2/{repository}/blobs/{descriptor.digest}"
        done, failures = start, 0
        while not start or done < descriptor.size:
            before = done
            try:
                for chunk in self._blob_from(path, descriptor, done):
                    done += len(chunk)
                    if done > descriptor.size:
                        raise DataError(f"{descriptor.digest} is longer than its {descriptor.size} bytes")
                    yield chunk
                why = f"it ended after {done} of {descriptor.size} bytes"
            except Broken as error:
                why = str(error)
            if done == descriptor.size:
                return
            # An attempt that got further starts the count anew: a long download survives many short breaks.
            failures = 1 if done > before else failures + 1
            if failures >= ATTEMPTS:
                raise Unavailable(f"{self.registry} broke off {descriptor.digest}: {why}", hint="try again")
            self._session.pause(failures - 1)

    def abort(self) -> None:
        """Break every connection and refuse new ones; whoever is inside raises Cancelled."""
        self._session.abort()

    def close(self) -> None:
        """Let go of all connections."""
        self._session.close()

    def _blob_from(self, path: str, descriptor: Descriptor, offset: int) -> Iterator[bytes]:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        answer = self._request(path, headers=headers, is_authorized=True)
        with finishing(answer):
            if answer.status not in (200, 206):
                raise self._refusal(answer, descriptor.digest)
            content_range = answer.headers.get("Content-Range", "")
            if answer.status == 206 and not content_range.startswith(f"bytes {offset}-"):
                raise DataError(f"{self.registry} sent another range of {descriptor.digest} than asked for")
            # A registry that knows nothing of ranges starts anew: what is here already is read and passed over.
            skip = offset if answer.status == 200 else 0
            while chunk := self._session.read(answer):
                fresh = chunk[skip:]
                skip = max(0, skip - len(chunk))
                if fresh:
                    yield fresh

    def _request(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        is_authorized: bool = False,
        attempts: int = ATTEMPTS,
    ) -> Any:
        """An answer whose body is still to be read: retried on trouble, logged in again once, redirected."""
        has_logged_in_again = False
        failure, attempt = "", 0
        while attempt < attempts:
            used = self._authorization if is_authorized else ""
            try:
                answer = self._session.follow(
                    "GET", self.endpoint + path, {**(headers or {}), **({"Authorization": used} if used else {})}
                )
            except Broken as error:
                failure, after = str(error), ""
            else:
                if answer.status == 401 and is_authorized and not has_logged_in_again and self._renew(answer, used):
                    has_logged_in_again = True
                    continue
                if answer.status not in RETRIED or attempt + 1 == attempts:
                    return answer
                failure, after = f"status {answer.status}", answer.headers.get("Retry-After", "")
                answer.close()
            attempt += 1
            if attempt < attempts:
                self._session.pause(attempt - 1, after)
        raise Unavailable(f"{self.registry} cannot be reached: {failure}", hint="is the network up?")

    def _renew(self, answer: Any, used: str) -> bool:
        """After a 401 that asks for a token: get a fresh one, unless another thread has just done that."""
        challenge = parse_challenge(answer.headers.get("WWW-Authenticate", ""))
        if challenge is None or challenge.scheme != "bearer" or not self._scope:
            return False
        answer.close()
        with self._login_lock:
            if self._authorization == used:
                self._fetch_token(challenge)
        return True

    def _fetch_token(self, challenge: Challenge) -> str:
        """Ask the realm for a token; the status of its answer, which is all of it that may be shown."""
        realm = urlsplit(challenge.realm)
        if realm.scheme != "https" and not (realm.scheme == "http" and self._may_be_plain):
            raise DataError(f"{self.registry} wants its token fetched from {challenge.realm!r}, which is not secure")
        query = {"service": challenge.service, **({"scope": self._scope} if self._scope else {})}
        headers: dict[str, str] = {}
        body, method, url = None, "GET", challenge.realm
        if self._credentials is not None and self._credentials.identity_token:
            query |= {"grant_type": "refresh_token", "client_id": "dockview"}
            body = urlencode({**query, "refresh_token": self._credentials.identity_token})
            method, headers = "POST", {"Content-Type": "application/x-www-form-urlencoded"}
        else:
            url += ("&" if realm.query else "?") + urlencode(query)
            if self._credentials is not None:
                headers["Authorization"] = self._credentials.basic
        status, answer = self._ask_realm(method, url, headers, body)
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise DataError(f"{challenge.realm} answered without a token")
        self._authorization = f"Bearer {token}"
        return status

    def _ask_realm(
        self, method: str, url: str, headers: Mapping[str, str], body: str | None
    ) -> tuple[str, Mapping[str, Any]]:
        failure = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._session.pause(attempt - 1)
            try:
                answer = self._session.send(method, url, headers, body)
                with finishing(answer):
                    if answer.status == 200:
                        text = self._session.body(answer, _TOKEN_LIMIT_BYTES, "the token")
                        return f"200 {answer.reason or 'OK'}", parse_object(text, "the answer with the token")
                    if answer.status not in RETRIED:
                        raise self._refusal(answer, self._scope or "the login")
                failure = f"status {answer.status}"
            except Broken as error:
                failure = str(error)
        raise Unavailable(f"{urlsplit(url).netloc} gives no token: {failure}", hint="try again")

    @property
    def _login_hint(self) -> str:
        return f"`docker login {self.registry}` stores credentials that dockview reads too"

    def _refusal(self, answer: Any, what: str) -> DockviewError:
        """The error for an answer that is not what was asked for."""
        text = said(answer)
        words = f" ({text})" if text else ""
        status = answer.status
        if status == 404:
            return ImageNotFound(f"{self.registry} has no {what}{words}", hint="check the name and the tag")
        if status in (401, 403):
            return Unauthorized(
                f"{self.registry} denies {what}, status {status}{words}: it does not exist, or it is private",
                hint=self._login_hint,
            )
        hint = "wait a while: too many pulls" if status == 429 else "try again later"
        return Unavailable(f"{self.registry} answers {status} for {what}{words}", hint=hint)
