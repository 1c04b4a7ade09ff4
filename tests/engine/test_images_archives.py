"""save, load and import, with the tools of others on the other side: skopeo, umoci, docker."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

from dockview.engine.api import Engine
from dockview.engine.errors import (
    DataError,
    DigestMismatch,
    DockviewError,
    ImageNotFound,
    InvalidReference,
    NotSupported,
)
from dockview.engine.hub import catalogue
from tests.support.dockerd import PrivateDocker
from tests.support.images import ImageLayout, Registry, layer
from tests.support.requests import request

pytestmark = [pytest.mark.root, pytest.mark.registry]


@pytest.fixture
def image(engine: Engine, busybox_image: str) -> str:
    """A busybox that was pulled."""
    engine.pull(busybox_image)
    return busybox_image


def saved(engine: Engine, *refs: str) -> bytes:
    pieces: list[bytes] = []
    engine.save(refs, pieces.append)
    return b"".join(pieces)


def skopeo(*words: str) -> Any:
    done = subprocess.run(["skopeo", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if "inspect" in words else done.stdout


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isreg()}  # type: ignore[union-attr]


def packed(files: dict[str, bytes | str]) -> bytes:
    return layer(files)


def forget(engine: Engine) -> None:
    for found in engine.images():
        engine.remove_image(found.id, force=True)
    assert list(engine.images()) == []


# Save


def test_save__skopeo_reads_it_as_either_kind(engine: Engine, image: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(saved(engine, image))
    shown = engine.inspect(image, "image")
    assert skopeo("inspect", "--config", f"docker-archive:{path}")["rootfs"]["diff_ids"] == shown["RootFS"]["Layers"]
    found = skopeo("inspect", f"oci-archive:{path}")
    assert found["Digest"] == shown["Descriptor"]["digest"]
    subprocess.run(["tar", "-xf", path, "-C", tmp_path], check=True)
    subprocess.run(["umoci", "unpack", "--image", f"{tmp_path}:latest", f"{tmp_path}/bundle"], check=True)
    assert (tmp_path / "bundle/rootfs/bin/busybox").exists()


def test_save__is_the_same_every_time(engine: Engine, image: str) -> None:
    assert saved(engine, image) == saved(engine, image)


def test_save__several_images_share_their_layers(engine: Engine, image: str) -> None:
    engine.tag(image, "again:1")
    engine.pull("hub.localhost/web")
    engine.pull("hub.localhost/db")
    files = members(saved(engine, image, "again:1", "web", "db"))
    tags = [entry["RepoTags"] for entry in json.loads(files["manifest.json"])]
    assert tags == [[image, "again:1"], ["hub.localhost/web:latest"], ["hub.localhost/db:latest"]]
    for name, body in files.items():
        if name.startswith("blobs/"):
            assert hashlib.sha256(body).hexdigest() == name.rpartition("/")[2]


def test_save__by_id_has_no_name(engine: Engine, image: str) -> None:
    image_id = engine.inspect(image, "image")["Id"]
    assert json.loads(members(saved(engine, image_id))["manifest.json"])[0]["RepoTags"] is None


def test_save__a_repository_is_all_its_tags(engine: Engine, image: str) -> None:
    engine.tag(image, "many:1")
    engine.tag(image, "many:2")
    assert json.loads(members(saved(engine, "many"))["manifest.json"])[0]["RepoTags"] == ["many:1", "many:2"]


def test_save__zstd_is_inflated_for_older_dockers(
    engine: Engine, registry: Registry, busybox: ImageLayout, tmp_path: Path
) -> None:
    reference = f"{registry.host}/zstd:1"
    skopeo("copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-compress-format=zstd",
           f"oci:{busybox.folder}:latest", f"docker://{reference}")  # fmt: skip
    engine.pull(reference)
    data = saved(engine, reference)
    assert not any(body.startswith(b"\x28\xb5\x2f\xfd") for body in members(data).values())
    (tmp_path / "x.tar").write_bytes(data)
    assert skopeo("inspect", f"docker-archive:{tmp_path}/x.tar")["Architecture"]


def test_save__what_is_not_here(engine: Engine) -> None:
    with pytest.raises(ImageNotFound):
        saved(engine, "nobody/has-it")


def test_save__a_damaged_blob_is_not_passed_on(engine: Engine, image: str, root_dir: str) -> None:
    digest = engine.images()[0].layers[0].digest
    with open(f"{root_dir}/blobs/sha256/{digest.partition(':')[2]}", "r+b") as file:
        file.seek(100)
        file.write(b"rot")
    with pytest.raises(DigestMismatch):
        saved(engine, image)


@pytest.mark.docker
def test_docker_loads_what_we_save(engine: Engine, image: str, private_docker: PrivateDocker, tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    engine.tag(image, "from-dockview:1")
    path.write_bytes(saved(engine, "from-dockview:1"))
    loaded = private_docker.docker("load", "--input", str(path))
    assert loaded.stdout == "Loaded image: from-dockview:1\n", loaded.stderr
    ran = private_docker.docker("run", "--rm", "--network=none", "from-dockview:1", "echo", "hello")
    assert ran.stdout == "hello\n", ran.stderr
    shown = private_docker.docker("image", "inspect", "--format", "{{.Id}}", "from-dockview:1").stdout.strip()
    assert shown == engine.inspect(image, "image")["Id"]
    private_docker.docker("rmi", "from-dockview:1")


# Load


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_load__what_was_saved(engine: Engine, image: str, compress: Any) -> None:
    """Names, ID and manifest digest come back; and the image runs."""
    engine.tag(image, "second:name")
    before = engine.inspect(image, "image")
    data = compress(saved(engine, image, "second:name"))
    forget(engine)
    pieces = [data[at : at + 10_000] for at in range(0, len(data), 10_000)]
    assert engine.load(pieces) == [f"Loaded image: {image}", "Loaded image: second:name"]
    after = engine.inspect("second:name", "image")
    assert (after["Id"], after["Descriptor"], after["RootFS"]) == (
        before["Id"], before["Descriptor"], before["RootFS"],
    )  # fmt: skip
    engine.run(request("second:name", "true", name="one", pull="never"))
    assert engine.wait("one") == 0


def test_load__twice_changes_nothing(engine: Engine, image: str) -> None:
    data = saved(engine, image)
    before = engine.images()
    assert engine.load([data]) == [f"Loaded image: {image}"]
    assert engine.images() == before


@pytest.mark.docker
def test_load__what_docker_saves(engine: Engine, busybox: ImageLayout, private_docker: PrivateDocker) -> None:
    private_docker.load(busybox, "of-docker:1")
    done = subprocess.run(
        ["docker", "--host", private_docker.host, "save", "of-docker:1"], capture_output=True, check=True
    )
    assert engine.load([done.stdout]) == ["Loaded image: of-docker:1"]
    engine.run(request("of-docker:1", "true", name="one", pull="never"))
    assert engine.wait("one") == 0
    assert json.loads(members(saved(engine, "of-docker:1"))["manifest.json"])[0]["RepoTags"] == ["of-docker:1"]


@pytest.mark.parametrize(
    ("target", "lines"),
    [
        ("docker-archive:{}:named/it:1", ["Loaded image: named/it:1"]),
        ("oci-archive:{}:named/it:1", ["Loaded image: named/it:1"]),
        ("oci-archive:{}:1", None),
    ],
)
def test_load__what_skopeo_writes(
    engine: Engine, busybox: ImageLayout, tmp_path: Path, target: str, lines: list[str] | None
) -> None:
    path = tmp_path / "x.tar"
    skopeo("copy", "--insecure-policy", f"oci:{busybox.folder}:latest", target.format(path))
    found = list(engine.load([path.read_bytes()]))
    assert found == (lines or [f"Loaded image ID: {engine.images()[0].id}"])


def test_load__a_hub_image_stays_one(engine: Engine) -> None:
    engine.pull("hub.localhost/hello-world")
    data = saved(engine, "hub.localhost/hello-world")
    forget(engine)
    engine.load([data])
    assert catalogue.made(engine.images()[0].id)
    engine.run(request("hub.localhost/hello-world", name="one", pull="never"))
    assert engine.wait("one") == 0


def test_load__takes_a_name_over(engine: Engine, image: str) -> None:
    data = saved(engine, image)
    old = engine.inspect(image, "image")["Id"]
    forget(engine)
    engine.pull("hub.localhost/web")
    engine.tag("web", image)
    other = engine.inspect(image, "image")["Id"]
    assert other != old
    assert engine.load([data]) == [
        f"The image {image} already exists, renaming the old one with ID {other} to empty string",
        f"Loaded image: {image}",
    ]


ENTRY = b'[{"Config": "c", "Layers": ["l"]}]'
CONFIG = json.dumps({"rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}}).encode()


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({"etc/passwd": b"root"}, DataError),
        ({"repositories": b"{}"}, NotSupported),
        ({"manifest.json": b"{"}, DataError),
        ({"manifest.json": b"[1]"}, DataError),
        ({"manifest.json": b'[{"Config": "c.json"}]'}, DataError),
        ({"manifest.json": b'[{"Config": "../../../../etc/passwd", "Layers": []}]'}, DataError),
        (
            {"manifest.json": b'[{"Config": "c", "Layers": ["l"]}]', "c": CONFIG, "l": layer({"a": b"b"})},
            DigestMismatch,
        ),
        ({"manifest.json": ENTRY, "c": CONFIG, "l": "/etc/passwd"}, DataError),
        ({"manifest.json": ENTRY, "c": CONFIG, "l": "l"}, DataError),
        ({"manifest.json": b'[{"Config": "c", "RepoTags": ["A:B:C"]}]', "c": b"{}"}, InvalidReference),
        ({"index.json": b'{"manifests": 5}'}, DataError),
        ({"index.json": b'{"manifests": [{"digest": "sha256:x", "size": 1, "mediaType": "y"}]}'}, DataError),
    ],
)
def test_load__what_is_no_image_archive(
    engine: Engine, root_dir: str, files: dict[str, bytes | str], error: type[DockviewError]
) -> None:
    with pytest.raises(error):
        engine.load([packed(files)])
    assert list(engine.images()) == []
    assert list(Path(root_dir, "tmp").iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"no archive at all" * 100, gzip.compress(b"x" * 2000)[:-9], b"\0" * 300])
def test_load__what_is_no_archive(engine: Engine, root_dir: str, data: bytes) -> None:
    with pytest.raises(DataError):
        engine.load([data] if data else [])
    assert list(Path(root_dir, "tmp").iterdir()) == []


# Import


def test_import(engine: Engine, busybox: ImageLayout) -> None:
    with open("/bin/busybox", "rb") as file:
        tree = layer({"bin/busybox": file.read(), "bin/sh": "busybox", "bin/cat": "busybox", "hello": b"from a tar\n"})
    image_id = engine.import_image(
        [tree[:1000], tree[1000:]], "mine:1", changes=['CMD ["/bin/cat", "/hello"]', "ENV A=b"], message="by hand"
    )
    shown = engine.inspect("mine:1", "image")
    assert (shown["Id"], shown["Config"]) == (image_id, {"Cmd": ["/bin/cat", "/hello"], "Env": ["A=b"]})
    assert [entry.comment for entry in engine.history("mine:1")] == ["by hand"]
    engine.run(request("mine:1", name="one", pull="never"))
    assert engine.wait("one") == 0
    assert [record.text for record in engine.logs("one")] == ["from a tar"]
    assert json.loads(members(saved(engine, "mine:1"))["manifest.json"])[0]["RepoTags"] == ["mine:1"]


def test_import__what_is_no_archive(engine: Engine, root_dir: str) -> None:
    with pytest.raises(DataError):
        engine.import_image([b"rubbish" * 1000], "mine:1")
    assert list(engine.images()) == []
    assert list(Path(root_dir, "tmp").iterdir()) == []
