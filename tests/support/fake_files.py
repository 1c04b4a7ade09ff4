"""Volumes and files of the fake engine."""

from __future__ import annotations

import io
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dockview.engine.errors import NotFound
from dockview.engine.model import Change, Container, PathStat, Volume


class Bytes:
    """A stream of a few pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        self.is_closed = True


class FakeFiles:
    """A part of FakeEngine: a few paths that every container has."""

    def __init__(self) -> None:
        self.volume_list = [
            Volume(name="db-data", driver="local", mountpoint="/var/lib/dockview/volumes/db-data", size_bytes=8200)
        ]
        self.paths: dict[str, bytes | None] = {"/": None, "/etc": None, "/etc/passwd": b"root:x:0:0::/root:/bin/sh\n"}
        """Path to content, None for a folder."""
        self.copied: list[tuple[str, str, bytes]] = []
        """(container, folder, archive) of every copy_to()."""

    def _note(self, call: str) -> None:
        raise NotImplementedError

    def _find(self, ref: str) -> Container:
        raise NotImplementedError

    def volumes(self) -> Sequence[Volume]:
        return list(self.volume_list)

    def create_volume(
        self,
        name: str = "",
        *,
        driver: str = "local",
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Volume:
        name = name or "0123456789abcdef" * 4
        self._note(f"volume create {name}")
        volume = Volume(name=name, driver=driver, mountpoint=f"/volumes/{name}/_data", labels=labels or {})
        self.volume_list.append(volume)
        return volume

    def remove_volume(self, name: str, *, force: bool = False) -> None:
        self._note(f"volume rm {name}")
        left = [volume for volume in self.volume_list if volume.name != name]
        if len(left) == len(self.volume_list) and not force:
            raise NotFound(f"no such volume: {name}")
        self.volume_list = left

    def diff(self, ref: str) -> Sequence[Change]:
        self._find(ref)
        return [Change("C", "/etc"), Change("A", "/etc/new"), Change("D", "/root")]

    def stat_path(self, ref: str, path: str) -> PathStat:
        self._find(ref)
        key = path.removesuffix("/.").rstrip("/") or "/"
        if key not in self.paths:
            raise NotFound(f"Could not find the file {path} in container {ref}")
        content = self.paths[key]
        mode = stat.S_IFDIR | 0o755 if content is None else stat.S_IFREG | 0o644
        return PathStat(name=key.rpartition("/")[2], size_bytes=len(content or b""), mode=mode, modified_ns=0)

    def copy_from(self, ref: str, path: str) -> Bytes:
        top = self.stat_path(ref, path)
        key = path.removesuffix("/.").rstrip("/") or "/"
        first = "." if path.endswith("/.") else top.name
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for inner, content in sorted(self.paths.items()):
                if inner == key or inner.startswith(f"{key.rstrip('/')}/"):
                    entry = tarfile.TarInfo(first + inner.removeprefix(key))
                    entry.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
                    entry.mode, entry.size = 0o755 if content is None else 0o644, len(content or b"")
                    tar.addfile(entry, io.BytesIO(content or b""))
        return Bytes([buffer.getvalue()])

    def copy_to(self, ref: str, path: str, archive: Iterable[bytes], *, is_user: bool = False) -> None:
        self._find(ref)
        self._note(f"copy_to {path}{' user' if is_user else ''}")
        self.copied.append((ref, path, b"".join(archive)))

    def export(self, ref: str) -> Bytes:
        self._find(ref)
        return Bytes([b"tar ", b"bytes"])

    def commit(
        self,
        ref: str,
        reference: str = "",
        *,
        author: str = "",
        message: str = "",
        changes: Sequence[str] = (),
        pause: bool = True,
    ) -> str:
        container = self._find(ref)
        self._note(f"commit {container.name} {reference}".rstrip())
        return "sha256:" + "c0" * 32
