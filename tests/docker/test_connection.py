"""Which daemon is taken: the docker CLI's own order of precedence."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from dockview.engine.daemon.connection import find_endpoint, known_endpoints
from dockview.engine.errors import InvalidRequest, NotFound, NotSupported


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


def _context(config: Path, name: str, endpoint: dict[str, Any]) -> str:
    folder = hashlib.sha256(name.encode()).hexdigest()
    (config / "contexts/meta" / folder).mkdir(parents=True)
    meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}
    (config / "contexts/meta" / folder / "meta.json").write_text(json.dumps(meta))
    return folder


def test_default_socket() -> None:
    assert (find_endpoint().host, find_endpoint().name) == ("unix:///var/run/docker.sock", "default")


def test_precedence(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """host > context > DOCKER_HOST > DOCKER_CONTEXT > currentContext."""
    for name in ("current", "named", "asked"):
        _context(config, name, {"Host": f"unix:///{name}.sock"})
    (config / "config.json").write_text('{"currentContext": "current"}')
    assert find_endpoint().host == "unix:///current.sock"
    monkeypatch.setenv("DOCKER_CONTEXT", "named")
    assert find_endpoint().host == "unix:///named.sock"
    monkeypatch.setenv("DOCKER_HOST", "unix:///env.sock")
    assert (find_endpoint().host, find_endpoint().origin) == ("unix:///env.sock", "DOCKER_HOST")
    assert find_endpoint(context="asked").host == "unix:///asked.sock"
    assert find_endpoint("tcp://h:1", "asked").host == "tcp://h:1"


def test_context_with_certificates(config: Path) -> None:
    folder = _context(config, "far", {"Host": "tcp://far:2376", "SkipTLSVerify": True})
    tls = config / "contexts/tls" / folder / "docker"
    tls.mkdir(parents=True)
    for name in ("ca", "cert", "key"):
        (tls / f"{name}.pem").write_text("x")
    far = find_endpoint(context="far")
    assert (far.ca_cert, far.client_cert, far.client_key) == tuple(f"{tls}/{n}.pem" for n in ("ca", "cert", "key"))
    assert (far.has_tls, far.is_verified, far.socket_path) == (True, False, "")
    assert [e.name for e in known_endpoints()] == ["default", "far"]


@pytest.mark.parametrize(("host", "kind"), [
    ("ssh://me@there", NotSupported), ("gopher://x", InvalidRequest), ("unix://", InvalidRequest),
])  # fmt: skip
def test_unusable_hosts(host: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        find_endpoint(host)


def test_unknown_context() -> None:
    with pytest.raises(NotFound, match='"nobody"'):
        find_endpoint(context="nobody")
