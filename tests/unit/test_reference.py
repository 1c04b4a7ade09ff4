"""References are read as docker reads them."""

from __future__ import annotations

import pytest

from dockview.engine.errors import DataError, ImageNotFound, InvalidReference, InvalidRequest
from dockview.engine.images import descriptor
from dockview.engine.images.platform import Platform
from dockview.engine.images.reference import Reference

DIGEST = "sha256:" + "0123456789abcdef" * 4

READ = [
    # text, registry, repository, tag, digest, familiar
    ("hello-world", "docker.io", "library/hello-world", "latest", "", "hello-world:latest"),
    ("web:1.2", "docker.io", "library/web", "1.2", "", "web:1.2"),
    ("team/web", "docker.io", "team/web", "latest", "", "team/web:latest"),
    ("docker.io/web", "docker.io", "library/web", "latest", "", "web:latest"),
    ("index.docker.io/library/web", "docker.io", "library/web", "latest", "", "web:latest"),
    ("docker.io/library/a/b", "docker.io", "library/a/b", "latest", "", "library/a/b:latest"),
    ("localhost/web", "localhost", "web", "latest", "", "localhost/web:latest"),
    ("localhost:5000/a/b/c:v1", "localhost:5000", "a/b/c", "v1", "", "localhost:5000/a/b/c:v1"),
    ("Registry/web", "Registry", "web", "latest", "", "Registry/web:latest"),
    ("[::1]:5000/web", "[::1]:5000", "web", "latest", "", "[::1]:5000/web:latest"),
    ("hub.localhost/web", "hub.localhost", "web", "latest", "", "hub.localhost/web:latest"),
    (f"web@{DIGEST}", "docker.io", "library/web", "", DIGEST, f"web@{DIGEST}"),
    (f"web:1@{DIGEST}", "docker.io", "library/web", "1", DIGEST, f"web:1@{DIGEST}"),
    ("a.b_c__d---e/f", "a.b_c__d---e", "f", "latest", "", ""),
    ("x/a.b_c__d---e", "docker.io", "x/a.b_c__d---e", "latest", "", "x/a.b_c__d---e:latest"),
    ("web:" + "t" * 128, "docker.io", "library/web", "t" * 128, "", "web:" + "t" * 128),
]


@pytest.mark.parametrize("case", READ, ids=lambda case: case[0][:40])
def test_parse(case: tuple[str, str, str, str, str, str]) -> None:
    text, registry, repository, tag, digest, familiar = case
    if not familiar:
        # A first part with a dot is a registry, and registries have no underscores.
        with pytest.raises(InvalidReference):
            Reference.parse(text)
        return
    reference = Reference.parse(text)
    assert (registry, repository, tag, digest) == (
        reference.registry,
        reference.repository,
        reference.tag,
        reference.digest,
    )
    assert familiar == reference.familiar
    assert reference.canonical == Reference.parse(reference.canonical).canonical
    assert reference.canonical == Reference.parse(reference.familiar).canonical


@pytest.mark.parametrize(
    "text",
    [
        "", ":", "/", "web:", ":tag", "@", "web@", "web@sha256:12", f"web@{DIGEST}x", "Web", "team/Web", "-web", "web-",
        "a//b", "/web", "web/", "a..b/c/d", "we b", "web:ta g", "web:.tag", "web:" + "t" * 129, "ab" * 32, "a_-b",
        "localhost:port/web", "exa_mple.com/web", "http://example.com/web", "web\n", "web:1\n", "wéb", "a" * 256,
        f"web@md5:{'0' * 32}", "x/" * 200 + "y",
    ],
)  # fmt: skip
def test_refuse(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        Reference.parse(text)
    assert caught.value.hint


def test_short_names_are_searched_in_order() -> None:
    found = Reference.parse("web:1").candidates(("docker.io", "hub.localhost", "example.com"))
    assert [item.canonical for item in found] == [
        "docker.io/library/web:1",
        "hub.localhost/web:1",
        "example.com/web:1",
    ]


def test_a_named_registry_is_the_only_candidate() -> None:
    reference = Reference.parse("docker.io/web")
    assert reference.candidates(("a.example", "b.example")) == (reference,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/amd64", "linux/amd64"),
        ("x86_64", "linux/amd64"),
        ("arm64", "linux/arm64/v8"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("linux/armv7l", "linux/arm/v7"),
    ],
)
def test_platform(text: str, expected: str) -> None:
    assert expected == str(Platform.parse(text))


@pytest.mark.parametrize("text", ["", "/", "a/b/c/d", "linux/"])
def test_platform__refuse(text: str) -> None:
    with pytest.raises(InvalidRequest):
        Platform.parse(text)


def _index(*platforms: dict[str, str]) -> dict[str, object]:
    return {
        "manifests": [
            {"mediaType": descriptor.OCI_MANIFEST, "digest": DIGEST, "size": number, "platform": platform}
            for number, platform in enumerate(platforms)
        ]
    }


def test_choose__takes_the_newest_variant_that_runs_here() -> None:
    index = _index(
        {"os": "linux", "architecture": "arm", "variant": "v5"},
        {"os": "linux", "architecture": "arm", "variant": "v7"},
        {"os": "linux", "architecture": "arm", "variant": "v6"},
        {"os": "windows", "architecture": "arm"},
        {"os": "unknown", "architecture": "unknown"},
    )
    chosen, platform = descriptor.choose(index, Platform("linux", "arm", "v6"), "it")
    assert (chosen.size, str(platform)) == (2, "linux/arm/v6")


def test_choose__names_what_there_is() -> None:
    index = _index({"os": "linux", "architecture": "s390x"}, {"os": "unknown", "architecture": "unknown"})
    with pytest.raises(ImageNotFound) as caught:
        descriptor.choose(index, Platform("linux", "amd64"), "it")
    assert "linux/s390x" in caught.value.hint
    assert "unknown" not in caught.value.hint


_GOOD = {"mediaType": "x", "digest": DIGEST, "size": 1}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"layers": {}},
        {"config": _GOOD, "layers": [None]},
        {"config": None, "layers": []},
        {"config": {**_GOOD, "size": -1}, "layers": []},
        {"config": {**_GOOD, "size": True}, "layers": []},
        {"config": {**_GOOD, "size": "1"}, "layers": []},
        {"config": {**_GOOD, "digest": "../../etc/passwd"}, "layers": []},
        {"config": {**_GOOD, "digest": 7}, "layers": []},
        {"config": {**_GOOD, "digest": "sha256:" + "A" * 64}, "layers": []},
    ],
)
def test_manifest__refuse(body: dict[str, object]) -> None:
    with pytest.raises(DataError):
        descriptor.parse_manifest(body, "it")


def test_diff_ids__their_number_must_agree() -> None:
    layer = descriptor.Descriptor("x", DIGEST, 1)
    with pytest.raises(DataError):
        descriptor.diff_ids({"rootfs": {"diff_ids": []}}, [layer], "it")
    with pytest.raises(DataError):
        descriptor.diff_ids({"rootfs": {"diff_ids": ["sha256:../../x"]}}, [layer], "it")
