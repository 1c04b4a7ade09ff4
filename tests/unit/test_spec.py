"""config.json: Docker's defaults, and what an image and a request make of them."""

from __future__ import annotations

from typing import Any

import pytest

from dockview.engine.errors import InvalidRequest
from dockview.engine.model import RunRequest
from dockview.engine.runtime.spec import build_spec

_IMAGE = {
    "Entrypoint": ["/entry"],
    "Cmd": ["a", "b"],
    "Env": ["A=1", "PATH=/image"],
    "WorkingDir": "srv",
    "User": "www",
}


def spec(image: dict[str, Any] | None = None, **request: Any) -> dict[str, Any]:
    wanted = RunRequest(image="i", line="", **request)
    return build_spec(_IMAGE if image is None else image, wanted, container_id="c" * 64, hostname="host")


@pytest.mark.parametrize(
    ("request_", "arguments"),
    [
        ({}, ["/entry", "a", "b"]),
        ({"command": ("x",)}, ["/entry", "x"]),
        ({"entrypoint": ("/other",)}, ["/other"]),
        ({"entrypoint": ("/other",), "command": ("x",)}, ["/other", "x"]),
        ({"entrypoint": (), "command": ("x",)}, ["x"]),
    ],
)
def test_command(request_: dict[str, Any], arguments: list[str]) -> None:
    assert spec(**request_)["process"]["args"] == arguments


def test_command__none() -> None:
    with pytest.raises(InvalidRequest, match="no command specified"):
        spec({})


def test_environment__last_one_wins() -> None:
    assert spec(env=("A=2", "B="))["process"]["env"] == ["PATH=/image", "HOSTNAME=host", "A=2", "B="]
    assert "TERM=xterm" in spec(tty=True)["process"]["env"]


def test_user_and_folder__the_requests_before_the_images() -> None:
    assert (spec()["process"]["user"]["username"], spec()["process"]["cwd"]) == ("www", "/srv")
    asked = spec(user="1:2", workdir="/w")["process"]
    assert (asked["user"]["username"], asked["cwd"]) == ("1:2", "/w")


def test_capabilities__dockers_fourteen() -> None:
    assert spec()["process"]["capabilities"]["bounding"] == [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
        "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SYS_CHROOT", "CAP_MKNOD", "CAP_AUDIT_WRITE",
        "CAP_SETFCAP",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("add", "drop", "count", "member"),
    [
        (("net_admin",), (), 15, "CAP_NET_ADMIN"),
        (("CAP_SYS_TIME",), ("ALL",), 1, "CAP_SYS_TIME"),
        (("ALL",), ("chown",), 40, "CAP_SYS_ADMIN"),
        ((), ("MKNOD", "CAP_KILL"), 12, "CAP_CHOWN"),
    ],
)
def test_capabilities__changed(add: tuple[str, ...], drop: tuple[str, ...], count: int, member: str) -> None:
    names = spec(cap_add=add, cap_drop=drop)["process"]["capabilities"]["bounding"]
    assert len(names) == count
    assert member in names


def test_capabilities__unknown() -> None:
    with pytest.raises(InvalidRequest, match="unknown capability: FLY"):
        spec(cap_add=("fly",))


def test_resources() -> None:
    assert spec(memory_bytes=1 << 20, nano_cpus=1_500_000_000, pids_limit=7)["linux"]["resources"] == {
        "memory": {"limit": 1 << 20, "swap": 1 << 21},
        "cpu": {"quota": 150_000, "period": 100_000},
        "pids": {"limit": 7},
    }
    assert spec(pids_limit=-1)["linux"]["resources"] == {}


def test_namespaces() -> None:
    kinds = [entry["type"] for entry in spec()["linux"]["namespaces"]]
    assert kinds == ["mount", "uts", "ipc", "pid", "cgroup", "network"]
    assert "network" not in [entry["type"] for entry in spec(network="host")["linux"]["namespaces"]]


def test_rootless__has_a_user_namespace_with_maps() -> None:
    wanted = RunRequest(image="i", line="")
    linux = build_spec(_IMAGE, wanted, container_id="c", hostname="h", rootless=True)["linux"]
    assert linux["namespaces"][0] == {"type": "user"}
    assert linux["uidMappings"][0]["containerID"] == 0


def test_binds__after_dockers_mounts() -> None:
    wanted = RunRequest(image="i", line="")
    made = build_spec(_IMAGE, wanted, container_id="c", hostname="h", binds=[("/s", "/d", True)])
    assert [entry["destination"] for entry in made["mounts"]] == [
        "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup", "/d",
    ]  # fmt: skip
    assert made["mounts"][-1]["options"] == ["rbind", "rprivate", "ro"]
