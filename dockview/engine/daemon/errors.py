"""From the errors of the SDK, of requests and of urllib3 to those of an engine.

What a daemon reports is a status and a sentence; the sentence decides first, since the daemon uses one status for many
causes (500 for a taken port, 400 for a missing command). Sources: docker.errors, and the daemon's own messages.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import re
from collections.abc import Iterator

from dockview.engine.errors import (
    Conflict,
    DataError,
    DockviewError,
    ImageInUse,
    ImageNotFound,
    InvalidReference,
    InvalidRequest,
    NameInUse,
    NotFound,
    NotSupported,
    OutOfSpace,
    PortInUse,
    StartFailed,
    Unauthorized,
    Unavailable,
)

SDK_ERRORS: dict[str, type[DockviewError]] = {
    "InvalidVersion": NotSupported,
    "InvalidRepository": InvalidReference,
    "InvalidConfigFile": InvalidRequest,
    "InvalidArgument": InvalidRequest,
    "DeprecatedMethod": NotSupported,
    "TLSParameterError": InvalidRequest,
    "NullResource": InvalidRequest,
    "ContainerError": DockviewError,
    "StreamParseError": DataError,
    "BuildError": InvalidRequest,
    "ImageLoadError": DataError,
    "MissingContextParameter": InvalidRequest,
    "ContextAlreadyExists": Conflict,
    "ContextException": InvalidRequest,
    "ContextNotFound": NotFound,
    "DockerException": Unavailable,
}
"""What the SDK raises by itself, by class name; APIError and its children are the daemon's answers."""

_SENTENCES: tuple[tuple[str, type[DockviewError], str], ...] = (
    (r"container name .* is already in use", NameInUse, "choose another --name, or remove that container"),
    (r"port is already allocated|address already in use", PortInUse, "choose another host port"),
    (r"no space left on device|disk quota exceeded", OutOfSpace, "free some space: `docker system prune`"),
    (r"invalid reference format|must be lowercase", InvalidReference, "[registry/]name[:tag][@digest], in lower case"),
    (r"manifest unknown|manifest for .* not found|repository .* not found|no such image|no matching manifest",
     ImageNotFound, "is the name right, and does the tag exist?"),
    (r"unauthorized|authentication required|requested access .* denied|pull access denied|no basic auth",
     Unauthorized, "`docker login` for that registry; a name that does not exist is refused alike"),
    (r"unable to (remove|delete).*(using its|used by|being used|is in use)", ImageInUse, "remove the container first"),
    (r"dial (tcp|udp)|no such host|i/o timeout|tls handshake|request canceled|server misbehaving",
     Unavailable, "the daemon cannot reach the registry: is its network up?"),
    (r"is (not|already) paused", Conflict, ""),
    (r"does not support reading|not supported|not implemented", NotSupported, ""),
)  # fmt: skip

_STATUSES: dict[int, type[DockviewError]] = {
    400: InvalidRequest, 401: Unauthorized, 403: Unauthorized, 404: NotFound, 409: Conflict, 501: NotSupported,
    502: Unavailable, 503: Unavailable, 504: Unavailable,
}  # fmt: skip

_NOT_FOUND_127 = re.compile(r"executable file not found|exec.*no such file or directory|system cannot find the file")
_NOT_EXECUTABLE_126 = re.compile(r"exec.*(permission denied|is a directory|exec format error)")


@contextlib.contextmanager
def map_docker_errors(what: str, *, endpoint: str = "") -> Iterator[None]:
    """Turn what the SDK and its transport raise into a DockviewError that begins with `what` ("cannot start web")."""
    try:
        yield
    except DockviewError:
        raise
    except Exception as error:
        mapped = translate(error, what, endpoint)
        if mapped is None:
            raise
        raise mapped from error


def translate(error: Exception, what: str, endpoint: str = "") -> DockviewError | None:
    """The engine's error for one of the SDK or its transport; None for what comes from neither."""
    import docker.errors  # noqa: PLC0415  costs as much as the whole start-up, and has been imported by whoever raised
    import requests  # noqa: PLC0415
    import urllib3  # noqa: PLC0415

    if isinstance(error, docker.errors.APIError):
        status = error.response.status_code if error.response is not None else 0
        return from_answer(str(error.explanation or error), what, status=status or 0)
    if isinstance(error, docker.errors.DockerException | docker.errors.StreamParseError):
        if (cause := _os_error(error)) is not None:
            return unreachable(cause, endpoint)
        kind = next(SDK_ERRORS[c.__name__] for c in type(error).__mro__ if c.__name__ in SDK_ERRORS)
        return kind(f"{what}: {error}")
    transport = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)
    if isinstance(error, transport):
        return unreachable(_os_error(error) or error, endpoint)
    return None


def from_answer(sentence: str, what: str, *, status: int = 500) -> DockviewError:
    """The error for what a daemon answered, in a response or in the middle of a stream."""
    message = f"{what}: {_tail(sentence)}"
    lowered = sentence.lower()
    if "oci runtime" in lowered or "failed to create task" in lowered or "unable to start container process" in lowered:
        if _NOT_FOUND_127.search(lowered):
            return StartFailed(message, exit_code=127, hint="is the command in the image, and in its PATH?")
        if _NOT_EXECUTABLE_126.search(lowered):
            return StartFailed(message, exit_code=126, hint="is it an executable file of this architecture?")
        if not re.search(r"no space left", lowered):
            return StartFailed(message, exit_code=126)
    for pattern, kind, hint in _SENTENCES:
        if re.search(pattern, lowered):
            return kind(message, hint=hint)
    return _STATUSES.get(status, DockviewError)(message)


def unreachable(cause: Exception, endpoint: str) -> Unavailable:
    """Says which socket, which errno, and what to try."""
    number = cause.errno if isinstance(cause, OSError) else None
    path = endpoint.removeprefix("unix://") if endpoint.startswith("unix://") else ""
    if number is not None and number in errno.errorcode:
        why = f"{os.strerror(number)} ({errno.errorcode[number]})"
    else:
        why = str(cause) or type(cause).__name__
    hints = {
        errno.ENOENT: "there is no such socket: start the daemon (`systemctl start docker`), or name another by "
        "DOCKER_HOST or --context",
        errno.ECONNREFUSED: "nobody listens there: start the daemon (`systemctl start docker`)",
        errno.EACCES: f"the socket is not yours: join its group ({_group_of(path)}), or run as root",
    }
    hint = hints.get(number or 0, "is the daemon running, and is this its address?")
    return Unavailable(
        f"the docker daemon at {endpoint or 'its address'} cannot be reached: {why}",
        hint=f"{hint}; the embedded engine needs no daemon",
    )


def _group_of(path: str) -> str:
    import grp  # noqa: PLC0415  only for this sentence

    try:
        return grp.getgrgid(os.stat(path).st_gid).gr_name
    except (OSError, KeyError):
        return "often docker"


def _os_error(error: BaseException, depth: int = 8) -> OSError | None:
    """The system's own error below the wrappings of requests, urllib3 and the SDK."""
    import requests  # noqa: PLC0415

    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, requests.RequestException):
        return error
    if depth == 0:
        return None
    below = [error.__cause__, error.__context__, getattr(error, "reason", None), *error.args]
    for inner in below:
        if isinstance(inner, BaseException) and (found := _os_error(inner, depth - 1)) is not None:
            return found
    return None


def _tail(sentence: str) -> str:
    """The daemon's sentence without the names of the programs that handed it on."""
    sentence = re.sub(r"driver failed programming external connectivity on endpoint \S+ \(\w+\): ", "", sentence)
    short = re.sub(
        r"^.*(OCI runtime create failed|unable to start container process): ", "", sentence.strip(), flags=re.DOTALL
    )
    return re.sub(r": unknown$", "", short)
