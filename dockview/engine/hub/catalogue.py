"""The images of the hub: a few small ones, built from the programs in rootfs/, for a session without a network.

Their programs are Python, and their base is this machine's own userland: the engine mounts the interpreter at
/opt/python and the host's /usr, /bin, /sbin and /lib* read-only over the empty folders of the base layer. Only images
that the hub itself made may ask for that (`ImageRecord.is_hub` and the label below).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from dockview.engine.hub.archive import HubLayer, pack, read_tree, sha256
from dockview.engine.images.descriptor import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST
from dockview.engine.images.platform import Platform

HUB = "hub.localhost"
BASE_LABEL = "dev.dockview.base"
TAG = "latest"
_PYTHON = "/opt/python/bin/python3"
_ROOTFS = os.path.join(os.path.dirname(__file__), "rootfs")
_CREATED = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an image runs; its files are those of rootfs/<name>."""

    about: str
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    ports: Sequence[str] = ()
    env: Sequence[str] = ()
    volumes: Sequence[str] = ()
    workdir: str = "/"
    stop_signal: str = "SIGTERM"


def _program(name: str) -> Sequence[str]:
    # -I -S: nothing of the environment and no site-packages, which also makes the start three times as fast.
    return (_PYTHON, "-I", "-S", f"/app/{name}.py")


RECIPES = {
    "hello-world": Recipe("says hello and explains what happened", _program("hello")),
    "web": Recipe("answers HTTP on port 80 with what it sees from inside", _program("web"), ports=("80/tcp",)),
    "db": Recipe(
        "takes TCP on port 3306, once it is told how to set its root password",
        _program("db"),
        ports=("3306/tcp",),
        volumes=("/var/lib/db",),
    ),
    "box": Recipe("a shell to look around in", command=("/bin/sh",)),
    "flaky": Recipe("exits with the code it is told", _program("flaky")),
    "chatty": Recipe("floods its log", _program("chatty")),
    "burner": Recipe("eats CPU time and memory", _program("burner")),
}

_FOLDERS = {
    **dict.fromkeys(("app", "bin", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "mnt", "opt"), 0o755),
    **dict.fromkeys(("opt/python", "proc", "run", "sbin", "srv", "sys", "usr", "var", "var/lib", "var/log"), 0o755),
    "root": 0o700,
    "tmp": 0o1777,
    "var/tmp": 0o1777,
}
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/os-release": 'NAME="dockview hub"\nID=dockview-hub\nPRETTY_NAME="dockview hub on the host\'s userland"\n',
    "etc/hostname": "",
    "etc/hosts": "",
    "etc/resolv.conf": "",
}


@dataclass(frozen=True, slots=True)
class HubImage:
    """An image as the registry serves it."""

    name: str
    index: bytes
    index_digest: str
    manifest_digest: str
    config_digest: str
    blobs: dict[str, tuple[str, bytes]]
    """Digest to media type and bytes: the manifest, the config and the layers."""


def names() -> Sequence[str]:
    """The images that there are."""
    return tuple(RECIPES)


def has(repository: str, tag: str) -> bool:
    """Whether there is such an image."""
    return repository in RECIPES and tag in (TAG, "")


@cache
def image(name: str) -> HubImage:
    """Build an image, from the same files always the same. Raises: KeyError."""
    recipe = RECIPES[name]
    layers = [_base_layer()]
    folders, files = read_tree(f"{_ROOTFS}/{name}")
    if files:
        layers.append(pack(folders, files))
    config = _encoded(_config(name, recipe, layers))
    manifest = _encoded(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _descriptor(OCI_CONFIG, config),
            "layers": [_descriptor(OCI_LAYER_GZIP, layer.blob) for layer in layers],
        }
    )
    index = _encoded(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [{**_descriptor(OCI_MANIFEST, manifest), "platform": _platform()}],
        }
    )
    blobs = {sha256(manifest): (OCI_MANIFEST, manifest), sha256(config): (OCI_CONFIG, config)}
    blobs |= {layer.digest: (OCI_LAYER_GZIP, layer.blob) for layer in layers}
    return HubImage(name, index, sha256(index), sha256(manifest), sha256(config), blobs)


def made(config_digest: str) -> bool:
    """Whether the hub itself makes the image with this ID, from the programs that this dockview ships."""
    return any(image(name).config_digest == config_digest for name in RECIPES)


@cache
def _base_layer() -> HubLayer:
    return pack(_FOLDERS, {path: (0o644, text.encode()) for path, text in _FILES.items()})


def _config(name: str, recipe: Recipe, layers: Sequence[HubLayer]) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "Env": ["PATH=/opt/python/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *recipe.env],
        "Labels": {BASE_LABEL: "host", "org.opencontainers.image.description": recipe.about},
        "StopSignal": recipe.stop_signal,
        "WorkingDir": recipe.workdir,
    }
    if recipe.entrypoint:
        settings["Entrypoint"] = list(recipe.entrypoint)
    if recipe.command:
        settings["Cmd"] = list(recipe.command)
    if recipe.ports:
        settings["ExposedPorts"] = {port: {} for port in recipe.ports}
    if recipe.volumes:
        settings["Volumes"] = {path: {} for path in recipe.volumes}
    steps = ["base: mount points for the host's userland", f"the programs of {name}"]
    return {
        **_platform(),
        "created": _CREATED,
        "author": "dockview",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": _CREATED, "created_by": step} for step in steps[: len(layers)]],
    }


def _platform() -> dict[str, str]:
    """The hub's images are for this machine, whatever it is: their base is its userland."""
    host = Platform.host()
    variant = {"variant": host.variant} if host.variant else {}
    return {"architecture": host.architecture, "os": host.os, **variant}


def _descriptor(media_type: str, body: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256(body), "size": len(body)}


def _encoded(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode()
