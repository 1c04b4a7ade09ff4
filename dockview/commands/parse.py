"""A docker line becomes a Command, or an error that says which word is wrong and where."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from dockview.commands.command import Command
from dockview.commands.flags import Flag, Flags, read_flags, switch
from dockview.commands.grammar import GROUPS, MISSING_VERBS, SPELLINGS, Verb
from dockview.commands.run import request_from
from dockview.commands.usage import UsageError
from dockview.commands.words import split

_HELP = switch("help", "", "Print usage")
_HELP_H = switch("help", "h", "Print usage")
_PROGRAMS = ("docker", "dockview")


def parse_line(line: str | Sequence[str]) -> Command:
    """Understand a line such as `docker run -d -p 8080:80 web`; the first word `docker` or `dockview` may be left out.

    Args:
        line: the line as typed, or its words.

    Raises:
        UsageError: an InvalidRequest in docker's wording. `place` has the characters at fault when `line` is a string,
            `word` the index of the word.
    """
    if not isinstance(line, str):
        return _parse(list(line))
    words = split(line)
    try:
        return _parse([word.text for word in words])
    except UsageError as error:
        if error.word is not None and error.word < len(words):
            error.place = (words[error.word].start, words[error.word].end)
        elif error.place is None:
            error.place = (len(line), len(line))
        raise


def _parse(words: list[str]) -> Command:
    skipped = 1 if words and words[0] in _PROGRAMS else 0
    try:
        return _parse_verb(words[skipped:])
    except UsageError as error:
        if error.word is not None:
            error.word += skipped
        raise


def _parse_verb(words: list[str]) -> Command:
    if not words:
        raise UsageError("no command given")
    if words[0] in ("--help", "-h", "help"):
        return Command("help", refs=(" ".join(words[1:]),), line="docker --help")
    verb, length = _verb(words)
    if verb is None:
        return Command("help", refs=(words[0],), line=shlex.join(["docker", *words]))
    try:
        return _command(verb, words, length)
    except UsageError as error:
        error.about(" ".join(words[:length]), verb.usage)
        raise


def _verb(words: list[str]) -> tuple[Verb | None, int]:
    """The verb and how many words spell it; None for a group that is named alone or with --help."""
    first = words[0]
    if first in GROUPS:
        if len(words) == 1 or words[1] in ("--help", "-h"):
            return None, 1
        spelling, length = f"{first} {words[1]}", 2
    else:
        spelling, length = first, 1
    if verb := SPELLINGS.get(spelling):
        return verb, length
    if words[length - 1] in MISSING_VERBS or (first in GROUPS and words[1] in SPELLINGS):
        raise UsageError(f"docker {spelling} is not in this version of dockview", word=length - 1)
    if first.startswith("-"):
        raise UsageError(f"unknown flag: {first}", word=0)
    raise UsageError(
        f"unknown command: dockview {spelling}", verb=first if first in GROUPS else "", word=length - 1, exit_code=1
    )


def _command(verb: Verb, words: list[str], length: int) -> Command:
    rest = words[length:]
    flags: tuple[Flag, ...] = (*verb.flags, _HELP if any(flag.short == "h" for flag in verb.flags) else _HELP_H)
    try:
        read = read_flags(flags, rest, interspersed=verb.is_interspersed)
    except UsageError as error:
        if error.word is not None:
            error.word += length
        raise
    line = shlex.join(["docker", *words])
    if read.values.pop("help"):
        return Command("help", refs=(verb.name,), line=line)
    _check_arity(verb, read, length)
    arguments = tuple(rest[index] for index in read.arguments)
    options = {**(verb.implied or {}), **read.values}
    request = request_from(options, arguments, line) if verb.name in ("run", "create") else None
    return Command(verb.name, request, arguments, options, line)


def _check_arity(verb: Verb, read: Flags, length: int) -> None:
    count = len(read.arguments)
    if verb.least <= count and (verb.most is None or count <= verb.most):
        return
    if verb.most == 0:
        wants = "accepts no arguments"
    elif verb.most is None:
        wants = f"requires at least {_counted(verb.least)}"
    elif verb.least == verb.most:
        wants = f"requires {_counted(verb.least)}"
    else:
        wants = f"requires at most {_counted(verb.most)}"
    surplus = verb.most is not None and count > verb.most
    word = length + read.arguments[verb.most or 0] if surplus else None
    raise UsageError(f"'dockview {verb.name}' {wants}", word=word, exit_code=1)


def _counted(count: int) -> str:
    return f"{count} argument" if count == 1 else f"{count} arguments"
