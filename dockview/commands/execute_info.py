"""`info` and `version`, in docker's layout and keys."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from typing import Any

from dockview import __version__
from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.listing import clean_cell
from dockview.commands.template import compile_template, to_json
from dockview.engine.api import Engine
from dockview.engine.model import ContainerStatus

_WORDS = (
    ("ServerVersion", "Server Version"), ("Driver", "Storage Driver"), ("DriverStatus", ""),
    ("LoggingDriver", "Logging Driver"), ("CgroupDriver", "Cgroup Driver"), ("CgroupVersion", "Cgroup Version"),
    ("Plugins", "Plugins"), ("Swarm", "Swarm"), ("Runtimes", "Runtimes"), ("DefaultRuntime", "Default Runtime"),
    ("InitBinary", "Init Binary"), ("SecurityOptions", "Security Options"), ("KernelVersion", "Kernel Version"),
    ("OperatingSystem", "Operating System"), ("OSType", "OSType"), ("Architecture", "Architecture"),
    ("NCPU", "CPUs"), ("MemTotal", "Total Memory"), ("Name", "Name"), ("ID", "ID"),
    ("DockerRootDir", "Docker Root Dir"), ("LiveRestoreEnabled", "Live Restore Enabled"),
)  # fmt: skip
"""The lines of docker's own text, in its order."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def info(engine: Engine, command: Command, console: Console) -> int:
    """Show which engine this is, what it holds and what it cannot do."""
    about = engine.info()
    containers = engine.containers(all=True)

    def count(*states: ContainerStatus) -> int:
        return sum(container.status in states for container in containers)

    alive = (ContainerStatus.RUNNING, ContainerStatus.RESTARTING)
    facts: dict[str, Any] = {
        **about.details,
        "Containers": len(containers),
        "ContainersRunning": count(*alive),
        "ContainersPaused": count(ContainerStatus.PAUSED),
        "ContainersStopped": len(containers) - count(*alive, ContainerStatus.PAUSED),
        "Images": len({image.id for image in engine.images()}),
        "ClientInfo": {"Version": __version__, "Os": "linux", "Arch": _architecture(), "Context": about.name},
        "Engine": about.kind,
        "Endpoint": about.endpoint,
        "Rootless": about.rootless,
        "Missing": dict(engine.capabilities().missing),
    }
    return _print(facts, command, console, _info_text)


def version(engine: Engine, command: Command, console: Console) -> int:
    """Show the versions of dockview and of its engine."""
    about = engine.info()
    architecture = _ARCHITECTURES.get(about.architecture, about.architecture)
    components = [dict(part) for part in about.components]
    if not components:
        details = {"Os": "linux", "Arch": architecture, "KernelVersion": about.kernel}
        components = [{"Name": "Engine", "Version": about.version, "Details": details}]
    facts = {
        "Client": {
            "Version": __version__,
            "ApiVersion": about.api_version,
            "PythonVersion": platform.python_version(),
            "Os": platform.system().lower(),
            "Arch": _architecture(),
            "Context": about.name,
        },
        "Server": {
            "Platform": {"Name": f"dockview {about.kind} engine"},
            "Engine": about.kind,
            "Endpoint": about.endpoint,
            "Components": components,
            "Version": about.version,
            "ApiVersion": about.api_version,
            "Os": "linux",
            "Arch": architecture,
            "KernelVersion": about.kernel,
        },
    }
    return _print(facts, command, console, _version_text)


def _architecture() -> str:
    machine = os.uname().machine
    return _ARCHITECTURES.get(machine, machine)


def _print(facts: dict[str, Any], command: Command, console: Console, text: Any) -> int:
    template = command.text("format").strip()
    if not template:
        console.print("\n".join(map(clean_cell, text(facts))))
    elif template == "json":
        console.print(to_json(facts))
    else:
        console.print(compile_template(template)(facts))
    return 0


def _info_text(facts: Mapping[str, Any]) -> Iterator[str]:
    yield "Client: dockview"
    yield f" Version:    {__version__}"
    yield f" Context:    {facts['ClientInfo']['Context']}"
    yield ""
    yield "Server:"
    yield f" Engine: {facts['Engine']}"
    yield f" Endpoint: {facts['Endpoint']}"
    yield f" Containers: {facts['Containers']}"
    yield f"  Running: {facts['ContainersRunning']}"
    yield f"  Paused: {facts['ContainersPaused']}"
    yield f"  Stopped: {facts['ContainersStopped']}"
    yield f" Images: {facts['Images']}"
    for key, word in _WORDS:
        value = facts.get(key)
        if value not in (None, "", [], {}):
            yield from _info_lines(key, word, value)
    yield f" Rootless: {_shown(facts['Rootless'])}"
    if facts["Missing"]:
        yield " Not in this engine:"
        yield from (f"  {feature}: {why}" for feature, why in facts["Missing"].items())


def _info_lines(key: str, word: str, value: Any) -> Iterator[str]:
    if key == "DriverStatus":
        yield from (f"  {name}: {text}" for name, text in value)
    elif key == "Plugins":
        yield " Plugins:"
        yield from (f"  {kind}: {' '.join(value[kind])}" for kind in ("Volume", "Network", "Log") if value.get(kind))
    elif key == "Swarm":
        yield f" Swarm: {value.get('LocalNodeState') or 'inactive'}"
    elif key == "Runtimes":
        yield f" Runtimes: {' '.join(sorted(value))}"
    elif key == "SecurityOptions":
        yield " Security Options:"
        for option in value:
            name, *more = str(option).split(",")
            yield f"  {name.removeprefix('name=')}"
            yield from (f"   {part.partition('=')[0].capitalize()}: {part.partition('=')[2]}" for part in more)
    elif key == "MemTotal":
        yield f" {word}: {value / 2**30:.4g}GiB"
    else:
        yield f" {word}: {_shown(value)}"


def _version_text(facts: Mapping[str, Any]) -> Iterator[str]:
    client, server = facts["Client"], facts["Server"]
    yield "Client: dockview"
    yield from _pairs(1, 19, {
        "Version": client["Version"], "API version": client["ApiVersion"], "Python version": client["PythonVersion"],
        "OS/Arch": f"{client['Os']}/{client['Arch']}", "Context": client["Context"],
    })  # fmt: skip
    yield ""
    yield f"Server: {server['Platform']['Name']}"
    for number, part in enumerate(server["Components"]):
        details = part.get("Details") or {}
        yield f" {part.get('Name')}:"
        pairs = {"Version": part.get("Version")}
        if number == 0:
            pairs |= {
                "API version": server["ApiVersion"], "OS/Arch": f"{server['Os']}/{server['Arch']}",
                "Kernel version": server["KernelVersion"], "Endpoint": server["Endpoint"],
            }  # fmt: skip
        yield from _pairs(2, 18, {**pairs, "GitCommit": details.get("GitCommit")})


def _pairs(indent: int, width: int, pairs: Mapping[str, Any]) -> Iterator[str]:
    for key, text in pairs.items():
        if text not in (None, ""):
            yield f"{' ' * indent}{f'{key}:':<{width}}{text}"


def _shown(value: Any) -> str:
    return "unknown" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
