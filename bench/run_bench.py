"""How long `dockview run --rm IMAGE` takes beside `docker run --rm IMAGE` of the very same image.

    python bench/run_bench.py [--runs 15]

Starts a Docker daemon and a registry of its own (tests/support), gives both engines the same busybox image, and runs
the commands in turns, so that whatever else the machine does hits them alike. Prints medians, and their ratio to
docker's: absolute times say more about the machine than about the programs. Needs root, dockerd, docker-registry,
skopeo and busybox.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from tests.support import stores
from tests.support.cli import CommandLine
from tests.support.dockerd import PrivateDocker
from tests.support.images import Registry, busybox_layout

Commands = Mapping[str, Sequence[str]]


def measure(commands: Commands, runs: int, env: Mapping[str, str], expect: str) -> dict[str, list[float]]:
    """Milliseconds of each command, by turns; the order rotates and the first round does not count."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    names = list(commands)
    for turn in range(runs + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            begun = time.perf_counter()
            done = subprocess.run(
                commands[name], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
            taken = (time.perf_counter() - begun) * 1000
            if done.returncode != 0 or expect not in done.stdout:
                raise SystemExit(f"{name} failed ({done.returncode}): {done.stderr}{done.stdout}")
            if turn:
                times[name].append(taken)
    return times


def show(times: Mapping[str, list[float]], base: str) -> None:
    """A Markdown table; the ratio is of the medians, below 1 is faster than `base`."""
    print("| command | median ms | min | max | ratio |\n|---|---:|---:|---:|---:|")
    reference = statistics.median(times[base])
    for name, values in times.items():
        median = statistics.median(values)
        print(f"| {name} | {median:.0f} | {min(values):.0f} | {max(values):.0f} | {median / reference:.2f} |")


def main() -> None:
    """Set up, measure, print, take down."""
    parser = argparse.ArgumentParser(description="dockview run beside docker run")
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dv-bench-"))
        layout = busybox_layout(f"{folder}/layout")
        registry = Registry(folder)
        stack.callback(registry.stop)
        registry.start()
        image = registry.push(layout, "busybox")
        daemon = PrivateDocker()
        stack.callback(daemon.stop)
        daemon.start()
        daemon.load(layout, image)
        root = stores.make_root()
        stack.callback(stores.remove_store, root)
        dockview = CommandLine(root)
        dockview.ok("pull", image)
        dockview.ok("pull", "hello-world")
        docker = ["docker", "--host", daemon.host, "run", "--rm"]
        echo = ["echo", "hi"]
        commands: Commands = {
            "docker run --rm": [*docker, image, *echo],
            "dockview run --rm": dockview.argv("run", "--rm", image, *echo),
            "docker run --rm --network none": [*docker, "--network", "none", image, *echo],
            "dockview run --rm --network none": dockview.argv("run", "--rm", "--network", "none", image, *echo),
        }
        show(measure(commands, runs, dockview.environment(), "hi"), "docker run --rm")
        print()
        hello: Commands = {
            "docker run --rm (busybox echo)": [*docker, image, "echo", "Hello"],
            "dockview run --rm hello-world": dockview.argv("run", "--rm", "hello-world"),
        }
        show(measure(hello, runs, dockview.environment(), "Hello"), "docker run --rm (busybox echo)")


if __name__ == "__main__":
    main()
