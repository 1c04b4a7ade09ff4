"""The registry client, against registries that break, lie, and go round in circles."""

from __future__ import annotations

import base64
import gzip
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from dockview.engine.errors import (
    Cancelled,
    DataError,
    DockviewError,
    ImageNotFound,
    Unauthorized,
    Unavailable,
)
from dockview.engine.images import session
from dockview.engine.images.challenge import Challenge, parse_challenge
from dockview.engine.images.compression import Detect
from dockview.engine.images.credentials import find_credentials
from dockview.engine.images.descriptor import MANIFEST_LIMIT_BYTES, Descriptor
from dockview.engine.images.registry import RegistryClient
from dockview.engine.images.transport import Sockets, host_and_port, is_loopback, proxy_for
from tests.unit.scripted_registry import Answer, Request, ScriptedRegistry, sha256

BLOB = bytes(range(256)) * 4096
POINTER = Descriptor("x", sha256(BLOB), len(BLOB))
BLOB_PATH = f"/v2/web/blobs/{POINTER.digest}"
MANIFEST_PATH = "/v2/web/manifests/latest"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(session, "BACK_OFF_S", 0.0)
    monkeypatch.setattr(session, "LONGEST_PAUSE_S", 0.0)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


@pytest.fixture
def registry() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry() as server:
        yield server


@pytest.fixture
def client(registry: ScriptedRegistry) -> Iterator[RegistryClient]:
    opened = RegistryClient(registry.host, endpoint=registry.url)
    yield opened
    opened.close()


def _fetch(client: RegistryClient) -> bytes:
    return b"".join(client.blob("web", POINTER))


# Blobs


def test_blob(registry: ScriptedRegistry, client: RegistryClient) -> None:
    registry.on(BLOB_PATH, Answer(200, BLOB))
    assert _fetch(client) == BLOB


def _ranged(request: Request) -> Answer:
    start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    return Answer(206, BLOB[start:], {"Content-Range": f"bytes {start}-{len(BLOB) - 1}/{len(BLOB)}"})


def test_blob__is_taken_up_where_it_broke(registry: ScriptedRegistry, client: RegistryClient) -> None:
    registry.on(BLOB_PATH, Answer(200, BLOB[:300_000], length=len(BLOB)), _ranged)
    assert _fetch(client) == BLOB
    first, second = registry.paths(BLOB_PATH)
    assert "Range" not in first.headers
    assert 0 < int(second.headers["Range"].removeprefix("bytes=").removesuffix("-")) <= 300_000


def test_blob__a_registry_without_ranges_starts_anew(registry: ScriptedRegistry, client: RegistryClient) -> None:
    registry.on(BLOB_PATH, Answer(200, BLOB[:300_000], length=len(BLOB)), Answer(200, BLOB))
    assert _fetch(client) == BLOB


def test_blob__survives_more_breaks_than_attempts_if_each_gets_further(
    registry: ScriptedRegistry, client: RegistryClient
) -> None:
    def piece(request: Request) -> Answer:
        start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        end = min(start + 100_000, len(BLOB))
        rest = len(BLOB) - start
        headers = {"Content-Range": f"bytes {start}-{len(BLOB) - 1}/{len(BLOB)}"} if start else {}
        return Answer(206 if start else 200, BLOB[start:end], headers, length=rest)

    registry.on(BLOB_PATH, piece)
    assert _fetch(client) == BLOB
    assert len(registry.paths(BLOB_PATH)) > session.ATTEMPTS


def test_blob__that_never_gets_further_is_given_up(registry: ScriptedRegistry, client: RegistryClient) -> None:
    registry.on(BLOB_PATH, Answer(200, BLOB[:10], length=len(BLOB)), Answer(503))
    with pytest.raises(Unavailable):
        _fetch(client)


def test_blob__that_ends_early_without_a_break(registry: ScriptedRegistry, client: RegistryClient) -> None:
    registry.on(BLOB_PATH, Answer(200, BLOB[:10]))
    with pytest.raises(Unavailable, match="ended after 10 of"):
        _fetch(client)


def test_blob__longer_than_announced(registry: ScriptedRegistry, client: RegistryClient) -> None:
    registry.on(BLOB_PATH, Answer(200, BLOB + b"x"))
    with pytest.raises(DataError, match="longer"):
        _fetch(client)


def test_blob__endless(registry: ScriptedRegistry, client: RegistryClient) -> None:
    def flood(stream: Any) -> None:
        while True:
            stream.write(BLOB)

    registry.on(BLOB_PATH, Answer(200, b"", length=-1, write=flood))
    with pytest.raises(DataError, match="longer"):
        _fetch(client)


def test_blob__another_range_than_asked_for(registry: ScriptedRegistry, client: RegistryClient) -> None:
    wrong = Answer(206, BLOB, {"Content-Range": f"bytes 0-{len(BLOB) - 1}/{len(BLOB)}"})
    registry.on(BLOB_PATH, Answer(200, BLOB[:300_000], length=len(BLOB)), wrong)
    with pytest.raises(DataError, match="another range"):
        _fetch(client)


def test_blob__gone(registry: ScriptedRegistry, client: RegistryClient) -> None:
    registry.on(BLOB_PATH, Answer(404))
    with pytest.raises(ImageNotFound):
        _fetch(client)


# Retries


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_retry(registry: ScriptedRegistry, client: RegistryClient, status: int) -> None:
    registry.on(MANIFEST_PATH, Answer(status, headers={"Retry-After": "7"}), Answer(status), Answer(200, b"{}"))
    assert client.manifest("web", "latest").body == b"{}"
    assert len(registry.paths(MANIFEST_PATH)) == 3


def test_retry__has_an_end(registry: ScriptedRegistry, client: RegistryClient) -> None:
    registry.on(MANIFEST_PATH, Answer(503, b'{"errors": [{"message": "tired\\u001b[31m"}]}'))
    with pytest.raises(Unavailable, match=r"503 .*tired\[31m"):
        client.manifest("web", "latest")
    assert len(registry.paths(MANIFEST_PATH)) == session.ATTEMPTS


def test_retry__not_where_it_is_no_use(registry: ScriptedRegistry, client: RegistryClient) -> None:
    registry.on(MANIFEST_PATH, Answer(404))
    with pytest.raises(ImageNotFound):
        client.manifest("web", "latest")
    assert len(registry.paths(MANIFEST_PATH)) == 1


def test_unreachable() -> None:
    client = RegistryClient("127.0.0.1:1", endpoint="http://127.0.0.1:1")
    with pytest.raises(Unavailable, match="refused"):
        client.connect(5)
    with pytest.raises(Unavailable, match="refused"):
        client.ping()
    client.close()


# Redirects


def test_redirect__in_circles(registry: ScriptedRegistry, client: RegistryClient) -> None:
    registry.on(BLOB_PATH, Answer(307, headers={"Location": BLOB_PATH}))
    with pytest.raises(DataError, match="circles"):
        _fetch(client)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.com/x", "http://[", "//"])
def test_redirect__to_nonsense(registry: ScriptedRegistry, client: RegistryClient, target: str) -> None:
    registry.on(BLOB_PATH, Answer(307, headers={"Location": target}))
    with pytest.raises(DataError):
        _fetch(client)


def test_redirect__takes_no_credentials_along(registry: ScriptedRegistry, client: RegistryClient) -> None:
    with ScriptedRegistry() as other:
        other.on("/cdn", Answer(200, BLOB))
        registry.on("/token", Answer(200, b'{"token": "secret"}'))
        registry.on("/v2/", Answer(401, headers={"WWW-Authenticate": f'Bearer realm="{registry.url}/token"'}))
        registry.on(BLOB_PATH, Answer(302, headers={"Location": f"{other.url}/cdn"}))
        client.ping()
        client.login("web")
        assert _fetch(client) == BLOB
        assert registry.paths(BLOB_PATH)[0].headers["Authorization"] == "Bearer secret"
        assert "Authorization" not in other.requests[0].headers


# Tokens


def _wants_token(registry: ScriptedRegistry, **extra: str) -> None:
    parameters = "".join(f',{name}="{value}"' for name, value in extra.items())
    challenge = {"WWW-Authenticate": f'Bearer realm="{registry.url}/token"{parameters}'}

    def guarded(request: Request) -> Answer:
        if request.headers.get("Authorization") != "Bearer good":
            return Answer(401, headers=challenge)
        return Answer(200, b"{}")

    registry.on("/v2/", Answer(401, headers=challenge))
    registry.on(MANIFEST_PATH, guarded)


def test_login(registry: ScriptedRegistry, client: RegistryClient) -> None:
    _wants_token(registry, service="the registry")
    registry.on("/token", Answer(200, b'{"access_token": "good"}'))
    client.ping()
    login = client.login("web")
    assert (login.scheme, login.service, login.scope, login.status, login.user) == (
        "bearer", "the registry", "repository:web:pull", "200 OK", "",
    )  # fmt: skip
    assert "good" not in repr(login)
    assert client.manifest("web", "latest").body == b"{}"
    assert registry.paths("/token")[0].path == "/token?service=the+registry&scope=repository%3Aweb%3Apull"


def test_login__a_stale_token_is_renewed_once(registry: ScriptedRegistry, client: RegistryClient) -> None:
    _wants_token(registry)
    registry.on("/token", Answer(200, b'{"token": "stale"}'), Answer(200, b'{"token": "good"}'))
    client.ping()
    client.login("web")
    assert client.manifest("web", "latest").body == b"{}"


def test_login__a_registry_that_is_never_content(registry: ScriptedRegistry, client: RegistryClient) -> None:
    _wants_token(registry)
    registry.on("/token", Answer(200, b'{"token": "bad"}'))
    client.ping()
    client.login("web")
    with pytest.raises(Unauthorized):
        client.manifest("web", "latest")
    assert len(registry.paths(MANIFEST_PATH)) == 2


def test_login__only_the_manifest_wants_a_token(registry: ScriptedRegistry, client: RegistryClient) -> None:
    _wants_token(registry)
    registry.on("/v2/", Answer(200, b"{}"))
    registry.on("/token", Answer(200, b'{"token": "good"}'))
    client.ping()
    assert client.login("web").scheme == ""
    assert client.manifest("web", "latest").body == b"{}"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(401), Unauthorized),
        (Answer(403), Unauthorized),
        (Answer(500), Unavailable),
        (Answer(200, b"<html>"), DataError),
        (Answer(200, b"{}"), DataError),
        (Answer(200, b'{"token": 7}'), DataError),
        (Answer(200, b'{"token": "a\\r\\nX-Injected: 1"}'), DataError),
        (Answer(200, b'{"token": "' + b"x" * (2 << 20) + b'"}'), DataError),
    ],
)
def test_login__realms_that_do_not_do_their_work(
    registry: ScriptedRegistry, client: RegistryClient, answer: Answer, error: type[DockviewError]
) -> None:
    _wants_token(registry)
    registry.on("/token", answer)
    client.ping()
    with pytest.raises(error):
        client.login("web")


def test_login__a_realm_without_tls_is_refused_beyond_loopback(registry: ScriptedRegistry) -> None:
    client = RegistryClient("registry.example", endpoint=registry.url)
    _wants_token(registry)
    client.ping()
    with pytest.raises(DataError, match="not secure"):
        client.login("web")
    client.close()


def _write_config(folder: Path, config: dict[str, Any]) -> None:
    (folder / "config.json").write_text(json.dumps(config))


def test_login__basic(registry: ScriptedRegistry, client: RegistryClient, tmp_path: Path) -> None:
    registry.on("/v2/", Answer(401, headers={"WWW-Authenticate": 'Basic realm="here"'}))
    registry.on(MANIFEST_PATH, Answer(200, b"{}"))
    client.ping()
    with pytest.raises(Unauthorized) as caught:
        client.login("web")
    assert "docker login" in caught.value.hint
    secret = base64.b64encode(b"me:pass:word").decode()
    _write_config(tmp_path, {"auths": {registry.host: {"auth": secret}}})
    assert client.login("web").user == "me"
    client.manifest("web", "latest")
    assert registry.paths(MANIFEST_PATH)[0].headers["Authorization"] == f"Basic {secret}"


def test_login__identity_token(registry: ScriptedRegistry, client: RegistryClient, tmp_path: Path) -> None:
    _write_config(tmp_path, {"auths": {registry.host: {"identitytoken": "long lived"}}})
    _wants_token(registry)
    registry.on("/token", Answer(200, b'{"access_token": "good"}'))
    client.ping()
    assert client.login("web").user == "identity token"
    [request] = registry.paths("/token")
    assert request.method == "POST"
    assert b"grant_type=refresh_token" in request.body
    assert b"refresh_token=long+lived" in request.body


def test_credentials__helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = tmp_path / "docker-credential-test"
    helper.write_text('#!/bin/sh\nread host\nprintf \'{"Username": "u", "Secret": "%s"}\' "$host"\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    _write_config(tmp_path, {"credHelpers": {"example.com": "test"}})
    found = find_credentials("example.com")
    assert found is not None
    assert (found.user, found.password) == ("u", "example.com")
    assert "example.com" not in repr(found)
    assert find_credentials("other.example") is None


@pytest.mark.parametrize("content", ["", "[]", '{"auths": {"a": {"auth": "%"}}}', '{"auths": {"a": 7}}'])
def test_credentials__a_file_that_cannot_be_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    assert find_credentials("a") is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            'Bearer realm="https://a/token",service="s",scope="repository:x:pull,push"',
            ("bearer", "https://a/token", "s"),
        ),
        ('bearer realm="https://a, b",service=s', ("bearer", "https://a, b", "s")),
        ('Basic realm="r"', ("basic", "r", "")),
        ('Negotiate, Bearer realm="x"', ("bearer", "x", "")),
        ('Basic realm="r", Bearer realm="x"', ("basic", "r", "")),
    ],
)
def test_challenge(header: str, expected: tuple[str, str, str]) -> None:
    assert Challenge(*expected) == parse_challenge(header)


@pytest.mark.parametrize("header", ["", "Negotiate", "Digest realm=x"])
def test_challenge__none(header: str) -> None:
    assert parse_challenge(header) is None


# Documents


def test_manifest__too_long(registry: ScriptedRegistry, client: RegistryClient) -> None:
    registry.on(MANIFEST_PATH, Answer(200, b" " * (MANIFEST_LIMIT_BYTES + 1)))
    with pytest.raises(DataError, match="longer"):
        client.manifest("web", "latest")


def test_ping__not_a_registry(registry: ScriptedRegistry, client: RegistryClient) -> None:
    registry.on("/v2/", Answer(418))
    with pytest.raises(Unavailable, match="418"):
        client.ping()


def test_plain_http__is_found_out_on_loopback(registry: ScriptedRegistry) -> None:
    client = RegistryClient(registry.host)
    client.connect(5)
    client.ping()
    assert client.endpoint == registry.url
    client.close()


def test_plain_http__is_not_spoken_to_strangers(registry: ScriptedRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockview.engine.images.registry.is_loopback", lambda _host: False)
    client = RegistryClient(registry.host)
    with pytest.raises(Unavailable):
        client.ping()
    assert registry.requests == []
    client.close()


# Cancelling


def test_abort__unblocks_a_read(registry: ScriptedRegistry, client: RegistryClient) -> None:
    halfway, over = threading.Event(), threading.Event()

    def stall(_stream: Any) -> None:
        over.wait(60)

    registry.on(BLOB_PATH, Answer(200, BLOB[:1000], length=len(BLOB), write=stall))
    caught: list[BaseException] = []

    def read() -> None:
        try:
            for _chunk in client.blob("web", POINTER):
                halfway.set()
        except Cancelled as error:
            caught.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    assert halfway.wait(30)
    client.abort()
    thread.join(30)
    over.set()
    assert not thread.is_alive()
    assert len(caught) == 1
    with pytest.raises(Cancelled):
        client.ping()


def test_abort__unblocks_a_pause(
    registry: ScriptedRegistry, client: RegistryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "BACK_OFF_S", 1000.0)
    monkeypatch.setattr(session, "LONGEST_PAUSE_S", 1000.0)
    asked = threading.Event()

    def busy(_request: Request) -> Answer:
        asked.set()
        return Answer(503)

    registry.on(MANIFEST_PATH, busy)
    outcome: list[BaseException] = []

    def ask() -> None:
        try:
            client.manifest("web", "latest")
        except Cancelled as error:
            outcome.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert asked.wait(30)
    client.abort()
    thread.join(30)
    assert not thread.is_alive()
    assert len(outcome) == 1


def test_sockets__refuse_after_abort() -> None:
    sockets = Sockets()
    sockets.abort()
    with pytest.raises(Unavailable):
        sockets.connect("127.0.0.1", 1, 5)
    sockets.close()


# Addresses


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True), ("localhost:5000", True), ("127.0.0.1:5000", True), ("127.8.8.8", True),
        ("[::1]:5000", True), ("hub.localhost", True), ("example.com", False), ("localhost.example.com", False),
        ("10.0.0.1", False),
        ("128.0.0.1", False), ("127.evil.example", False),
    ],
)  # fmt: skip
def test_is_loopback(host: str, expected: bool) -> None:
    assert expected is is_loopback(host)


def test_host_and_port() -> None:
    assert host_and_port("a:5", 1) == ("a", 5)
    assert host_and_port("[::1]:5", 1) == ("::1", 5)
    assert host_and_port("[::1]", 1) == ("::1", 1)


def test_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "internal.example, other.example")
    assert proxy_for("registry-1.docker.io") == "http://proxy:3128"
    assert proxy_for("a.internal.example:5000") == ""
    assert proxy_for("localhost:5000") == ""


# Compression


def _inflate(data: bytes, step: int) -> bytes:
    detect = Detect()
    out = b"".join(
        bytes(piece) for start in range(0, len(data), step) for piece in detect.feed(data[start : start + step])
    )
    detect.finish()
    return out


@pytest.mark.parametrize("step", [1, 7, 4096, 1 << 20])
def test_inflate(step: int) -> None:
    text = BLOB[: 20_000 if step < 10 else None]
    half = len(text) // 2
    assert _inflate(text, step) == text
    assert _inflate(gzip.compress(text), step) == text
    assert _inflate(gzip.compress(text[:half]) + gzip.compress(text[half:]) + bytes(100), step) == text
    frame = zstandard.ZstdCompressor().compress
    skippable = b"\x50\x2a\x4d\x18\x05\0\0\0hello"
    assert _inflate(frame(text[:half]) + skippable + frame(text[half:]) + skippable, step) == text
    assert _inflate(skippable + frame(text), step) == text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        gzip.compress(BLOB)[:-9],
        gzip.compress(BLOB)[:100] + b"\0" * 100,
        gzip.compress(BLOB) + b"garbage",
        zstandard.ZstdCompressor().compress(BLOB)[:-1],
        zstandard.ZstdCompressor().compress(BLOB)[:20] + b"\xff" * 50,
        zstandard.ZstdCompressor().compress(BLOB) + b"garbage",
    ],
)
def test_inflate__damaged(data: bytes) -> None:
    with pytest.raises(DataError):
        _inflate(data, 4096)


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor(level=19).compress])
def test_inflate__bombs_come_in_bearable_pieces(compress: Any) -> None:
    bomb = compress(bytes(200 << 20))
    detect = Detect()
    largest = total = 0
    for start in range(0, len(bomb), 1 << 18):
        for piece in detect.feed(bomb[start : start + (1 << 18)]):
            largest, total = max(largest, len(piece)), total + len(piece)
    detect.finish()
    assert total == 200 << 20
    assert largest <= 16 << 20
