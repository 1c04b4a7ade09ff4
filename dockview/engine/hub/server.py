"""The pull half of a registry, on a loopback port of the kernel's choice, for as long as a pull from it takes.

It speaks the protocol that Docker Hub speaks, so the hub's images come in by the very client that fetches all others:
a 401 that names a realm, a token for a scope, index, manifest, config and layers, ranges included. Nothing can be
pushed, and nothing but the catalogue can be read.
"""

from __future__ import annotations

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from dockview.engine.hub import catalogue
from dockview.engine.images.descriptor import OCI_INDEX

_TOKEN_LIFE_S = 300


class HubServer:
    """Serves while its block runs."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(
            # The interval is how long shutdown() may have to wait.
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.02},
            daemon=True,
            name="hub",
        )

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.tokens: dict[str, str] = {}

    def server_bind(self) -> None:
        # The inherited method asks the resolver for this machine's full name, which may take seconds.
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "dockview-hub"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Answer."""
        parts = urlsplit(self.path)
        if parts.path == "/token":
            self._token(parse_qs(parts.query))
        elif parts.path in ("/v2", "/v2/"):
            self._check("")
        else:
            self._object(parts.path)

    do_HEAD = do_GET  # noqa: N815  http.server's name

    def _token(self, query: dict[str, list[str]]) -> None:
        scope = query.get("scope", [""])[0]
        token = secrets.token_urlsafe(24)
        self.server.tokens[token] = scope
        body = json.dumps({"token": token, "expires_in": _TOKEN_LIFE_S}).encode()
        self._send(200, "application/json", body)

    def _check(self, repository: str) -> bool:
        """Whether the token that was sent is for this repository; if not, say where to get one."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        scope = self.server.tokens.get(token) if scheme == "Bearer" else None
        if scope is not None and repository and scope == f"repository:{repository}:pull":
            return True
        host = self.headers.get("Host", "127.0.0.1")
        challenge = f'Bearer realm="http://{host}/token",service="{catalogue.HUB}"'
        if repository:
            challenge += f',scope="repository:{repository}:pull"'
        self._error(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": challenge})
        return False

    def _object(self, path: str) -> None:
        repository, kind, reference = _split(path)
        if not kind or not self._check(repository):
            if not kind:
                self._error(404, "UNSUPPORTED", "no such endpoint")
            return
        if repository not in catalogue.RECIPES:
            self._error(404, "NAME_UNKNOWN", f"the hub has no {repository}; it has {', '.join(catalogue.names())}")
            return
        image = catalogue.image(repository)
        if kind == "manifests" and reference in (catalogue.TAG, image.index_digest):
            self._send(200, OCI_INDEX, image.index, digest=image.index_digest)
        elif kind == "manifests" and reference == image.manifest_digest:
            self._send(200, *image.blobs[reference], digest=reference)
        elif kind == "blobs" and reference in image.blobs:
            self._send(200, "application/octet-stream", image.blobs[reference][1], digest=reference)
        else:
            self._error(404, "MANIFEST_UNKNOWN", f"{repository} has no {reference}")

    def _send(self, status: int, media_type: str, body: bytes, *, digest: str = "", **headers: str) -> None:
        start = _range_start(self.headers.get("Range", ""))
        if digest and 0 < start < len(body):
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            status, body = 206, body[start:]
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _error(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self._send(status, "application/json", body, **(headers or {}))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
        """Requests are seen in the trace of the pull, not on the terminal."""


def _split(path: str) -> tuple[str, str, str]:
    """/v2/<repository>/<kind>/<reference>, taken apart; the kind is empty where it is neither manifests nor blobs."""
    rest, _, reference = path.removeprefix("/v2/").rpartition("/")
    repository, _, kind = rest.rpartition("/")
    return (repository, kind, reference) if kind in ("manifests", "blobs") else ("", "", "")


def _range_start(header: str) -> int:
    """The first byte of `bytes=N-`, 0 where there is none."""
    first = header.removeprefix("bytes=").partition("-")[0]
    return int(first) if header.startswith("bytes=") and first.isdigit() else 0
