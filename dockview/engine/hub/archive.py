"""Layers made from files, byte for byte the same wherever and whenever they are made from the same files."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

_TIME = 1_767_225_600
"""2026-01-01T00:00:00Z, the age of everything in the hub."""


@dataclass(frozen=True, slots=True)
class HubLayer:
    """A layer: the compressed blob, its digest, and the digest of the tar inside."""

    blob: bytes
    digest: str
    diff_id: str


def pack(folders: Mapping[str, int], files: Mapping[str, tuple[int, bytes]]) -> HubLayer:
    """A gzip layer of folders (path to mode) and files (path to mode and content); paths without a leading slash."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, mode in sorted(folders.items()):
            entry = _entry(path, mode)
            entry.type = tarfile.DIRTYPE
            tar.addfile(entry)
        for path, (mode, content) in sorted(files.items()):
            entry = _entry(path, mode)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    plain = buffer.getvalue()
    compressor = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    blob = compressor.compress(plain) + compressor.flush()
    return HubLayer(blob, sha256(blob), sha256(plain))


def read_tree(root: str) -> tuple[dict[str, int], dict[str, tuple[int, bytes]]]:
    """The folders and files below a folder, as pack() takes them; compiled leftovers are passed over."""
    folders: dict[str, int] = {}
    files: dict[str, tuple[int, bytes]] = {}
    for parent, names, leaves in os.walk(root):
        names[:] = sorted(name for name in names if name != "__pycache__")
        for name in names:
            folders[os.path.relpath(f"{parent}/{name}", root)] = 0o755
        for leaf in leaves:
            with open(f"{parent}/{leaf}", "rb") as file:
                files[os.path.relpath(f"{parent}/{leaf}", root)] = (0o755, file.read())
    return folders, files


def sha256(data: bytes) -> str:
    """The digest of some bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _entry(path: str, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.mode, entry.mtime, entry.uname, entry.gname = mode, _TIME, "root", "root"
    return entry
