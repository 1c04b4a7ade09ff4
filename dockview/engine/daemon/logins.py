"""`login` and `logout` with a daemon: it asks the registry, and the credentials stay with the user who asked."""

from __future__ import annotations

from typing import Any

from dockview.engine.daemon.client import Daemon
from dockview.engine.errors import Unauthorized
from dockview.engine.images.credentials import Credentials, find_credentials, key_of
from dockview.engine.images.login_store import checked_registry, erase_credentials, store_credentials
from dockview.engine.lifecycle import Origin, Phase
from dockview.engine.model import LoginReport
from dockview.engine.recorder import Recorder


def login(daemon: Daemon, trace: Recorder, registry: str, user: str, password: str) -> LoginReport:
    """Phase AUTH. Raises: Unauthorized, Unavailable, InvalidRequest, DataError."""
    name = checked_registry(registry)
    with trace.phase(Phase.AUTH) as span:
        found = Credentials(user, password) if user else find_credentials(name)
        if found is None:
            raise Unauthorized(f"there are no credentials for {name} here", hint=f"`docker login -u USER {name}`")
        body = {
            "username": found.user, "password": found.password, "serveraddress": key_of(name),
            **({"identitytoken": found.identity_token} if found.identity_token else {}),
        }  # fmt: skip
        what = f"cannot log in to {name}"
        with daemon.line(trace.cancel) as api, daemon.mapped(what, trace.cancel):
            # The SDK's own login() would also look into docker's file, and answer from there.
            answer: dict[str, Any] = api._result(api._post_json(api._url("/auth"), data=body), json=True)  # noqa: SLF001
        span.fact("status", str(answer.get("Status") or ""), Origin.REPORTED)
        span.fact("user", found.user or "identity token")
        token = str(answer.get("IdentityToken") or "")
        place = store_credentials(name, Credentials(found.user, found.password, token or found.identity_token))
        span.fact("kept in", place.name)
    return LoginReport(registry=name, user=found.user, kept_in=place.name, is_plain=place.is_plain)


def logout(trace: Recorder, registry: str) -> bool:
    """Phase AUTH; whether there were credentials. Raises: InvalidRequest, DataError, Unavailable."""
    name = checked_registry(registry)
    with trace.phase(Phase.AUTH) as span:
        found = erase_credentials(name)
        span.fact("credentials", "removed" if found else "there were none")
    return found
