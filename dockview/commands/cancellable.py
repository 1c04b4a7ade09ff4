"""A long call that ctrl-c cancels, so that it undoes what it did, instead of being torn down half-way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from dockview.commands.signals import ENDING, SignalQueue
from dockview.engine.cancel import CancelToken

_T = TypeVar("_T")


def call_cancellable(call: Callable[[CancelToken], _T], signals: SignalQueue | None = None) -> _T:
    """Make the call in a thread of its own, and cancel it on SIGINT, SIGTERM, SIGHUP or SIGQUIT.

    Cancelling closes sockets and takes locks, which a signal handler may not do in the thread that holds them;
    that is why the call runs in another thread and this one only waits.

    Args:
        call: what to do, given the token that stops it.
        signals: the queue that the caller has entered; a signal that comes after the call is left in it.

    Raises: what the call raises.
    """
    if signals is None:
        with SignalQueue() as own:
            return call_cancellable(call, own)
    cancel = CancelToken()
    signals.parting = "\ndockview: left without waiting for the undo; the next command on this store does the rest.\n"
    results: list[_T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(call(cancel))
        except BaseException as error:  # noqa: BLE001  handed to the caller's thread, where it is raised
            errors.append(error)
        signals.put("done")

    threading.Thread(target=work, name="call", daemon=True).start()
    while (item := signals.get())[0] != "done":
        if item[0] == "signal" and item[1] in ENDING:
            cancel.cancel()
    if errors:
        raise errors[0]
    return results[0]
