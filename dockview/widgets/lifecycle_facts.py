"""The most telling facts of a span, in one line: data, so that a new fact needs a new line here and nothing else.

Each phase has templates, the most telling first. `{a|b}` stands for the first of these facts that the span has, and
`:short`, `:size` or `:time` says how to print it. A template whose facts are not all there is left out; a span for
which none applies shows its facts as `name value`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dockview.engine.lifecycle import Fact, Origin, Phase, Scalar, Span, Status
from dockview.text import clean_line, duration, size

_LONGEST = 400
"""A value may be a whole request body; no line shows more of it than this."""

SUMMARIES: Mapping[Phase, Sequence[str]] = {
    Phase.PARSE: ("{request}",),
    Phase.CONNECT: ("{engine}", "API {API version}", "{address|socket}"),
    Phase.RESOLVE: (
        "{docker.io}",
        "{reference|canonical}",
    ),
    Phase.CACHE: ("{decision}", "{image ID|image:short}", "{size:size}"),
    Phase.AUTH: ("{realm}", "{scope}", "{status}"),
    Phase.MANIFEST: ("{digest|manifest digest|manifest:short}", "{layers} layers", "{size:size}", "{platform}"),
    Phase.LAYER: ("{digest:short}", "{verified}", "{files} files"),
    Phase.STORE: ("{name|tag|reference}", "{image ID:short}"),
    Phase.CREATE: ("{name}", "{ID:short}"),
    Phase.WRITABLE: ("overlay, {lowerdirs} lower + upper",),
    Phase.CGROUP: ("{path|cgroup}", "memory {memory|memory.max|memory limit:size}", "pids {pids|pids.max|pids limit}"),
    Phase.ROOTFS: ("{method}", "{mounts} mounts", "{masked} masked"),
    Phase.NETWORK: ("{bridge} ⇄ {veth} ⇄ {interface}", "{address}", "via {gateway}"),
    Phase.PORTS: ("{listener} → {target}",),
    Phase.SECURITY: ("{capabilities} capabilities", "seccomp {seccomp}", "uid {uid}"),
    Phase.START: ("pid {pid}", "{argv|command}"),
    Phase.RUNNING: ("pid {pid}", "first log line after {first log line:time}"),
    Phase.EXITED: ("exit code {exit code}", "{signal}", "{ended by}"),
    Phase.STOP: ("{signal}", "grace {grace|timeout}", "exit code {exit code}"),
    Phase.KILL: ("{signal}",),
    Phase.PRUNE: ("{removed} removed", "{freed|freed bytes:size} freed"),
}

_FIELD = re.compile(r"\{([^}:]+)(?::(\w+))?\}")
_DIGEST = re.compile(r"\b(sha256:[0-9a-f]{4})[0-9a-f]{8,}\b|\b([0-9a-f]{12})[0-9a-f]{20,}\b")


def summary(span: Span) -> str:
    """One line about a span: why it failed or was left out, else its most telling facts."""
    if span.why and span.status not in (Status.RUNNING, Status.OK):
        reason = clean_line(span.why[:_LONGEST])
        return f"skipped: {reason}" if span.status is Status.SKIPPED else reason
    facts = {fact.name: fact for fact in span.facts}
    told = [text for template in SUMMARIES.get(span.phase, ()) if (text := _filled(template, facts))]
    if not told:
        told = [f"{clean_line(fact.name)} {shown(fact)}" for fact in span.facts]
    return "  ".join(told)


def _filled(template: str, facts: Mapping[str, Fact]) -> str:
    text = template
    for field in _FIELD.finditer(template):
        fact = next((facts[name] for name in field[1].split("|") if name in facts), None)
        if fact is None or fact.value in (None, ""):
            return ""
        text = text.replace(field[0], shown(fact, field[2] or ""), 1)
    return text


def shown(fact: Fact, form: str = "") -> str:
    """A fact's value for reading; inferred ones carry a ~."""
    value = _printed(fact.value, form or _form_of(fact.name, fact.value))
    return f"~{value}" if fact.origin is Origin.INFERRED else value


def _form_of(name: str, value: Scalar) -> str:
    if isinstance(value, int):
        if name.endswith(("bytes", "size")):
            return "size"
        if name.endswith("_ns"):
            return "time"
    return ""


def _printed(value: Scalar, form: str) -> str:
    if value is None:
        return "?"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if form == "size" and isinstance(value, int | float):
        return size(value)
    if form == "time" and isinstance(value, int | float):
        return duration(int(value))
    if isinstance(value, float):
        return f"{value:.4g}"
    text = clean_line(str(value)[:_LONGEST])
    return (
        _DIGEST.sub(lambda match: (match[1] or match[2]) + ("…" if match[1] else ""), text) if form == "short" else text
    )
