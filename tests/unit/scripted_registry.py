"""A registry on loopback that does what a test tells it: answers by path, in order, honest or not."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socketserver
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Answer:
    """What goes over the wire; `length` may lie, and `write` may take over the connection."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    write: Callable[[Any], None] | None = None


Script = Callable[["Request"], Answer]


@dataclass
class Request:
    """What was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


class ScriptedRegistry:
    """Answers by the longest matching beginning of the path; a list of answers is used up, its last one stays."""

    def __init__(self) -> None:
        self.scripts: dict[str, list[Answer | Script]] = {"/v2/": [Answer(200, b"{}")]}
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length", "0"))
                request = Request(self.command, self.path, dict(self.headers.items()), self.rfile.read(size))
                registry.answer(self, request)

            do_POST = do_HEAD = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None: ...

        class Server(ThreadingHTTPServer):
            block_on_close = False

            def handle_error(self, *_: object) -> None: ...

            def server_bind(self) -> None:
                socketserver.TCPServer.server_bind(self)
                self.server_name, self.server_port = "localhost", self.server_address[1]

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def on(self, path: str, *answers: Answer | Script) -> None:
        """Tell it what to say."""
        self.scripts[path] = list(answers)

    def paths(self, prefix: str) -> list[Request]:
        """What was asked below a path."""
        return [request for request in self.requests if request.path.startswith(prefix)]

    def answer(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        with self._lock:
            self.requests.append(request)
            matches = [path for path in self.scripts if request.path.startswith(path)]
            answers = self.scripts[max(matches, key=len)] if matches else [Answer(404)]
            script = answers[0] if len(answers) == 1 else answers.pop(0)
        answer = script if isinstance(script, Answer) else script(request)
        handler.send_response(answer.status)
        length = len(answer.body) if answer.length is None else answer.length
        if length >= 0:
            handler.send_header("Content-Length", str(length))
        else:
            handler.close_connection = True
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        with contextlib.suppress(OSError):
            handler.wfile.write(answer.body)
            handler.wfile.flush()
            if answer.write is not None:
                answer.write(handler.wfile)
        if length > len(answer.body):
            handler.close_connection = True

    def image(
        self,
        name: str,
        layers: Sequence[bytes],
        *,
        diff_ids: Sequence[str],
        media_type: str = "application/vnd.oci.image.layer.v1.tar+gzip",
        config: Mapping[str, Any] | None = None,
    ) -> str:
        """Serve an image by the tag latest; the digest of its manifest."""
        body = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
                **(config or {}),
            }
        ).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **_pointer(body)},
                "layers": [{"mediaType": media_type, **_pointer(layer)} for layer in layers],
            }
        ).encode()
        for blob in (body, *layers):
            self.on(f"/v2/{name}/blobs/{sha256(blob)}", Answer(200, blob))
        answer = Answer(200, manifest, {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": sha256(manifest)})
        self.on(f"/v2/{name}/manifests/", answer)
        return sha256(manifest)


def _pointer(body: bytes) -> dict[str, Any]:
    return {"digest": sha256(body), "size": len(body)}
