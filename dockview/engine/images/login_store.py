"""Keeping and forgetting registry credentials, where docker keeps them: a helper, else ~/.docker/config.json.

Source: the credential helpers' protocol (docker/docker-credential-helpers): `docker-credential-NAME store|erase`, a
document or a key on standard input. What else stands in the file stays as it is.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dockview.engine.errors import DataError, InvalidRequest, NotFound, Unavailable
from dockview.engine.images.credentials import TOKEN_USER, Credentials, config_path, helper_for, key_of, keys_of

_HELPER_S = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where credentials were put."""

    name: str
    """The path of the file, or the name of the helper's program."""
    is_plain: bool
    """Whoever may read the file can read the password."""


def store_credentials(registry: str, credentials: Credentials) -> Place:
    """Keep what a registry has accepted. Raises: DataError, Unavailable, OSError."""
    key = key_of(registry)
    with _changed() as config:
        if helper := helper_for(config, key):
            secret = credentials.identity_token or credentials.password
            user = TOKEN_USER if credentials.identity_token else credentials.user
            _call(helper, "store", json.dumps({"ServerURL": key, "Username": user, "Secret": secret}))
            # An empty entry is docker's note that the helper knows this registry.
            _auths(config)[key] = {}
            return Place(f"docker-credential-{helper}", is_plain=False)
        pair = base64.b64encode(f"{credentials.user}:{credentials.password}".encode()).decode()
        entry = {"auth": pair}
        if credentials.identity_token:
            blank = base64.b64encode(f"{credentials.user}:".encode()).decode()
            entry = {"auth": blank, "identitytoken": credentials.identity_token}
        _auths(config)[key] = entry
    return Place(config_path(), is_plain=True)


def erase_credentials(registry: str) -> bool:
    """Forget the credentials of a registry; whether there were any. Raises: DataError, Unavailable, OSError."""
    found = False
    with _changed() as config:
        for key in keys_of(registry):
            entry = _auths(config).pop(key, None)
            found = found or entry is not None
            if helper := helper_for(config, key):
                with contextlib.suppress(NotFound):
                    _call(helper, "get", key)
                    _call(helper, "erase", key)
                    found = True
    return found


def _auths(config: dict[str, Any]) -> dict[str, Any]:
    auths = config.setdefault("auths", {})
    if not isinstance(auths, dict):
        raise DataError(f"{config_path()} has an entry `auths` that is no object", hint="correct the file by hand")
    return auths


def _call(helper: str, verb: str, text: str) -> str:
    """Ask a helper. Raises: NotFound where it has nothing for the key, Unavailable."""
    import subprocess  # noqa: PLC0415  only those who use a helper pay for it

    program = f"docker-credential-{helper}"
    if "/" in helper or shutil.which(program) is None:
        raise Unavailable(
            f"{config_path()} names the credential helper {program}, which is not installed",
            hint="install it, or take its name out of the file",
        )
    try:
        done = subprocess.run(
            [program, verb], input=text, capture_output=True, text=True, timeout=_HELPER_S, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"{program} {verb} failed: {type(error).__name__}") from error
    if done.returncode == 0:
        return done.stdout
    said = "".join(c for c in (done.stdout or done.stderr).strip() if c.isprintable())[:200]
    if verb != "store" and "not found" in said.lower():
        raise NotFound(f"{program} knows nothing of {text}")
    raise Unavailable(f"{program} {verb} failed: {said or f'status {done.returncode}'}")


@contextlib.contextmanager
def _changed() -> Iterator[dict[str, Any]]:
    """The content of docker's file, to be changed; it is replaced as a whole, readable by its owner alone."""
    path = os.path.realpath(config_path())
    before = _read(path)
    config: dict[str, Any] = json.loads(before) if before else {}
    if not isinstance(config, dict):
        raise DataError(f"{path} is not a JSON object", hint="correct the file by hand")
    yield config
    if "auths" in config and not config["auths"] and not before:
        return
    text = json.dumps(config, indent="\t") + "\n"
    if before and json.loads(before) == config:
        return
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    half = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
    fd = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.rename(half, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(half)
        raise


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text", hint="correct the file by hand") from error
    try:
        if text.strip():
            json.loads(text)
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}", hint="correct the file by hand") from error
    return text if text.strip() else ""


def checked_registry(text: str) -> str:
    """The name of a registry, as typed after `login`: a scheme and a path are dropped, `docker.io` is docker's hub.

    Raises: InvalidRequest.
    """
    from dockview.engine.images.reference import DOCKER_HUB, Reference  # noqa: PLC0415

    name = text.removeprefix("https://").removeprefix("http://").partition("/")[0].lower()
    if name in ("", DOCKER_HUB, "index.docker.io", "registry-1.docker.io"):
        return DOCKER_HUB
    try:
        Reference.parse(f"{name}:0/x" if "." not in name and ":" not in name else f"{name}/x")
    except InvalidRequest as error:
        raise InvalidRequest(f"{text!r} is not the name of a registry", hint="host, or host:port") from error
    return name
