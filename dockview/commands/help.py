"""The help texts, made from the grammar."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from dockview.commands.flags import Flag
from dockview.commands.grammar import GLOBAL_FLAGS, GROUPS, SPELLINGS, VERBS, Verb
from dockview.commands.usage import UsageError

_COMMON = ("run", "ps", "logs", "stop", "images", "pull", "trace", "doctor")


def help_text(topic: str = "") -> str:
    """The help of a verb, of a group (`image`), or of the program. Raises: UsageError for an unknown topic."""
    if not topic:
        return _program()
    if topic in GROUPS:
        return _group(topic)
    verb = SPELLINGS.get(topic)
    if verb is None:
        raise UsageError(f"unknown help topic: {topic}", exit_code=1)
    return _verb(verb)


def _program() -> str:
    words = ["Usage:  dockview [OPTIONS]", "        dockview [OPTIONS] COMMAND [ARG...]", ""]
    words += ["The glass box for containers. Without a command the full-screen app opens.", "", "Common Commands:"]
    words += _rows((name, SPELLINGS[name].summary) for name in _COMMON)
    words += ["", "Management Commands:", *_rows(GROUPS.items()), "", "Commands:"]
    words += _rows((verb.name, verb.summary) for verb in _alone() if verb.name not in _COMMON)
    words += ["", "Global Options:", *_flags(GLOBAL_FLAGS)]
    return "\n".join([*words, "", "Run 'dockview COMMAND --help' for more information on a command."])


def _alone() -> list[Verb]:
    return sorted((verb for verb in VERBS if " " not in verb.name), key=lambda verb: verb.name)


def _group(group: str) -> str:
    verbs: dict[str, str] = {}
    for verb in VERBS:
        spellings = [
            name.removeprefix(f"{group} ") for name in (*verb.aliases, verb.name) if name.startswith(f"{group} ")
        ]
        if spellings:
            verbs[spellings[0]] = verb.summary
    return "\n".join([
        f"Usage:  dockview {group} COMMAND", "", GROUPS[group], "", "Commands:", *_rows(sorted(verbs.items())),
        "", f"Run 'dockview {group} COMMAND --help' for more information on a command.",
    ])  # fmt: skip


def _verb(verb: Verb) -> str:
    words = [f"Usage:  dockview {verb.usage}", "", verb.summary]
    if verb.aliases:
        words += ["", "Aliases:", "  " + ", ".join(f"dockview {name}" for name in (*verb.aliases, verb.name))]
    if shown := [flag for flag in verb.flags if not flag.is_missing]:
        words += ["", "Options:", *_flags(shown)]
    if absent := [f"--{flag.name}" for flag in verb.flags if flag.is_missing]:
        words += ["", "Docker's, and not in this version of dockview:"]
        words += textwrap.wrap(" ".join(sorted(absent)), 76, initial_indent="  ", subsequent_indent="  ",
                               break_on_hyphens=False)  # fmt: skip
    return "\n".join(words)


def _flags(flags: Sequence[Flag]) -> list[str]:
    rows = []
    for flag in sorted(flags, key=lambda flag: flag.name):
        if not flag.is_missing:
            short = f"-{flag.short}, " if flag.short else "    "
            rows.append((f"{short}--{flag.name} {flag.metavar}".rstrip(), flag.help))
    return _rows(rows)


def _rows(rows: Iterable[tuple[str, str]]) -> list[str]:
    found = list(rows)
    width = max(len(left) for left, _ in found) + 3
    return [f"  {left.ljust(width)}{right}".rstrip() for left, right in found]
