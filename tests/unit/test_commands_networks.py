"""The grammar of networks: what the flags mean, what is refused, and the line that does the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dockview.commands.line import docker_line
from dockview.commands.parse import parse_line
from dockview.commands.usage import UsageError
from dockview.engine.create_body import create_body
from dockview.engine.errors import InvalidRequest
from dockview.engine.model import RunRequest


def asked(line: str) -> RunRequest:
    request = parse_line(line).request
    assert request is not None
    return request


def test_run__network_flags() -> None:
    request = asked(
        "docker run --net blue --network-alias a --net-alias b --network-alias a --ip 10.0.0.9 --dns 9.9.9.9 --dns ::1"
        " --dns-search a.org --dns-search . --add-host db:10.0.0.3 --add-host=me=host-gateway --add-host v6:[::1] web"
    )
    assert (request.network, request.network_aliases, request.ip) == ("blue", ("a", "b"), "10.0.0.9")
    assert (request.dns, request.dns_search) == (("9.9.9.9", "::1"), ("a.org", "."))
    assert request.add_hosts == ("db:10.0.0.3", "me:host-gateway", "v6:::1")
    again = asked(docker_line(request))
    assert replace(again, line=request.line) == request


def test_run__body_is_dockers() -> None:
    body = create_body(asked("docker run --network blue --network-alias a --ip 10.0.0.9 --dns 9.9.9.9 web"))
    assert body["NetworkingConfig"] == {
        "EndpointsConfig": {"blue": {"Aliases": ["a"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}}}
    }
    assert (body["HostConfig"]["NetworkMode"], body["HostConfig"]["Dns"]) == ("blue", ["9.9.9.9"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run --ip ::1 web", "is not an IPv4 address"),
        ("run --ip 1.2.3 web", "is not an ip address"),
        ("run --dns nowhere web", "nowhere is not an ip address"),
        ("run --add-host db web", 'bad format for add-host: "db"'),
        ("run --add-host db:x web", 'invalid IP address in add-host: "x"'),
        ("run --dns-search a\\ b web", "is not a valid domain"),
        ("run --network name=blue,alias=x web", "use --network-alias and --ip"),
        ("run --network container: web", "invalid container format"),
        ("network create", "requires 1 argument"),
        ("network connect blue", "requires 2 arguments"),
        ("network create --ipv6 blue", "--ipv6 is not in this version"),
        ("network create -o x blue", "write key=value"),
    ],
)
def test_errors(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_line(line)


@pytest.mark.parametrize(
    "line",
    [
        "run --ip 10.0.0.9 web",
        "run --network-alias a web",
        "run --network host --network-alias a web",
        "run --network blue --network-alias 'a b' web",
        "run --network container:x -p 80 web",
        "run --network container:x --hostname y web",
        "run --network container:x --dns 9.9.9.9 web",
        "run --network container:x --add-host a:1.2.3.4 web",
    ],
)
def test_requests_that_cannot_be_right(line: str) -> None:
    with pytest.raises(InvalidRequest):
        create_body(asked(line))


def test_network_create__options() -> None:
    command = parse_line("docker network create -d bridge --subnet 10.0.0.0/24 --label a=b -o x=y --internal blue")
    assert command.refs == ("blue",)
    assert (command.texts("subnet"), command.texts("label"), command.texts("opt")) == (
        ("10.0.0.0/24",), ("a=b",), ("x=y",)
    )  # fmt: skip
    assert command.is_on("internal")
