"""One daemon: the shared client for short calls, and a line of its own for whatever may take long."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dockview.engine.cancel import CancelToken
from dockview.engine.daemon.connection import Endpoint
from dockview.engine.daemon.errors import map_docker_errors
from dockview.engine.errors import Cancelled, Unavailable

if TYPE_CHECKING:
    from dockview.engine.daemon.transport import Line

_SHORT_CALL_S = 60
_PROBE_S = 10
_PROBE_VERSION = "1.40"
"""The version of the client that asks for the version; the question itself goes to an unversioned path."""


class Daemon:
    """The connection to one daemon. Nothing is sent before the first call, so that opening it cannot fail."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.closing = CancelToken()
        self._lock = threading.Lock()
        self._main: Line | None = None
        self._lines: set[Line] = set()
        self._version: dict[str, Any] = {}
        self.connect_ns = 0
        """How long the first contact took."""

    @property
    def api(self) -> Any:
        """The SDK's client, for calls that end by themselves. Raises: Unavailable, Cancelled."""
        return self._connected().api

    @property
    def version(self) -> dict[str, Any]:
        """The daemon's answer to `GET /version`. Raises: Unavailable, Cancelled."""
        self._connected()
        return self._version

    def _connected(self) -> Line:
        from dockview.engine.daemon.transport import Line  # noqa: PLC0415  imports the SDK

        with self._lock:
            if self._main is None:
                if self.closing.is_set:
                    raise Cancelled("the engine was closed")
                begun = time.monotonic_ns()
                with self.mapped("cannot connect"):
                    self._version = self._ask_version()
                self.connect_ns = time.monotonic_ns() - begun
                api_version = str(self._version.get("ApiVersion") or "")
                if not api_version:
                    raise Unavailable(f"{self.endpoint.host} answers, but not as a docker daemon: no ApiVersion")
                with self.mapped("cannot connect"):
                    self._main = Line(self.endpoint, api_version, timeout_s=_SHORT_CALL_S)
            return self._main

    def _ask_version(self) -> dict[str, Any]:
        from dockview.engine.daemon.transport import Line  # noqa: PLC0415

        probe = Line(self.endpoint, _PROBE_VERSION, timeout_s=_PROBE_S)
        self._lines.add(probe)
        try:
            answer: dict[str, Any] = probe.api.version(api_version=False)
        finally:
            self.close_line(probe)
        return answer

    def open_line(self, *, is_exact: bool = False, is_last: bool = False) -> Line:
        """A client of its own, without a deadline; the caller gives it back by `close_line`.

        `is_last` makes one that works after close() too, with a deadline: for taking back what was done.
        """
        from dockview.engine.daemon.transport import Line  # noqa: PLC0415

        version = self._connected().version
        with self.mapped("cannot connect"):
            line = Line(self.endpoint, version, timeout_s=_SHORT_CALL_S if is_last else None, is_exact=is_exact)
        if not is_last:
            self._lines.add(line)
            if self.closing.is_set:
                line.shut()
        return line

    def close_line(self, line: Line) -> None:
        """Let go of a line; may be called more than once."""
        self._lines.discard(line)
        line.close()

    @contextlib.contextmanager
    def line(self, cancel: CancelToken | None = None, *, is_last: bool = False) -> Iterator[Any]:
        """The client of a line of its own: cancel() and close() end what it waits for."""
        line = self.open_line(is_last=is_last)
        try:
            with (cancel or CancelToken()).closing(line.shut):
                yield line.api
        finally:
            self.close_line(line)

    @contextlib.contextmanager
    def mapped(self, what: str, cancel: CancelToken | None = None) -> Iterator[None]:
        """Raise errors of this program only; a call cut short by close() or cancel() raises Cancelled."""
        try:
            with map_docker_errors(what, endpoint=self.endpoint.host):
                yield
        except Unavailable as error:
            if self.closing.is_set:
                raise Cancelled("the engine was closed") from error
            if cancel is not None and cancel.is_set:
                raise Cancelled("cancelled") from error
            raise

    def close(self) -> None:
        """End every call in flight and every stream."""
        self.closing.cancel()
        for line in tuple(self._lines):
            line.shut()
        main = self._main
        if main is not None:
            main.close()
