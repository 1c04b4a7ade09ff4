"""A real terminal for e2e tests: a tmux server of its own, keys in, the screen's text out."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence

from tests.support.waiting import until


class Terminal:
    """One tmux session that runs one command; ends with `close()`."""

    def __init__(self, folder: str, argv: Sequence[str], *, size: tuple[int, int], env: Mapping[str, str]) -> None:
        self._socket = f"{folder}/tmux"
        columns, rows = size
        # The command's exit code is shown, and the pane stays, so that a test can see how it ended.
        shown = f"{shlex.join(argv)}; echo exited with $?; exec sleep 600"
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "sh", "-c", shown,
            env={**env, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"},
        )  # fmt: skip

    def _tmux(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        argv = ["tmux", "-u", "-S", self._socket, *words]
        done = subprocess.run(
            argv, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
            env=None if env is None else {**os.environ, **env},
        )  # fmt: skip
        return done.stdout

    def keys(self, *keys: str) -> None:
        """Press keys, by tmux's names: `Enter`, `Escape`, `C-c`, or characters."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type text as it is."""
        self._tmux("send-keys", "-l", text)

    def screen(self) -> str:
        """What is on the screen now, as text."""
        return self._tmux("capture-pane", "-p")

    def wait_for(self, *texts: str, within_s: float = 20) -> str:
        """Wait until all of these are on the screen; the screen."""
        try:
            return until(
                lambda: (shown if all(text in (shown := self.screen()) for text in texts) else ""),
                f"the screen to show {texts}", within_s=within_s,
            )  # fmt: skip
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.screen()}") from None

    def close(self) -> None:
        """End the server and everything in it."""
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False)
