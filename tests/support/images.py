"""Small images made here: an OCI image layout with a static busybox, and a registry on loopback that serves it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.waiting import until

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
_APPLETS = ("sh", "ls", "cat", "echo", "true", "false", "sleep", "id", "ip", "ps", "nc", "seq", "env", "kill", "test")


class ImageLayout:
    """A folder in OCI image-layout form, with one image by the tag `latest`."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        os.makedirs(f"{folder}/blobs/sha256")
        with open(f"{folder}/oci-layout", "w") as file:
            json.dump({"imageLayoutVersion": "1.0.0"}, file)

    def add_image(self, layers: Sequence[bytes], config: Mapping[str, Any]) -> str:
        """Write an image of uncompressed tar layers; the digest of its manifest."""
        descriptors = [self._blob(gzip.compress(layer, 6, mtime=0), LAYER_TYPE) for layer in layers]
        return self.write(descriptors, [_digest(layer).partition(":")[2] for layer in layers], config)

    def write(self, layers: Sequence[dict[str, Any]], diff_ids: Sequence[str], config: Mapping[str, Any]) -> str:
        """Write an image of layers that are here as blobs; `diff_ids` are hex digits. The digest of its manifest."""
        image = {
            "architecture": ARCHITECTURE,
            "os": "linux",
            "config": dict(config),
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{item}" for item in diff_ids]},
            "history": [{"created_by": f"layer {number}"} for number, _ in enumerate(layers, start=1)],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._blob(json.dumps(image).encode(), _CONFIG),
            "layers": list(layers),
        }
        entry = self._blob(json.dumps(manifest).encode(), _MANIFEST)
        entry["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
        with open(f"{self.folder}/index.json", "w") as file:
            json.dump({"schemaVersion": 2, "manifests": [entry]}, file)
        return str(entry["digest"])

    def _blob(self, data: bytes, media_type: str) -> dict[str, Any]:
        digest = _digest(data)
        with open(f"{self.folder}/blobs/sha256/{digest.partition(':')[2]}", "wb") as file:
            file.write(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def layer(files: Mapping[str, bytes | str], *, folders: Sequence[str] = (), mode: int = 0o755) -> bytes:
    """An uncompressed tar: `files` by path (bytes are content, a str is the target of a symbolic link)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in folders:
            entry = tarfile.TarInfo(path)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                archive.addfile(entry)
            else:
                entry.mode, entry.size = mode, len(content)
                archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def busybox_layout(folder: str) -> ImageLayout:
    """An image of two layers: busybox with its applets, then an account file and a file that is not executable."""
    program = shutil.which("busybox")
    assert program is not None
    with open(program, "rb") as file:
        binary = file.read()
    links: dict[str, bytes | str] = {f"bin/{name}": "busybox" for name in _APPLETS}
    base = layer({"bin/busybox": binary, **links}, folders=("bin", "etc", "root", "tmp", "proc", "sys", "dev"))
    accounts = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
    top = layer({"etc/passwd": accounts, "etc/group": b"root:x:0:\n", "etc/not-a-program": b"text\n"}, mode=0o644)
    layout = ImageLayout(folder)
    layout.add_image([base, top], {"Env": ["PATH=/bin", "GREETING=hello"], "Cmd": ["/bin/sh"]})
    return layout


class Registry:
    """A docker-registry on a loopback port that the kernel chose."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.host = ""

    def start(self) -> None:
        """Start it and wait until it answers."""
        for _ in range(3):
            self.host = f"127.0.0.1:{_free_port()}"
            with open(f"{self._folder}/config.yml", "w") as file:
                json.dump(  # JSON is YAML
                    {
                        "version": 0.1,
                        "log": {"level": "error"},
                        "storage": {"filesystem": {"rootdirectory": f"{self._folder}/data"}},
                        **self.settings(),
                    },
                    file,
                )
            with open(f"{self._folder}/log", "wb") as log:
                argv = ["docker-registry", "serve", f"{self._folder}/config.yml"]
                self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            process = self._process
            until(lambda p=process: p.poll() is not None or self._answers(), "the registry to listen")  # type: ignore[misc]
            if process.poll() is None:
                return
        with open(f"{self._folder}/log") as log:
            raise AssertionError(f"docker-registry did not start: {log.read()}")

    def settings(self) -> dict[str, object]:
        """How it listens."""
        return {"http": {"addr": self.host}}

    def _answers(self) -> bool:
        host, _, port = self.host.partition(":")
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0

    def push(self, layout: ImageLayout, repository: str) -> str:
        """Copy the image of a layout into the registry; its reference."""
        reference = f"{self.host}/{repository}:latest"
        source = f"oci:{layout.folder}:latest"
        argv = [
            "skopeo",
            "copy",
            "--insecure-policy",
            "--quiet",
            "--dest-tls-verify=false",
            source,
            f"docker://{reference}",
        ]
        subprocess.run(argv, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        return reference

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
