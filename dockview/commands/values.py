"""The values of flags: sizes, CPUs, ports, times, signals, environment; text in, values out.

Functions that a flag uses to convert raise ValueError with docker's wording of what is wrong with the text.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence

from dockview.commands.usage import UsageError
from dockview.engine.model import PortMapping
from dockview.engine.moments import NS

_SIZE = re.compile(r"(\d+(?:\.\d+)?|\.\d+) ?([kmgtp]?)(?:i?b)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_DECIMAL = re.compile(r"\d+(\.\d*)?|\.\d+")


def integer(text: str) -> int:
    """A whole number."""
    if not re.fullmatch(r"[+-]?\d+", text):
        raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def filter_entry(text: str) -> str:
    """A `name=value`."""
    if "=" not in text:
        raise ValueError("bad format of filter (expected name=value)")
    return text


def memory(text: str) -> int | None:
    """Bytes of `512m`, `1.5g`, `100000`, in units of 1024; None for 0, which means no limit."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"invalid size: '{text}'")
    number, unit = found.groups()
    return int(float(number) * 1024 ** _POWERS[unit.lower()]) or None


def nano_cpus(text: str) -> int | None:
    """Billionths of a CPU of `1.5`; None for 0, which means no limit."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"failed to parse {text} as a rational number")
    whole, _, fraction = text.partition(".")
    if len(fraction.rstrip("0")) > 9:
        raise ValueError("value is too precise")
    return int(whole or "0") * NS + int((fraction + "0" * 9)[:9]) or None


def pids_limit(text: str) -> int | None:
    """How many processes; None for 0 and -1, which mean no limit."""
    limit = integer(text)
    return limit if limit > 0 else None


def pull_policy(text: str) -> str:
    """When to pull."""
    if text not in ("always", "missing", "never"):
        raise UsageError(f'invalid pull option: \'{text}\': must be one of "always", "missing" or "never"')
    return text


def signal_name(text: str) -> str:
    """`SIGTERM` of `SIGTERM`, `term` or `15`. Real-time signals go by number or as `RTMIN+3`."""
    name = text.upper()
    known = signal.Signals.__members__
    if name.isdigit():
        number = int(name)
        found = next((member for member, sign in known.items() if sign == number), None)
        if found is not None:
            return found
        if signal.SIGRTMIN < number < signal.SIGRTMAX:
            return f"SIGRTMIN+{number - signal.SIGRTMIN}"
        raise ValueError(f"invalid signal: {text}")
    name = name if name.startswith("SIG") else f"SIG{name}"
    if name not in known and not re.fullmatch(r"SIGRTM(IN\+|AX-)\d+", name):
        raise ValueError(f"invalid signal: {text}")
    return name


def sent_signal(text: str) -> str:
    """A signal to send. Docker leaves it to the daemon to refuse one, so the exit code is 1 and not that of a flag."""
    try:
        return signal_name(text)
    except ValueError as error:
        raise UsageError(str(error), exit_code=1) from None


def environment_entry(text: str) -> str:
    """A `KEY=value`, or a bare `KEY` as it is."""
    if not text or text.startswith("="):
        raise ValueError(f"invalid environment variable: {text}")
    return text


def environment(entries: Sequence[str]) -> tuple[str, ...]:
    """Entries with each bare KEY given its value here; one that has none here is left out."""
    return tuple(
        entry if "=" in entry else f"{entry}={os.environ[entry]}"
        for entry in entries
        if "=" in entry or entry in os.environ
    )


def environment_file(path: str) -> tuple[str, ...]:
    """The entries of an env-file: one `KEY=value` or bare `KEY` a line; blank lines and `#` comments are passed over.

    Raises: UsageError, saying which line is wrong, or why the file cannot be read.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise UsageError(f"open {path}: {os.strerror(error.errno or 0).lower()}") from None
    except UnicodeDecodeError:
        raise UsageError(f"env file {path} is not UTF-8") from None
    entries = []
    for number, line in enumerate(lines, 1):
        entry = line.lstrip()
        if not entry or entry.startswith("#"):
            continue
        key = entry.partition("=")[0]
        if not key or re.search(r"\s", key):
            what = f"variable '{key}' contains whitespaces" if key else "no variable name on line"
            raise UsageError(f"invalid env file ({path}) line {number}: {what}: {entry!r}")
        entries.append(entry)
    return environment(entries)


def label(text: str) -> str:
    """A `key=value` or a `key`."""
    if not text or text.startswith("="):
        raise ValueError(f"invalid label '{text}': empty name")
    return text


def ports(text: str) -> tuple[PortMapping, ...]:
    """The mappings of `[[ip:]host:]container[/protocol]`, where host and container may be ranges of equal length.

    Raises: UsageError, in docker's wording.
    """
    address, _, protocol = text.partition("/")
    protocol = protocol.lower() or "tcp"
    if protocol not in ("tcp", "udp"):
        known = protocol == "sctp"
        raise UsageError("sctp ports are not in this version of dockview" if known else f"invalid proto: {protocol}")
    host_ip, host, container = _split_address(address)
    if not container:
        raise UsageError(f"no port specified: {text}<empty>")
    if host_ip:
        _check_ip(host_ip)
    first, last = _port_range(container, "containerPort")
    if first == 0:
        raise UsageError(f"invalid containerPort: {container}")
    low, high = _port_range(host, "hostPort") if host else (0, 0)
    if host and high - low != last - first:
        if first == last:
            raise UsageError(f"a free host port out of a range ({host}) is not in this version of dockview")
        raise UsageError(f"invalid ranges specified for container and host Ports: {container} and {host}")
    return tuple(
        PortMapping(port, protocol, host_ip or "0.0.0.0", low + port - first if host else 0)  # noqa: S104  docker's
        for port in range(first, last + 1)
    )


def _split_address(address: str) -> tuple[str, str, str]:
    if address.startswith("["):
        host_ip, _, rest = address[1:].partition("]")
        host, _, container = rest.removeprefix(":").rpartition(":")
        return host_ip, host, container
    rest, _, container = address.rpartition(":")
    host_ip, _, host = rest.rpartition(":")
    return host_ip, host, container


def _check_ip(text: str) -> None:
    import ipaddress  # noqa: PLC0415  only for `-p ip:…`, which is rare

    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise UsageError(f"invalid IP address: {text}") from None


def _port_range(text: str, what: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        raise UsageError(f"invalid {what}: {text}")
    low, high = int(first), int(last or first)
    if high > 65535 or high < low:
        raise UsageError(f"invalid {what}: {text}")
    return low, high
