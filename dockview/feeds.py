"""Endless reads, each in a thread of its own, that wake the screen once and hand over all there is.

A feed's thread puts items into a bounded queue and posts one `Feed.Ready` when none is outstanding; the handler takes
everything with `drain()` and draws once. A full queue blocks the thread (and so, honestly, the writer behind it) until
the screen drains or the feed is closed: nothing is dropped. `close()` ends the thread from outside, even if it blocks.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from textual.message import Message
from textual.message_pump import MessagePump

from dockview.engine.api import Stream

Item = TypeVar("Item")

_BOUND = 10_000


class Feed(Generic[Item]):
    """One stream of an engine, read for one node of the screen.

    Life: `start()`; any number of `Ready`, each answered by `drain()`; `Ended` once, with the error if there was one;
    `close()` at any time, after which no message is posted.
    """

    class Ready(Message):
        """There are items to drain."""

        def __init__(self, feed: Feed[Any]) -> None:
            super().__init__()
            self.feed = feed

    class Ended(Message):
        """The stream has ended; `error` is None where it ended by itself."""

        def __init__(self, feed: Feed[Any], error: Exception | None) -> None:
            super().__init__()
            self.feed = feed
            self.error = error

    def __init__(
        self, node: MessagePump, name: str, open_stream: Callable[[], Stream[Item]], *, bound: int = _BOUND
    ) -> None:
        self.name = name
        self._node = node
        self._open = open_stream
        self._bound = bound
        self._room = threading.Condition()
        self._items: deque[Item] = deque()
        self._is_waking = False
        self._is_closed = False
        self._stream: Stream[Item] | None = None
        self._thread = threading.Thread(target=self._read, name=f"feed:{name}", daemon=True)

    @property
    def is_closed(self) -> bool:
        """Whether close() was called."""
        return self._is_closed

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def drain(self) -> Sequence[Item]:
        """Take all items there are, on the screen's side."""
        with self._room:
            items, self._items, self._is_waking = self._items, deque(), False
            self._room.notify_all()
        return items

    def close(self) -> None:
        """End the reading; may be called more than once and from any thread."""
        with self._room:
            self._is_closed = True
            stream, self._stream = self._stream, None
            self._room.notify_all()
        if stream is not None:
            # A stream may take a moment to unblock its reader; the screen does not wait for that.
            threading.Thread(target=stream.close, name=f"close:{self.name}", daemon=True).start()

    def _read(self) -> None:
        error: Exception | None = None
        try:
            stream = self._open()
            with self._room:
                is_late = self._is_closed
                self._stream = None if is_late else stream
            if is_late:
                stream.close()
                return
            for item in stream:
                if not self._put(item):
                    break
        except Exception as trouble:  # noqa: BLE001  the screen shows it: one of two places that catch all
            error = trouble
        if not self._is_closed:
            self._node.post_message(self.Ended(self, error))

    def _put(self, item: Item) -> bool:
        with self._room:
            while len(self._items) >= self._bound and not self._is_closed:
                self._room.wait()
            if self._is_closed:
                return False
            self._items.append(item)
            wake, self._is_waking = not self._is_waking, True
        if wake:
            self._node.post_message(self.Ready(self))
        return True


class Pipe(Generic[Item]):
    """A feed without a thread: another thread pushes, the screen drains after one `Pipe.Ready`."""

    class Ready(Message):
        """There are items to drain."""

        def __init__(self, pipe: Pipe[Any]) -> None:
            super().__init__()
            self.pipe = pipe

    def __init__(self, node: MessagePump) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._items: list[Item] = []
        self._is_waking = False

    def push(self, item: Item) -> None:
        """Add an item; never blocks."""
        with self._lock:
            self._items.append(item)
            wake, self._is_waking = not self._is_waking, True
        if wake:
            self._node.post_message(self.Ready(self))

    def drain(self) -> Iterable[Item]:
        """Take all items there are."""
        with self._lock:
            items, self._items, self._is_waking = self._items, [], False
        return items
