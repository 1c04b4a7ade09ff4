"""The way out: what lets containers of a bridge reach other networks.

Packets of containers leave under the host's address (masquerade), and the host forwards them. The rules are one
table of nft, `dockview_<bridge>`, which also keeps other machines from reaching containers past the published ports
(a host that forwards would else pass everything on). Whether the table is there is asked of the kernel itself, in
microseconds; the program `nft` runs only to make it.

The firewall of somebody else (a FORWARD chain whose policy is drop, such as Docker's) can still say no: a packet
must be accepted by every table. That is reported and never changed.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import NamedTuple

from dockview.engine.errors import SyscallError
from dockview.engine.network import netlink
from dockview.engine.network.netlink import Netlink, attributes, string_of, text
from dockview.engine.network.pool import Subnet

FORWARD_SWITCH = "/proc/sys/net/ipv4/ip_forward"

_NFTABLES = 10 << 8
_GETTABLE, _GETCHAIN = _NFTABLES | 1, _NFTABLES | 4
_TABLE_NAME = 1
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_POLICY = 1, 3, 5
_POLICY_DROP = 0
_HEADER = struct.Struct("=BBH")
_NFT_DEADLINE_S = 10

_RULES = """\
table ip {table} {{
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {subnet} oifname != "{bridge}" masquerade
    }}
    chain forward {{
        type filter hook forward priority filter; policy accept;
        iifname != "{bridge}" oifname "{bridge}" ct state established,related accept
        iifname != "{bridge}" oifname "{bridge}" drop
    }}
}}
"""


_INTERNAL_RULES = """\
table ip {table} {{
    chain forward {{
        type filter hook forward priority filter; policy accept;
        iifname "{bridge}" oifname != "{bridge}" drop
        iifname != "{bridge}" oifname "{bridge}" drop
    }}
}}
"""


class Outbound(NamedTuple):
    """How containers of a bridge reach other networks, as it was found after trying."""

    is_open: bool
    detail: str
    """In a few words: `masquerade by nft`, or why not."""
    forward: str
    """The state of IPv4 forwarding, and who switched it on."""


def table_name(bridge: str) -> str:
    """The nft table of a bridge."""
    return f"dockview_{bridge}"


def ensure_internal(bridge: str, subnet: Subnet) -> Outbound:
    """Make sure that containers of the bridge reach nothing but each other and this host's own address on it."""
    trouble = "" if has_table(bridge) else _make_table(bridge, subnet, _INTERNAL_RULES)
    state = {True: "on", False: "off", None: "unknown"}[is_forwarding()]
    if trouble:
        return Outbound(False, f"none: the network is internal (no default route; no rules: {trouble})", state)
    return Outbound(False, f"none: the network is internal, nft table ip {table_name(bridge)} drops the rest", state)


def ensure_outbound(bridge: str, subnet: Subnet) -> Outbound:
    """Make sure that containers of the bridge can reach other networks, as far as this machine allows it."""
    forward = _ensure_forwarding()
    trouble = "" if has_table(bridge) else _make_table(bridge, subnet)
    if trouble:
        return Outbound(False, f"none: {trouble}", forward)
    if forward.startswith("off"):
        return Outbound(False, "none: this host does not forward IPv4", forward)
    if drops_forwarded():
        return Outbound(False, "blocked: the host firewall's FORWARD policy is drop", forward)
    return Outbound(True, f"masquerade, nft table ip {table_name(bridge)}", forward)


def is_forwarding() -> bool | None:
    """Whether this host forwards IPv4; None when that cannot be read."""
    try:
        with open(FORWARD_SWITCH) as switch:
            return switch.read().strip() != "0"
    except OSError:
        return None


def has_table(bridge: str) -> bool:
    """Whether the kernel has the bridge's nft table."""
    return bool(_ask("NFT_MSG_GETTABLE", _GETTABLE, text(_TABLE_NAME, table_name(bridge)), table_name(bridge)))


def drops_forwarded() -> bool:
    """Whether the chain FORWARD of iptables drops what no rule accepts."""
    body = text(_CHAIN_TABLE, "filter") + text(_CHAIN_NAME, "FORWARD")
    for answer in _ask("NFT_MSG_GETCHAIN", _GETCHAIN, body, "filter FORWARD"):
        found = attributes(answer[_HEADER.size :])
        policy = found.get(_CHAIN_POLICY)
        if string_of(found, _CHAIN_NAME) == "FORWARD" and policy is not None:
            return int.from_bytes(policy) == _POLICY_DROP
    return False


def remove_table(bridge: str) -> None:
    """Take the bridge's rules away; none are no error."""
    if has_table(bridge):
        _nft(f"delete table ip {table_name(bridge)}\n")


def _ensure_forwarding() -> str:
    before = is_forwarding()
    if before:
        return "on"
    try:
        with open(FORWARD_SWITCH, "w") as switch:
            switch.write("1")
    except OSError as error:
        return f"off, and it cannot be switched on: {error.strerror}"
    return "on, switched on by dockview" if is_forwarding() else "off"


def _make_table(bridge: str, subnet: Subnet, rules: str = _RULES) -> str:
    """Make the rules; why that failed, or empty."""
    trouble = _nft(rules.format(table=table_name(bridge), bridge=bridge, subnet=subnet))
    if trouble:
        return trouble
    return "" if has_table(bridge) else "the kernel does not have the rules that nft made"


def _nft(script: str) -> str:
    """Run nft on a script, which is applied as a whole or not at all; why it failed, or empty."""
    import subprocess  # noqa: PLC0415  only the first container of a boot comes here

    try:
        done = subprocess.run(
            ["nft", "-f", "-"], input=script, capture_output=True, text=True, timeout=_NFT_DEADLINE_S, check=False
        )
    except FileNotFoundError:
        return "nft is not installed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"nft cannot be run: {error}"
    if done.returncode == 0:
        return ""
    return "nft says: " + (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[0]


def _ask(what: str, kind: int, body: bytes, about: str) -> list[bytes]:
    """The answers of nftables; none where it has no such thing, or where the kernel has no nftables."""
    try:
        with Netlink(family=netlink.NETLINK_NETFILTER) as net:
            return net.request(what, kind, _HEADER.pack(socket.AF_INET, 0, 0) + body, about=about)
    except SyscallError as error:
        if error.errno in (errno.ENOENT, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.EINVAL, errno.EPERM):
            return []
        raise
