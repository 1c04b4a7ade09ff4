"""The command line over a daemon says what docker's own command says: the same words, rows and exit codes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.docker.conftest import IMAGE
from tests.support.cli import CommandLine
from tests.support.dockerd import PrivateDocker

pytestmark = [pytest.mark.root, pytest.mark.docker]
_AGE = re.compile(r"(?:\d+|About an?|Less than a) (?:second|minute|hour)s?")


@pytest.fixture(scope="module")
def things(daemon: PrivateDocker) -> Iterator[PrivateDocker]:
    """A running, an ended and a created container, a network, a volume, and an image of two names."""
    for words in (
        ("network", "create", "--label", "x=y", "words-net"),
        ("volume", "create", "--label", "v=1", "words-vol"),
        ("tag", IMAGE, "words/other:2"),
        ("run", "-d", "--name", "words-up", "--label", "com.example.my-key=z", "-p", "18080:80",
         "--network", "words-net", "-v", "words-vol:/data", IMAGE, "sleep", "600"),
        ("run", "--name", "words-ended", IMAGE, "sh", "-c", "seq 10000 > /f; exit 3"),
        ("create", "--name", "words-made", IMAGE, "true"),
    ):  # fmt: skip
        done = daemon.docker(*words)
        assert done.returncode in (0, 3), done.stderr
    yield daemon
    daemon.docker("rm", "-f", "words-up", "words-ended", "words-made")
    daemon.docker("rmi", "words/other:2")
    daemon.docker("network", "rm", "words-net")
    daemon.docker("volume", "rm", "words-vol")


def ours(daemon: PrivateDocker, *words: str) -> subprocess.CompletedProcess[str]:
    """The same line through dockview."""
    line = CommandLine("/nonexistent")
    argv = [line.python, "-m", "dockview", "--engine", "docker", "-H", daemon.host, *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env=line.environment())


@pytest.mark.parametrize(
    "line",
    [
        "ps", "ps -a", "ps -as", "ps -aq", "ps -a --no-trunc", "container ls -a", "ps -n 2",
        r"ps -a --format table\s{{.Names}}\t{{.State}}\t{{.Networks}}\t{{.LocalVolumes}}",
        r'ps -a --format {{.ID}}:{{upper\s.Image}}:{{.Label\s"com.example.my-key"}}:{{json\s.Labels}}',
        "ps -a -q -f status=exited", "ps -a -q -f exited=3", "ps -a -q -f name=words-u", "ps -a -q -f name=^/words",
        "ps -a -q -f ancestor=words/other:2", "ps -a -q -f label=com.example.my-key", "ps -a -q -f health=none",
        "ps -a -q -f network=words-net", "ps -a -q -f publish=18080", "ps -a -q -f publish=80",
        "ps -a -q -f volume=words-vol", "ps -a -q -f volume=/data", "ps -a -q -f before=words-ended",
        "ps -a -q -f since=words-ended", "ps -a -q -f status=running -f status=created",
        "images", "images --digests", "images --no-trunc", "images -q", "images -f reference=words/*",
        "images -f dangling=true", "images words/other", "image ls words/other:3",
        "network ls", "network ls --no-trunc", "network ls -q -f type=custom", "network ls -q -f label=x=y",
        "network ls -q -f name=words -f driver=bridge",
        "volume ls", "volume ls -q -f dangling=true", "volume ls -f label=v=1", "volume ls --format json",
        "system df", "system df -v", "system df --format json",
        "system df -v --format table",
        r"system df --format table\s{{.Type}}\t{{.Size}}",
        r"inspect -f {{.State.Status}}|{{.Config.Cmd}}|{{.Config.Entrypoint}}|{{.State.Health}} words-up",
        r"inspect -f {{range\s$p,$c:=.NetworkSettings.Ports}}{{$p}}={{(index\s$c\s0).HostPort}}{{end}} words-up",
        r"inspect -f {{range\s.Mounts}}{{.Name}}{{.Destination}}{{end}} words-up",
        "inspect -s -f {{.SizeRw}} words-ended", "network inspect words-net", "volume inspect words-vol",
        r"version --format {{.Server.Version}}|{{.Server.Os}}|{{.Server.Arch}}",
        r"info --format {{.Driver}}|{{.NCPU}}|{{.ContainersRunning}}|{{.ContainersStopped}}|{{.DockerRootDir}}",
        "events --since 1h --until 0s -f container=words-ended -f event=die",
        "events --since 1h --until 0s -f container=words-ended -f event=create --format json",
    ],
)  # fmt: skip
def test_same_output(things: PrivateDocker, line: str) -> None:
    """Byte for byte, but for the clock that goes on between the two questions."""
    words = [word.replace(r"\s", " ") for word in line.split(" ")]
    theirs, mine = things.docker(*words), ours(things, *words)
    assert (mine.returncode, comparable(mine.stdout, words)) == (theirs.returncode, comparable(theirs.stdout, words))


def comparable(text: str, words: list[str]) -> list[object]:
    """The lines, as JSON where they are (docker writes > in another way); ages, which may differ, stand for themselves.

    The width of a column follows that of the ages in it, so where there are ages a gap is a gap.
    """
    if "json" in words:
        return [json.loads(_AGE.sub("AGE", row)) for row in text.splitlines()]
    if words[0] == "images":
        return [*sorted(text.splitlines())]  # the daemon gives the names of one image in any order
    if not _AGE.search(text):
        return list(text.splitlines())
    return [re.sub(r" {2,}", "  ", _AGE.sub("AGE", row)) for row in text.splitlines()]


@pytest.mark.parametrize(
    "line",
    [
        "ps -f nonsense", "ps -f foo=1", "ps -f status=bad", "ps extra", "ps --bad", "ps --format {{.Foo}}",
        "ps --format {{.Foo", "images -f foo=1", "network ls -f x=1", "volume ls -f x=1", "inspect nope",
        "network inspect nope", "kill -s NOPE words-up", "kill words-made", "rename words-up words-made",
        "rename nope x1", "rename x", "wait nope", "stop", "stop nope", "start nope", "rmi nope", "logs nope",
        "rm words-up",
    ],
)  # fmt: skip
def test_same_exit_codes(things: PrivateDocker, line: str) -> None:
    """Of lines that cannot be carried out."""
    words = line.split(" ")
    theirs, mine = things.docker(*words), ours(things, *words)
    assert (mine.returncode, mine.stdout.strip("[]\n")) == (theirs.returncode, theirs.stdout.strip("[]\n"))
    assert mine.stderr.count("Traceback") == 0


def test_rename__is_seen_by_docker(things: PrivateDocker) -> None:
    """The name changes, and changes back; the event tells both."""
    assert ours(things, "rename", "words-ended", "words-over").returncode == 0
    assert things.docker("inspect", "-f", "{{.Name}}", "words-over").stdout == "/words-over\n"
    assert ours(things, "rename", "words-over", "words-ended").returncode == 0
    told = ours(things, "events", "--since", "1h", "--until", "0s", "-f", "event=rename", "--format",
                '{{index .Actor.Attributes "oldName"}}')  # fmt: skip
    assert told.stdout.split()[-2:] == ["/words-ended", "/words-over"]
