"""A pull, told while it happens: a live block of bars on a terminal, plain lines elsewhere.

It is made from the records of the trace, so it shows what is really done, and in docker's words.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from dockview.commands.console import Console
from dockview.commands.listing import clean_cell
from dockview.engine.lifecycle import Phase, Record, Status
from dockview.engine.model import Image

_STAGES = {"download": "Downloading", "verify": "Verifying Checksum", "unpack": "Extracting"}
_ENDS = {
    Status.OK: "Pull complete",
    Status.SKIPPED: "Already exists",
    Status.FAILED: "Failed",
    Status.CANCELLED: "Cancelled",
}
_FRAME_S = 0.05
"""A terminal is drawn at most this often."""
_BAR = 30


@dataclass
class _Layer:
    """A line of the block."""

    name: str
    state: str = "Pulling fs layer"
    current: int = 0
    total: int | None = None
    is_ended: bool = False


class PullProgress:
    """Takes the records of a run or a pull and shows the pull in them; nothing when the image is here.

    `on_record` is called from the threads of the engine, one at a time.
    """

    def __init__(self, console: Console, reference: str, *, to_out: bool, is_pull: bool = False) -> None:
        self._console = console
        self._reference = reference
        self._is_pull = is_pull
        self._is_live = console.out_is_tty if to_out else console.err_is_tty
        self._file = console.out if to_out else console.err
        self._phases: dict[str, str] = {}
        self._resolved: dict[str, object] = {}
        """Facts of the last resolve phase: registry, namespace, repository, tag, digest."""
        self._layers: dict[str, _Layer] = {}
        self._drawn = 0
        self._drawn_at = 0.0
        self._unreachable: list[str] = []

    def on_record(self, record: Record) -> None:
        """Take one record of the trace."""
        kind = record.get("t")
        span = record.get("span", "")
        if kind == "start" and not record.get("undo"):
            self._phases[span] = record["phase"]
            if record["phase"] == Phase.MANIFEST:
                self._line(f"{self._tag}: Pulling from {self._repository}")
            elif record["phase"] == Phase.LAYER:
                self._layers[span] = _Layer(f"layer {record['part']}")
        elif kind == "fact":
            self._fact(span, record["name"], record["value"])
        elif kind == "progress" and span in self._layers:
            self._progress(self._layers[span], span, record)
        elif kind == "end" and span in self._layers:
            layer = self._layers[span]
            layer.state = _ENDS.get(Status(record["status"]), "")
            if record["status"] in (Status.FAILED, Status.CANCELLED) and record.get("why"):
                layer.state += f": {clean_cell(record['why'])}"
            layer.is_ended = True
            self._changed(span)

    def _fact(self, span: str, name: str, value: object) -> None:
        phase = self._phases.get(span, "")
        if phase == Phase.RESOLVE:
            self._resolved[name] = value
            if isinstance(value, str) and value.startswith("unreachable"):
                self._unreachable.append(f"{name} is {value}")
        elif phase == Phase.CACHE and name == "decision" and value != "hit":
            if value == "miss" and not self._is_pull:
                self._line(f"Unable to find image '{with_tag(self._reference)}' locally")
            for line in self._unreachable:
                self._line(line)
        elif phase == Phase.LAYER and name == "digest" and span in self._layers:
            self._layers[span].name = short_digest(str(value))
            self._changed(span)

    @property
    def _repository(self) -> str:
        """As docker says it: without the registry where that is docker.io."""
        parts = [self._resolved.get(name) for name in ("registry", "namespace", "repository")]
        return "/".join(str(part) for part in parts if part and part != "docker.io")

    @property
    def _tag(self) -> str:
        return str(self._resolved.get("tag") or self._resolved.get("digest") or "latest")

    @property
    def canonical(self) -> str:
        """The completed reference, such as docker.io/library/web:latest; empty before it is resolved."""
        facts = self._resolved
        parts = [str(facts[name]) for name in ("registry", "namespace", "repository") if facts.get(name)]
        if not parts:
            return ""
        digest, tag = facts.get("digest"), facts.get("tag")
        return clean_cell("/".join(parts) + (f":{tag}" if tag else "") + (f"@{digest}" if digest else ""))

    def _progress(self, layer: _Layer, span: str, record: Record) -> None:
        state = _STAGES.get(record["stage"], record["stage"].capitalize())
        is_new = state != layer.state
        layer.state, layer.current, layer.total = state, record["current"], record.get("total")
        if is_new or self._is_live:
            self._changed(span, is_new=is_new)

    def _changed(self, span: str, *, is_new: bool = True) -> None:
        layer = self._layers[span]
        if not self._is_live:
            self._line(f"{layer.name}: {layer.state}")
        elif is_new or time.monotonic() - self._drawn_at >= _FRAME_S:
            self._draw()

    def _draw(self) -> None:
        width = self._console.columns - 1
        lines = [_layer_line(layer)[:width] for layer in self._layers.values()]
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        self._put(up + "".join(f"\r{line}\x1b[K\n" for line in lines))
        self._drawn = len(lines)
        self._drawn_at = time.monotonic()

    def _line(self, text: str) -> None:
        """A line of its own; a live block begins anew below it."""
        self._drawn = 0
        self._put(clean_cell(text) + "\n")

    def _put(self, text: str) -> None:
        try:
            self._file.write(text.encode(errors="replace"))
            self._file.flush()
        except OSError:
            # Whoever watched has gone; the pull itself goes on, and its result is written elsewhere.
            self._is_live = False

    def close(self) -> None:
        """Draw the last state."""
        if self._is_live and self._layers:
            self._draw()

    def summary(self, image: Image, reference: str) -> str:
        """Docker's last lines of a pull."""
        digest = image.digests[0].partition("@")[2] if image.digests else ""
        name = image.tags[0] if image.tags else reference
        is_new = any(layer.state == _ENDS[Status.OK] for layer in self._layers.values())
        status = "Downloaded newer image for" if is_new else "Image is up to date for"
        return "\n".join([*([f"Digest: {digest}"] if digest else []), f"Status: {status} {name}"])


def with_tag(reference: str) -> str:
    """The reference with the tag that it stands for: `web` is `web:latest`."""
    last = reference.rpartition("/")[2]
    return reference if ":" in last or "@" in last else f"{reference}:latest"


def short_digest(digest: str) -> str:
    """Twelve digits of a digest."""
    return clean_cell(digest).rpartition(":")[2][:12]


def _layer_line(layer: _Layer) -> str:
    from dockview.text import docker_size  # noqa: PLC0415  only while something is pulled

    if layer.is_ended or not layer.current:
        return f"{layer.name}: {layer.state}"
    if not layer.total:
        return f"{layer.name}: {layer.state}  {docker_size(layer.current)}"
    done = min(_BAR, _BAR * layer.current // layer.total)
    bar = ("=" * done + ">")[:_BAR].ljust(_BAR)
    return f"{layer.name}: {layer.state:<18} [{bar}]  {docker_size(layer.current)}/{docker_size(layer.total)}"
