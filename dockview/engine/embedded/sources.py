"""Finding a registry that answers: the candidates of a reference, one after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from dockview.engine.embedded import resolve
from dockview.engine.embedded.house import House
from dockview.engine.errors import DockviewError, ImageNotFound, Unavailable
from dockview.engine.hub import catalogue
from dockview.engine.images.reference import DOCKER_HUB, Reference
from dockview.engine.images.registry import RegistryClient
from dockview.engine.lifecycle import Origin
from dockview.engine.recorder import Recorder, SpanRecorder

_PATIENCE_S = 10.0
"""How long a registry that was named may take to accept a connection; nobody else could answer instead."""
_HUB_HINT = "the hub, which needs no network, has: "


@dataclass(frozen=True)
class Source:
    """A registry that answers, and what to ask it for."""

    reference: Reference
    client: RegistryClient

    @property
    def is_hub(self) -> bool:
        """Whether it is the bundled one."""
        return self.reference.registry == catalogue.HUB


class Search:
    """Goes through the candidates of a reference; what it opens is closed with the stack."""

    def __init__(
        self, house: House, trace: Recorder, references: Sequence[Reference], stack: contextlib.ExitStack
    ) -> None:
        self._house = house
        self._trace = trace
        self._all = tuple(references)
        self._left = list(references)
        self._stack = stack
        self._said: list[str] = []
        self._was_unreachable = False
        self.source: Source | None = None

    @property
    def has_more(self) -> bool:
        """Whether there is a candidate that was not tried and may have the image."""
        return any(item.registry != catalogue.HUB or catalogue.has(item.repository, item.tag) for item in self._left)

    def give_up(self, error: DockviewError) -> None:
        """The present source does not have the image."""
        if self.source is not None:
            self._said.append(f"{self.source.reference.registry}: {error.message}")
            self.source = None

    def next_source(self, span: SpanRecorder) -> Source:
        """The next candidate whose registry answers; each one that was tried is a fact.

        Raises: ImageNotFound, Unavailable where none is left.
        """
        while self._left:
            reference = self._left.pop(0)
            if reference.registry == catalogue.HUB and not catalogue.has(reference.repository, reference.tag):
                self._note(span, reference, f"has no {reference.repository}:{reference.tag or reference.digest}")
                continue
            client = self._client(reference)
            try:
                client.connect(self._patience_s)
            except Unavailable as error:
                self._was_unreachable = True
                self._note(span, reference, f"unreachable ({error})")
                continue
            span.fact(reference.registry, "answers")
            resolve.tell(span, reference)
            self.source = Source(reference, client)
            return self.source
        resolve.tell(span, self._all[0])
        raise self._nowhere()

    @property
    def _patience_s(self) -> float:
        # Two seconds in all until the fallback is reached, the fallback included.
        return _PATIENCE_S if len(self._all) == 1 else self._house.registries.connect_timeout_s * 1.8

    def _client(self, reference: Reference) -> RegistryClient:
        endpoint = ""
        if reference.registry == catalogue.HUB:
            from dockview.engine.hub.server import HubServer  # noqa: PLC0415  http.server is slow to import

            endpoint = self._stack.enter_context(HubServer()).endpoint
        is_insecure = reference.registry in self._house.registries.insecure
        client = RegistryClient(reference.registry, endpoint=endpoint, is_insecure=is_insecure)
        self._stack.callback(client.close)
        self._stack.enter_context(self._trace.cancel.closing(client.abort))
        self._stack.enter_context(self._house.closing.closing(client.abort))
        return client

    def _note(self, span: SpanRecorder, reference: Reference, what: str) -> None:
        span.fact(reference.registry, what, Origin.MEASURED)
        self._said.append(f"{reference.registry} {what}" if what.startswith("has") else f"{reference.registry}: {what}")

    def _nowhere(self) -> DockviewError:
        first = self._all[0]
        hint = _HUB_HINT + ", ".join(catalogue.names()) if len(self._all) > 1 else ""
        if len(self._all) == 1 and self._was_unreachable:
            what = self._said[-1].partition(": ")[2]
            return Unavailable(f"{first.registry} is {what}", hint="check the name and the network")
        name = first.familiar if first.registry == DOCKER_HUB else first.canonical
        return ImageNotFound(f"no image {name} anywhere: {'; '.join(self._said)}", hint=hint or "check the name")
