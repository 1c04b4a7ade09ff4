"""tag, history, save, load, import, login, logout: docker's words, files and refusals."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockview.engine.errors import InvalidRequest, NotFound, NotSupported
from dockview.engine.image_changes import apply_changes
from tests.fakes import NOW_NS, digest
from tests.unit.commands_engine import Captured, ScriptedEngine, dockview


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr("time.time_ns", lambda: NOW_NS)
    return ScriptedEngine()


@pytest.fixture
def piped() -> Iterator[int]:
    """A standard input that holds an archive."""
    read_end, write_end = os.pipe()
    os.write(write_end, b"bytes")
    os.close(write_end)
    yield read_end
    os.close(read_end)


def test_tag__says_nothing(engine: ScriptedEngine) -> None:
    code, captured = dockview(engine, "tag web mine:1")
    assert (code, captured.out) == (0, "")
    assert engine.calls == ["tag web mine:1"]


def test_history(engine: ScriptedEngine) -> None:
    _, captured = dockview(engine, "history web")
    assert captured.out.splitlines() == [
        "IMAGE          CREATED      CREATED BY                                      SIZE      COMMENT",
        f'{digest(11)[7:19]}   3 days ago   CMD ["/app/web.py"]                             0B        ',
        "<missing>      3 days ago   COPY app /app # long enough to be cut by the…   12.4kB    base",
    ]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("-q", f"{digest(11)[7:19]}\n<missing>"),
        ("-q --no-trunc", f"{digest(11)}\n<missing>"),
        ("--format {{.Size}}", "0B\n12.4kB"),
        (
            "-H=false --format '{{.Size}} {{.CreatedAt}}'",
            "0 2027-01-12T08:00:00Z\n12400 2027-01-12T08:00:00Z",
        ),
    ],
)
def test_history__forms(engine: ScriptedEngine, flags: str, expected: str) -> None:
    _, captured = dockview(engine, f"history {flags} web")
    assert captured.out.rstrip("\n") == expected


def test_save__to_a_pipe_or_a_file(engine: ScriptedEngine, tmp_path: Path) -> None:
    _, captured = dockview(engine, "save web")
    assert captured.out == digest(11)
    path = tmp_path / "web.tar"
    _, captured = dockview(engine, f"save -o {path} web")
    assert (captured.out, path.read_text()) == ("", digest(11))
    assert [entry.name for entry in tmp_path.iterdir()] == ["web.tar"]


def test_save__refusals(engine: ScriptedEngine, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="refusing to save to a terminal"):
        dockview(engine, "save web", Captured(is_tty=True))
    with pytest.raises(NotFound, match="does not exist"):
        dockview(engine, f"save -o {tmp_path}/no/web.tar web")
    path = tmp_path / "kept.tar"
    path.write_text("before")
    with pytest.raises(NotFound):
        dockview(engine, f"save -o {path} nothing")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("kept.tar", "before")]


def test_load(engine: ScriptedEngine, piped: int, tmp_path: Path) -> None:
    _, captured = dockview(engine, "load", Captured(in_fd=piped))
    assert captured.out == "Loaded image: web:latest\n"
    (tmp_path / "x.tar").write_bytes(b"file")
    _, captured = dockview(engine, f"load -q -i {tmp_path}/x.tar")
    assert captured.out == ""
    assert engine.calls == ["load bytes", "load file"]
    with pytest.raises(InvalidRequest, match="requested load from stdin, but stdin is empty"):
        dockview(engine, "load")


def test_import(engine: ScriptedEngine, piped: int) -> None:
    line = "import -c 'CMD [\"/bin/sh\"]' -c 'ENV A=b' -m hello --platform linux/arm64 - mine:1"
    _, captured = dockview(engine, line, Captured(in_fd=piped))
    assert captured.out == f"{digest(77)}\n"
    assert engine.calls == ['import bytes mine:1 hello linux/arm64 CMD ["/bin/sh"] ENV A=b']
    with pytest.raises(NotSupported, match="not in this version"):
        dockview(engine, "import https://example.com/x.tar")


def test_login_and_logout(engine: ScriptedEngine, piped: int) -> None:
    _, captured = dockview(engine, "login -u alice --password-stdin reg.example:5000", Captured(in_fd=piped))
    assert captured.out == "Login Succeeded\n"
    assert "stored unencrypted in /home/me/.docker/config.json" in captured.err
    _, captured = dockview(engine, "login -u alice -p secret reg.example")
    assert "--password via the CLI is insecure" in captured.err
    _, captured = dockview(engine, "logout")
    assert captured.out == "Removing login credentials for https://index.docker.io/v1/\n"
    _, captured = dockview(engine, "logout unknown.example")
    assert captured.out == "Not logged in to unknown.example\n"
    assert engine.calls[:2] == ["login reg.example:5000 alice bytes", "login reg.example alice secret"]


def test_pull__platform(engine: ScriptedEngine) -> None:
    dockview(engine, "pull --platform linux/arm64 -q web")
    assert engine.calls == ["pull web linux/arm64"]


def test_changes() -> None:
    changes = [
        'CMD ["a", "b"]', "entrypoint run it", 'ENV A=1 B="two words"', "ENV A 3 and more", "EXPOSE 80 53/udp 90-91",
        "LABEL x=y", "USER app", "VOLUME /data /more", "WORKDIR /srv", "WORKDIR www", "STOPSIGNAL SIGINT",
        "ONBUILD RUN true",
    ]  # fmt: skip
    assert apply_changes({"Env": ["PATH=/bin", "A=0"], "Labels": None}, changes) == {
        "Cmd": ["a", "b"], "Entrypoint": ["/bin/sh", "-c", "run it"],
        "Env": ["PATH=/bin", "A=3 and more", "B=two words"],
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}, "90/tcp": {}, "91/tcp": {}}, "Labels": {"x": "y"}, "User": "app",
        "Volumes": {"/data": {}, "/more": {}}, "WorkingDir": "/srv/www", "StopSignal": "SIGINT",
        "OnBuild": ["RUN true"],
    }  # fmt: skip


@pytest.mark.parametrize("line", ["RUN true", "CMD", "ENV x", "EXPOSE 99999", "EXPOSE 80/x", "LABEL =y", ""])
def test_changes__refused(line: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be made"):
        apply_changes({}, [line])
