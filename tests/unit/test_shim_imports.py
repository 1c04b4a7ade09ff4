"""What a shim loads: the standard library and its neighbours, nothing of the package around them, nothing heavy."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import dockview

_RUNTIME = os.path.join(os.path.dirname(dockview.__file__), "engine", "runtime")
_PROGRAM = """
import os, sys
os.fork = lambda: 0
sys.argv = ["shim.py", "/nowhere"]
module = type(sys)("shim"); module.__file__ = FOLDER + "/shim.py"
exec(compile(open(module.__file__).read(), module.__file__, "exec"), module.__dict__)
import _socket
_socket.socket = None  # run() stops here: everything is imported by now
try:
    module.main()
except TypeError:
    pass
from dockview.engine.runtime.codec import dumps
print(dumps({name: getattr(module, "__file__", None) for name, module in sys.modules.items()}))
"""
_HEAVY = ("enum", "typing", "dataclasses", "subprocess", "json", "re", "socket", "signal", "threading", "logging")


def loaded() -> dict[str, str | None]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"FOLDER = {_RUNTIME!r}\n{_PROGRAM}"],
        capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names: dict[str, str | None] = json.loads(done.stdout)
    return names


def test_only_the_standard_library_and_the_runtime() -> None:
    names = loaded()
    ours = {name for name in names if name.startswith("dockview")}
    assert "dockview.engine.runtime.shim_main" in ours
    assert {name for name in ours if not name.startswith("dockview.engine.runtime")} == {"dockview", "dockview.engine"}
    # The two packages above are named, not loaded: no code of theirs has run.
    assert names["dockview"] is None
    assert names["dockview.engine"] is None
    strangers = {
        name for name in names
        if not name.startswith(("dockview", "__")) and name.partition(".")[0] not in sys.stdlib_module_names
    }  # fmt: skip
    assert strangers == set()


def test_nothing_heavy() -> None:
    assert set(loaded()) & set(_HEAVY) == set()
