"""`network create`, `network rm`, `network connect`, `network disconnect` and `port`."""

from __future__ import annotations

from collections.abc import Sequence

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.each import for_each
from dockview.engine.api import Engine
from dockview.engine.errors import InvalidRequest, NotFound
from dockview.engine.model import NetworkRequest, PortMapping


def create(engine: Engine, command: Command, console: Console) -> int:
    """Make a network and print its ID."""
    console.print(engine.create_network(request_from(command)).id)
    return 0


def request_from(command: Command) -> NetworkRequest:
    """The network that a line asks for. Raises: InvalidRequest."""
    return NetworkRequest(
        name=command.refs[0],
        line=command.line,
        driver=command.text("driver") or "bridge",
        subnet=_one(command.texts("subnet"), "subnet"),
        gateway=_one(command.texts("gateway"), "gateway"),
        ip_range=_one(command.texts("ip-range"), "ip-range"),
        is_internal=command.is_on("internal"),
        labels=dict(_pair(text) for text in command.texts("label")),
        options=dict(_pair(text) for text in command.texts("opt")),
    )


def _one(texts: Sequence[str], name: str) -> str:
    if len(texts) > 1:
        raise InvalidRequest(f"bridge driver doesn't support multiple {name}s of one family", hint=f"give one --{name}")
    return texts[0] if texts else ""


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value


def rm(engine: Engine, command: Command, console: Console) -> int:
    """Remove networks; with --force one that is not there is no error."""
    is_forced = command.is_on("force")

    def act(ref: str) -> str:
        try:
            engine.remove_network(ref)
        except NotFound:
            if not is_forced:
                raise
        return ref

    return for_each(command.refs, act, console)


def connect(engine: Engine, command: Command, console: Console) -> int:
    """Put a container on a network."""
    del console
    network, container = command.refs
    engine.connect_network(network, container, ip=command.text("ip"), aliases=command.texts("alias"))
    return 0


def disconnect(engine: Engine, command: Command, console: Console) -> int:
    """Take a container off a network."""
    del console
    network, container = command.refs
    engine.disconnect_network(network, container, force=command.is_on("force"))
    return 0


def port(engine: Engine, command: Command, console: Console) -> int:
    """Print what is published of a container, or where one port of it is."""
    container = engine.container(command.refs[0])
    published = sorted(
        container.ports if container.status.is_alive else (),
        key=lambda mapping: (mapping.container_port, mapping.protocol, mapping.host_ip, mapping.host_port),
    )
    if len(command.refs) == 1:
        lines = [f"{m.container_port}/{m.protocol} -> {address}" for m in published for address in _addresses(m)]
    else:
        wanted, _, protocol = command.refs[1].partition("/")
        if not wanted.isdecimal():
            raise InvalidRequest(f"invalid port {command.refs[1]!r}", hint="write 80 or 53/udp")
        found = [m for m in published if (m.container_port, m.protocol) == (int(wanted), protocol or "tcp")]
        if not found:
            raise NotFound(f"no public port '{wanted}/{protocol or 'tcp'}' published for {command.refs[0]}")
        lines = [address for m in found for address in _addresses(m)]
    if lines:
        console.print("\n".join(lines))
    return 0


def _addresses(mapping: PortMapping) -> list[str]:
    """Where a mapping listens; one for all addresses of IPv4 listens on those of IPv6, too, as docker's does."""
    ip = f"[{mapping.host_ip}]" if ":" in mapping.host_ip else mapping.host_ip
    return [f"{ip or '0.0.0.0'}:{mapping.host_port}"]  # noqa: S104
