"""The doctor's findings, compared with the machine, and what it leaves behind: nothing (conftest's leak check)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest

from dockview.engine.embedded import doctor as ward
from dockview.engine.embedded.doctor import doctor
from dockview.engine.embedded.house import House
from dockview.engine.model import Finding
from tests.engine.network_house import house


@pytest.fixture
def store() -> Iterator[House]:
    with house() as made:
        yield made


def topics(store: House) -> dict[str, Finding]:
    return {finding.topic: finding for finding in doctor(store)}


def test_doctor__every_finding_says_something_and_limits_have_a_remedy(store: House) -> None:
    found = doctor(store)
    assert len({finding.topic for finding in found}) == len(found)
    assert all(finding.detail for finding in found)
    assert {finding.state for finding in found} <= {"ok", "limited", "missing"}


@pytest.mark.root
def test_doctor__root_finds_what_the_tools_find(store: House) -> None:
    found = topics(store)
    assert found["namespaces"] == Finding("namespaces", "ok", "mnt uts ipc net pid cgroup: each was made")
    assert (
        found["kernel"].detail.split()[1]
        == subprocess.run(["uname", "-r"], capture_output=True, text=True, check=True).stdout.strip()
    )
    with open("/proc/filesystems") as file:
        assert (found["overlayfs"].state == "ok") == ("\toverlay\n" in file.read())
    assert (found["outbound"].remedy == "apt: nftables") == (shutil.which("nft") is None)
    assert found["user"].state == found["bridge"].state == "ok"


@pytest.mark.root
def test_doctor__leaves_the_store_as_it_was(store: House) -> None:
    before = sorted(os.listdir(store.layout.root)), os.listdir(store.layout.tmp)
    doctor(store)
    assert (sorted(os.listdir(store.layout.root)), os.listdir(store.layout.tmp)) == before
    with open("/proc/self/mountinfo") as file:
        assert store.layout.root not in file.read()


@pytest.mark.root
@pytest.mark.parametrize(
    ("tried", "topic", "state", "words"),
    [
        ({}, "namespaces", "missing", "could not be run"),
        ({"net": 1, "mnt": 0}, "namespaces", "missing", "refused: net: EPERM"),
        ({"overlay": 19}, "overlayfs", "missing", "this kernel does not have it"),
        ({"overlay": 22}, "overlayfs", "missing", "cannot hold one"),
        ({"user": 28}, "user namespaces", "limited", "refused (ENOSPC)"),
        ({"bridge": 95, "veth": 0}, "bridge", "limited", "refused: bridge: "),
    ],
)
def test_doctor__what_is_refused_is_named(
    store: House, monkeypatch: pytest.MonkeyPatch, *, tried: dict[str, int], topic: str, state: str, words: str
) -> None:
    monkeypatch.setattr(ward, "_probe", lambda _house: tried)
    finding = topics(store)[topic]
    assert finding.state == state
    assert words in finding.detail


def test_doctor__docker_socket_without_a_daemon_is_said(store: House, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{store.layout.root}/d.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    assert topics(store)["docker daemon"].detail.startswith("none at ")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        assert topics(store)["docker daemon"].state == "limited"
        server.listen()
        assert topics(store)["docker daemon"].detail == f"answers at {path}"


def test_doctor__without_nft_the_package_is_named(store: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    finding = topics(store)["outbound"]
    if os.geteuid() == 0:
        assert (finding.state, finding.remedy) == ("limited", "apt: nftables")
