"""How long it takes from the command to the first complete picture of the app, with 20 containers.

    python bench/start_bench.py [--runs 9] [--containers 20]

The app is started in a pseudo-terminal; what it draws goes through a terminal emulator (pyte), and the clock stops
when the last of the containers is on the screen. Needs root.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import termios
import time
from contextlib import ExitStack

import pyte

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from tests.support import stores
from tests.support.cli import CommandLine

COLUMNS, ROWS = 160, 45


def first_paint(dockview: CommandLine, names: list[str]) -> float:
    """Milliseconds until all names are on the screen."""
    begun = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(sys.executable, dockview.argv(), {**dockview.environment(), "TERM": "xterm-256color"})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    try:
        while time.perf_counter() - begun < 20:
            if select.select([terminal], [], [], 20)[0]:
                stream.feed(os.read(terminal, 1 << 16))
                shown = "\n".join(screen.display)
                if all(name in shown for name in names):
                    return (time.perf_counter() - begun) * 1000
        raise SystemExit("the containers did not appear:\n" + "\n".join(screen.display))
    finally:
        os.kill(pid, signal.SIGTERM)
        os.close(terminal)
        os.waitpid(pid, 0)


def main() -> None:
    """Make the containers, measure, print, take down."""
    parser = argparse.ArgumentParser(description="start of the app")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--containers", type=int, default=20)
    chosen = parser.parse_args()
    with ExitStack() as stack:
        root = stores.make_root()
        stack.callback(stores.remove_store, root)
        dockview = CommandLine(root)
        names = [f"box{number:02}" for number in range(chosen.containers)]
        for name in names:
            dockview.ok("create", "--name", name, "hub.localhost/hello-world")
        times = [first_paint(dockview, names) for _ in range(chosen.runs + 1)][1:]
    print("| containers | median ms | min | max |\n|---:|---:|---:|---:|")
    print(f"| {chosen.containers} | {statistics.median(times):.0f} | {min(times):.0f} | {max(times):.0f} |")


if __name__ == "__main__":
    main()
