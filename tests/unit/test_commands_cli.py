"""The `dockview` program itself, as a process: exit codes, no tracebacks, nothing imported that is not needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import dockview as dockview_package


def dockview(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "dockview", *words]
    kept = {key: text for key, text in os.environ.items() if not key.startswith(("DOCKVIEW_", "DOCKER_"))}
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env={**kept, **env})


def test_version_and_help() -> None:
    assert dockview("--version").stdout.startswith("dockview version ")
    assert "Usage:  dockview" in dockview("--help").stdout
    assert "Usage:  dockview run" in dockview("run", "--help").stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["run", "--bad", "web"], 125, "unknown flag: --bad"),
        (["--bad"], 125, "unknown flag: --bad"),
        (["run"], 1, "'dockview run' requires at least 1 argument"),
        (["bogus"], 1, "unknown command: dockview bogus"),
        (["build", "x"], 125, "not in this version"),
        ([], 1, "the app needs a terminal"),
        (["--engine", "lxc", "ps"], 1, "lxc"),
        (["--root", "/proc/nowhere", "ps"], 1, "/proc/nowhere"),
    ],
)
def test_errors__one_sentence_and_an_exit_code(words: list[str], code: int, message: str) -> None:
    done = dockview(*words)

    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "env", "message"),
    [
        (["ps"], {"DOCKVIEW_ENGINE": "lxc"}, 'no engine "lxc"'),
        (["ps"], {"DOCKVIEW_ENGINE": "docker", "DOCKER_HOST": "unix:///nowhere/1"}, "/nowhere/1"),
        (["ps"], {"DOCKER_HOST": "unix:///nowhere/1"}, "/nowhere/1"),
        (["-H", "unix:///nowhere/2", "ps"], {"DOCKVIEW_ENGINE": "embedded", "DOCKER_HOST": "x"}, "/nowhere/2"),
        (["--root", "/proc/nowhere", "ps"], {"DOCKVIEW_ENGINE": "docker"}, "/proc/nowhere"),
        (["--engine", "docker", "ps"], {"DOCKVIEW_ENGINE": "lxc", "DOCKER_HOST": "unix:///nowhere/1"}, "/nowhere/1"),
        (["-H", "unix:///x", "-c", "y", "ps"], {}, "either --host or --context"),
    ],
)
def test_which_engine(words: list[str], env: dict[str, str], message: str) -> None:
    done = dockview(*words, **env)

    assert done.returncode == 1
    assert message in done.stderr


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m dockview run --help | true"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.stderr == ""


def test_start_up__the_grammar_of_run_imports_nothing_heavy() -> None:
    program = (
        "import sys, json; import dockview.cli, dockview.commands.parse, dockview.commands.execute_run;"
        "dockview.commands.parse.parse_line(['run', '--rm', 'hello-world']); print(json.dumps(sorted(sys.modules)))"
    )
    # Without site: the grammar needs nothing that is installed, and an editable install imports modules of its own.
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], capture_output=True, text=True, timeout=60, check=True,
        env={"PYTHONPATH": os.path.dirname(os.path.dirname(dockview_package.__file__))},
    )  # fmt: skip
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}

    assert not loaded & {
        "textual",
        "rich",
        "docker",
        "urllib3",
        "requests",
        "psutil",
        "subprocess",
        "asyncio",
        "pathlib",
    }
