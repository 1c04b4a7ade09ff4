"""`info` and `version`."""

from __future__ import annotations

import platform
from typing import Any

from dockview import __version__
from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.template import compile_template, to_json
from dockview.engine.api import Engine
from dockview.engine.model import Container, ContainerStatus


def info(engine: Engine, command: Command, console: Console) -> int:
    """Show which engine this is, what it holds and what it cannot do."""
    about = engine.info()
    containers = engine.containers(all=True)
    missing = engine.capabilities().missing
    facts: dict[str, Any] = {
        "Name": about.name,
        "Engine": about.kind,
        "ServerVersion": about.version,
        "Endpoint": about.endpoint,
        "Containers": len(containers),
        "ContainersRunning": _count(containers, ContainerStatus.RUNNING),
        "ContainersPaused": _count(containers, ContainerStatus.PAUSED),
        "ContainersStopped": sum(not container.status.is_alive for container in containers),
        "Images": len(engine.images()),
        "OSType": about.os,
        "Architecture": about.architecture,
        "KernelVersion": about.kernel,
        "CgroupVersion": about.cgroup_version or None,
        "Rootless": about.rootless,
        "Missing": dict(missing),
    }
    return _print(facts, command, console, _info_text)


def version(engine: Engine, command: Command, console: Console) -> int:
    """Show the versions of dockview and of its engine."""
    about = engine.info()
    facts = {
        "Client": {
            "Version": __version__,
            "Python": platform.python_version(),
            "Os": platform.system().lower(),
            "Arch": platform.machine(),
        },
        "Server": {
            "Engine": about.kind,
            "Name": about.name,
            "Version": about.version,
            "ApiVersion": about.api_version,
            "Os": about.os,
            "Arch": about.architecture,
            "KernelVersion": about.kernel,
            "Endpoint": about.endpoint,
        },
    }
    return _print(facts, command, console, _version_text)


def _count(containers: Any, status: ContainerStatus) -> int:
    found: list[Container] = [container for container in containers if container.status is status]
    return len(found)


def _print(facts: dict[str, Any], command: Command, console: Console, text: Any) -> int:
    template = command.text("format").strip()
    if not template:
        console.print(text(facts))
    elif template == "json":
        console.print(to_json(facts))
    else:
        console.print(compile_template(template)(facts))
    return 0


def _info_text(facts: dict[str, Any]) -> str:
    words = {
        "Engine": "Engine", "Name": "Name", "ServerVersion": "Version", "Endpoint": "Endpoint",
        "Containers": "Containers", "ContainersRunning": " Running", "ContainersPaused": " Paused",
        "ContainersStopped": " Stopped", "Images": "Images", "OSType": "OS", "Architecture": "Architecture",
        "KernelVersion": "Kernel Version", "CgroupVersion": "Cgroup Version", "Rootless": "Rootless",
    }  # fmt: skip
    lines = [f"{word}: {_shown(facts[key])}" for key, word in words.items()]
    if facts["Missing"]:
        lines.append("Not in this engine:")
        lines += [f" {feature}: {why}" for feature, why in facts["Missing"].items()]
    return "\n".join(lines)


def _version_text(facts: dict[str, Any]) -> str:
    lines = []
    for part, rows in facts.items():
        lines.append(f"{part}:")
        lines += [f" {key + ':':<16}{_shown(text)}" for key, text in rows.items() if text not in (None, "")]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return "unknown" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
