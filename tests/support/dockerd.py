"""A Docker daemon of the tests' own.

It lives in a network namespace and a mount namespace of its own: it may lay its docker0 and its iptables rules without
touching the machine's, and whatever it mounts goes with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence

from tests.support.images import ImageLayout
from tests.support.waiting import until


class PrivateDocker:
    """A dockerd, its socket, and a `docker` command that talks to it."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="dv-docker-", dir="/tmp")
        self._process: subprocess.Popen[bytes] | None = None
        self.host = f"unix://{self._folder}/d.sock"

    def start(self, extra: Sequence[str] = ()) -> None:
        """Start it and wait until it answers. Raises: AssertionError with the end of its log."""
        folder = self._folder
        daemon = [
            "dockerd", f"--data-root={folder}/data", f"--exec-root={folder}/run", f"--pidfile={folder}/pid",
            f"--host={self.host}", *extra,
        ]  # fmt: skip
        with open(f"{folder}/log", "wb") as log:
            self._process = subprocess.Popen(
                ["unshare", "--net", "--mount", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", *daemon],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        process = self._process
        until(lambda: process.poll() is not None or self.answers(), "dockerd to answer", within_s=60)
        if process.poll() is not None:
            with open(f"{folder}/log", errors="replace") as log_text:
                raise AssertionError(f"dockerd did not start: {log_text.read()[-2000:]}")

    def answers(self) -> bool:
        """Whether the daemon can be talked to."""
        return self.docker("version").returncode == 0

    def docker(self, *words: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """The docker command."""
        argv = ["docker", "--host", self.host, *words]
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """This thread, and what it starts, is in the daemon's network while the block runs."""
        assert self._process is not None
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as home, open(f"/proc/{self._process.pid}/ns/net") as there:
            assert libc.setns(there.fileno(), 0) == 0
            try:
                yield
            finally:
                assert libc.setns(home.fileno(), 0) == 0

    def pull(self, reference: str) -> None:
        """Fetch an image."""
        done = self.docker("pull", "--quiet", reference, timeout_s=300)
        assert done.returncode == 0, done.stderr

    def load(self, layout: ImageLayout, reference: str) -> None:
        """Give the daemon the image of a layout, without a registry."""
        archive = f"{self._folder}/image.tar"
        copy = ["skopeo", "copy", "--insecure-policy", "--quiet", f"oci:{layout.folder}:latest"]
        subprocess.run([*copy, f"docker-archive:{archive}:{reference}"], check=True, capture_output=True)
        loaded = self.docker("load", "--input", archive)
        assert loaded.returncode == 0, loaded.stderr
        os.unlink(archive)

    def stop(self) -> None:
        """End it and its containers, and remove what it stored."""
        process = self._process
        if process is not None and process.poll() is None:
            running = self.docker("ps", "--quiet", "--no-trunc").stdout.split()
            if running:
                self.docker("rm", "--force", *running)
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
