"""The command line of dockview as another program would use it: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@dataclass
class CommandLine:
    """`dockview --root ROOT …`, each call a process of its own; `prefix` runs it as somebody else."""

    root: str
    prefix: Sequence[str] = ()
    python: str = sys.executable
    env: dict[str, str] = field(default_factory=dict)

    def argv(self, *words: str) -> list[str]:
        """The whole command line."""
        return [*self.prefix, self.python, "-m", "dockview", "--root", self.root, *words]

    def __call__(
        self,
        *words: str,
        stdin: str | None = None,
        timeout_s: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end, whatever the exit code."""
        return subprocess.run(
            self.argv(*words),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env=self.environment(),
        )

    def ok(self, *words: str, timeout_s: float = 60) -> str:
        """Run, insist on exit code 0, and give standard output without its last newline."""
        done = self(*words, timeout_s=timeout_s)
        assert done.returncode == 0, f"dockview {' '.join(words)}: {done.returncode}\n{done.stderr}{done.stdout}"
        return done.stdout.rstrip("\n")

    def json(self, *words: str) -> Any:
        """What `… --format json` (or another JSON answer) says; JSON lines become a list."""
        text = self.ok(*words)
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return [json.loads(line) for line in text.splitlines()]

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start, and give the process; its output can be read from pipes."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(self.argv(*words), text=True, env=self.environment(), **options)

    def environment(self) -> dict[str, str]:
        """This process's environment, with the package in reach, and without settings of the person who tests."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKVIEW_", "DOCKER_"))}
        return {**kept, "PYTHONPATH": REPOSITORY, **self.env}
