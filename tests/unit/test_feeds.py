"""Feeds: wake once, drain all, drop nothing, close at any time."""

from __future__ import annotations

import threading
from typing import Any, cast

from textual.message import Message
from textual.message_pump import MessagePump

from dockview.feeds import Feed, Pipe
from dockview.lanes import Lane
from tests.fakes import FakeStream
from tests.support.waiting import until


class Node:
    """Takes messages as a widget does."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def post_message(self, message: Message) -> bool:
        self.messages.append(message)
        return True


def feed_of(stream: FakeStream[int], *, bound: int = 100) -> tuple[Feed[int], Node]:
    node = Node()
    feed = Feed(cast("MessagePump", node), "test", lambda: stream, bound=bound)
    feed.start()
    return feed, node


def test_feed__wakes_once_and_hands_over_all() -> None:
    """Many items make one message until they are drained."""
    stream: FakeStream[int] = FakeStream()
    feed, node = feed_of(stream)
    for number in range(50):
        stream.push(number)
    until(lambda: len(feed._items) == 50, "all were read")
    assert len(node.messages) == 1
    assert list(feed.drain()) == list(range(50))
    stream.push(50)
    until(lambda: len(node.messages) == 2, "a second message")
    feed.close()


def test_feed__full_queue_blocks_and_drops_nothing() -> None:
    """The thread waits for room; in the end everything arrived in order."""
    feed, node = feed_of(FakeStream(range(1000), is_endless=False), bound=10)
    got: list[int] = []

    def drained() -> bool:
        got.extend(feed.drain())
        return any(isinstance(message, Feed.Ended) for message in node.messages) and not feed._items

    until(drained, "the end")
    assert got == list(range(1000))


def test_feed__close_ends_a_blocked_thread() -> None:
    """Blocked in the stream or on a full queue, the thread ends, and says nothing more."""
    waiting, node = feed_of(FakeStream())
    full, _ = feed_of(FakeStream(range(100)), bound=5)
    until(lambda: len(full._items) == 5, "full")
    for feed in (waiting, full):
        feed.close()
        feed.close()
        until(lambda feed=feed: not feed._thread.is_alive(), "the thread has ended")  # type: ignore[misc]
    assert node.messages == []


def test_feed__failure_is_told() -> None:
    """A stream that cannot be opened ends the feed with its error."""
    node = Node()

    def refuse() -> Any:
        raise OSError(5, "no")

    Feed(cast("MessagePump", node), "test", refuse).start()
    until(lambda: node.messages, "the end")
    ended = node.messages[0]
    assert isinstance(ended, Feed.Ended)
    assert isinstance(ended.error, OSError)


def test_pipe__wakes_once() -> None:
    """As a feed, without a thread."""
    node = Node()
    pipe: Pipe[int] = Pipe(cast("MessagePump", node))
    pipe.push(1)
    pipe.push(2)
    assert len(node.messages) == 1
    assert list(pipe.drain()) == [1, 2]


def test_lane__does_the_newest_job() -> None:
    """Of the jobs that wait only the last is done; closing takes no more."""
    lane, gate, done = Lane("test"), threading.Event(), list[int]()
    started = threading.Event()

    def first() -> None:
        started.set()
        gate.wait(10)
        done.append(0)

    lane.ask(first)
    started.wait(10)
    for number in range(1, 5):
        lane.ask(lambda number=number: done.append(number))  # type: ignore[misc]
    gate.set()
    until(lambda: len(done) == 2, "two jobs")
    assert done == [0, 4]
    lane.close()
