"""Every error of the SDK and its transport becomes one of ours, named for what to do next."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

import docker.errors
import pytest
import requests
import urllib3

from dockview.engine.daemon.engine import DockerEngine
from dockview.engine.daemon.errors import SDK_ERRORS, from_answer, map_docker_errors, translate
from dockview.engine.errors import (
    DockviewError,
    ImageInUse,
    ImageNotFound,
    InvalidReference,
    NameInUse,
    NotFound,
    OutOfSpace,
    PortInUse,
    StartFailed,
    Unauthorized,
    Unavailable,
)

_SDK = [kind for kind in vars(docker.errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]


def _answer(kind: type[docker.errors.APIError], status: int) -> docker.errors.APIError:
    response = requests.Response()
    response.status_code = status
    return kind("said", response, "the daemon's sentence")


@pytest.mark.parametrize("kind", [k for k in _SDK if k.__module__ == "docker.errors"])
def test_sdk_errors__none_is_unmapped(kind: type[Exception]) -> None:
    """A class that the SDK adds is either named in our table or an answer of the daemon."""
    if issubclass(kind, docker.errors.APIError):
        assert type(translate(_answer(kind, 404), "cannot")) is NotFound
    else:
        assert kind.__name__ in SDK_ERRORS
        error = kind.__new__(kind)
        error.msg = error.name = error.param = ""  # type: ignore[attr-defined]  # what their __str__ reads
        assert type(translate(error, "cannot")) is SDK_ERRORS[kind.__name__]


@pytest.mark.parametrize("error", [
    requests.ConnectionError("gone"), requests.Timeout("late"), urllib3.exceptions.ProtocolError("cut"),
    urllib3.exceptions.ReadTimeoutError(None, "", "late"), ConnectionResetError(104, "reset"),  # type: ignore[arg-type]
])  # fmt: skip
def test_transport_errors__are_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable), map_docker_errors("cannot"):
        raise error


def test_foreign_errors__pass() -> None:
    """A mistake of our own is not dressed up as trouble with a daemon."""
    with pytest.raises(KeyError), map_docker_errors("cannot"):
        raise KeyError("x")


@pytest.mark.parametrize(("sentence", "kind"), [
    ('Conflict. The container name "/a" is already in use by container "b".', NameInUse),
    (("driver failed programming external connectivity on endpoint a (0a): Bind for 0.0.0.0:1 failed: "
     "port is already allocated"), PortInUse),
    ("listen tcp4 0.0.0.0:80: bind: address already in use", PortInUse),
    ("write /var/lib/docker/tmp/x: no space left on device", OutOfSpace),
    ("invalid reference format: repository name must be lowercase", InvalidReference),
    ("manifest for 127.0.0.1:5000/a:1 not found: manifest unknown: manifest unknown", ImageNotFound),
    ("pull access denied for a, repository does not exist or may require 'docker login'", Unauthorized),
    ('Get "https://r.invalid/v2/": dial tcp: lookup r.invalid: no such host', Unavailable),
    ('conflict: unable to remove repository reference "a" (must force) - container b is using its referenced image c',
     ImageInUse),
])  # fmt: skip
def test_sentences_of_daemons(sentence: str, kind: type[DockviewError]) -> None:
    assert type(from_answer(sentence, "cannot")) is kind


@pytest.mark.parametrize(("sentence", "code"), [
    (('OCI runtime create failed: runc create failed: unable to start container process: exec: "no": executable file '
     "not found in $PATH: unknown"), 127),
    ('OCI runtime create failed: exec: "/no": stat /no: no such file or directory: unknown', 127),
    ('OCI runtime create failed: unable to start container process: exec: "/etc": permission denied: unknown', 126),
])  # fmt: skip
def test_start_failed__has_dockers_code(sentence: str, code: int) -> None:
    error = from_answer(sentence, "cannot start x", status=400)
    assert isinstance(error, StartFailed)
    assert error.exit_code == code


def test_absent_daemon__names_socket_errno_and_remedy(tmp_path: Path) -> None:
    """Nothing there: which socket, which errno, what to try; and no descriptor is left open."""
    before = len(os.listdir("/proc/self/fd"))
    with contextlib.closing(DockerEngine(f"unix://{tmp_path}/none.sock")) as engine:
        with pytest.raises(Unavailable) as caught:
            engine.containers()
        assert [f.state for f in engine.doctor()] == ["missing"]
    assert f"{tmp_path}/none.sock" in caught.value.message
    assert "ENOENT" in caught.value.message
    assert "systemctl start docker" in caught.value.hint
    assert len(os.listdir("/proc/self/fd")) == before


def test_deaf_socket__is_refused(tmp_path: Path) -> None:
    """A socket that a dead daemon left behind."""
    path = f"{tmp_path}/d.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    with contextlib.closing(DockerEngine(f"unix://{path}")) as engine, pytest.raises(Unavailable, match="ECONNREFUSED"):
        engine.info()
