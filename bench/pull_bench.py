"""How long `dockview pull` takes beside `docker pull` of the very same image, and where the time goes.

    python bench/pull_bench.py [--runs 4] [--mib 265]

Makes images of six layers out of this machine's /usr, serves them from a registry of its own, and pulls them by turns
with a Docker daemon of its own and with dockview. Prints medians and the ratio to docker's. Each round has an image of
its own, of the same files and with other digests, so that nothing has to be removed in between: for minutes after many
files were deleted, ext4 is slow to make new ones, whoever asks. Needs root, dockerd, docker-registry and skopeo; all
that is started listens in a network namespace of its own.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from tests.support import stores
from tests.support.cli import CommandLine
from tests.support.dockerd import PrivateDocker
from tests.support.images import LAYER_TYPE, ImageLayout, Registry

LAYERS = 6
SOURCES = ("/usr/bin", "/usr/lib/x86_64-linux-gnu", "/usr/share", "/usr/lib", "/usr/sbin", "/usr/include")


def files_below(folder: str) -> Iterator[str]:
    """The regular files of a folder, without following links."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = f"{place}/{name}"
            if os.path.isfile(path) and not os.path.islink(path) and os.access(path, os.R_OK):
                yield path


def make_layers(mib: int) -> list[bytes]:
    """Uncompressed tars of about `mib` in all when compressed (programs shrink to some four tenths)."""
    share = int(mib * 2.4) * (1 << 20) // LAYERS
    taken: set[str] = set()
    layers = []
    for number in range(LAYERS):
        chosen, size = [], 0
        for path in (path for source in (*SOURCES[number:], *SOURCES[:number]) for path in files_below(source)):
            if path in taken or size >= share:
                continue
            bytes_ = os.path.getsize(path)
            if size + bytes_ <= share:
                chosen.append(path)
                size += bytes_
        taken |= set(chosen)
        made = subprocess.run(
            ["tar", "--create", "--directory=/", "--file=-", "--null", "--files-from=-"],
            input="\0".join(path.lstrip("/") for path in chosen).encode(), capture_output=True, check=True,
        )  # fmt: skip
        layers.append(made.stdout)
    return layers


class Variants(ImageLayout):
    """Images of the same big layers, each with a small file of its own in front (a gzip stream may have two parts)."""

    def __init__(self, folder: str, layers: Sequence[bytes]) -> None:
        super().__init__(folder)
        self._layers = layers
        with ThreadPoolExecutor() as pool:
            self._compressed = list(pool.map(lambda tar: gzip.compress(tar, 6, mtime=0), layers))

    @property
    def size(self) -> int:
        """Bytes of an image as it is downloaded."""
        return sum(map(len, self._compressed))

    def make(self, number: int) -> None:
        """Write the image of a round."""
        salt = tarfile.TarInfo(f"round-{number}").tobuf()
        layers = [self._blob(gzip.compress(salt) + data, LAYER_TYPE) for data in self._compressed]
        self.write(layers, [hashlib.sha256(salt + tar).hexdigest() for tar in self._layers], {"Cmd": ["/bin/sh"]})


def timed(pull: Callable[[str], object], image: str) -> float:
    """Seconds; what earlier runs have written is on the disk before."""
    os.sync()
    begun = time.perf_counter()
    pull(image)
    return time.perf_counter() - begun


def main() -> None:
    """Set up, measure, print, take down."""
    parser = argparse.ArgumentParser(description="dockview pull beside docker pull")
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--mib", type=int, default=265)
    parser.add_argument("--only", choices=("docker", "dockview"), help="measure one of them alone")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dv-bench-"))
        images = Variants(f"{folder}/layout", make_layers(options.mib))
        daemon = PrivateDocker()
        stack.callback(daemon.stop)
        daemon.start()
        stack.enter_context(daemon.network())
        registry = Registry(folder)
        stack.callback(registry.stop)
        registry.start()
        root = stores.make_root()
        stack.callback(stores.remove_store, root)
        dockview = CommandLine(root)
        both: dict[str, Callable[[str], object]] = {
            "docker": daemon.pull,
            "dockview": lambda image: dockview.ok("pull", "--quiet", image, timeout_s=300),
        }
        pulls = {name: pull for name, pull in both.items() if options.only in (None, name)}
        times: dict[str, list[float]] = {name: [] for name in pulls}
        for turn in range(options.runs):
            images.make(turn)
            image = registry.push(images, f"big{turn}")
            for name, pull in list(pulls.items())[:: -1 if turn % 2 else 1]:
                times[name].append(timed(pull, image))
                print(f"{name} {times[name][-1]:.2f} s", file=sys.stderr, flush=True)
        print(f"{images.size / (1 << 20):.0f} MiB compressed in {LAYERS} layers\n")
        print("| command | median s | min | max | ratio |\n|---|---:|---:|---:|---:|")
        base = statistics.median(times[next(iter(times))])
        for name, values in times.items():
            median = statistics.median(values)
            print(f"| {name} pull | {median:.2f} | {min(values):.2f} | {max(values):.2f} | {median / base:.2f} |")


if __name__ == "__main__":
    main()
