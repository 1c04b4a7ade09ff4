"""The hub: what it serves is always the same, it speaks the protocol, and its programs keep their word."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from dockview.engine.hub import catalogue
from dockview.engine.hub.archive import pack, sha256
from dockview.engine.hub.server import HubServer

ROOTFS = os.path.join(os.path.dirname(catalogue.__file__), "rootfs")


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


def _get(url: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def _token(hub: HubServer, repository: str) -> dict[str, str]:
    _status, _headers, body = _get(f"{hub.endpoint}/token?scope=repository:{repository}:pull")
    return {"Authorization": f"Bearer {json.loads(body)['token']}"}


# The catalogue


def test_pack__does_not_depend_on_order_or_time() -> None:
    files = {"b": (0o644, b"2"), "a": (0o755, b"1")}
    assert pack({"x": 0o755}, files) == pack({"x": 0o755}, dict(reversed(files.items())))


@pytest.mark.parametrize("name", catalogue.names())
def test_image__holds_together(name: str) -> None:
    image = catalogue.image(name)
    [entry] = json.loads(image.index)["manifests"]
    assert entry["digest"] == image.manifest_digest == sha256(image.blobs[image.manifest_digest][1])
    manifest = json.loads(image.blobs[image.manifest_digest][1])
    config = json.loads(image.blobs[manifest["config"]["digest"]][1])
    assert len(manifest["layers"]) == len(config["rootfs"]["diff_ids"]) == len(config["history"]) == 2
    for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
        blob = image.blobs[layer["digest"]][1]
        assert (len(blob), sha256(blob)) == (layer["size"], layer["digest"])
        with tarfile.open(fileobj=io.BytesIO(blob), mode="r:gz") as tar:
            assert tar.getmembers()
            assert isinstance(tar.fileobj, io.BufferedIOBase)
            tar.fileobj.seek(0)
            assert sha256(tar.fileobj.read()) == diff_id
    assert config["config"]["Labels"][catalogue.BASE_LABEL] == "host"
    assert catalogue.made(image.config_digest)


def test_images_share_their_base() -> None:
    bases = {json.loads(catalogue.image(name).blobs[catalogue.image(name).manifest_digest][1])["layers"][0]["digest"]
             for name in catalogue.names()}  # fmt: skip
    assert len(bases) == 1


def test_made__nothing_else() -> None:
    assert not catalogue.made(sha256(b"something else"))


# The registry


def test_server__wants_a_token_for_the_repository(hub: HubServer) -> None:
    status, headers, _body = _get(f"{hub.endpoint}/v2/")
    assert status == 401
    assert headers["WWW-Authenticate"] == f'Bearer realm="{hub.endpoint}/token",service="hub.localhost"'
    web = f"{hub.endpoint}/v2/web/manifests/latest"
    assert _get(web)[0] == 401
    assert _get(web, {"Authorization": "Bearer made-up"})[0] == 401
    assert _get(web, _token(hub, "db"))[0] == 401
    status, headers, body = _get(web, _token(hub, "web"))
    assert status == 200
    assert headers["Docker-Content-Digest"] == sha256(body) == catalogue.image("web").index_digest


def test_server__ranges_and_head(hub: HubServer) -> None:
    image = catalogue.image("web")
    digest, (_kind, blob) = next(reversed(image.blobs.items()))
    path = f"/v2/web/blobs/{digest}"
    token = _token(hub, "web")
    status, headers, body = _get(hub.endpoint + path, {**token, "Range": "bytes=100-"})
    assert (status, body) == (206, blob[100:])
    assert headers["Content-Range"] == f"bytes 100-{len(blob) - 1}/{len(blob)}"
    connection = http.client.HTTPConnection(hub.endpoint.removeprefix("http://"))
    connection.request("HEAD", path, headers=token)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Length"], answer.read()) == (200, str(len(blob)), b"")
    connection.close()


@pytest.mark.parametrize(
    "path",
    ["/", "/v2/web", "/v2/web/tags/list", "/v2/nope/manifests/latest", "/v2/web/manifests/v9", "/v2/../etc/passwd",
     "/v2/web/blobs/sha256:" + "0" * 64, "/v2/web/blobs/../../x"],
)  # fmt: skip
def test_server__nothing_but_the_catalogue(hub: HubServer, path: str) -> None:
    repository = "nope" if "nope" in path else "web"
    assert _get(hub.endpoint + path, _token(hub, repository))[0] in (404, 401)


def test_server__listens_on_loopback_alone(hub: HubServer) -> None:
    assert hub.endpoint.startswith("http://127.0.0.1:")


# The programs


def _program(image: str, name: str) -> list[str]:
    return [sys.executable, "-I", "-S", f"{ROOTFS}/{image}/app/{name}.py"]


def _run(image: str, name: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    argv = [*_program(image, name), *words]
    return subprocess.run(argv, capture_output=True, text=True, env=env, timeout=60, check=False)


def _start(image: str, name: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        _program(image, name), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
    )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _line(process: subprocess.Popen[str], part: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if part in line:
            return line
    raise AssertionError(f"it never said {part!r}")


def _stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    return process.returncode


def test_hello_world() -> None:
    done = _run("hello-world", "hello")
    assert done.returncode == 0
    assert "Hello" in done.stdout
    assert len(done.stdout.splitlines()) > 5


def test_web() -> None:
    port = _free_port()
    process = _start("web", "web", WEB_PORT=str(port))
    try:
        _line(process, f"listening on port {port}")
        status, headers, body = _get(f"http://127.0.0.1:{port}/some/where")
        text = body.decode()
        assert status == 200
        assert headers["Content-Type"].startswith("text/plain")
        assert f"hostname   {socket.gethostname()}" in text
        assert f"address    127.0.0.1:{port}" in text.replace("::ffff:", "")
        assert f"pid        {process.pid}" in text
        assert os.readlink(f"/proc/{process.pid}/ns/net") in text
        assert '"GET /some/where HTTP/1.1" 200' in _line(process, "some/where")
    finally:
        assert _stop(process) == 0


def test_web__a_silent_client_and_a_rude_one_do_not_end_it() -> None:
    port = _free_port()
    process = _start("web", "web", WEB_PORT=str(port))
    try:
        _line(process, "listening")
        with socket.create_connection(("127.0.0.1", port)):
            pass
        with socket.create_connection(("127.0.0.1", port)) as rude:
            rude.sendall(b"\x1b[2J\xff nonsense\r\n\r\n")
            assert rude.recv(100).startswith(b"HTTP/1.1 405")
        assert "\x1b" not in _line(process, "nonsense")
        assert _get(f"http://127.0.0.1:{port}/health")[2] == b"ok\n"
    finally:
        assert _stop(process) == 0


def test_db__refuses_until_told_a_password() -> None:
    done = _run("db", "db")
    assert done.returncode == 1
    assert "DB_ROOT_PASSWORD" in done.stdout


def test_db(tmp_path: Any) -> None:
    port = _free_port()
    env = {"DB_PORT": str(port), "DB_FOLDER": str(tmp_path), "MYSQL_ROOT_PASSWORD": "secret"}

    def talk(*lines: str) -> list[str]:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            stream = client.makefile("rw")
            stream.readline()
            answers = []
            for line in lines:
                stream.write(line + "\n")
                stream.flush()
                answers.append(stream.readline().strip())
            stream.close()
            return answers

    for turn in range(2):
        process = _start("db", "db", **env)
        try:
            _line(process, "ready for connections")
            assert talk("GET a", "AUTH wrong")[0] == "ERROR AUTH first"
            if turn == 0:
                assert talk("AUTH secret", "SET a some value", "GET a") == ["OK", "OK", "some value"]
            else:
                assert talk("AUTH secret", "GET a", "KEYS", "DEL a", "GET a") == [
                    "OK",
                    "some value",
                    "a",
                    "OK",
                    "(nil)",
                ]
        finally:
            assert _stop(process) == 0


@pytest.mark.parametrize(("words", "env", "code"), [
    ((), {}, 1),
    (("7",), {}, 7),
    ((), {"FLAKY_CODE": "42"}, 42),
    ((), {"FLAKY_CODE": "3", "FLAKY_RATE": "0"}, 0),
    ((), {"FLAKY_SIGNAL": "SEGV"}, -signal.SIGSEGV),
    (("x",), {}, 1),
])  # fmt: skip
def test_flaky(words: tuple[str, ...], env: dict[str, str], code: int) -> None:
    assert _run("flaky", "flaky", *words, **env).returncode == code


def test_flaky__stops_at_once() -> None:
    process = _start("flaky", "flaky", FLAKY_AFTER_S="600")
    _line(process, "started")
    assert _stop(process) == 0


def test_chatty() -> None:
    done = _run("chatty", "chatty", CHATTY_LINES="1000")
    assert len(done.stdout.splitlines()) + len(done.stderr.splitlines()) == 1000


def test_chatty__stops_at_once() -> None:
    process = _start("chatty", "chatty")
    _line(process, "INFO")
    assert _stop(process) == 0


def test_burner() -> None:
    process = _start("burner", "burner", BURN_CPUS="0", BURN_MEMORY_MB="9")
    assert _line(process, "busy")
    assert _line(process, "9 MB held")
    assert _stop(process) == 0
