"""Where a daemon is: DOCKER_HOST, docker contexts, sockets. Looks only at the environment and at files.

The order of precedence is the docker CLI's: a host named by the caller, a context named by the caller, DOCKER_HOST,
DOCKER_CONTEXT, `currentContext` of config.json, and at last the default socket. A context lies in
`~/.docker/contexts/meta/<sha256 of its name>/meta.json`, its certificates beside it in `tls/`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dockview.engine.errors import DataError, InvalidRequest, NotFound, NotSupported

DEFAULT_SOCKET = "/var/run/docker.sock"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address of a daemon, and how it was found."""

    host: str
    """`unix:///path` or `tcp://name:port`."""
    name: str
    """The context's name, or `docker` where there is none."""
    origin: str
    """Who named it: `DOCKER_HOST`, `context desktop`, `default`."""
    ca_cert: str = ""
    client_cert: str = ""
    client_key: str = ""
    is_verified: bool = True
    """Whether the daemon's certificate is checked."""

    @property
    def socket_path(self) -> str:
        """The path of the unix socket, empty for a daemon reached over the network."""
        return self.host.removeprefix("unix://") if self.host.startswith("unix://") else ""

    @property
    def has_tls(self) -> bool:
        """Whether the daemon is spoken to over TLS."""
        return bool(self.ca_cert or self.client_cert) or self.host.startswith("https://")


def find_endpoint(host: str | None = None, context: str | None = None) -> Endpoint:
    """The endpoint that the docker CLI would take.

    Raises: NotFound for a context that does not exist; InvalidRequest, NotSupported for an address that cannot be used.
    """
    if host:
        return _from_host(host, "docker", "--host")
    if not context and (named := os.environ.get("DOCKER_HOST")):
        return _from_host(named, "docker", "DOCKER_HOST")
    name = context or os.environ.get("DOCKER_CONTEXT") or str(_config().get("currentContext") or "default")
    if name != "default":
        return _from_context(name)
    named = os.environ.get("DOCKER_HOST", "")
    return _from_host(named or f"unix://{DEFAULT_SOCKET}", "default", "DOCKER_HOST" if named else "default")


def known_endpoints() -> Sequence[Endpoint]:
    """Every endpoint of this user: contexts, and the usual sockets that exist; broken contexts are left out."""
    found = [find_endpoint(context="default")]
    meta = f"{config_folder()}/contexts/meta"
    for folder in sorted(os.listdir(meta)) if os.path.isdir(meta) else ():
        try:
            name = _read_json(f"{meta}/{folder}/meta.json").get("Name")
            found += [_from_context(name)] if isinstance(name, str) else []
        except (DataError, NotFound, InvalidRequest, NotSupported):
            continue
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    usual = (f"{runtime}/docker.sock" if runtime else "", "/run/podman/podman.sock")
    for path in (*usual, f"{runtime}/podman/podman.sock" if runtime else ""):
        if path and os.path.exists(path) and f"unix://{path}" not in [e.host for e in found]:
            found.append(Endpoint(f"unix://{path}", path, "socket"))
    return found


def config_folder() -> str:
    """Where docker's client keeps its settings: DOCKER_CONFIG, else ~/.docker."""
    return os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")


def _config() -> dict[str, Any]:
    path = f"{config_folder()}/config.json"
    return _read_json(path) if os.path.exists(path) else {}


def _read_json(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            read = json.load(file)
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read {path}: {error}", hint="it is the docker client's own file; mend or remove it"
        ) from error
    return read if isinstance(read, dict) else {}


def _from_context(name: str) -> Endpoint:
    folder = hashlib.sha256(name.encode()).hexdigest()
    contexts = f"{config_folder()}/contexts"
    path = f"{contexts}/meta/{folder}/meta.json"
    if not os.path.exists(path):
        raise NotFound(f'no docker context "{name}": there is no {path}', hint="`docker context ls` lists them")
    docker = (_read_json(path).get("Endpoints") or {}).get("docker") or {}
    tls = f"{contexts}/tls/{folder}/docker"
    return _from_host(
        str(docker.get("Host") or f"unix://{DEFAULT_SOCKET}"),
        name,
        f"context {name}",
        tls=tls if os.path.isdir(tls) else "",
        is_verified=not docker.get("SkipTLSVerify"),
    )


def _from_host(host: str, name: str, origin: str, *, tls: str = "", is_verified: bool = True) -> Endpoint:
    scheme, separator, rest = host.partition("://")
    if not separator:
        scheme, rest = ("unix", host) if host.startswith("/") else ("tcp", host)
    if scheme in ("ssh", "npipe", "fd"):
        raise NotSupported(
            f"{scheme}:// is not supported ({origin} is {host})",
            hint="forward the socket, `ssh -NL /tmp/docker.sock:/var/run/docker.sock HOST`, and name it in DOCKER_HOST",
        )
    if scheme not in ("unix", "tcp", "http", "https") or not rest:
        raise InvalidRequest(
            f'"{host}" is not the address of a daemon ({origin})', hint="unix:///path or tcp://host:port"
        )
    if scheme == "tcp" and origin == "DOCKER_HOST" and os.environ.get("DOCKER_TLS_VERIFY"):
        tls = os.environ.get("DOCKER_CERT_PATH") or config_folder()

    def file(name: str) -> str:
        path = f"{tls}/{name}.pem"
        return path if tls and scheme != "unix" and os.path.exists(path) else ""

    cert, key = file("cert"), file("key")
    has_pair = bool(cert and key)
    return Endpoint(
        f"{scheme}://{rest}", name, origin, file("ca"), cert if has_pair else "", key if has_pair else "", is_verified
    )
