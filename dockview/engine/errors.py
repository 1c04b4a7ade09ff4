"""The errors of an engine: one small tree, named for what the reader can do next.

    DockviewError(message, hint="")
      Unavailable            a daemon, registry or store cannot be reached; try later or elsewhere
      Unauthorized           a registry wants credentials, or refuses these
      NotFound               no such object
        ImageNotFound
      Conflict               the object is not in a state that allows this
        NameInUse
        PortInUse
        ImageInUse
      InvalidRequest         the request cannot be right, wherever it is sent
        InvalidReference
      NotSupported           this kernel, this machine or this engine cannot; names what is missing
      DataError              bytes that are not what they claim to be
        DigestMismatch
      OutOfSpace             the disk is full
      StartFailed            the container's command could not be executed (exit code 126 or 127)
      Cancelled              the caller asked to stop; everything done so far was undone
      SyscallError           (also an OSError) a system call said no: which one, on what, which errno

`EngineBug` is a RuntimeError and not of this tree: it is ours, and is never caught quietly.
"""

from __future__ import annotations

import os


class DockviewError(Exception):
    """Something the user can understand and act on.

    `message` says what failed, on what, and why, in one sentence; `hint` says what to do, or is empty.
    `exit_code` is what the command line returns, by docker's convention.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class Unavailable(DockviewError):
    """A daemon, a registry or the store cannot be reached."""


class Unauthorized(DockviewError):
    """A registry wants credentials or refuses the ones it got."""


class NotFound(DockviewError):
    """No object by that name or ID."""


class ImageNotFound(NotFound):
    """No image by that reference, here or in the registry."""


class Conflict(DockviewError):
    """The object's state does not allow what was asked."""


class NameInUse(Conflict):
    """Another container has the name."""


class PortInUse(Conflict):
    """Another process listens on the host port."""


class ImageInUse(Conflict):
    """A container needs the image."""


class InvalidRequest(DockviewError):
    """The request is wrong in itself."""


class InvalidReference(InvalidRequest):
    """The image reference does not follow the grammar of references."""


class NotSupported(DockviewError):
    """The machine, kernel or engine lacks what this needs."""


class DataError(DockviewError):
    """Bytes are not what they claim to be."""


class DigestMismatch(DataError):
    """The computed digest differs from the expected one."""


class OutOfSpace(DockviewError):
    """The disk (or the quota on it) is full."""


class StartFailed(DockviewError):
    """The command could not be executed inside the container.

    `exit_code` is 127 when it does not exist and 126 when it cannot be executed.
    """

    def __init__(self, message: str, *, exit_code: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


class Cancelled(DockviewError):
    """The caller cancelled the operation; what it had done was undone."""

    exit_code = 130


class SyscallError(DockviewError, OSError):
    """A system call failed.

    Attributes: `syscall` its name with arguments worth reading, `path` what it was about, `errno`.
    """

    def __init__(self, syscall: str, errno: int, path: str = "", *, hint: str = "") -> None:
        what = f"{syscall} {path}".rstrip()
        DockviewError.__init__(self, f"{what}: {os.strerror(errno)}", hint=hint)
        self.syscall = syscall
        self.path = path
        self.errno = errno


class EngineBug(RuntimeError):
    """A state that the engine's own rules exclude."""
