"""Waiting for files in a folder to change, without polling where the kernel can tell (inotify(7))."""

from __future__ import annotations

import ctypes
import errno
import os
import select
import struct
import threading

_IN_MODIFY, _IN_MOVED_TO, _IN_CREATE = 0x2, 0x80, 0x100
_EVENT = struct.Struct("iIII")
_POLL_S = 0.25


class Watch:
    """Tells the names that changed in one folder; close() from any thread ends a wait."""

    def __init__(self, folder: str) -> None:
        self._lock = threading.Lock()
        self._waiters = 0
        self._is_closed = False
        self._wake_r, self._wake_w = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._inotify = _open_inotify(folder)

    def wait(self, timeout_s: float | None = None) -> set[str] | None:
        """Block until something changes: the names, or an empty set where only that much is known.

        None once the watch is closed. Where inotify is not to be had it returns an empty set a few times a second.
        """
        with self._lock:
            if self._is_closed:
                return None
            self._waiters += 1
        try:
            return self._poll(timeout_s)
        finally:
            with self._lock:
                self._waiters -= 1
                self._free_if_unused()

    def _poll(self, timeout_s: float | None) -> set[str] | None:
        poller = select.poll()
        poller.register(self._wake_r, select.POLLIN)
        if self._inotify is not None:
            poller.register(self._inotify, select.POLLIN)
        else:
            timeout_s = _POLL_S if timeout_s is None else min(timeout_s, _POLL_S)
        poller.poll(None if timeout_s is None else timeout_s * 1000)
        return self._names()

    def _names(self) -> set[str] | None:
        if self._is_closed:
            return None
        return set() if self._inotify is None else _read_names(self._inotify)

    def close(self) -> None:
        """End every wait, now and later."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            os.write(self._wake_w, b"x")
            self._free_if_unused()

    def _free_if_unused(self) -> None:
        if not self._is_closed or self._waiters:
            return
        for fd in (self._wake_r, self._wake_w, self._inotify):
            if fd is not None:
                os.close(fd)


def _open_inotify(folder: str) -> int | None:
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "inotify_init1"):
        return None
    fd: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if fd < 0:
        # All of the user's inotify instances are taken (fs.inotify.max_user_instances): slower, but it works.
        return None
    if libc.inotify_add_watch(fd, os.fsencode(folder), _IN_MODIFY | _IN_CREATE | _IN_MOVED_TO) < 0:
        code = ctypes.get_errno()
        os.close(fd)
        if code == errno.ENOSPC:
            return None
        raise OSError(code, os.strerror(code), folder)
    return fd


def _read_names(fd: int) -> set[str]:
    names: set[str] = set()
    try:
        data = os.read(fd, 65536)
    except BlockingIOError:
        return names
    offset = 0
    while offset < len(data):
        _wd, _mask, _cookie, length = _EVENT.unpack_from(data, offset)
        offset += _EVENT.size
        if name := data[offset : offset + length].rstrip(b"\0"):
            names.add(os.fsdecode(name))
        offset += length
    return names
