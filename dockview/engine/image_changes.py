"""Lines of a Dockerfile that change an image's settings: what `--change` of docker's import and commit takes.

Source: Dockerfile reference; only the instructions that docker allows there, and none that runs anything.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from typing import Any

from dockview.engine.errors import InvalidRequest

Settings = dict[str, Any]
"""The `config` object of an OCI image config."""

_SHELL = ["/bin/sh", "-c"]


def apply_changes(settings: Settings, changes: Sequence[str]) -> Settings:
    """The settings after these instructions. Raises: InvalidRequest, naming the line that cannot be understood."""
    changed = {key: value.copy() if isinstance(value, dict | list) else value for key, value in settings.items()}
    for line in changes:
        word, _, rest = line.strip().partition(" ")
        apply = _INSTRUCTIONS.get(word.upper())
        if apply is None:
            raise _wrong(line, f"{word or 'nothing'} is not one of {', '.join(_INSTRUCTIONS)}")
        if not rest.strip():
            raise _wrong(line, "nothing follows the instruction")
        try:
            apply(changed, rest.strip())
        except ValueError as error:
            raise _wrong(line, str(error)) from error
    return changed


def _wrong(line: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"the change {line!r} cannot be made: {why}", hint='a change is like `CMD ["/bin/sh"]`')


def _argv(rest: str) -> list[str] | None:
    """The exec form, a JSON array of strings; None for the shell form."""
    if not rest.startswith("["):
        return None
    try:
        found = json.loads(rest)
    except ValueError:
        return None
    return found if isinstance(found, list) and all(isinstance(item, str) for item in found) else None


def _pairs(rest: str) -> list[tuple[str, str]]:
    """`a=b c="d e"`, or the old `a b c` where all after the first word is the value."""
    first = rest.split(None, 1)[0]
    if "=" not in first:
        key, _, text = rest.partition(" ")
        if not text.strip():
            raise ValueError(f"{key} has no value")
        return [(key, text.strip())]
    pairs = []
    for word in shlex.split(rest):
        key, equals, text = word.partition("=")
        if not key or not equals:
            raise ValueError(f"{word!r} is not KEY=value")
        pairs.append((key, text))
    return pairs


def _cmd(settings: Settings, rest: str) -> None:
    settings["Cmd"] = _argv(rest) or [*_SHELL, rest]


def _entrypoint(settings: Settings, rest: str) -> None:
    settings["Entrypoint"] = _argv(rest) or [*_SHELL, rest]


def _env(settings: Settings, rest: str) -> None:
    env = {entry.partition("=")[0]: entry for entry in settings.get("Env") or ()}
    env.update({key: f"{key}={text}" for key, text in _pairs(rest)})
    settings["Env"] = list(env.values())


def _label(settings: Settings, rest: str) -> None:
    settings["Labels"] = {**(settings.get("Labels") or {}), **dict(_pairs(rest))}


def _expose(settings: Settings, rest: str) -> None:
    ports = dict(settings.get("ExposedPorts") or {})
    for word in rest.split():
        number, _, protocol = word.partition("/")
        first, _, last = number.partition("-")
        last = last or first
        if not (first.isdigit() and last.isdigit() and 0 < int(first) <= int(last) < 1 << 16):
            raise ValueError(f"{word} is not a port")
        if protocol not in ("", "tcp", "udp", "sctp"):
            raise ValueError(f"{protocol} is not a protocol")
        ports.update({f"{port}/{protocol or 'tcp'}": {} for port in range(int(first), int(last) + 1)})
    settings["ExposedPorts"] = ports


def _volume(settings: Settings, rest: str) -> None:
    settings["Volumes"] = {**(settings.get("Volumes") or {}), **{path: {} for path in _argv(rest) or rest.split()}}


def _onbuild(settings: Settings, rest: str) -> None:
    settings["OnBuild"] = [*(settings.get("OnBuild") or ()), rest]


def _workdir(settings: Settings, rest: str) -> None:
    before = settings.get("WorkingDir") or "/"
    settings["WorkingDir"] = rest if rest.startswith("/") else f"{before.rstrip('/')}/{rest}"


def _text(key: str) -> Callable[[Settings, str], None]:
    def apply(settings: Settings, rest: str) -> None:
        settings[key] = rest

    return apply


_INSTRUCTIONS: dict[str, Callable[[Settings, str], None]] = {
    "CMD": _cmd, "ENTRYPOINT": _entrypoint, "ENV": _env, "EXPOSE": _expose, "LABEL": _label, "ONBUILD": _onbuild,
    "STOPSIGNAL": _text("StopSignal"), "USER": _text("User"), "VOLUME": _volume, "WORKDIR": _workdir,
}  # fmt: skip
