"""Text for the terminal: what strangers wrote made harmless, and numbers made readable.

Log lines, names, labels, environment, image metadata and registry answers may hold anything. `clean` keeps what a
reader wants (letters, newlines, tabs and SGR colour) and removes whatever else a terminal would act upon: cursor and
screen control, titles, clipboard writes, hyperlinks, status requests whose answer would be typed into the shell.
`clean_line` keeps one plain line. Sequences are those of ECMA-48, in their 7-bit (ESC) and 8-bit (C1) forms.

Standard library only; imported on the path of every command, so it imports next to nothing.
"""

from __future__ import annotations

import re
from functools import cache

_UNTERMINATED = 1024
"""How much a string sequence (OSC, DCS …) without an end may swallow of its line."""

_STRING = "[^\x07\x18\x1a\x1b\x9c\n]"
_SEQUENCE = (
    # SGR, the one that is kept: digits, ; and : only (ESC [ > 4 m asks for something else)
    "(?P<sgr>\x1b\\[[0-9;:]{0,64}m)"
    # any other CSI, complete or broken off
    "|(?:\x1b\\[|\x9b)[\x30-\x3f]{0,256}[\x20-\x2f]{0,16}[\x40-\x7e]?"
    # OSC, DCS, SOS, PM, APC: up to BEL or ST; without either, at most a stretch of this line
    f"|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])(?:{_STRING}*+(?:\x07|\x1b\\\\|\x9c)|{_STRING}{{0,{_UNTERMINATED}}})"
    # character sets and every other escape, then the lone ESC
    "|\x1b[\x20-\x2f]{0,16}[\x30-\x7e]|\x1b"
    # C0 and C1 without tab, newline and carriage return; DEL; line and paragraph separators become a space
    "|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]"
    "|(?P<space>[\u2028\u2029])"
    # what turns the direction of reading, and halves of surrogate pairs, are shown as a replacement character
    "|(?P<shown>[\u202a-\u202e\u2066-\u2069\ud800-\udfff])"
    # marks and fillers that show nothing and only serve to disguise
    "|[\u061c\u200b\u200e\u200f\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_SGR = re.compile("\x1b\\[([0-9;:]*)m")
_SPACES = re.compile("[\t\n\r]+")
_UNWANTED_SGR = frozenset({"5", "6", "8"})
"""Blinking, and text that hides."""


def clean(text: str) -> str:
    """What a stranger wrote, with newlines, tabs and SGR colour kept and every other control removed.

    A carriage return is handled as a terminal would: of a line written over itself (a progress bar) the last writing
    stays. Characters that reorder text are shown as U+FFFD. The result contains no control character except newline,
    tab, and the ESC of a complete SGR sequence.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _sequence().sub(_kept, text)
    return _overwritten(text) if "\r" in text else text


def clean_line(text: str) -> str:
    """One plain line: no control character, no colour; newlines and tabs become spaces."""
    if text.isascii() and text.isprintable():
        return text
    text = _sequence().sub(_kept_plain, text)
    return _SPACES.sub(" ", text).strip()


def strip_colour(text: str) -> str:
    """A cleaned text without its SGR sequences."""
    return _SGR.sub("", text) if "\x1b" in text else text


@cache
def _sequence() -> re.Pattern[str]:
    """Compiled when the first text needs it: that costs a millisecond, and most commands never meet such text."""
    return re.compile(_SEQUENCE)


def _kept(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "sgr":
        return _visible_sgr(match[0])
    return {"space": " ", "shown": "\ufffd"}.get(kind or "", "")


def _kept_plain(match: re.Match[str]) -> str:
    return {"space": " ", "shown": "\ufffd"}.get(match.lastgroup or "", "")


def _visible_sgr(sequence: str) -> str:
    """The sequence without blinking and concealment; 5 and 8 that belong to a colour (38;5;8) stay."""
    codes = sequence[2:-1].split(";")
    kept: list[str] = []
    position = 0
    while position < len(codes):
        code = codes[position].lstrip("0")
        width = 1
        if code in {"38", "48", "58"} and position + 1 < len(codes):
            width = {"5": 3, "2": 5}.get(codes[position + 1].lstrip("0"), 1)
        if code not in _UNWANTED_SGR:
            kept += codes[position : position + width]
        position += width
    return f"\x1b[{';'.join(kept)}m" if kept else ""


def _overwritten(text: str) -> str:
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if "\r" in line:
            lines[number] = next((part for part in reversed(line.split("\r")) if part), "")
    return "\n".join(lines)


# Secrets

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS = frozenset({
    "password", "passwd", "passphrase", "passwort", "pass", "pw", "secret", "secrets", "token", "tokens",
    "credential", "credentials", "apikey", "accesskey", "secretkey", "privatekey", "auth", "authorization", "bearer",
    "jwt", "cookie", "salt", "pin", "pat",
})  # fmt: skip
_SECRET_KEYS = frozenset({"api", "access", "secret", "private", "signing", "encryption", "master", "license", "ssh"})
_SECRET_ENDINGS = ("password", "passwd", "secret", "token", "apikey")
_HARMLESS_WORDS = frozenset({"file", "path", "allow", "expiry", "expires", "ttl", "type", "url", "length", "sock"})
_QUOTED_ASSIGNMENT = re.compile(r"""(["'])([A-Za-z_]\w*)=([^"']*)\1""")
_ASSIGNMENT = re.compile(r"""(?<![\w-])([A-Za-z_]\w*)=("[^"]*"|'[^']*'|[^\s"']+)""")
_URL_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)")
MASK = "••••••••"
"""What stands for a secret; always as long, so that it does not tell the length."""


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name probably holds a secret (`DB_PASSWORD`, `apiKey`; not `PASSWORD_FILE`)."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or _HARMLESS_WORDS.intersection(words):
        return False
    if _SECRET_WORDS.intersection(words) or any(word.endswith(_SECRET_ENDINGS) for word in words):
        return True
    return any(word in {"key", "keys"} and words[at - 1] in _SECRET_KEYS for at, word in enumerate(words) if at)


def mask_env(assignment: str) -> str:
    """`KEY=value` with the value masked where the name, or a password inside a URL, gives it away."""
    name, equals, value = assignment.partition("=")
    if not equals or not value:
        return assignment
    if is_secret_name(name):
        return f"{name}={MASK}"
    return name + "=" + _URL_PASSWORD.sub(rf"\g<1>{MASK}", value)


def mask_line(text: str) -> str:
    """A docker line, or the JSON of a request, with the values of variables masked whose names give them away."""
    if "=" not in text:
        return text
    text = _URL_PASSWORD.sub(rf"\g<1>{MASK}", text)
    text = _QUOTED_ASSIGNMENT.sub(lambda m: f"{m[1]}{_masked(m[2], m[3])}{m[1]}", text)
    return _ASSIGNMENT.sub(lambda m: _masked(m[1], m[2]), text)


def _masked(name: str, value: str) -> str:
    return f"{name}={MASK if value and is_secret_name(name) else value}"


# Numbers

_MEMORY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def size(n_bytes: float | None) -> str:
    """Bytes for reading, in docker's decimal units: `812 B`, `3.1 kB`, `41 kB`; `?` where unknown."""
    if n_bytes is None:
        return "?"
    value, unit = _scaled(n_bytes, 999.5)
    if unit == "B" or value >= 9.95:
        return f"{value:.0f} {unit}"
    return f"{value:.1f} {unit}"


def docker_size(n_bytes: float | None, digits: int = 3) -> str:
    """Bytes as docker's own tables print them: `13.3kB`, `0B`; `?` where unknown."""
    if n_bytes is None:
        return "?"
    value, unit = _scaled(n_bytes, 1000 - 5 / 10 ** (digits - 2))
    return f"{value:.{digits}g}{unit}"


def memory(n_bytes: float | None) -> str:
    """Memory in the binary units of `docker stats` and of `-m 64m`: `812 KiB`, `64 MiB`, `1.5 GiB`; `?` if unknown."""
    if n_bytes is None:
        return "?"
    value, steps = float(n_bytes), 0
    while value >= 1023.95 and steps < len(_MEMORY_UNITS) - 1:
        value, steps = value / 1024, steps + 1
    unit = _MEMORY_UNITS[steps]
    shown = f"{value:.1f}".removesuffix(".0") if value < 10 else f"{value:.0f}"
    return f"{shown} {unit}"


def _scaled(value: float, step_at: float) -> tuple[float, str]:
    for unit in _UNITS[:-1]:
        if abs(value) < (step_at if unit != "B" else 1000):
            return value, unit
        value /= 1000
    return value, _UNITS[-1]


def duration(ns: int | None) -> str:
    """A measured time: `43 µs`, `84.2 ms`, `312 ms`, `8.7 s`, `2m 04s`, `3h 12m`, `2d 03h`; `?` where unknown."""
    if ns is None:
        return "?"
    ns = max(ns, 0)
    if ns < 100_000:
        return f"{ns / 1000:.0f} µs"
    if ns < 99_950_000:
        return f"{ns / 1e6:.1f} ms"
    if ns < 999_500_000:
        return f"{ns / 1e6:.0f} ms"
    if ns < 59_950_000_000:
        return f"{ns / 1e9:.1f} s"
    seconds = round(ns / 1e9)
    if seconds < 3600:
        return f"{seconds // 60}m {seconds % 60:02}s"
    if seconds < 86400:
        return f"{seconds // 3600}h {seconds % 3600 // 60:02}m"
    return f"{seconds // 86400}d {seconds % 86400 // 3600:02}h"


def about(ns: int) -> str:
    """A time as docker says it: `Less than a second`, `About a minute`, `3 hours`, `2 weeks`."""
    seconds = max(ns, 0) // 1_000_000_000
    minutes = seconds // 60
    hours = (seconds + 1800) // 3600
    if seconds < 1:
        return "Less than a second"
    if seconds < 60:
        return _many(seconds, "second")
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    for limit_days, days, word in ((14, 1, "day"), (60, 7, "week"), (730, 30, "month")):
        if hours < 24 * limit_days:
            return _many(hours // 24 // days, word)
    return _many(hours // 24 // 365, "year")


def ago(then_ns: int | None, now_ns: int) -> str:
    """`3 hours ago`, as docker's tables say it; `?` where unknown. Both are nanoseconds of the wall clock."""
    return "?" if then_ns is None else f"{about(now_ns - then_ns)} ago"


def age(then_ns: int | None, now_ns: int) -> str:
    """The short form for narrow columns: `12s`, `4m`, `3h`, `2d`, `5w`, `2y`; `?` where unknown."""
    if then_ns is None:
        return "?"
    seconds = max(now_ns - then_ns, 0) // 1_000_000_000
    for limit, unit_s, letter in ((60, 1, "s"), (3600, 60, "m"), (86400, 3600, "h"), (14 * 86400, 86400, "d")):
        if seconds < limit:
            return f"{seconds // unit_s}{letter}"
    return f"{seconds // 604800}w" if seconds < 730 * 86400 else f"{seconds // (365 * 86400)}y"


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
