"""`login` and `logout`: credentials that a registry has accepted are kept where docker keeps them."""

from __future__ import annotations

import contextlib

from dockview.engine.cancel import CancelToken
from dockview.engine.embedded.house import House
from dockview.engine.errors import Unauthorized
from dockview.engine.images.credentials import Credentials, find_credentials
from dockview.engine.images.login_store import checked_registry, erase_credentials, store_credentials
from dockview.engine.images.registry import RegistryClient
from dockview.engine.lifecycle import Origin, Phase
from dockview.engine.model import LoginReport

_PATIENCE_S = 10.0


def login(house: House, registry: str, user: str, password: str, cancel: CancelToken) -> LoginReport:
    """Ask the registry whether it accepts the credentials, and keep them.

    Raises: Unauthorized, Unavailable, InvalidRequest, DataError, Cancelled.
    """
    name = checked_registry(registry)
    with house.traces.record("login", name, line=f"docker login {name}", cancel=cancel) as trace:
        credentials = Credentials(user, password) if user else find_credentials(name)
        if credentials is None:
            raise Unauthorized(f"there are no credentials for {name} here", hint=f"`dockview login -u USER {name}`")
        with contextlib.ExitStack() as stack, trace.phase(Phase.AUTH) as span:
            client = RegistryClient(name, is_insecure=name in house.registries.insecure)
            stack.callback(client.close)
            stack.enter_context(trace.cancel.closing(client.abort))
            stack.enter_context(house.closing.closing(client.abort))
            client.connect(_PATIENCE_S)
            answer = client.check(credentials)
            span.check(f"curl -si {client.endpoint}/v2/")
            for fact, value in (("realm", answer.realm), ("service", answer.service)):
                if value:
                    span.fact(fact, value, Origin.REPORTED)
            span.fact("status", answer.status)
            span.fact("user", credentials.user or "identity token")
            place = store_credentials(name, credentials)
            span.fact("kept in", place.name)
        trace.commit()
    return LoginReport(registry=name, user=credentials.user, kept_in=place.name, is_plain=place.is_plain)


def logout(house: House, registry: str) -> bool:
    """Forget the credentials of a registry; whether there were any. Raises: InvalidRequest, DataError, Unavailable."""
    name = checked_registry(registry)
    with house.traces.record("logout", name, line=f"docker logout {name}") as trace:
        with trace.phase(Phase.AUTH) as span:
            found = erase_credentials(name)
            span.fact("credentials", "removed" if found else "there were none")
        trace.commit()
    return found
