"""The docker line of a request: what a form shows as "the line that does the same"."""

from __future__ import annotations

import shlex

from dockview.commands.line_life import life_words
from dockview.commands.mount_values import words_of
from dockview.engine.model import PortMapping, RunRequest


def docker_line(request: RunRequest, verb: str = "run") -> str:
    """The canonical `docker run …` line, quoted for a shell. Parsing it gives the request back (but for `line`)."""
    words = ["docker", verb]
    switches = "".join(
        letter
        for letter, is_on in (("d", request.detach), ("i", request.open_stdin), ("t", request.tty))
        if is_on
    )  # fmt: skip
    if switches:
        words.append(f"-{switches}")
    if request.auto_remove:
        words.append("--rm")
    for flag, text in (
        ("--name", request.name),
        ("--hostname", request.hostname),
        ("--network", "" if request.network == "bridge" else request.network),
        ("--ip", request.ip),
        ("--user", request.user),
        ("--workdir", request.workdir),
    ):
        if text:
            words += [flag, text]
    for flag, texts in (
        ("--network-alias", request.network_aliases),
        ("--dns", request.dns),
        ("--dns-search", request.dns_search),
        ("--add-host", request.add_hosts),
    ):
        words += [word for text in texts for word in (flag, text)]
    words += [word for port in request.ports for word in ("-p", _port(port))]
    if request.publish_all:
        words.append("-P")
    words += [word for entry in request.env for word in ("-e", entry)]
    words += [word for key, text in request.labels.items() for word in ("--label", f"{key}={text}" if text else key)]
    if request.mounts or request.volumes_from:
        words += words_of(request)
    words += _limits(request)
    words += life_words(request)
    words += _command(request)
    return shlex.join(words)


def _port(port: PortMapping) -> str:
    ip = "" if port.host_ip == "0.0.0.0" else f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip  # noqa: S104
    host = str(port.host_port) if port.host_port else ""
    parts = [ip, host] if ip else [host] if host else []
    return ":".join([*parts, str(port.container_port)]) + ("" if port.protocol == "tcp" else f"/{port.protocol}")


def _limits(request: RunRequest) -> list[str]:
    words: list[str] = []
    if request.memory_bytes is not None:
        words += ["--memory", _size(request.memory_bytes)]
    if request.nano_cpus is not None:
        words += ["--cpus", f"{request.nano_cpus / 1e9:.9f}".rstrip("0").rstrip(".")]
    if request.memory_swap_bytes is not None:
        words += ["--memory-swap", "-1" if request.memory_swap_bytes < 0 else _size(request.memory_swap_bytes)]
    if request.cpu_shares is not None:
        words += ["--cpu-shares", str(request.cpu_shares)]
    if request.cpuset_cpus:
        words += ["--cpuset-cpus", request.cpuset_cpus]
    if request.pids_limit is not None:
        words += ["--pids-limit", str(request.pids_limit)]
    if request.read_only:
        words.append("--read-only")
    words += [word for name in request.cap_add for word in ("--cap-add", name)]
    words += [word for name in request.cap_drop for word in ("--cap-drop", name)]
    if request.stop_signal:
        words += ["--stop-signal", request.stop_signal]
    if request.stop_timeout_s is not None:
        words += ["--stop-timeout", str(request.stop_timeout_s)]
    if request.pull != "missing":
        words += ["--pull", request.pull]
    if request.platform:
        words += ["--platform", request.platform]
    return words


def _size(size: int) -> str:
    for unit, power in (("g", 30), ("m", 20), ("k", 10)):
        if size % (1 << power) == 0:
            return f"{size >> power}{unit}"
    return str(size)


def _command(request: RunRequest) -> list[str]:
    """Image and command. docker's flag takes one word of an entrypoint: the rest of it comes before the command."""
    if request.entrypoint is None:
        return [request.image, *request.command]
    first, rest = (request.entrypoint or ("",))[0], request.entrypoint[1:]
    return ["--entrypoint", first, request.image, *rest, *request.command]
