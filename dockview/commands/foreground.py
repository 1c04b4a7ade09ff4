"""A container in the foreground: its streams are this process's streams, and its signals this process's signals.

Three threads: one copies output, one copies input (where it is wanted), and the main thread waits in the queue of
signals. The container ends, or the reader of the output goes away, or the detach keys are typed: each is an item of
that queue, and ends the wait.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import BinaryIO

from dockview.commands.console import Console
from dockview.commands.signals import SignalQueue
from dockview.commands.terminal import DetachScanner, RawTerminal, StreamCleaner, window_size
from dockview.engine.api import Attachment, Engine
from dockview.engine.errors import DockviewError

_CHUNK = 1 << 16


class Foreground:
    """The streams of one container, joined to a console."""

    def __init__(
        self,
        engine: Engine,
        container_id: str,
        attachment: Attachment,
        console: Console,
        signals: SignalQueue,
        *,
        wants_stdin: bool,
        forwards_signals: bool = True,
        detach_keys: bytes,
    ) -> None:
        self._engine = engine
        self._id = container_id
        self._attachment = attachment
        self._console = console
        self._signals = signals
        self._wants_stdin = wants_stdin
        self._forwards = forwards_signals
        self._detach_keys = detach_keys

    @property
    def exit_code(self) -> int | None:
        """After stay(): the container's exit code, None where its attachment did not tell."""
        return self._attachment.exit_code

    def close(self) -> None:
        """Let go of the streams: after stay(), and where the container is to be removed, after that."""
        self._attachment.close()

    def stay(self) -> bool:
        """Copy until the container has closed its streams; False when the user detached before.

        Raises: BrokenPipeError when nobody reads the output any more.
        """
        with contextlib.ExitStack() as stack:
            is_raw = self._attachment.is_tty and self._wants_stdin and self._console.in_is_tty
            if is_raw and self._console.in_fd is not None:
                terminal = stack.enter_context(RawTerminal(self._console.in_fd))
                self._signals.on_enough = terminal.restore  # type: ignore[method-assign]
            self._signals.parting = (
                f"\ndockview: let go of the container, which goes on; `dockview stop {self._id[:12]}` ends it.\n"
            )
            self._resize()
            threading.Thread(target=self._copy_output, name="output", daemon=True).start()
            if self._wants_stdin:
                threading.Thread(target=self._copy_input, args=(is_raw,), name="input", daemon=True).start()
            return self._wait()

    def _wait(self) -> bool:
        while True:
            kind, value = self._signals.get()
            if kind == "ended":
                return True
            if kind == "detached":
                return False
            if kind == "broken":
                raise value
            if kind == "signal" and value == signal.SIGWINCH:
                self._resize()
            elif kind == "signal" and self._forwards:
                # It may have ended just now; then there is nobody to signal.
                with contextlib.suppress(DockviewError):
                    self._engine.kill(self._id, self._signals.name(value))
            elif kind == "signal" and value in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                return False

    def _resize(self) -> None:
        if not self._attachment.is_tty:
            return
        for fd in (1, 0):
            if size := window_size(fd):
                with contextlib.suppress(DockviewError, OSError):
                    self._attachment.resize(*size)
                return

    def _copy_output(self) -> None:
        outputs = {"stdout": self._output(is_err=False), "stderr": self._output(is_err=True)}
        try:
            while (piece := self._attachment.read()) is not None:
                outputs[piece[0]].write(piece[1])
            for output in outputs.values():
                output.end()
        except DockviewError as error:
            self._signals.put("broken", error)
        except (OSError, ValueError) as error:
            self._signals.put("broken", error if isinstance(error, OSError) else BrokenPipeError())
        else:
            self._signals.put("ended")

    def _output(self, *, is_err: bool) -> _Output:
        console = self._console
        if self._attachment.is_tty:
            # As with docker, a pseudo-terminal is joined to this one as it is; that is what -t asks for.
            return _Output(console.out, cleaner=None)
        file, is_tty = (console.err, console.err_is_tty) if is_err else (console.out, console.out_is_tty)
        return _Output(file, StreamCleaner() if is_tty else None)

    def _copy_input(self, is_raw: bool) -> None:
        """Runs until the end of input; a daemon thread, because nothing can wake a read of a terminal."""
        scanner = DetachScanner(self._detach_keys) if is_raw else None
        with contextlib.suppress(OSError, DockviewError):
            while self._console.in_fd is not None and (data := os.read(self._console.in_fd, _CHUNK)):
                is_detached = False
                if scanner:
                    data, is_detached = scanner.feed(data)
                if data:
                    self._attachment.write(data)
                if is_detached:
                    self._signals.put("detached")
                    return
            self._attachment.close_stdin()


class _Output:
    """A file that output goes to, through a cleaner or as it is."""

    def __init__(self, file: BinaryIO, cleaner: StreamCleaner | None) -> None:
        self._file = file
        self._cleaner = cleaner

    def write(self, data: bytes) -> None:
        """Write a piece, and let it be seen."""
        self._file.write(self._cleaner.feed(data) if self._cleaner else data)
        self._file.flush()

    def end(self) -> None:
        """Write what was held back."""
        if self._cleaner and (rest := self._cleaner.feed(b"", is_end=True)):
            self._file.write(rest)
            self._file.flush()
