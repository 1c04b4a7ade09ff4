"""The flags of a container's life and rights: text in, request out, and back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dockview.commands.cidfile import CidFile
from dockview.commands.line import docker_line
from dockview.commands.parse import parse_line
from dockview.commands.usage import UsageError
from dockview.commands.values_life import duration_ns
from dockview.engine.create_body import create_body
from dockview.engine.errors import InvalidRequest
from dockview.engine.model import Healthcheck, RestartPolicy, RunRequest, Ulimit

LINE = (
    "docker run -d --restart on-failure:3 --init --privileged --security-opt no-new-privileges --device /dev/fuse"
    " --group-add 12 --sysctl net.core.somaxconn=9 --ulimit nofile=10:20 --log-opt max-size=1m --userns host"
    " --shm-size 1048576 --oom-score-adj 5 --health-cmd 'true x' --health-interval 90s --health-timeout 500ms"
    " --health-start-period 1m --health-retries 2 web sleep 1"
)


def request_of(line: str) -> RunRequest:
    """The request of a line."""
    found = parse_line(line).request
    assert found is not None
    return found


def test_flags__reach_the_request() -> None:
    """Each where the engine looks for it."""
    found = request_of(LINE)
    assert found.restart == RestartPolicy(name="on-failure", max_retries=3)
    assert found.ulimits == (Ulimit("nofile", 10, 20),)
    assert found.health == Healthcheck(
        test=("CMD-SHELL", "true x"), interval_ns=90 * 10**9, timeout_ns=500 * 10**6, start_period_ns=60 * 10**9,
        retries=2,
    )  # fmt: skip
    assert (found.init, found.privileged, found.userns, found.oom_score_adj) == (True, True, "host", 5)
    assert (found.shm_size_bytes, found.sysctls) == (1 << 20, {"net.core.somaxconn": "9"})
    assert (found.devices, found.group_add, found.log_opts) == (("/dev/fuse",), ("12",), {"max-size": "1m"})


def test_flags__parse_back() -> None:
    """The line that a form shows gives the same request."""
    wanted = request_of(LINE)
    again = request_of(docker_line(wanted))
    assert create_body(again) == create_body(wanted)


def test_no_healthcheck() -> None:
    """Docker's NONE, and nothing beside it."""
    assert request_of("docker run --no-healthcheck web").health.test == ("NONE",)
    assert request_of("docker run web").health == Healthcheck()
    with pytest.raises(UsageError, match="conflicts"):
        request_of("docker run --no-healthcheck --health-retries 2 web")


def test_label_file__comes_before_labels(tmp_path: Path) -> None:
    """Comments and blank lines are passed over; a label of the line wins."""
    path = tmp_path / "labels"
    path.write_text("# mine\na=1\n\nb\n")
    found = request_of(f"docker run --label-file {path} --label a=2 web")
    assert dict(found.labels) == {"a": "2", "b": ""}
    with pytest.raises(UsageError, match="no such file"):
        request_of("docker run --label-file /nowhere/labels web")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--restart sometimes", "unknown policy 'sometimes'"),
        ("--restart on-failure:often", "must be an integer"),
        ("--ulimit soup=1", "invalid ulimit type: soup"),
        ("--ulimit nofile=3:2", "soft limit must be less"),
        ("--health-interval soon", "invalid duration"),
        ("--log-opt max-size", "not a key=value pair"),
        ("--sysctl =1", "not a key=value pair"),
    ],
)
def test_refused(flag: str, message: str) -> None:
    """In docker's words."""
    with pytest.raises(UsageError, match=message):
        request_of(f"docker run {flag} web")


@pytest.mark.parametrize(("text", "expected"), [("1m30s", 90 * 10**9), ("1.5s", 15 * 10**8), ("0", 0), ("5us", 5000)])
def test_durations(text: str, expected: int) -> None:
    """As Go writes them."""
    assert duration_ns(text) == expected


def test_cidfile(tmp_path: Path) -> None:
    """Written when the ID is known; gone where none came; never over another one."""
    path = str(tmp_path / "id")
    with CidFile(path) as file:
        hear = file.hearing(None)
        assert hear is not None
        hear({"t": "subject", "container": "abc"})
    assert Path(path).read_text() == "abc"
    with pytest.raises(InvalidRequest, match="container ID file found"), CidFile(path):
        pass
    os.unlink(path)
    with CidFile(path):
        pass
    assert not os.path.exists(path)
