"""Registry credentials as docker keeps them: ~/.docker/config.json and the helpers that it names.

Nothing is ever written, shown or logged from here (login_store.py keeps and forgets).
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field
from typing import Any

from dockview.engine.images.reference import DOCKER_HUB

_HUB_KEY = "https://index.docker.io/v1/"
TOKEN_USER = "<token>"  # noqa: S105
"""How helpers mark an identity token."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user with a password, or an identity token that takes the place of both."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def config_path() -> str:
    """Docker's own file."""
    return f"{os.environ.get('DOCKER_CONFIG') or os.path.expanduser('~/.docker')}/config.json"


def key_of(registry: str) -> str:
    """Under which name docker keeps the credentials of a registry."""
    return _HUB_KEY if registry == DOCKER_HUB else registry


def keys_of(registry: str) -> tuple[str, ...]:
    """All the names that credentials of a registry may be kept under."""
    return (_HUB_KEY,) if registry == DOCKER_HUB else (registry, f"https://{registry}", f"http://{registry}")


def helper_for(config: dict[str, Any], key: str) -> str:
    """The helper that docker's file names for a registry, empty where there is none."""
    helpers = config.get("credHelpers")
    found = (helpers.get(key) if isinstance(helpers, dict) else None) or config.get("credsStore")
    return found if isinstance(found, str) else ""


def find_credentials(registry: str) -> Credentials | None:
    """The credentials for a registry, None where there are none (or docker's file cannot be read)."""
    try:
        with open(config_path(), encoding="utf-8") as file:
            config = json.load(file)
    except (OSError, ValueError):
        return None
    if not isinstance(config, dict):
        return None
    auths = config.get("auths")
    for key in keys_of(registry):
        helper = helper_for(config, key)
        found = _from_helper(helper, key) if helper else None
        found = found or _from_entry(auths.get(key) if isinstance(auths, dict) else None)
        if found is not None:
            return found
    return None


def _from_entry(entry: Any) -> Credentials | None:
    if not isinstance(entry, dict):
        return None
    user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    try:
        if entry.get("auth"):
            user, _, password = base64.b64decode(entry["auth"]).decode().rstrip("\0").partition(":")
    except (ValueError, TypeError):
        return None
    token = str(entry.get("identitytoken") or "")
    return Credentials(user, password, token) if user or token else None


def _from_helper(helper: str, key: str) -> Credentials | None:
    """Ask `docker-credential-<helper> get`, which reads the key and prints JSON."""
    import subprocess  # noqa: PLC0415  only those who use a helper pay for it

    if "/" in helper:
        return None
    try:
        answer = subprocess.run(
            [f"docker-credential-{helper}", "get"], input=key.encode(), capture_output=True, timeout=20, check=True
        )
        found = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    user, secret = str(found.get("Username") or ""), str(found.get("Secret") or "")
    if user == TOKEN_USER:
        return Credentials(identity_token=secret)
    return Credentials(user, secret) if user else None
