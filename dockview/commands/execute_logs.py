"""`logs`: what a container wrote, its two streams kept apart."""

from __future__ import annotations

import time
from typing import BinaryIO

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.execute_events import moment
from dockview.commands.times import rfc3339
from dockview.engine.api import Engine
from dockview.engine.errors import InvalidRequest
from dockview.engine.model import LogRecord


def logs(engine: Engine, command: Command, console: Console) -> int:
    """Print the log, and with --follow what is added to it until the container ends."""
    now = time.time_ns()
    stream = engine.logs(
        command.refs[0],
        follow=command.is_on("follow"),
        tail=_tail(command.text("tail")),
        since_ns=moment(command, "since", now),
        until_ns=moment(command, "until", now),
    )
    writer = LogWriter(console, has_timestamps=command.is_on("timestamps"))
    try:
        for record in stream:
            writer.write(record)
    finally:
        stream.close()
    return 0


def _tail(text: str) -> int | None:
    if text in ("", "all"):
        return None
    try:
        count = int(text)
    except ValueError:
        raise InvalidRequest(f"invalid value for --tail: {text}", hint="a number of lines, or all") from None
    return count if count >= 0 else None


class LogWriter:
    """Writes log records to the stream that each came from."""

    def __init__(self, console: Console, *, has_timestamps: bool = False) -> None:
        self._console = console
        self._has_timestamps = has_timestamps
        self._inside: set[str] = set()
        """Streams in the middle of a line."""

    def write(self, record: LogRecord) -> None:
        """Write one record. Raises: BrokenPipeError."""
        is_err = record.stream == "stderr"
        file, is_tty = (
            (self._console.err, self._console.err_is_tty) if is_err else (self._console.out, self._console.out_is_tty)
        )
        text = record.text
        if is_tty:
            from dockview.text import clean  # noqa: PLC0415  a pipe gets the text as it is

            text = clean(text)
        if self._has_timestamps and record.stream not in self._inside:
            text = f"{rfc3339(record.time_ns)} {text}"
        (self._inside.add if record.is_partial else self._inside.discard)(record.stream)
        _put(file, text if record.is_partial else f"{text}\n")


def _put(file: BinaryIO, text: str) -> None:
    file.write(text.encode(errors="surrogateescape"))
    file.flush()
