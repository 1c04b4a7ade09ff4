"""Image references: `web`, `docker.io/library/web:latest`, `localhost:5000/team/web@sha256:…`.

The grammar is that of the distribution project, which docker follows:

    reference  = name [":" tag] ["@" digest]
    name       = [domain "/"] path *("/" path)        at most 255 characters
    domain     = host [":" port]                      only with a dot, a colon, a capital, or when it is `localhost`
    path       = alphanumeric *(separator alphanumeric)   lower case; separators are . _ __ and any number of -
    tag        = word character, then up to 127 of word characters, dots and dashes
    digest     = "sha256:" 64 hex digits | "sha512:" 128 hex digits
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dockview.engine.errors import InvalidReference

DOCKER_HUB = "docker.io"
DEFAULT_TAG = "latest"

_PATH = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DIGEST_LENGTHS = {"sha256": 64, "sha512": 128}


@dataclass(frozen=True, slots=True)
class Reference:
    """A complete reference; a tag, a digest, or both are set."""

    registry: str
    """The host, with its port if it has one: `docker.io`, `localhost:5000`."""
    repository: str
    """The path inside the registry: `library/web`."""
    tag: str = ""
    digest: str = ""
    is_short: bool = False
    """The text named no registry, so the configured ones are searched."""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference as docker would; `docker.io`, `library/` and `latest` are filled in.

        Raises: InvalidReference, which says what is wrong with it.
        """
        if not text:
            raise InvalidReference("an empty image reference", hint="name an image, such as hello-world")
        if re.fullmatch("[0-9a-f]{64}", text):
            raise _invalid(text, "64 hex digits are an image ID, not a name")
        rest, at, digest = text.partition("@")
        if at:
            check_digest(digest, text)
        name, tag = _split_tag(rest)
        if tag is not None and not re.fullmatch(r"\w[\w.-]{0,127}", tag, re.ASCII):
            raise _invalid(text, f"{tag!r} is not a tag")
        registry, repository = _split_registry(name)
        if registry and not _is_domain(registry):
            raise _invalid(text, f"{registry!r} is not the name of a registry")
        if repository != repository.lower():
            raise _invalid(text, "the name of a repository is lower case", hint=f"try {text.lower()}")
        if not all(re.fullmatch(_PATH, part) for part in repository.split("/")):
            raise _invalid(text, f"{repository!r} is not the name of a repository")
        if len(name) > 255:
            raise _invalid(text[:40] + "…", "the name is longer than 255 characters")
        return cls(
            registry=registry or DOCKER_HUB,
            repository=_in_hub(registry or DOCKER_HUB, repository),
            tag=tag or ("" if digest else DEFAULT_TAG),
            digest=digest,
            is_short=not registry,
        )

    def candidates(self, search: Sequence[str]) -> tuple[Reference, ...]:
        """Where to look for the image, in order: itself, or for a short name the same name in each registry."""
        if not self.is_short:
            return (self,)
        path = self.repository.removeprefix("library/")
        return tuple(replace(self, registry=host, repository=_in_hub(host, path)) for host in search)

    @property
    def name(self) -> str:
        """Registry and repository: `docker.io/library/web`."""
        return f"{self.registry}/{self.repository}"

    @property
    def namespace(self) -> str:
        """The repository without its last part: `library`; empty where there is none."""
        return self.repository.rpartition("/")[0]

    @property
    def canonical(self) -> str:
        """Everything spelled out: `docker.io/library/web:latest`."""
        return self.name + self._suffix

    @property
    def familiar(self) -> str:
        """As docker shows it: without `docker.io/` and `library/`."""
        if self.registry != DOCKER_HUB:
            return self.canonical
        path = self.repository
        if path.startswith("library/") and path.count("/") == 1:
            path = path.removeprefix("library/")
        return path + self._suffix

    @property
    def tagged(self) -> str:
        """The canonical name with its tag and without a digest; empty where there is no tag."""
        return f"{self.name}:{self.tag}" if self.tag else ""

    def pinned(self, digest: str) -> str:
        """The canonical name with a digest instead of the tag: a repo digest."""
        return f"{self.name}@{digest}"

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return self.familiar


def check_digest(digest: str, where: str) -> str:
    """The digest itself, if it is one of an algorithm that can be verified here.

    Raises: InvalidReference, naming `where` it stood.
    """
    algorithm, _, encoded = digest.partition(":")
    length = _DIGEST_LENGTHS.get(algorithm)
    if length is None or not re.fullmatch(f"[0-9a-f]{{{length}}}", encoded):
        raise _invalid(where, f"{digest!r} is not a digest", hint="a digest is sha256: and 64 hex digits")
    return digest


def _split_tag(rest: str) -> tuple[str, str | None]:
    """The name and the tag; a colon before the last slash belongs to a port."""
    colon = rest.rfind(":")
    if colon > rest.rfind("/"):
        return rest[:colon], rest[colon + 1 :]
    return rest, None


def _split_registry(name: str) -> tuple[str, str]:
    """The registry, empty where none is named, and the rest."""
    first, slash, rest = name.partition("/")
    is_domain = "." in first or ":" in first or first == "localhost" or first != first.lower()
    if not slash or not is_domain:
        return "", name
    return (DOCKER_HUB if first == "index.docker.io" else first), rest


def _is_domain(text: str) -> bool:
    host = r"(?:" + _HOST_LABEL + r"(?:\." + _HOST_LABEL + r")*|\[[0-9a-fA-F:]+\])"
    return re.fullmatch(host + r"(?::[0-9]+)?", text) is not None


def _in_hub(registry: str, path: str) -> str:
    """Docker Hub's official images live in `library`."""
    return f"library/{path}" if registry == DOCKER_HUB and "/" not in path else path


def _invalid(text: str, why: str, *, hint: str = "") -> InvalidReference:
    return InvalidReference(f"invalid reference {text!r}: {why}", hint=hint or "a reference is [registry/]name[:tag]")
