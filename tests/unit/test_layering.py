"""Who may know whom. The import contracts read the source; the processes below show what really gets loaded."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

import dockview

PACKAGE = os.path.dirname(os.path.abspath(dockview.__file__))
REPOSITORY = os.path.dirname(PACKAGE)
FACE = {"api", "model", "lifecycle", "errors", "cancel"}
"""The modules of the engine that screens and widgets may know."""


def sources(folder: str) -> Iterator[str]:
    """Every Python file below a folder of the package."""
    for place, _, names in os.walk(f"{PACKAGE}/{folder}"):
        yield from (f"{place}/{name}" for name in names if name.endswith(".py"))


def imported(path: str) -> set[str]:
    """The full names of what a file imports anywhere in it, under TYPE_CHECKING and in functions too."""
    with open(path) as file:
        tree = ast.parse(file.read())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_import_contracts_hold() -> None:
    """lint-imports finds nothing to say about .importlinter."""
    program = os.path.join(os.path.dirname(sys.executable), "lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("folder", ["screens", "widgets", "lessons"])
def test_widgets_know_only_the_face_of_an_engine(folder: str) -> None:
    """No file of these folders imports an engine module except the five of its face."""
    strangers = {
        (os.path.relpath(path, PACKAGE), name)
        for path in sources(folder)
        for name in imported(path)
        if name.startswith("dockview.engine.") and name.split(".")[2] not in FACE
    }
    assert strangers == set()


def test_shim_knows_only_the_standard_library_and_its_neighbours() -> None:
    """What lives beside a container for its whole life, and everything that it reaches, stays small."""
    waiting, seen, strangers = [f"{PACKAGE}/engine/runtime/shim.py"], set(), set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        for name in imported(path):
            neighbour = f"{PACKAGE}/engine/runtime/{name.rpartition('.')[2]}.py"
            if name.startswith("dockview.") and not name.startswith("dockview.engine.runtime"):
                strangers.add((os.path.basename(path), name))
            elif os.path.exists(neighbour) and neighbour not in seen:
                waiting.append(neighbour)
            elif "dockview" not in name and not is_known_to_shim(name.partition(".")[0]):
                strangers.add((os.path.basename(path), name))
    assert strangers == set()


@pytest.mark.parametrize("module", ["dockview.engine", "dockview.cli", "dockview.engine.embedded.engine"])
def test_import_loads_no_heavy_package(module: str) -> None:
    """An import that is deferred in the source is deferred in the process: start-up time is part of the product."""
    heavy = ("textual", "rich", "docker", "urllib3", "requests", "psutil", "zstandard", "asyncio")
    program = f"import sys, {module}; print(*(name for name in {heavy!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def is_known_to_shim(top: str) -> bool:
    """Whether a bare name is of the standard library, or a neighbour found through the shim's own folder."""
    return top in sys.stdlib_module_names or os.path.exists(f"{PACKAGE}/engine/runtime/{top}.py")


def lines_of(path: str) -> int:
    """How long a file is."""
    with open(path) as file:
        return sum(1 for _ in file)


def test_no_file_is_too_long() -> None:
    """One idea a file: what needs much more than 400 lines has two."""
    assert {os.path.relpath(path, PACKAGE) for path in sources(".") if lines_of(path) > 420} == set()
