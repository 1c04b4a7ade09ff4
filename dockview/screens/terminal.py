"""A container's streams on the whole terminal, while the app steps aside.

One thread copies what the container writes; the main thread waits for keys, signals and the end. Everything that could
block for ever is woken through one pipe, so that no key is taken from the app after its return.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from dockview.commands.terminal import DETACH_KEYS, DetachScanner, RawTerminal, StreamCleaner, window_size
from dockview.engine.api import Attachment
from dockview.engine.errors import DockviewError

_CHUNK = 1 << 16
_END, _RESIZE, _LEAVE = b"e", b"r", b"l"
_SIGNALS = {
    signal.SIGWINCH: _RESIZE, signal.SIGINT: _LEAVE, signal.SIGTERM: _LEAVE, signal.SIGHUP: _LEAVE,
}  # fmt: skip


def join(attachment: Attachment, *, title: str, has_stdin: bool) -> int | None:
    """Join this process's terminal to a container's streams until they end, or the user lets go (ctrl-p ctrl-q).

    Args:
        attachment: the streams; closed at the end.
        title: what is joined, already clean; said on the first line.
        has_stdin: whether keys go to it.

    Returns: the exit code; None where the user let go, or it is not known.
    """
    wake_out, wake_in = os.pipe()
    output = threading.Thread(target=_copy_output, args=(attachment, wake_in), name="output", daemon=True)
    try:
        with contextlib.ExitStack() as stack:
            stack.callback(attachment.close)
            # Home and clear: the terminal shows what was there before the app, which is not part of this.
            _write(b"\x1b[H\x1b[2J" + f"\x1b[2m{title} · ctrl-p ctrl-q goes back\x1b[0m\r\n".encode())
            is_raw = attachment.is_tty and has_stdin
            stack.enter_context(RawTerminal(0) if is_raw else contextlib.nullcontext())
            stack.enter_context(_signals(wake_in))
            _resize(attachment)
            output.start()
            has_ended = _wait(attachment, wake_out, has_stdin=has_stdin)
            if not has_ended:
                attachment.close()
            output.join(1.0)
            code = attachment.exit_code if has_ended else None
        if has_ended and not is_raw:
            _pause(code)
        return code
    finally:
        os.close(wake_out)
        if not output.is_alive():  # or it would write to whatever gets this number next
            os.close(wake_in)


def _wait(attachment: Attachment, wake: int, *, has_stdin: bool) -> bool:
    """Copy keys until the end; False when the user let go."""
    scanner = DetachScanner(DETACH_KEYS)
    watched = [0, wake]
    while True:
        ready = select.select(watched, [], [])[0]
        if wake in ready:
            for word in os.read(wake, 64):
                if bytes([word]) == _END:
                    return True
                if bytes([word]) == _LEAVE:
                    return False
                _resize(attachment)
        if 0 in ready:
            data = os.read(0, _CHUNK)
            if not data:
                watched.remove(0)
                with contextlib.suppress(DockviewError, OSError):
                    attachment.close_stdin()
                continue
            data, is_detached = scanner.feed(data)
            if data and has_stdin:
                with contextlib.suppress(DockviewError, OSError):  # the end is about to be told
                    attachment.write(data)
            if is_detached:
                return False


def _copy_output(attachment: Attachment, wake: int) -> None:
    """Copy until the end, and tell it."""
    # What a pseudo-terminal writes is meant for this one, as with docker; the rest is cleaned.
    cleaners = {} if attachment.is_tty else {"stdout": StreamCleaner(), "stderr": StreamCleaner()}
    with contextlib.suppress(DockviewError, OSError, ValueError):
        while (piece := attachment.read()) is not None:
            name, data = piece
            _write(cleaners[name].feed(data) if name in cleaners else data)
        for cleaner in cleaners.values():
            _write(cleaner.feed(b"", is_end=True))
    with contextlib.suppress(OSError):  # nobody waits any more
        os.write(wake, _END)


def _pause(code: int | None) -> None:
    """Let the output be read."""
    words = "ended" if code is None else f"ended with exit code {code}"
    _write(f"\r\n\x1b[2m{words}; any key goes back\x1b[0m".encode())
    with RawTerminal(0), contextlib.suppress(OSError):
        os.read(0, _CHUNK)


def _resize(attachment: Attachment) -> None:
    size = window_size(1) or window_size(0)
    if attachment.is_tty and size:
        with contextlib.suppress(DockviewError, OSError):
            attachment.resize(*size)


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


@contextlib.contextmanager
def _signals(wake: int) -> Iterator[None]:
    """Signals become letters in the pipe. Those that end the app reach its event loop, too, which acts afterwards."""

    def take(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(OSError):
            os.write(wake, _SIGNALS[signal.Signals(number)])

    earlier = {number: signal.signal(number, take) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
