"""-v, --mount and --tmpfs as docker's command line reads them, and back into a line."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from dockview.commands.line import docker_line
from dockview.commands.mount_values import mount, tmpfs, volume
from dockview.commands.parse import parse_line
from dockview.commands.usage import UsageError
from dockview.engine.create_body import create_body
from dockview.engine.model import Mount


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data:/d", Mount(type="volume", source="data", target="/d", is_short=True)),
        ("/d", Mount(type="volume", target="/d", is_short=True)),
        ("/a:/d:ro", Mount(type="bind", source="/a", target="/d", read_only=True, is_short=True)),
        ("/a/../b/:/d", Mount(type="bind", source="/b", target="/d", is_short=True)),
        ("/a:/d:ro,rslave,z", Mount(
            type="bind", source="/a", target="/d", read_only=True, propagation="rslave", relabel="z", is_short=True)),
        ("data:/d:nocopy", Mount(type="volume", source="data", target="/d", no_copy=True, is_short=True)),
    ],
)  # fmt: skip
def test_volume(text: str, expected: Mount) -> None:
    assert volume(text) == expected


def test_volume__relative_to_the_working_directory() -> None:
    assert volume("./x:/d").source == os.path.abspath("x")
    assert volume(".:/d").source == os.getcwd()
    assert volume("..:/d").source == os.path.dirname(os.getcwd())


@pytest.mark.parametrize("text", ["", ":/d", "a::b", "a:b:c:d", "a:relative", "data:/", "data:/d:what"])
def test_volume__refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid|empty"):
        volume(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type=bind,source=/a,target=/d,readonly", Mount(type="bind", source="/a", target="/d", read_only=True)),
        ("type=bind,src=/a,dst=/d,ro=false,bind-propagation=rslave",
         Mount(type="bind", source="/a", target="/d", propagation="rslave")),
        ("src=data,destination=/d,volume-nocopy", Mount(type="volume", source="data", target="/d", no_copy=True)),
        ("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770",
         Mount(type="tmpfs", target="/t", tmpfs_size_bytes=1 << 20, tmpfs_mode=0o1770)),
        ('type=bind,"source=/a,b",target=/d', Mount(type="bind", source="/a,b", target="/d")),
    ],
)  # fmt: skip
def test_mount(text: str, expected: Mount) -> None:
    assert mount(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("type=bind,target=/d", "source is required"), ("type=bind,source=/a", "target is required"),
        ("type=npipe,source=a,target=/d", "npipe"), ("type=tmpfs,source=x,target=/d", "source"),
        ("type=volume,source=x,target=/d,tmpfs-size=1", "cannot mix"), ("what=x,target=/d", "unexpected key"),
        ("target=/d,volume-opt=a=b", "not in this version"), ("target=/d,what", "key=value"),
        ("target=/d,ro=perhaps", "invalid value"),
    ],
)  # fmt: skip
def test_mount__refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        mount(text)


def test_tmpfs() -> None:
    assert tmpfs("/t") == Mount(type="tmpfs", target="/t", is_short=True)
    assert tmpfs("/t:rw,exec,size=64k,mode=700,uid=5") == Mount(
        type="tmpfs",
        target="/t",
        tmpfs_size_bytes=65536,
        tmpfs_mode=0o700,
        tmpfs_options="rw,exec,uid=5",
        is_short=True,
    )
    with pytest.raises(ValueError, match="invalid tmpfs option"):
        tmpfs("/t:upperdir=/etc")


LINE = (
    "docker run -d -v data:/d:ro -v /a:/b:rslave -v /anonymous --mount type=bind,source=/x,target=/y,readonly"
    " --mount type=tmpfs,target=/t,tmpfs-mode=700 --tmpfs /u:exec,size=4096 --volumes-from other:ro box true"
)


def test_line__goes_round() -> None:
    request = parse_line(LINE).request
    assert request is not None
    again = parse_line(docker_line(request)).request
    assert again is not None
    assert replace(again, line="") == replace(request, line="")


def test_body__in_dockers_words() -> None:
    request = parse_line(LINE).request
    assert request is not None
    body = create_body(request)
    assert body["Volumes"] == {"/anonymous": {}}
    host = body["HostConfig"]
    assert host["Binds"] == ["data:/d:ro", "/a:/b:rslave"]
    assert host["Mounts"][0] == {"Type": "bind", "Source": "/x", "Target": "/y", "ReadOnly": True}
    assert host["Mounts"][1] == {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"Mode": 0o700}}
    assert host["Tmpfs"] == {"/u": "exec,size=4096"}
    assert host["VolumesFrom"] == ["other:ro"]


def test_flag__says_whose_value_is_wrong() -> None:
    with pytest.raises(UsageError, match=r'invalid argument "a:b" for "-v, --volume" flag'):
        parse_line("docker run -v a:b box")
