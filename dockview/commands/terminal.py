"""The local terminal in raw mode, and the text of containers on a terminal that is not raw."""

from __future__ import annotations

import atexit
import codecs
import contextlib
import os
import re
import termios
import tty
from typing import Self

DETACH_KEYS = b"\x10\x11"
"""ctrl-p ctrl-q."""

_OPEN_SEQUENCE = re.compile(
    "(?:\x1b|(?:\x1b\\[|\x9b)[\x30-\x3f]*[\x20-\x2f]*|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*\x1b?)$"
)
_LONGEST_SEQUENCE = 1024


class RawTerminal:
    """While entered, keys go through one by one; every way out restores the terminal, also the end of the process."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._saved: list[object] | None = None

    def __enter__(self) -> Self:
        self._saved = termios.tcgetattr(self._fd)
        atexit.register(self.restore)
        # Not with a flush, which is setraw's default: what was typed ahead, while the container started, is for it.
        tty.setraw(self._fd, termios.TCSADRAIN)
        return self

    def __exit__(self, *_error: object) -> None:
        self.restore()

    def restore(self) -> None:
        """Put the terminal back as it was; may be called more than once."""
        saved, self._saved = self._saved, None
        if saved is not None:
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(self._fd, termios.TCSADRAIN, saved)  # type: ignore[arg-type]  # as tcgetattr gave it
            atexit.unregister(self.restore)


def window_size(fd: int) -> tuple[int, int] | None:
    """Rows and columns of a terminal; None where it has no size."""
    try:
        size = os.get_terminal_size(fd)
    except OSError:
        return None
    return (size.lines, size.columns) if size.lines and size.columns else None


def parse_detach_keys(text: str) -> bytes:
    """The bytes of `ctrl-p,ctrl-q` or `a`; docker's own keys when empty. Raises: ValueError."""
    if not text:
        return DETACH_KEYS
    keys = bytearray()
    for word in text.split(","):
        letter = word.removeprefix("ctrl-")
        if len(letter) != 1 or not letter.isascii():
            raise ValueError(f"Unknown character: '{word}'")
        if letter == word:
            keys += letter.encode()
        elif letter.isalpha() or letter in "@[\\]^_":
            keys.append(ord(letter.upper()) & 0x1F)
        else:
            raise ValueError(f"Unknown character: '{word}'")
    return bytes(keys)


class DetachScanner:
    """Finds the detach keys in what is typed; what may still become them is held back until it is clear."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What goes on to the container, and whether the keys were complete."""
        passed = bytearray()
        for byte in data:
            self._held += bytes([byte])
            if self._held == self._keys:
                self._held = b""
                return bytes(passed), True
            while self._held and not self._keys.startswith(self._held):
                passed.append(self._held[0])
                self._held = self._held[1:]
        return bytes(passed), False


class StreamCleaner:
    """Makes a stream of bytes from a container harmless for a terminal, piece by piece.

    A sequence that a piece breaks off is held back until its rest has come. A carriage return stays: progress bars
    use it, and it reaches no further than the line that the container itself writes.
    """

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""

    def feed(self, data: bytes, *, is_end: bool = False) -> bytes:
        """The harmless form of the next piece."""
        from dockview.text import clean  # noqa: PLC0415  not needed where the output goes to a pipe

        text = self._held + self._decode(data, is_end)
        self._held = ""
        tail = text[-_LONGEST_SEQUENCE:]
        if not is_end and (found := _OPEN_SEQUENCE.search(tail)) and (found.start() > 0 or len(text) == len(tail)):
            cut = len(text) - len(tail) + found.start()
            text, self._held = text[:cut], text[cut:]
        return "\r".join(clean(part) for part in text.split("\r")).encode(errors="replace")
