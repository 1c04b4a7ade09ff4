"""A private registry over TLS with a password: logins, helpers, and every kind of image that skopeo and umoci push."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import CommandLine
from tests.support.images import ARCHITECTURE, ImageLayout
from tests.support.secure_registry import PASSWORD, USER, SecureRegistry, docker_config, helper_program

pytestmark = [pytest.mark.root, pytest.mark.registry]
OTHER = "arm64" if ARCHITECTURE == "amd64" else "amd64"


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureRegistry]:
    server = SecureRegistry(str(tmp_path_factory.mktemp("private")))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def me(dockview: CommandLine, private: SecureRegistry, tmp_path: Path) -> CommandLine:
    """Somebody who trusts the registry's authority, and has a docker folder of his own."""
    private.trust(str(tmp_path / "config"))
    dockview.env |= {"XDG_CONFIG_HOME": str(tmp_path / "config"), "DOCKER_CONFIG": str(tmp_path / "docker")}
    return dockview


@pytest.fixture
def inside(me: CommandLine, private: SecureRegistry) -> CommandLine:
    """The same, logged in."""
    docker_config(me.env["DOCKER_CONFIG"], {})
    done = me("login", "-u", USER, "--password-stdin", private.host, stdin=PASSWORD + "\n")
    assert (done.returncode, done.stdout) == (0, "Login Succeeded\n"), done.stderr
    return me


def _pulled(dockview: CommandLine, reference: str, *options: str) -> str:
    """Pull, and give the image's ID."""
    dockview.ok("pull", *options, reference)
    return str(dockview.json("image", "inspect", reference)[0]["Id"])


# login and logout


def test_login__keeps_what_was_accepted(me: CommandLine, private: SecureRegistry) -> None:
    done = me("login", "--username", USER, "--password-stdin", private.host, stdin=PASSWORD)
    path = f"{me.env['DOCKER_CONFIG']}/config.json"
    assert (done.returncode, done.stdout) == (0, "Login Succeeded\n")
    assert f"stored unencrypted in {path}" in done.stderr
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path) as file:
        assert list(json.load(file)["auths"]) == [private.host]
    assert me.ok("login", private.host) == "Authenticating with existing credentials...\nLogin Succeeded"
    assert me.ok("logout", private.host) == f"Removing login credentials for {private.host}"
    assert me.ok("logout", private.host) == f"Not logged in to {private.host}"
    with open(path) as file:
        assert json.load(file)["auths"] == {}


def test_login__docker_and_skopeo_read_it_too(inside: CommandLine, private: SecureRegistry) -> None:
    path = f"{inside.env['DOCKER_CONFIG']}/config.json"
    done = subprocess.run(
        ["skopeo", "login", "--get-login", f"--authfile={path}", private.host], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.stdout == f"{USER}\n", done.stderr


def test_login__refused(me: CommandLine, private: SecureRegistry) -> None:
    done = me("login", "-u", USER, "--password-stdin", private.host, stdin="wrong")
    assert done.returncode == 1
    assert "failed with status: 401 Unauthorized" in done.stderr
    assert not os.path.exists(f"{me.env['DOCKER_CONFIG']}/config.json")


def test_login__keeps_the_rest_of_the_file(me: CommandLine, private: SecureRegistry) -> None:
    rest = {"psFormat": "x", "auths": {"other.example": {"auth": "YTpi"}}, "currentContext": "here"}
    folder = docker_config(me.env["DOCKER_CONFIG"], rest)
    me("login", "-u", USER, "--password-stdin", private.host, stdin=PASSWORD)
    with open(f"{folder}/config.json") as file:
        found = json.load(file)
    assert found["auths"].pop(private.host)["auth"]
    assert found == rest


@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_login__helper(me: CommandLine, private: SecureRegistry, tmp_path: Path, key: str) -> None:
    programs, secrets = helper_program(str(tmp_path / "bin"), "drawer")
    folder = docker_config(
        me.env["DOCKER_CONFIG"], {key: "drawer" if key == "credsStore" else {private.host: "drawer"}}
    )
    me.env["PATH"] = f"{programs}:{os.environ['PATH']}"
    done = me("login", "-u", USER, "--password-stdin", private.host, stdin=PASSWORD)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Login Succeeded\n", "")
    with open(secrets) as file:
        assert json.load(file)[private.host]["Secret"] == PASSWORD
    with open(f"{folder}/config.json") as file:
        assert PASSWORD not in file.read()
    assert me.ok("login", private.host).endswith("Login Succeeded")
    assert me.ok("logout", private.host).startswith("Removing")
    with open(secrets) as file:
        assert json.load(file) == {}


def test_login__a_helper_that_is_not_there(me: CommandLine, private: SecureRegistry) -> None:
    docker_config(me.env["DOCKER_CONFIG"], {"credsStore": "nowhere"})
    done = me("login", "-u", USER, "--password-stdin", private.host, stdin=PASSWORD)
    assert done.returncode == 1
    assert "docker-credential-nowhere, which is not installed" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--password-stdin",), "Must provide --username with --password-stdin"),
        (("-u", USER, "-p", "x", "--password-stdin"), "--password and --password-stdin are mutually exclusive"),
        (("-u", USER), "Cannot perform an interactive login from a non TTY device"),
        (("-u", "a", "-p", "b", "not a host"), "is not the name of a registry"),
    ],
)
def test_login__what_cannot_be(me: CommandLine, words: tuple[str, ...], said: str) -> None:
    done = me("login", *words)
    assert done.returncode == 1
    assert said in done.stderr


# Trust


def test_an_unknown_authority_is_refused(dockview: CommandLine, private: SecureRegistry, busybox: ImageLayout) -> None:
    private.copy(f"oci:{busybox.folder}:latest", "busybox:1")
    done = dockview("pull", f"{private.host}/busybox:1")
    assert done.returncode == 1
    assert "certificate verify failed" in done.stderr


def test_without_a_login_it_is_denied(me: CommandLine, private: SecureRegistry) -> None:
    done = me("pull", f"{private.host}/busybox:1")
    assert done.returncode == 1
    assert "wants a user and a password" in done.stderr


# Kinds of images


@pytest.mark.parametrize(
    "options",
    [
        ("--format=oci", "--dest-compress-format=gzip"),
        ("--format=oci", "--dest-compress-format=zstd"),
        ("--format=v2s2",),
    ],
)
def test_pull__every_form_has_the_same_files(
    inside: CommandLine, private: SecureRegistry, busybox: ImageLayout, options: tuple[str, ...]
) -> None:
    """OCI and docker's types, gzip and zstd; the container that is made of them runs."""
    reference = private.copy(f"oci:{busybox.folder}:latest", f"forms/{len(options[-1])}:x", *options)
    _pulled(inside, reference)
    shown = inside.json("image", "inspect", reference)[0]
    expected = subprocess.run(
        ["skopeo", "inspect", "--config", f"oci:{busybox.folder}:latest"], capture_output=True, check=True
    )
    assert shown["RootFS"]["Layers"] == json.loads(expected.stdout)["rootfs"]["diff_ids"]
    assert os.path.exists(f"{shown['GraphDriver']['Data']['LowerDir']}/bin/busybox")


def test_pull__by_digest(inside: CommandLine, private: SecureRegistry, busybox: ImageLayout) -> None:
    reference = private.copy(f"oci:{busybox.folder}:latest", "pinned:1")
    with open(f"{busybox.folder}/index.json") as file:
        digest = json.load(file)["manifests"][0]["digest"]
    pinned = f"{reference.rpartition(':')[0]}@{digest}"
    out = inside.ok("pull", pinned)
    assert f"Digest: {digest}" in out
    shown = inside.json("image", "inspect", pinned)[0]
    assert (shown["RepoTags"], shown["RepoDigests"]) == ([], [pinned])


def test_pull__another_platform(inside: CommandLine, private: SecureRegistry, tmp_path: Path) -> None:
    """An index of two platforms; the one that is asked for comes, and this machine's otherwise."""
    layout = str(tmp_path / "multi")
    subprocess.run(["umoci", "init", "--layout", layout], check=True)
    for name in (ARCHITECTURE, OTHER):
        for argv in (
            ["new", "--image", f"{layout}:{name}"],
            ["config", "--image", f"{layout}:{name}", f"--architecture={name}", f"--config.label=for={name}"],
        ):
            subprocess.run(["umoci", *argv], check=True, capture_output=True)
    _join(layout)
    reference = private.copy(f"oci:{layout}:both", "multi:1", "--all")
    labels = {}
    for name, options in ((ARCHITECTURE, ()), (OTHER, ("--platform", f"linux/{OTHER}"))):
        _pulled(inside, reference, *options)
        shown = inside.json("image", "inspect", reference)[0]
        labels[name] = (shown["Architecture"], shown["Config"]["Labels"])
    assert labels == {name: (name, {"for": name}) for name in (ARCHITECTURE, OTHER)}
    done = inside("pull", "--platform", "linux/mips64", reference)
    assert done.returncode == 1
    assert "has no image for linux/mips64" in done.stderr


def _join(layout: str) -> None:
    """Make one index of a layout's images, by the name `both`."""
    import hashlib

    with open(f"{layout}/index.json") as file:
        entries = json.load(file)["manifests"]
    for entry in entries:
        name = entry.pop("annotations")["org.opencontainers.image.ref.name"]
        entry["platform"] = {"os": "linux", "architecture": name}
    media_type = "application/vnd.oci.image.index.v1+json"
    body = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": entries}).encode()
    digest = hashlib.sha256(body).hexdigest()
    with open(f"{layout}/blobs/sha256/{digest}", "wb") as blob:
        blob.write(body)
    top = {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(body),
           "annotations": {"org.opencontainers.image.ref.name": "both"}}  # fmt: skip
    with open(f"{layout}/index.json", "w") as file:
        json.dump({"schemaVersion": 2, "manifests": [top]}, file)
