"""The request that a `run` or `create` line makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from dockview.commands.run_life import labels_of_files, life_fields
from dockview.commands.values import environment, environment_file
from dockview.engine.model import Mount, PortMapping, RunRequest

_T = TypeVar("_T")


def request_from(options: Mapping[str, object], arguments: Sequence[str], line: str) -> RunRequest:
    """The request of a line.

    Args:
        options: the values of RUN_FLAGS, by long name.
        arguments: the image, then the command.
        line: the docker line, as typed.

    Raises:
        UsageError: an env-file cannot be read.
    """
    files = [entry for path in _all(options, "env-file", str) for entry in environment_file(path)]
    entrypoint = options.get("entrypoint")
    return RunRequest(
        image=arguments[0],
        line=line,
        command=tuple(arguments[1:]),
        name=_text(options, "name"),
        entrypoint=None if entrypoint is None else tuple(filter(None, (str(entrypoint),))),
        env=(*files, *environment(_all(options, "env", str))),
        labels=dict(_pair(entry) for entry in (*labels_of_files(options), *_all(options, "label", str))),
        ports=tuple(dict.fromkeys(port for group in _all(options, "publish", tuple) for port in _mappings(group))),
        publish_all=options.get("publish-all") is True,
        hostname=_text(options, "hostname"),
        user=_text(options, "user"),
        workdir=_text(options, "workdir"),
        network=_text(options, "network") or "bridge",
        network_aliases=tuple(dict.fromkeys(_all(options, "network-alias", str))),
        ip=_text(options, "ip"),
        dns=_all(options, "dns", str),
        dns_search=_all(options, "dns-search", str),
        add_hosts=_all(options, "add-host", str),
        mounts=tuple(item for name in ("volume", "mount", "tmpfs") for item in _all(options, name, Mount)),
        volumes_from=_all(options, "volumes-from", str),
        tty=options.get("tty") is True,
        open_stdin=options.get("interactive") is True,
        detach=options.get("detach") is True,
        auto_remove=options.get("rm") is True,
        read_only=options.get("read-only") is True,
        memory_bytes=_number(options, "memory"),
        nano_cpus=_number(options, "cpus"),
        pids_limit=_number(options, "pids-limit"),
        memory_swap_bytes=_number(options, "memory-swap"),
        cpu_shares=_number(options, "cpu-shares"),
        cpuset_cpus=_text(options, "cpuset-cpus"),
        cap_add=_all(options, "cap-add", str),
        cap_drop=_all(options, "cap-drop", str),
        stop_signal=_text(options, "stop-signal"),
        stop_timeout_s=_number(options, "stop-timeout"),
        pull=_text(options, "pull") or "missing",
        platform=_text(options, "platform"),
        **life_fields(options),
    )


def _text(options: Mapping[str, object], name: str) -> str:
    found = options.get(name)
    return found if isinstance(found, str) else ""


def _number(options: Mapping[str, object], name: str) -> int | None:
    found = options.get(name)
    return found if isinstance(found, int) else None


def _all(options: Mapping[str, object], name: str, kind: type[_T]) -> tuple[_T, ...]:
    found = options.get(name)
    return tuple(item for item in found if isinstance(item, kind)) if isinstance(found, tuple) else ()


def _mappings(group: Sequence[object]) -> Sequence[PortMapping]:
    return [item for item in group if isinstance(item, PortMapping)]


def _pair(entry: str) -> tuple[str, str]:
    key, _, text = entry.partition("=")
    return key, text
