"""The values of network flags; text in, values out. Functions raise ValueError with docker's wording."""

from __future__ import annotations

import re

from dockview.commands.usage import UsageError


def network(text: str) -> str:
    """The network to join: bridge, none, host, container:NAME, or one of the user's own."""
    if "=" in text:
        raise UsageError(f"network {text}: this form is not in this version of dockview; use --network-alias and --ip")
    if text == "container:" or (":" in text and not text.startswith("container:")):
        raise UsageError(f"invalid container format container:<name|id>: {text}")
    return "bridge" if text == "default" else text


def address(text: str) -> str:
    """An IP address."""
    import ipaddress  # noqa: PLC0415  rare

    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"{text} is not an ip address") from None


def ipv4(text: str) -> str:
    """An IPv4 address."""
    found = address(text)
    if ":" in found:
        raise ValueError(f"{text} is not an IPv4 address")
    return found


def added_host(text: str) -> str:
    """`NAME:ADDRESS` of `NAME:ADDRESS` or `NAME=ADDRESS`; the address may be `host-gateway`."""
    name, _, rest = text.partition("=") if "=" in text else text.partition(":")
    if not name or not rest:
        raise ValueError(f'bad format for add-host: "{text}"')
    if rest != "host-gateway":
        try:
            rest = address(rest.strip("[]"))
        except ValueError:
            raise ValueError(f'invalid IP address in add-host: "{rest}"') from None
    return f"{name}:{rest}"


def search_domain(text: str) -> str:
    """A domain of a search list; `.` for none."""
    if text != "." and not re.fullmatch(r"[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9_])?", text):
        raise ValueError(f"{text} is not a valid domain")
    return text


def pair(text: str) -> str:
    """A driver option, `key=value`."""
    if not text or text.startswith("=") or "=" not in text:
        raise ValueError(f"invalid option {text!r}: write key=value")
    return text
