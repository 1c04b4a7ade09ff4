"""Whom a registry's certificate may be signed by, and who this client is: docker's folders `certs.d/<host:port>/`.

`*.crt` are authorities that are trusted for this registry besides the system's; `X.cert` with `X.key` is the client's
own certificate. Source: docker's documentation, "Verify repository client with certificates".
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from dockview.engine.errors import DataError


def certificate_folders(registry: str) -> list[str]:
    """The folders for a registry that exist: the machine's, then the user's own."""
    own = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    homes = ("/etc/docker/certs.d", f"{own}/docker/certs.d")
    return [folder for home in homes if os.path.isdir(folder := f"{home}/{registry}")]


def certified_context(folders: Sequence[str]) -> Any:
    """An `ssl.SSLContext` that trusts what the folders hold. Raises: DataError, naming the file that is none."""
    import ssl  # noqa: PLC0415  slow to import

    context = ssl.create_default_context()
    for folder in folders:
        for name in sorted(os.listdir(folder)):
            path = f"{folder}/{name}"
            try:
                if name.endswith(".crt"):
                    context.load_verify_locations(path)
                elif name.endswith(".cert"):
                    context.load_cert_chain(path, f"{path.removesuffix('.cert')}.key")
            except (OSError, ssl.SSLError) as error:
                raise DataError(
                    f"{path} cannot be used for TLS: {error.strerror or error}", hint="a certificate is a PEM file"
                ) from error
    return context
