"""Docker lines, understood: values, long forms, and errors in docker's words at the right place."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from dockview.commands.grammar import SPELLINGS, VERBS
from dockview.commands.help import help_text
from dockview.commands.line import docker_line
from dockview.commands.parse import parse_line
from dockview.commands.usage import UsageError
from dockview.engine.model import PortMapping, RunRequest
from dockview.engine.moments import NS, moment_ns


def request(line: str) -> RunRequest:
    made = parse_line(line).request
    assert made is not None
    return made


def fails(line: str | list[str]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse_line(line)
    return caught.value


def test_run__everything_after_the_image_is_the_command() -> None:
    made = request("docker run -d --name web web -d --name x -- y")

    assert (made.image, made.command, made.name) == ("web", ("-d", "--name", "x", "--", "y"), "web")


def test_run__flags_in_all_their_spellings() -> None:
    made = request("run -dit --rm=true -p8080:80 -p=81:81 --env=A=1 -eB=2 -w /srv --net=none --read-only=false box sh")

    assert made.detach
    assert made.open_stdin
    assert made.tty
    assert made.auto_remove
    assert not made.read_only
    assert made.ports == (PortMapping(80, host_port=8080), PortMapping(81, host_port=81))
    assert made.env == ("A=1", "B=2")
    assert made.workdir == "/srv"
    assert made.network == "none"


def test_run__a_flag_takes_the_next_word_even_if_it_begins_with_a_dash() -> None:
    assert request("run --entrypoint -x web").entrypoint == ("-x",)


def test_run__limits() -> None:
    made = request("run -m 1.5g --cpus .5 --pids-limit 20 --stop-signal int --stop-timeout 3 web")

    assert made.memory_bytes == 3 * 512 * 1024 * 1024
    assert made.nano_cpus == 500_000_000
    assert made.pids_limit == 20
    assert made.stop_signal == "SIGINT"
    assert made.stop_timeout_s == 3


def test_run__no_limit_is_none() -> None:
    made = request("run -m 0 --cpus 0 --pids-limit -1 web")

    assert (made.memory_bytes, made.nano_cpus, made.pids_limit) == (None, None, None)


def test_run__an_empty_entrypoint_clears_the_images_own() -> None:
    assert request("run --entrypoint '' web sh").entrypoint == ()


def test_run__a_bare_variable_is_taken_from_here_or_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "yes")
    monkeypatch.delenv("NOT_HERE", raising=False)

    assert request("run -e HERE -e NOT_HERE -e EMPTY= web").env == ("HERE=yes", "EMPTY=")


def test_run__env_file_comes_before_env(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("# a comment\n\nA=1\nB=two words\n")

    assert request(f"run -e A=2 --env-file {file} web").env == ("A=1", "B=two words", "A=2")


def test_run__env_file_errors(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("A=1\nB C=2\n")

    assert "line 2: variable 'B C' contains whitespaces" in fails(f"run --env-file {file} web").message
    assert fails("run --env-file /does/not/exist web").message == "open /does/not/exist: no such file or directory"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", [PortMapping(80)]),
        ("8080:80", [PortMapping(80, host_port=8080)]),
        (":80", [PortMapping(80)]),
        ("127.0.0.1:8080:80", [PortMapping(80, "tcp", "127.0.0.1", 8080)]),
        ("127.0.0.1::80/udp", [PortMapping(80, "udp", "127.0.0.1", 0)]),
        ("[::1]:8080:80", [PortMapping(80, "tcp", "::1", 8080)]),
        ("8000-8001:80-81/UDP", [PortMapping(80, "udp", host_port=8000), PortMapping(81, "udp", host_port=8001)]),
        ("80-81", [PortMapping(80), PortMapping(81)]),
    ],
)
def test_ports(text: str, expected: list[PortMapping]) -> None:
    assert request(f"run -p {text} web").ports == tuple(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abc:80", "invalid hostPort: abc"),
        ("99999:80", "invalid hostPort: 99999"),
        ("80:x", "invalid containerPort: x"),
        ("0", "invalid containerPort: 0"),
        ("80:80/foo", "invalid proto: foo"),
        ("1-2:1-3", "invalid ranges specified for container and host Ports: 1-3 and 1-2"),
        ("nowhere:1:2", "invalid IP address: nowhere"),
        ("80:", "no port specified: 80:<empty>"),
    ],
)
def test_ports__bad(text: str, message: str) -> None:
    error = fails(f"run -p {text} web")

    assert error.message == message
    assert error.exit_code == 125
    assert error.place == (7, 7 + len(text))


@pytest.mark.parametrize(
    ("line", "message", "place", "code"),
    [
        ("run --bad web", "unknown flag: --bad", (4, 9), 125),
        ("run -dz web", "unknown shorthand flag: 'z' in -z", (4, 7), 125),
        ("run --name", "flag needs an argument: --name", (4, 10), 125),
        ("docker run -e", "flag needs an argument: 'e' in -e", (11, 13), 125),
        ("run -m zz web", 'invalid argument "zz" for "-m, --memory" flag: invalid size: \'zz\'', (7, 9), 125),
        ("run --cpus x web", 'invalid argument "x" for "--cpus" flag: failed to parse x as a rational number',
         (11, 12), 125),
        ("run -e =x web", 'invalid argument "=x" for "-e, --env" flag: invalid environment variable: =x', (7, 9), 125),
        ("run --rm=foo web",
         'invalid argument "foo" for "--rm" flag: strconv.ParseBool: parsing "foo": invalid syntax', (4, 12), 125),
        ("run --pull sometimes web",
         "invalid pull option: 'sometimes': must be one of \"always\", \"missing\" or \"never\"", (11, 20), 125),
        ("run --isolation x web", "--isolation is not in this version of dockview", (4, 15), 125),
        ("run --gpus all web", "--gpus is not in this version of dockview", (4, 10), 125),
        ("run", "'dockview run' requires at least 1 argument", (3, 3), 1),
        ("stop -t 3", "'dockview stop' requires at least 1 argument", (9, 9), 1),
        ("logs a b", "'dockview logs' requires 1 argument", (7, 8), 1),
        ("images a b", "'dockview images' requires at most 1 argument", (9, 10), 1),
        ("ps extra", "'dockview ps' accepts no arguments", (3, 8), 1),
        ("bogus", "unknown command: dockview bogus", (0, 5), 1),
        ("container bogus", "unknown command: dockview container bogus", (10, 15), 1),
        ("build web sh", "docker build is not in this version of dockview", (0, 5), 125),
        ("plugin create x", "docker plugin is not in this version of dockview", (0, 6), 125),
        ("run 'a b", "no closing quotation for '", (4, 8), 125),
    ],
)  # fmt: skip
def test_errors__docker_words_place_and_exit_code(line: str, message: str, place: tuple[int, int], code: int) -> None:
    error = fails(line)

    assert (error.message, error.place, error.exit_code) == (message, place, code)


def test_errors__name_the_verb_and_its_usage() -> None:
    error = fails("container run --bad web")

    assert error.usage == "run [OPTIONS] IMAGE [COMMAND] [ARG...]"
    assert error.hint == "See 'dockview container run --help'."


@pytest.mark.parametrize(
    ("line", "verb"),
    [
        ("docker container ls -a", "ps"),
        ("dockview container list", "ps"),
        ("container ps", "ps"),
        ("image ls", "images"),
        ("image rm x", "rmi"),
        ("system info", "info"),
        ("system events", "events"),
        ("container stop x", "stop"),
        ("image prune -a", "image prune"),
        ("system df", "system df"),
    ],
)
def test_long_forms(line: str, verb: str) -> None:
    assert parse_line(line).verb == verb


def test_flags_may_follow_the_arguments_of_other_verbs() -> None:
    command = parse_line("rm web -f db")

    assert command.refs == ("web", "db")
    assert command.is_on("force")


def test_inspect__long_forms_say_the_type() -> None:
    assert parse_line("image inspect web").text("type") == "image"


def test_help__of_a_verb_and_of_a_group() -> None:
    assert parse_line("container run --help").refs == ("run",)
    assert parse_line("image").refs == ("image",)
    assert parse_line("ps -h").verb == "help"


def test_help__names_every_flag_of_every_verb() -> None:
    for verb in VERBS:
        text = help_text(verb.name)
        assert all(f"--{flag.name}" in text for flag in verb.flags), verb.name


def test_every_verb_has_an_executor() -> None:
    from dockview.commands.execute import executor

    assert all(callable(executor(spelling)) for spelling in SPELLINGS)


def test_words_of_a_process_need_no_quoting() -> None:
    assert parse_line(["run", "box", "sh", "-c", "echo 'a  b'"]).refs == ("box", "sh", "-c", "echo 'a  b'")


_CHANGES: list[dict[str, object]] = [
    {"name": "a name"[:1], "detach": True},
    {"tty": True, "open_stdin": True, "auto_remove": True},
    {"ports": (PortMapping(80), PortMapping(53, "udp", "127.0.0.1", 5300), PortMapping(1, "tcp", "::1", 2))},
    {"env": ("A=b c", "Q='\"$"), "labels": {"a": "1", "b": ""}},
    {"memory_bytes": 64 << 20, "nano_cpus": 1_500_000_000, "pids_limit": 7},
    {"memory_bytes": 12345, "nano_cpus": 1, "stop_signal": "SIGINT", "stop_timeout_s": 0},
    {"entrypoint": (), "command": ("sh", "-c", "echo hi; ls")},
    {"entrypoint": ("/bin/sh",), "command": ("-c", "--name")},
    {"cap_add": ("NET_ADMIN",), "cap_drop": ("ALL",), "read_only": True, "network": "host", "publish_all": True},
    {"hostname": "h", "user": "1:2", "workdir": "/w", "pull": "always", "platform": "linux/arm64"},
]


@pytest.mark.parametrize("pair", itertools.combinations(range(len(_CHANGES)), 2))
def test_docker_line__parses_back_to_the_same_request(pair: tuple[int, int]) -> None:
    changes = {**_CHANGES[pair[0]], **_CHANGES[pair[1]]}
    wanted = RunRequest(image="web", line="", **changes)  # type: ignore[arg-type]
    line = docker_line(wanted)

    assert request(line) == RunRequest(image="web", line=line, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10m", 1000 * NS - 600 * NS),
        ("1h30m", 1000 * NS - 5400 * NS),
        ("1.5s", 1000 * NS - 3 * NS // 2),
        ("12", 12 * NS),
        ("12.000000003", 12 * NS + 3),
        ("1970-01-01T00:00:01Z", NS),
        ("1970-01-01T01:00:01.5+01:00", NS + NS // 2),
        ("1970-01-01T00:00:00.123456789Z", 123456789),
    ],
)
def test_moments(text: str, expected: int) -> None:
    assert moment_ns(text, now_ns=1000 * NS) == expected


@pytest.mark.parametrize("text", ["", "soon", "1970-13-01T00:00:00Z", "10x", "1970-01-01 00:00"])
def test_moments__bad(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        moment_ns(text, now_ns=0)
