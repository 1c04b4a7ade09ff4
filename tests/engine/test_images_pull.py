"""Pulls: from the hub, from a real registry, from registries that lie; and nothing is left of one that failed."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import zstandard

from dockview.engine.cancel import CancelToken
from dockview.engine.embedded.house import House
from dockview.engine.embedded.pull import lower_dirs
from dockview.engine.errors import (
    Cancelled,
    DataError,
    DigestMismatch,
    DockviewError,
    ImageNotFound,
    InvalidReference,
    InvalidRequest,
    NotSupported,
    OutOfSpace,
    Unavailable,
)
from dockview.engine.hub import catalogue
from dockview.engine.images import session
from dockview.engine.lifecycle import Phase, Status
from dockview.engine.model import Layer
from dockview.engine.state import images
from tests.engine.images_house import Pull, closing, leftovers, open_house
from tests.support.images import ImageLayout, Registry, layer
from tests.unit.scripted_registry import Answer, ScriptedRegistry, sha256

pytestmark = pytest.mark.root

TAR = layer({"a/file": b"content" * 1000})
BLOB = gzip.compress(TAR, mtime=0)
POINTER = {"mediaType": "application/json", "digest": sha256(b"{}"), "size": 2}
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LONGEST_PAUSE_S", 0.0)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with closing(open_house(str(tmp_path / "store"))) as opened:
        yield opened


@pytest.fixture
def liar() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry() as server:
        yield server


def _sha256sum(path: str) -> str:
    done = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True)
    return f"sha256:{done.stdout.split()[0]}"


# The hub


def test_hub__first_and_second_time(house: House) -> None:
    first, second = Pull(house), Pull(house)
    record = first("web")
    assert first.phases() == [
        "resolve ok", "cache ok", "auth ok", "manifest ok", "layer 1/2 ok", "layer 2/2 ok", "store ok",
    ] or sorted(first.phases()[4:6]) == ["layer 1/2 ok", "layer 2/2 ok"]  # fmt: skip
    assert second("web") == record
    assert second.phases() == ["resolve ok", "cache ok"]
    cache = second.trace.find(Phase.CACHE)
    assert cache is not None
    assert (cache.fact("decision"), cache.fact("image ID"), cache.fact("size")) == ("hit", record.id, record.size_bytes)
    assert record.is_hub
    assert record.tags == ("hub.localhost/web:latest",)
    assert leftovers(house) == []


def test_hub__facts_can_be_checked(house: House) -> None:
    pull = Pull(house)
    record = pull("web")
    auth, manifest = pull.trace.find(Phase.AUTH), pull.trace.find(Phase.MANIFEST)
    assert auth is not None
    assert manifest is not None
    assert auth.fact("service") == "hub.localhost"
    assert auth.fact("scope") == "repository:web:pull"
    image = catalogue.image("web")
    assert manifest.fact("index digest") == image.index_digest
    assert manifest.fact("manifest digest") == image.manifest_digest == record.manifest_digest
    assert manifest.fact("config digest") == image.config_digest == record.id
    assert _sha256sum(manifest.check.removeprefix("sha256sum ")) == record.manifest_digest
    for number, item in enumerate(record.layers, 1):
        span = pull.trace.find(Phase.LAYER, f"{number}/2")
        assert span is not None
        blob = house.layout.blob(item.digest)
        assert span.check == f"sha256sum {blob}"
        assert _sha256sum(blob) == span.fact("computed") == span.fact("digest") == item.digest
        inflated = subprocess.run(["gzip", "-dc", blob], capture_output=True, check=True)
        assert sha256(inflated.stdout) == span.fact("diff ID") == item.diff_id
        folder = house.layout.layer(item.diff_id)
        found = subprocess.run(["find", folder, "-mindepth", "1"], capture_output=True, text=True, check=True)
        assert len(found.stdout.splitlines()) == span.fact("files")
        sizes = subprocess.run(
            ["find", folder, "-type", "f", "-printf", "%s\n"], capture_output=True, text=True, check=True
        )
        assert sum(map(int, sizes.stdout.split())) == span.fact("unpacked") == item.size_bytes


def test_hub__images_share_layers(house: House) -> None:
    Pull(house)("web")
    pull = Pull(house)
    pull("db")
    span = pull.trace.find(Phase.LAYER, "1/2")
    assert span is not None
    assert (span.status, span.fact("shared")) == (Status.SKIPPED, True)


def test_cached__imports_nothing_slow(house: House) -> None:
    Pull(house)("hello-world")
    program = (
        "import sys\n"
        "from tests.engine.images_house import Pull, open_house\n"
        f"Pull(open_house({house.layout.root!r}))('hello-world')\n"
        "slow = ('urllib3', 'ssl', 'http.client', 'http.server', 'tarfile', 'subprocess')\n"
        "print([name for name in slow if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_hub__is_not_there_while_nobody_pulls(house: House) -> None:
    pull = Pull(house)
    pull("hello-world")
    auth = pull.trace.find(Phase.AUTH)
    assert auth is not None
    realm = urlsplit(str(auth.fact("realm")))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((realm.hostname, realm.port))


# What is meant


def test_resolve__falls_back_and_says_why(tmp_path: Path, liar: ScriptedRegistry) -> None:
    """Nobody listens at the first registry, the second has no such image, the hub has it."""
    search = ("127.0.0.1:1", liar.host, "hub.localhost")
    liar.on("/v2/web/", Answer(404))
    with closing(open_house(str(tmp_path / "store"), search=search)) as house:
        pull = Pull(house)
        record = pull("web")
        assert record.tags == ("hub.localhost/web:latest",)
        assert pull.phases()[:5] == [
            "resolve ok", "cache ok", "auth ok", "manifest skipped", "resolve next registry ok",
        ]  # fmt: skip
        resolve = pull.trace.spans[0]
        assert str(resolve.fact("127.0.0.1:1")).startswith("unreachable (")
        assert resolve.fact(liar.host) == "answers"
        assert resolve.fact("registry") == liar.host
        assert Pull(house)("web") == record


def test_resolve__an_image_that_nobody_has(tmp_path: Path) -> None:
    with closing(open_house(str(tmp_path / "store"), search=("127.0.0.1:1", "hub.localhost"))) as house:
        pull = Pull(house)
        with pytest.raises(ImageNotFound) as caught:
            pull("no-such-image")
        assert "unreachable" in caught.value.message
        assert "hello-world" in caught.value.hint
        assert pull.phases() == ["resolve failed"]


def test_resolve__a_named_registry_that_does_not_answer(house: House) -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        Pull(house)("127.0.0.1:1/web")


def test_resolve__by_id(house: House) -> None:
    record = Pull(house)("web")
    for text in (
        record.id,
        record.id[7:],
        record.id[7:19],
        record.id[:15],
        f"hub.localhost/web@{record.repo_digests[0][-71:]}",
    ):
        pull = Pull(house)
        assert pull(text) == record
        assert pull.phases() == ["resolve ok", "cache ok"]


@pytest.mark.parametrize(
    ("reference", "options", "error"),
    [
        ("Not A Reference", {}, InvalidReference),
        ("ab" * 32, {}, InvalidReference),
        ("web", {"policy": "sometimes"}, InvalidRequest),
        ("web", {"policy": "never"}, ImageNotFound),
        ("web", {"platform": "a/b/c/d"}, InvalidRequest),
        ("web", {"platform": "linux/s390x"}, ImageNotFound),
        ("web:no-such-tag", {}, ImageNotFound),
    ],
)
def test_refuse(house: House, reference: str, options: dict[str, str], error: type[DockviewError]) -> None:
    with pytest.raises(error) as caught:
        Pull(house)(reference, **options)
    assert caught.value.hint
    assert leftovers(house) == []


def test_policy__always_asks_again(house: House) -> None:
    record = Pull(house)("web")
    pull = Pull(house)
    again = pull("web", policy="always")
    assert (again.id, again.layers) == (record.id, record.layers)
    assert pull.phases()[1:4] == ["cache ok", "auth ok", "manifest ok"]


# A real registry


@pytest.mark.registry
def test_registry__agrees_with_skopeo_and_umoci(
    house: House, registry: Registry, busybox: ImageLayout, busybox_image: str, tmp_path: Path
) -> None:
    pull = Pull(house)
    record = pull(busybox_image)
    said = subprocess.run(
        ["skopeo", "inspect", "--tls-verify=false", f"docker://{busybox_image}"], capture_output=True, check=True
    )
    inspected = json.loads(said.stdout)
    assert record.repo_digests == (f"{registry.host}/busybox@{inspected['Digest']}",)
    assert [item.digest for item in record.layers] == inspected["Layers"]
    bundle = str(tmp_path / "bundle")
    subprocess.run(["umoci", "unpack", "--image", f"{busybox.folder}:latest", bundle], capture_output=True, check=True)
    merged = str(tmp_path / "merged")
    os.mkdir(merged)
    script = 'mount -t overlay overlay -o "lowerdir=$1" "$2" && diff -r --no-dereference "$2" "$3"'
    folders = ":".join(lower_dirs(house, record))
    compared = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", folders, merged, f"{bundle}/rootfs"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (compared.returncode, compared.stdout, compared.stderr) == (0, "", "")
    assert Pull(house)(f"{registry.host}/busybox@{inspected['Digest']}").id == record.id


def test_zstd(house: House, liar: ScriptedRegistry) -> None:
    """A zstd layer, and then the same layer as gzip: what is unpacked is shared, however it was packed."""
    blob = zstandard.ZstdCompressor().compress(TAR)
    media_type = "application/vnd.oci.image.layer.v1.tar+zstd"
    liar.image("small", [blob], diff_ids=[sha256(TAR)], media_type=media_type)
    liar.image("web", [BLOB], diff_ids=[sha256(TAR)])
    [item] = Pull(house)(f"{liar.host}/small").layers
    assert item.media_type == media_type
    with open(f"{house.layout.layer(item.diff_id)}/a/file", "rb") as file:
        assert file.read() == b"content" * 1000
    other = Pull(house)
    other(f"{liar.host}/web")
    assert "layer 1/1 skipped" in other.phases()


# Layers


def test_lower_dirs(house: House) -> None:
    record = Pull(house)("web")
    low, high = (house.layout.layer(item.diff_id) for item in record.layers)
    assert lower_dirs(house, record) == [high, low]


def test_lower_dirs__a_layer_twice_and_no_layer_at_all(house: House, liar: ScriptedRegistry) -> None:
    one, two = layer({"a": b"1"}), layer({"b": b"2"})
    blobs = [gzip.compress(data, mtime=0) for data in (one, two, one)]
    liar.image("twice", blobs, diff_ids=[sha256(data) for data in (one, two, one)])
    record = Pull(house)(f"{liar.host}/twice")
    folders = [house.layout.layer(sha256(data)) for data in (one, two)]
    assert lower_dirs(house, record) == folders
    liar.image("none", [], diff_ids=[])
    [empty] = lower_dirs(house, Pull(house)(f"{liar.host}/none"))
    assert os.listdir(empty) == []


# Registries that lie


def _blob_path(name: str = "web") -> str:
    return f"/v2/{name}/blobs/{sha256(BLOB)}"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(200, BLOB[:4] + b"\1" + BLOB[5:]), DigestMismatch),
        (Answer(200, BLOB + b"\0"), DataError),
        (Answer(200, BLOB[:-1]), Unavailable),
        (Answer(404), ImageNotFound),
        (Answer(500), Unavailable),
        (Answer(307, headers={"Location": _blob_path()}), DataError),
    ],
    ids=["other bytes", "more bytes", "fewer bytes", "no blob", "trouble", "circles"],
)
def test_lie__layer(house: House, liar: ScriptedRegistry, answer: Answer, error: type[DockviewError]) -> None:
    other = layer({"b": b"x"})
    liar.image("web", [gzip.compress(other, mtime=0), BLOB], diff_ids=[sha256(other), sha256(TAR)])
    liar.on(_blob_path(), answer)
    pull = Pull(house)
    with pytest.raises(error):
        pull(f"{liar.host}/web")
    assert "layer 2/2 failed" in pull.phases()
    assert pull.trace.status is Status.FAILED
    assert leftovers(house) == []
    assert images.everything(house.database) == []
    assert not os.path.exists(house.layout.layer(sha256(TAR)))
    assert not os.path.exists(house.layout.blob(sha256(BLOB)))


@pytest.mark.parametrize(
    ("blob", "diff_id", "error"),
    [
        (BLOB, sha256(b"something else"), DigestMismatch),
        (gzip.compress(b"no archive" * 100, mtime=0), sha256(b"no archive" * 100), DataError),
        (BLOB[:-4], sha256(TAR), DataError),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 100, sha256(TAR), DataError),
        (b"", sha256(b""), DataError),
    ],
    ids=["other content", "no archive", "half a gzip", "no zstd", "nothing"],
)
def test_lie__content(
    house: House, liar: ScriptedRegistry, blob: bytes, diff_id: str, error: type[DockviewError]
) -> None:
    liar.image("web", [blob], diff_ids=[diff_id])
    with pytest.raises(error):
        Pull(house)(f"{liar.host}/web")
    assert leftovers(house) == []
    assert os.listdir(house.layout.layers) == []


def test_lie__manifest_and_config(house: House, liar: ScriptedRegistry) -> None:
    digest = liar.image("web", [BLOB], diff_ids=[sha256(TAR)])
    reference = f"{liar.host}/web@{digest}"
    honest = liar.scripts["/v2/web/manifests/"]
    assert isinstance(honest[0], Answer)
    config_digest = json.loads(honest[0].body)["config"]["digest"]
    liar.on(f"/v2/web/manifests/{digest}", Answer(200, honest[0].body + b" "))
    with pytest.raises(DigestMismatch):
        Pull(house)(reference)
    liar.on(f"/v2/web/manifests/{digest}", *honest)
    honest_config = liar.scripts[f"/v2/web/blobs/{config_digest}"]
    assert isinstance(honest_config[0], Answer)
    liar.on(f"/v2/web/blobs/{config_digest}", Answer(200, honest_config[0].body[:-1] + b" "))
    with pytest.raises(DigestMismatch):
        Pull(house)(reference)
    liar.on(f"/v2/web/blobs/{config_digest}", *honest_config)
    assert Pull(house)(reference).id == config_digest


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"[]", DataError),
        (b"{", DataError),
        (b'{"schemaVersion": 1, "fsLayers": []}', NotSupported),
        (b'{"manifests": []}', ImageNotFound),
        (b'{"manifests": [7, {"platform": {"os": 1, "architecture": []}}]}', ImageNotFound),
        (json.dumps({"layers": [], "config": POINTER}).encode(), NotSupported),
        (
            b'{"layers": [], "config": {"digest": "sha256:' + b"0" * 64 + b'", "size": 99999999999, "mediaType": ""}}',
            DataError,
        ),
    ],
)
def test_lie__manifest_of_no_use(house: House, liar: ScriptedRegistry, body: bytes, error: type[DockviewError]) -> None:
    liar.on("/v2/web/manifests/", Answer(200, body))
    with pytest.raises(error):
        Pull(house)(f"{liar.host}/web")
    assert leftovers(house) == []


def test_lie__who_speaks_for_the_hub(house: House, liar: ScriptedRegistry) -> None:
    """An image with the hub's label from elsewhere does not get the host's userland."""
    config = {"config": {"Labels": {catalogue.BASE_LABEL: "host"}}}
    liar.image("web", [BLOB], diff_ids=[sha256(TAR)], config=config)
    assert not Pull(house)(f"{liar.host}/web").is_hub


# Breaking off, and going on


def test_resume(house: House, liar: ScriptedRegistry) -> None:
    liar.image("web", [BLOB], diff_ids=[sha256(TAR)])

    def rest(request: Any) -> Answer:
        start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        return Answer(206, BLOB[start:], {"Content-Range": f"bytes {start}-{len(BLOB) - 1}/{len(BLOB)}"})

    liar.on(_blob_path(), Answer(200, BLOB[:20], length=len(BLOB)), rest)
    Pull(house)(f"{liar.host}/web")
    assert [request.headers.get("Range") for request in liar.paths(_blob_path())] == [None, "bytes=20-"]


def test_a_blob_that_is_here_is_not_fetched(house: House, liar: ScriptedRegistry) -> None:
    liar.image("web", [BLOB], diff_ids=[sha256(TAR)])
    with open(house.layout.blob(sha256(BLOB)), "wb") as file:
        file.write(BLOB)
    Pull(house)(f"{liar.host}/web")
    assert liar.paths(_blob_path()) == []


def test_a_blob_that_is_damaged_is_fetched_anew(house: House, liar: ScriptedRegistry) -> None:
    liar.image("web", [BLOB], diff_ids=[sha256(TAR)])
    with open(house.layout.blob(sha256(BLOB)), "wb") as file:
        file.write(bytes(len(BLOB)))
    Pull(house)(f"{liar.host}/web")
    assert _sha256sum(house.layout.blob(sha256(BLOB))) == sha256(BLOB)
    assert leftovers(house) == []


def test_cancel(house: House, liar: ScriptedRegistry) -> None:
    """In the middle of a download that would never end."""
    liar.image("web", [BLOB], diff_ids=[sha256(TAR)])
    halfway, over = threading.Event(), threading.Event()

    def stall(_stream: Any) -> None:
        halfway.set()
        over.wait(60)

    liar.on(_blob_path(), Answer(200, BLOB[:20], length=len(BLOB), write=stall))
    cancel = CancelToken()
    pull = Pull(house, cancel=cancel)
    caught: list[BaseException] = []

    def run() -> None:
        try:
            pull(f"{liar.host}/web")
        except Cancelled as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert halfway.wait(30)
    cancel.cancel()
    thread.join(30)
    over.set()
    assert not thread.is_alive()
    assert len(caught) == 1
    assert pull.phases()[-1] == "layer 1/1 cancelled"
    assert pull.trace.status is Status.CANCELLED
    assert leftovers(house) == []


def test_engine_closes(house: House, liar: ScriptedRegistry) -> None:
    """Closing the engine unblocks a pull as well."""
    asked, over = threading.Event(), threading.Event()

    def silence(_request: Any) -> Answer:
        asked.set()
        over.wait(60)
        return Answer(200, b"{}")

    liar.on("/v2/", silence)
    caught: list[BaseException] = []

    def run() -> None:
        try:
            Pull(house)(f"{liar.host}/web")
        except Cancelled as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert asked.wait(30)
    house.closing.cancel()
    thread.join(30)
    over.set()
    assert not thread.is_alive()
    assert len(caught) == 1


# Together


def test_two_pulls_of_one_layer_fetch_it_once(house: House, liar: ScriptedRegistry) -> None:
    """The second waits until the first is through, and shares what it has unpacked."""
    liar.image("one", [BLOB], diff_ids=[sha256(TAR)])
    liar.image("two", [BLOB], diff_ids=[sha256(TAR)])
    both_asked = threading.Barrier(2, timeout=30)

    def meet(answer: Any) -> Any:
        def script(_request: Any) -> Answer:
            both_asked.wait()
            return answer  # type: ignore[no-any-return]

        return script

    for name in ("one", "two"):
        liar.on(f"/v2/{name}/manifests/", meet(liar.scripts[f"/v2/{name}/manifests/"][0]))
    pulls = [Pull(house), Pull(house)]
    threads = [
        threading.Thread(target=pull, args=(f"{liar.host}/{name}",))
        for pull, name in zip(pulls, ("one", "two"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    states = sorted(str(pull.trace.spans[-2].status) for pull in pulls)
    assert states == ["ok", "skipped"]
    assert len(liar.paths(_blob_path("one")) + liar.paths(_blob_path("two"))) == 1
    assert len(images.everything(house.database)) == 1
    assert leftovers(house) == []


def test_two_processes(house: House) -> None:
    """Four processes pull the same images into one store at once."""
    program = (
        "from tests.engine.images_house import Pull, open_house\n"
        f"house = open_house({house.layout.root!r})\n"
        "for name in ('web', 'db', 'box', 'flaky', 'hello-world'): Pull(house)(name)\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert len(images.everything(house.database)) == 5
    assert leftovers(house) == []


# A full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[str]:
    """A store on a file system of 8 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], check=True)
    yield str(folder)
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("where", ["blob", "files"])
def test_full_disk(small_disk: str, liar: ScriptedRegistry, where: str) -> None:
    """The blob does not fit; or it does, but what is in it does not."""
    content = os.urandom(12 << 20) if where == "blob" else bytes(64 << 20)
    tar = layer({"big": content})
    liar.image("big", [gzip.compress(tar, 1, mtime=0)], diff_ids=[sha256(tar)])
    with closing(open_house(small_disk)) as house:
        pull = Pull(house)
        with pytest.raises(OutOfSpace) as caught:
            pull(f"{liar.host}/big")
        assert "prune" in caught.value.hint
        assert pull.phases()[-1] == "layer 1/1 failed"
        assert leftovers(house) == []
        assert os.listdir(house.layout.layers) == []
        Pull(house)("hello-world")


def test_layer_is_what_the_model_says(house: House) -> None:
    assert all(isinstance(item, Layer) and item.size_bytes for item in Pull(house)("web").layers)
    assert json.loads(Path(house.layout.blob(Pull(house)("web").id)).read_text())["architecture"] == ARCHITECTURE
