"""The pages of the Config and Inspect tabs, made from inspect JSON and model values.

What is not in the JSON is left out or shown as unknown, never guessed. All text is cleaned here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dockview.engine.model import Image, Network, Volume
from dockview.text import age, clean_line, mask_env, size
from dockview.widgets.lines import Piece

Line = list[Piece]

_LABEL = 13

_JSON_LINE = re.compile(r'^(\s*)("(?:[^"\\]|\\.)*")(: )(.*?)(,?)$')


def heading(text: str) -> Line:
    """A section's title."""
    return [(text.upper(), "faint")]


def field(label: str, value: str, tone: str = "text") -> Line:
    """A label and its value."""
    return [(label.ljust(_LABEL), "soft"), (value, tone)]


def _dig(document: Mapping[str, Any], *path: str) -> Any:
    found: Any = document
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _words(value: Any) -> str:
    if isinstance(value, str):
        return clean_line(value)
    if isinstance(value, Sequence):
        return " ".join(_quoted(str(word)) for word in value)
    return "" if value is None else clean_line(str(value))


def _quoted(word: str) -> str:
    word = clean_line(word)
    return word if word and not re.search(r"[\s'\"]", word) else json.dumps(word, ensure_ascii=False)


def _fields(pairs: Iterable[tuple[str, Any]]) -> list[Line]:
    return [field(label, words) for label, value in pairs if (words := _words(value))]


def _section(title: str, lines: Sequence[Line]) -> list[Line]:
    return [[], heading(title), *lines] if lines else []


def _env(values: Any, *, is_masked: bool) -> list[Line]:
    lines: list[Line] = []
    for assignment in values if isinstance(values, Sequence) else ():
        shown = mask_env(str(assignment)) if is_masked else str(assignment)
        name, _, value = clean_line(shown).partition("=")
        lines.append([(name, "second"), ("=", "faint"), (value, "text")])
    return lines


def _labels(values: Any) -> list[Line]:
    if not isinstance(values, Mapping):
        return []
    return [
        [(clean_line(str(name)), "second"), ("=", "faint"), (clean_line(str(value)), "text")]
        for name, value in sorted(values.items())
    ]


def container_config(document: Mapping[str, Any], *, is_masked: bool = True) -> list[Line]:
    """What a container was told to be, from its inspect JSON."""
    config, host = _dig(document, "Config") or {}, _dig(document, "HostConfig") or {}
    lines = _fields(
        [
            ("Image", config.get("Image")),
            ("Image ID", document.get("Image")),
            ("Entrypoint", config.get("Entrypoint")),
            ("Command", config.get("Cmd")),
            ("Working dir", config.get("WorkingDir")),
            ("User", config.get("User")),
            ("Hostname", config.get("Hostname")),
            ("Stop signal", config.get("StopSignal")),
            ("Created", document.get("Created")),
            ("Restart", _dig(host, "RestartPolicy", "Name")),
            ("Auto remove", "yes" if host.get("AutoRemove") else ""),
            ("Terminal", "yes" if config.get("Tty") else ""),
        ]
    )
    lines += _section("network", _network_lines(document, host))
    limits = [
        ("Memory", size(host["Memory"]) if host.get("Memory") else ""),
        ("CPUs", f"{host['NanoCpus'] / 1e9:g}" if host.get("NanoCpus") else ""),
        ("Processes", host.get("PidsLimit") or ""),
        ("Read-only", "yes" if host.get("ReadonlyRootfs") else ""),
        ("Cap add", host.get("CapAdd")),
        ("Cap drop", host.get("CapDrop")),
    ]
    lines += _section("limits", _fields(limits))
    mounts = document.get("Mounts")
    lines += _section("mounts", [_mount_line(mount) for mount in mounts or () if isinstance(mount, Mapping)])
    lines += _section("environment", _env(config.get("Env"), is_masked=is_masked))
    return lines + _section("labels", _labels(config.get("Labels")))


def _mount_line(mount: Mapping[str, Any]) -> Line:
    source = clean_line(str(mount.get("Name") or mount.get("Source") or "?"))
    target = clean_line(str(mount.get("Destination") or "?"))
    is_writable = mount.get("RW") is not False
    return [(source, "second"), (" → ", "faint"), (target, "text"), ("" if is_writable else "  read-only", "faint")]


def _network_lines(document: Mapping[str, Any], host: Mapping[str, Any]) -> list[Line]:
    lines = _fields([("Mode", host.get("NetworkMode"))])
    networks = _dig(document, "NetworkSettings", "Networks")
    for name, network in networks.items() if isinstance(networks, Mapping) else ():
        if isinstance(network, Mapping):
            address = clean_line(str(network.get("IPAddress") or "no address"))
            gateway = clean_line(str(network.get("Gateway") or ""))
            lines.append(field(clean_line(str(name)), address + (f"  via {gateway}" if gateway else "")))
    ports = _dig(document, "NetworkSettings", "Ports")
    for port, bindings in ports.items() if isinstance(ports, Mapping) else ():
        for binding in bindings or ():
            host_side = (
                f"{clean_line(str(binding.get('HostIp') or ''))}:{clean_line(str(binding.get('HostPort') or '?'))}"
            )
            lines.append(field("Port", f"{host_side} → {clean_line(str(port))}"))
    return lines


def image_config(image: Image, document: Mapping[str, Any], now_ns: int, *, is_masked: bool = True) -> list[Line]:
    """What an image is made of and what it runs."""
    config = _dig(document, "Config") or {}
    exposed = config.get("ExposedPorts")
    platform = "/".join(part for part in (image.os, image.architecture) if part)
    created = "" if image.created_ns is None else f"{age(image.created_ns, now_ns)} ago"
    lines = _fields(
        [
            ("Tags", [*image.tags]),
            ("ID", image.id),
            ("Platform", platform),
            ("Created", created),
            ("Size", size(image.size_bytes)),
            ("Entrypoint", config.get("Entrypoint")),
            ("Command", config.get("Cmd")),
            ("Working dir", config.get("WorkingDir")),
            ("User", config.get("User")),
            ("Exposes", [*exposed] if isinstance(exposed, Mapping) else exposed),
        ]
    )
    lines += _section("digests", [[(clean_line(digest), "text")] for digest in image.digests])
    layers: list[Line] = []
    for number, layer in enumerate(image.layers, start=1):
        words = size(layer.size_bytes).rjust(9)
        layers.append([(f"{number:>2}  ", "faint"), (words + "  ", "second"), (clean_line(layer.digest), "text")])
    lines += _section("layers, lowest first", layers)
    lines += _section("environment", _env(config.get("Env"), is_masked=is_masked))
    return lines + _section("labels", _labels(image.labels))


def network_config(network: Network, names: Mapping[str, str]) -> list[Line]:
    """A network and who is on it; `names` maps container IDs to names."""
    lines = _fields(
        [
            ("Name", network.name),
            ("ID", network.id),
            ("Driver", network.driver),
            ("Subnet", network.subnet),
            ("Gateway", network.gateway),
            ("Bridge", network.bridge),
        ]
    )
    members: list[Line] = [
        [
            ("● ", "good"),
            (clean_line(names.get(container, container[:12])).ljust(20), "text"),
            (clean_line(ip), "second"),
        ]
        for container, ip in network.containers.items()
    ]
    return lines + _section("containers", members)


def volume_config(volume: Volume, now_ns: int) -> list[Line]:
    """A volume."""
    created = "" if volume.created_ns is None else f"{age(volume.created_ns, now_ns)} ago"
    pairs = [
        ("Name", volume.name),
        ("Driver", volume.driver),
        ("Mountpoint", volume.mountpoint),
        ("Created", created),
        ("Size", size(volume.size_bytes)),
    ]
    return _fields(pairs) + _section("labels", _labels(volume.labels))


def masked(document: Any) -> Any:
    """A copy of inspect JSON in which values of secret-looking variables are masked."""
    if isinstance(document, Mapping):
        return {
            name: [mask_env(str(item)) for item in value]
            if name == "Env" and isinstance(value, list)
            else masked(value)
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [masked(item) for item in document]
    return document


def json_lines(document: Any) -> list[Line]:
    """JSON with quiet colours: names, values, punctuation."""
    lines: list[Line] = []
    for raw in json.dumps(document, indent=2, ensure_ascii=False, default=str).splitlines():
        text = clean_line(raw)
        match = _JSON_LINE.match(text)
        if match is None:
            tone = "faint" if text.strip() in ("{", "}", "[", "]", "},", "],", "{}", "[]") else "text"
            lines.append([(text, tone)])
            continue
        space, name, colon, value, comma = match.groups()
        lines.append([(space + name, "soft"), (colon, "faint"), (value + comma, _json_tone(value))])
    return lines


def _json_tone(value: str) -> str:
    if value in ("{", "[", "{}", "[]", "null", '""'):
        return "faint"
    return "text" if value.startswith('"') else "second"
