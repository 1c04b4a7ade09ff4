"""The terminal, pipe or file that a command writes to, and how strangers' text gets there.

What goes to a terminal is cleaned of control sequences (dockview/text.py); what goes to a pipe or a file is left as
it is, because a program wants it so.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from typing import BinaryIO, Self


@dataclass
class Console:
    """Standard output, error and input of a command.

    Writing raises BrokenPipeError when the reader has gone; the command then ends quietly.
    """

    out: BinaryIO
    err: BinaryIO
    in_fd: int | None = None
    """None where there is no standard input."""
    out_is_tty: bool = False
    err_is_tty: bool = False
    in_is_tty: bool = False

    @classmethod
    def of_process(cls) -> Self:
        """The console of this process."""
        return cls(sys.stdout.buffer, sys.stderr.buffer, _stdin(), _is_tty(1), _is_tty(2), _is_tty(0))

    @property
    def columns(self) -> int:
        """The width of the terminal; 80 where there is none."""
        for fd in (1, 2):
            with contextlib.suppress(OSError):
                return os.get_terminal_size(fd).columns or 80
        return 80

    @property
    def has_colour(self) -> bool:
        """Whether standard output shows colour (https://no-color.org)."""
        return self.out_is_tty and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def print(self, text: str) -> None:
        """Write lines to standard output."""
        _write(self.out, text, is_tty=self.out_is_tty)

    def note(self, text: str) -> None:
        """Write lines to standard error."""
        _write(self.err, text, is_tty=self.err_is_tty)

    def paint(self, text: str, codes: str) -> str:
        """The text in the colour of an SGR code, where colour shows."""
        return f"\x1b[{codes}m{text}\x1b[0m" if self.has_colour and text else text

    def ask(self, question: str) -> str:
        """Ask on standard output and read a line; empty at the end of input."""
        self.out.write(question.encode())
        self.out.flush()
        if self.in_fd is None:
            return ""
        answer = bytearray()
        while not answer.endswith(b"\n"):
            byte = os.read(self.in_fd, 1)
            if not byte:
                break
            answer += byte
        return answer.decode(errors="replace").strip()


def _write(file: BinaryIO, text: str, *, is_tty: bool) -> None:
    if is_tty:
        from dockview.text import clean  # noqa: PLC0415  its patterns cost a millisecond that a pipe need not pay

        text = clean(text)
    file.write((text + "\n").encode(errors="replace"))
    file.flush()


def _stdin() -> int | None:
    try:
        os.fstat(0)
    except OSError:
        return None
    return 0


def _is_tty(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False
