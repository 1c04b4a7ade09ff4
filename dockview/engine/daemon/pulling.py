"""The progress stream of a pull as spans: one for each layer, however the daemon tells of it.

The graph-driver store announces all layers first and counts bytes; the containerd store announces them late, may leave
out totals, and counts seconds while it unpacks. Source: Docker Engine API, ImageCreate; jsonmessage.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

from dockview.engine.daemon.errors import from_answer
from dockview.engine.daemon.mapping import Json
from dockview.engine.lifecycle import Origin, Phase
from dockview.engine.recorder import Recorder, SpanRecorder

_STAGES = {"Downloading": "download", "Verifying Checksum": "verify", "Extracting": "unpack"}
_LAYER_WORDS = (
    "Pulling fs layer",
    "Waiting",
    "Download complete",
    "Pull complete",
    "Already exists",
    "Retrying",
    *_STAGES,
)


def is_layer(said: Json) -> bool:
    """Whether a message is about a layer (the tag, too, comes as an `id`)."""
    return bool(said.get("id")) and str(said.get("status") or "").startswith(_LAYER_WORDS)


class PullSpans:
    """Opens, feeds and ends the LAYER spans of one pull; leaving the block ends what is open."""

    def __init__(self, trace: Recorder, what: str) -> None:
        self._trace = trace
        self._what = what
        self._open: dict[str, tuple[AbstractContextManager[SpanRecorder], SpanRecorder]] = {}
        self._ended: set[str] = set()
        self._bytes: dict[str, int] = {}
        self.digest = ""
        """The digest of the manifest, once the daemon has told it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        spans, self._open = self._open, {}
        for block, _ in spans.values():
            block.__exit__(kind, error, traceback)

    def take(self, said: Json) -> None:
        """One message of the stream. Raises: what the daemon says went wrong."""
        if error := said.get("error") or (said.get("errorDetail") or {}).get("message"):
            raise from_answer(str(error), self._what)
        status = str(said.get("status") or "")
        if status.startswith("Digest: "):
            self.digest = status.removeprefix("Digest: ")
        elif is_layer(said):
            self._layer(str(said["id"]), status, said.get("progressDetail") or {})

    def _layer(self, layer: str, status: str, detail: Json) -> None:
        if layer in self._ended:
            return
        if layer not in self._open:
            block = self._trace.phase(Phase.LAYER, layer)
            self._open[layer] = (block, block.__enter__())
        span = self._open[layer][1]
        current, total = _whole(detail.get("current")), _whole(detail.get("total"))
        if stage := _STAGES.get(status):
            if stage == "download" and (total or current):
                self._bytes[layer] = total or current or 0
            if current is not None:
                span.progress(current, total, unit=str(detail.get("units") or "B"), stage=stage)
        elif status.startswith("Retrying"):
            span.fact("retry", status, Origin.REPORTED)
        elif status in ("Already exists", "Pull complete"):
            span.fact("decision", "already here" if status == "Already exists" else "pulled", Origin.REPORTED)
            self._end(layer, span)

    def _end(self, layer: str, span: SpanRecorder) -> None:
        if layer in self._bytes:
            span.fact("bytes", self._bytes[layer], Origin.REPORTED)
        self._ended.add(layer)
        self._open.pop(layer)[0].__exit__(None, None, None)


def _whole(value: Any) -> int | None:
    """A count that is known: 0 of a total is how some daemons say that they do not know it."""
    return value if isinstance(value, int) and value > 0 else None
