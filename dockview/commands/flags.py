"""Flags, read by the rules of pflag, which docker's own command line uses.

A general option parser differs in what users notice: here `--rm=false` and `-i=true` are values of switches, `-dit`
is three flags, `-p8080:80` and `-p=8080:80` are the same, `--name -x` takes `-x`, and the errors have docker's wording.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dockview.commands.usage import UsageError

Convert = Callable[[str], object]
"""Makes a flag's value of its text. Raises ValueError saying what is wrong with it, or a UsageError of its own."""

_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of a verb."""

    name: str
    """The long name, without dashes."""
    short: str = ""
    """One letter, or empty."""
    metavar: str = ""
    """Docker's word for the value (`string`, `list`, `bytes`, …); empty for a switch."""
    help: str = ""
    is_list: bool = False
    """May be given more than once; the value is then a tuple."""
    default: object = None
    """Of a switch False, of a list (), else what is said here."""
    convert: Convert | None = None
    aliases: tuple[str, ...] = ()
    """Further long names, such as `net` for `network`."""
    is_missing: bool = False
    """Docker has it and this version has not."""

    @property
    def is_switch(self) -> bool:
        """Whether it stands alone, without a value."""
        return not self.metavar

    @property
    def shown(self) -> str:
        """As docker's errors name it: `-m, --memory` or `--cpus`."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


def switch(name: str, short: str = "", text: str = "") -> Flag:
    """A flag without a value."""
    return Flag(name, short, "", text, default=False)


def value(name: str, short: str = "", metavar: str = "string", text: str = "", **more: object) -> Flag:
    """A flag with one value; the last one given wins."""
    return Flag(name, short, metavar, text, **more)  # type: ignore[arg-type]  # the fields of Flag, by name


def many(name: str, short: str = "", metavar: str = "list", text: str = "", **more: object) -> Flag:
    """A flag that may be given more than once."""
    return Flag(name, short, metavar, text, is_list=True, default=(), **more)  # type: ignore[arg-type]


def missing(*spelled: str) -> tuple[Flag, ...]:
    """Flags that docker has and this version has not, spelled `v/volume=` (with a value) or `init` (a switch)."""
    flags = []
    for word in spelled:
        short, _, name = word.rpartition("/")
        flags.append(Flag(name.rstrip("="), short, "value" if name.endswith("=") else "", is_missing=True))
    return tuple(flags)


@dataclass
class Flags:
    """What was read: the values of all flags, given or not, and the indices of the words that are no flags."""

    values: dict[str, object]
    arguments: list[int] = field(default_factory=list)
    given: dict[str, list[int]] = field(default_factory=dict)
    """For each flag that was given, the indices of the words that gave it."""


class _Reader:
    """One reading of the words of a line."""

    def __init__(self, flags: Sequence[Flag], words: Sequence[str]) -> None:
        self.long: Mapping[str, Flag] = {name: flag for flag in flags for name in (flag.name, *flag.aliases)}
        self.short: Mapping[str, Flag] = {flag.short: flag for flag in flags if flag.short}
        self.words = words
        self.at = 0
        self.read = Flags({flag.name: flag.default for flag in flags if not flag.is_missing})

    def flag(self) -> None:
        """Read the flag, or the cluster of short ones, at the current word, with its value."""
        word = self.words[self.at]
        if word.startswith("--"):
            name, equals, text = word[2:].partition("=")
            flag = self.long.get(name)
            if flag is None:
                raise UsageError("bad flag syntax: " + word if not name else f"unknown flag: --{name}", word=self.at)
            self._take(flag, text if equals else None, f"--{name}")
            return
        letters = word[1:]
        value_text: str | None
        while letters:
            letter, rest = letters[0], letters[1:]
            flag = self.short.get(letter)
            if flag is None:
                raise UsageError(f"unknown shorthand flag: '{letter}' in -{letters}", word=self.at)
            if rest.startswith("="):
                letters, value_text = "", rest[1:]
            elif flag.is_switch or not rest:
                letters, value_text = rest, None
            else:
                letters, value_text = "", rest
            self._take(flag, value_text, f"'{letter}' in -{letter}{rest}", keep_word=bool(letters))

    def _take(self, flag: Flag, text: str | None, spelled: str, *, keep_word: bool = False) -> None:
        at = self.at
        if flag.is_missing:
            raise UsageError(f"{flag.shown} is not in this version of dockview", word=at)
        if text is None and not flag.is_switch:
            if self.at + 1 >= len(self.words):
                raise UsageError(f"flag needs an argument: {spelled}", word=at)
            self.at += 1
            text = self.words[self.at]
        self._set(flag, text, self.at)
        self.read.given.setdefault(flag.name, []).append(at)
        if not keep_word:
            self.at += 1

    def _set(self, flag: Flag, text: str | None, at: int) -> None:
        try:
            made: object
            if flag.is_switch:
                made = True if text is None else _boolean(text)
            else:
                made = flag.convert(text or "") if flag.convert else text or ""
        except UsageError as error:
            error.word = at
            raise
        except ValueError as error:
            raise UsageError(f'invalid argument "{text}" for "{flag.shown}" flag: {error}', word=at) from None
        if flag.is_list:
            earlier = self.read.values[flag.name]
            made = (*earlier, made) if isinstance(earlier, tuple) else (made,)
        self.read.values[flag.name] = made


def read_flags(flags: Sequence[Flag], words: Sequence[str], *, interspersed: bool = True) -> Flags:
    """Read the flags of a line.

    Args:
        flags: what may be given.
        words: the words after the verb.
        interspersed: whether flags may follow arguments. For `run` they may not: what follows the image is the
            command of the container.

    Raises:
        UsageError: in docker's wording, with the index of the word.
    """
    reader = _Reader(flags, words)
    while reader.at < len(words):
        word = words[reader.at]
        if word == "--":
            reader.at += 1
            break
        if word.startswith("-") and word != "-":
            reader.flag()
            continue
        if not interspersed:
            break
        reader.read.arguments.append(reader.at)
        reader.at += 1
    reader.read.arguments.extend(range(reader.at, len(words)))
    return reader.read


def _boolean(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')
