"""The most telling facts of a span, in one line: data, so that a new fact needs a new line here and nothing else.

Each phase has templates, the most telling first. `{a|b}` stands for the first of these facts that the span has;
`:short`, `:tail`, `:size`, `:memory`, `:time` and `:bare` say how to print it, and `{a?words}` prints the words if the
fact is true. A template whose facts are not all there is left out; of a tuple of templates the first that can be
filled counts. A span for which none applies shows its facts as `name value`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from dockview.engine.lifecycle import Fact, Origin, Phase, Scalar, Span, Status
from dockview.text import clean_line, duration, mask_line, memory, size

_LONGEST = 400
"""A value may be a whole request body; no line shows more of it than this."""

Template = str | tuple[str, ...]

SUMMARIES: Mapping[Phase, Sequence[Template]] = {
    Phase.PARSE: ("{request}",),
    Phase.CONNECT: ("{engine|endpoint}", "Docker {version}", "API {API version}", "{store}"),
    Phase.RESOLVE: (
        ("{registry}/{namespace}/{repository}:{tag}", "{registry}/{repository}:{tag}", "{registry}/{repository}"),
    ),
    Phase.CACHE: ("{decision}", "{image ID|ID:short}", "{size:size}", "pulled {pulled}"),
    Phase.AUTH: ("{user}", "{realm}", "{scope}", "{service}"),
    Phase.MANIFEST: ("{manifest digest:short}", "{layers} layers", "{size:size}", "{platform}"),
    Phase.LAYER: ("{digest:short}", "{size:size}", "{shared?already here}", "{files} files"),
    Phase.STORE: ("{reference}", "{image ID|ID:short}", "{size:size}"),
    Phase.CREATE: ("{name}", "{ID:short}"),
    Phase.WRITABLE: ("overlay, {lowerdirs} lower + upper",),
    Phase.CGROUP: (
        "{path|path memory|path pids:tail}", "memory {memory.max|memory:memory}", "pids {pids.max|pids}",
        "cpu {cpu.max|cpu quota}",
    ),
    Phase.ROOTFS: ("{root|type}", "{lowerdirs|lower layers} lower + upper", "{mounts} mounts"),
    Phase.NETWORK: (
        ("{bridge} ⇄ {veth} ⇄ {interface}", "{networks}", "{mode}"), "{address}", "via {gateway}", "{outbound}",
    ),
    Phase.SECURITY: (
        "{capabilities:bare} capabilities", "CapEff {CapEff}", "seccomp {seccomp|Seccomp}", "uid {uid|Uid}",
        "{no_new_privs?no_new_privs}",
    ),
    Phase.START: (("pid {pid} ({pid inside} inside)", "pid {pid}"), "{argv|executable}"),
    Phase.RUNNING: (
        "first output after {first output after}", "pid {pid}",
    ),
    Phase.EXITED: (
        "exit code {exit code|exit_code}", "{signal|signal_sent}", "{oom killed?out of memory}", "ended by {ended by}",
        "lived {lived}",
    ),
    Phase.STOP: ("{signal}", "grace {grace|timeout_s|timeout}", "exit code {exit code}", "ended by {ended by}"),
    Phase.RENAME: ("{old name} → {new name}",),
    Phase.KILL: ("{signal}", "exit code {exit code}"),
    Phase.REMOVE: ("{freed:size} freed", "image stays: {image stays}"),
    Phase.REMOVE_IMAGE: ("{untagged} untagged", "{deleted} deleted"),
    Phase.PRUNE: ("{removed} removed", "{kept} kept", "{freed:size} freed"),
}  # fmt: skip

_FIELD = re.compile(r"\{([^}:?]+)(?::(\w+)|\?([^}]+))?\}")
_DIGEST = re.compile(r"\b(sha256:[0-9a-f]{6})[0-9a-f]{8,}\b|\b([0-9a-f]{12})[0-9a-f]{20,}\b")
_BARE = re.compile(r"\s*\([^)]*\)")
_BYTES = frozenset({"size", "freed", "unpacked"})
_MEMORY = frozenset({"memory", "memory.max", "memory peak"})


def summary(span: Span) -> str:
    """One line about a span: why it failed or was left out, else its most telling facts."""
    if span.why and span.status not in (Status.RUNNING, Status.OK):
        reason = clean_line(span.why[:_LONGEST])
        return f"skipped: {reason}" if span.status is Status.SKIPPED else reason
    facts = {fact.name: fact for fact in span.facts}
    told = [*_SPECIAL.get(span.phase, _nothing)(span), *_told(SUMMARIES.get(span.phase, ()), facts)]
    if not told:
        told = [f"{clean_line(fact.name)} {shown(fact)}" for fact in span.facts]
    return "  ".join(told)


def exit_code(span: Span) -> Scalar:
    """The code that a span recorded, None where it is unknown."""
    return next((fact.value for fact in span.facts if fact.name in ("exit code", "exit_code")), None)


def _told(templates: Sequence[Template], facts: Mapping[str, Fact]) -> list[str]:
    told: list[str] = []
    for template in templates:
        choices = (template,) if isinstance(template, str) else template
        text = next((text for choice in choices if (text := _filled(choice, facts))), "")
        if text:
            told.append(text)
    return told


def _filled(template: str, facts: Mapping[str, Fact]) -> str:
    text = template
    for field in _FIELD.finditer(template):
        fact = next((facts[name] for name in field[1].split("|") if name in facts), None)
        if fact is None or fact.value in (None, "") or (fact.name, fact.value) == ("signal", "none"):
            return ""
        if field[3]:
            if fact.value is not True:
                return ""
            value = field[3]
        else:
            value = shown(fact, field[2] or "")
        text = text.replace(field[0], value, 1)
    return text


def _nothing(_span: Span) -> list[str]:
    return []


def _registries_tried(span: Span) -> list[str]:
    """The registries that could not help, before the one that does."""
    tried = [fact for fact in span.facts if str(fact.value).startswith(("unreachable", "has no"))]
    return [f"{clean_line(fact.name)} ✗ {clean_line(str(fact.value)).split(' (')[0]} →" for fact in tried]


def _ways(span: Span) -> list[str]:
    """Each published port: where it listens, and where it leads."""
    return [
        f"{clean_line(fact.name)} → {shown(fact)}"
        for fact in span.facts
        if fact.name[:1].isdigit() or fact.name.startswith("[")
    ]


_SPECIAL: Mapping[Phase, Callable[[Span], list[str]]] = {Phase.RESOLVE: _registries_tried, Phase.PORTS: _ways}


def shown(fact: Fact, form: str = "") -> str:
    """A fact's value for reading; inferred ones carry a ~."""
    value = _printed(fact.value, form or _form_of(fact.name, fact.value))
    return f"~{value}" if fact.origin is Origin.INFERRED else value


def _form_of(name: str, value: Scalar) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        if name in _BYTES or name.endswith("bytes"):
            return "size"
        if name in _MEMORY:
            return "memory"
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
    if form == "memory" and isinstance(value, int | float):
        return memory(value)
    if form == "time" and isinstance(value, int | float):
        return duration(int(value))
    if isinstance(value, float):
        return f"{value:.4g}"
    text = mask_line(clean_line(str(value)[:_LONGEST]))
    if form == "bare":
        return _BARE.sub("", text)
    if form == "tail":
        text, form = "/".join(text.rsplit("/", 2)[-2:]), "short"
    return _DIGEST.sub(_shortened, text) if form == "short" else text


def _shortened(match: re.Match[str]) -> str:
    return f"{match[1]}…" if match[1] else match[2]
