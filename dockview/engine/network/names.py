"""What a container's /etc/hosts and /etc/resolv.conf say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

FALLBACK_SERVERS = ("8.8.8.8", "8.8.4.4")
"""Docker's rule for a host whose nameservers a container cannot reach."""

_RESOLV_CONF = "/etc/resolv.conf"
_SYSTEMD_RESOLVED = "/run/systemd/resolve/resolv.conf"
_HOSTS = "/etc/hosts"
_FIXED_HOSTS = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""


class Resolver(NamedTuple):
    """A container's name servers, and the file that says so."""

    servers: tuple[str, ...]
    is_fallback: bool
    """Whether they are docker's rule and not the host's own."""
    text: str


def hosts(hostname: str, addresses: str | Sequence[str], added: Sequence[tuple[str, str]] = ()) -> str:
    """The hosts file; without an address the name leads to the loopback network, as on Debian.

    `addresses` are the container's own, `added` are (name, address) of --add-host.
    """
    own = ((addresses,) if addresses else ()) if isinstance(addresses, str) else addresses
    lines = [f"{address}\t{hostname}\n" for address in own or ("127.0.1.1",)]
    return _FIXED_HOSTS + "".join([*lines, *(f"{address}\t{name}\n" for name, address in added)])


def hosts_of_host() -> str:
    """This host's own hosts file, for a container that shares its network; the fixed part if it cannot be read."""
    try:
        with open(_HOSTS, errors="replace") as file:
            return file.read()
    except OSError:
        return _FIXED_HOSTS


def resolver(*, is_shared: bool, paths: tuple[str, ...] = (_RESOLV_CONF, _SYSTEMD_RESOLVED)) -> Resolver:
    """The resolver of a container, made from the host's.

    A server on the host's loopback cannot be reached from a network namespace of its own, and one by IPv6 not
    without IPv6; if none remains, the list of systemd-resolved is looked at, then docker's rule holds.

    Args:
        is_shared: Whether the container shares the host's network: then the host's file is taken as it is.
        paths: Where the host's lists are, the first that has a usable server is taken.
    """
    others: list[str] = []
    for path in paths:
        lines = _lines(path)
        servers = [words[1] for words in map(str.split, lines) if words[:1] == ["nameserver"] and len(words) > 1]
        usable = servers if is_shared else [server for server in servers if _is_reachable(server)]
        others = others or [line for line in lines if line.split()[0] in ("search", "domain", "options")]
        if usable:
            return Resolver(tuple(usable), False, _file(usable, others))
    return Resolver(FALLBACK_SERVERS, True, _file(FALLBACK_SERVERS, others))


def named(base: Resolver, servers: Sequence[str], search: Sequence[str]) -> Resolver:
    """The resolver with what --dns and --dns-search ask for; a search list of `.` is an empty one."""
    others = [line for line in base.text.splitlines() if not line.startswith("nameserver")]
    if search:
        others = [line for line in others if line.split()[0] not in ("search", "domain")]
        wanted = [] if tuple(search) == (".",) else [f"search {' '.join(search)}"]
        others = [*wanted, *others]
    chosen = tuple(servers) or base.servers
    return Resolver(chosen, base.is_fallback and not servers, _file(chosen, others))


def _file(servers: tuple[str, ...] | list[str], others: list[str]) -> str:
    return "".join(f"{line}\n" for line in (*(f"nameserver {server}" for server in servers), *others))


def _lines(path: str) -> list[str]:
    try:
        with open(path, errors="replace") as file:
            return [line.strip() for line in file if line.strip() and line.strip()[0] not in "#;"]
    except OSError:
        return []


def _is_reachable(server: str) -> bool:
    return ":" not in server and not server.startswith(("127.", "0."))
