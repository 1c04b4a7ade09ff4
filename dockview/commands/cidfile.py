"""`--cidfile`: the ID of a new container goes into a file, which must not exist before."""

from __future__ import annotations

import contextlib
import os
from typing import Self

from dockview.engine.api import OnRecord
from dockview.engine.errors import InvalidRequest
from dockview.engine.lifecycle import Record


class CidFile:
    """Claims the file at once, and removes it again where no container came of it; an empty path is no file.

    Raises: InvalidRequest.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._is_written = False

    def __enter__(self) -> Self:
        if self._path:
            try:
                os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
            except FileExistsError:
                raise InvalidRequest(
                    f"container ID file found, make sure the other container isn't running or delete {self._path}"
                ) from None
            except OSError as error:
                raise InvalidRequest(
                    f"failed to create the container ID file: {self._path}: {error.strerror}"
                ) from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._path and not self._is_written:
            with contextlib.suppress(OSError):
                os.unlink(self._path)

    def hearing(self, on_record: OnRecord | None) -> OnRecord | None:
        """A listener to the trace that writes the ID as soon as it is known, and passes the record on."""
        if not self._path:
            return on_record

        def hear(record: Record) -> None:
            if record["t"] == "subject" and record.get("container") and not self._is_written:
                with open(self._path, "w", encoding="ascii") as file:
                    file.write(str(record["container"]))
                self._is_written = True
            if on_record is not None:
                on_record(record)

        return hear
