"""What a test needs from the machine, and what it means when that is missing.

A test marked `root`, `user`, `docker` or `registry` is skipped where the machine cannot give that. DOCKVIEW_REQUIRE
(`root,docker,registry,user`) turns the skip into a failure, so that a green run on a build machine means "it ran".
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

import pytest

from tests.support import user

KINDS = ("root", "user", "docker", "registry")
unproven: set[str] = set()
"""What was skipped in this session, for its last line."""


def require(*kinds: str) -> None:
    """Skip the test, or fail it where DOCKVIEW_REQUIRE names the kind, unless the machine has what is asked."""
    demanded = set(filter(None, os.environ.get("DOCKVIEW_REQUIRE", "").replace(" ", "").split(",")))
    for kind in kinds:
        if why := missing(kind):
            if kind in demanded:
                pytest.fail(f"DOCKVIEW_REQUIRE asks for {kind}, but {why}", pytrace=False)
            unproven.add(kind)
            pytest.skip(f"needs {kind}: {why}")


@functools.cache
def missing(kind: str) -> str:
    """Why the machine cannot give this, empty when it can."""
    return {"root": _root, "user": _user, "docker": _docker, "registry": _registry}[kind]()


def _root() -> str:
    if os.geteuid() != 0:
        return "this is not root"
    return _fails(["unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "true"])


def _user() -> str:
    if os.geteuid() != 0:
        return "only root can become another user"
    if why := user.missing():
        return why
    return _fails(user.as_user(["unshare", "--user", "--map-root-user", "true"]))


def _docker() -> str:
    return _root() or _programs("dockerd", "docker")


def _registry() -> str:
    return _programs("docker-registry", "skopeo", "busybox")


def _programs(*names: str) -> str:
    lacking = [name for name in names if shutil.which(name) is None]
    return f"there is no {', '.join(lacking)}" if lacking else ""


def _fails(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    except OSError as error:
        return str(error)
    return "" if done.returncode == 0 else f"{' '.join(argv)}: {done.stderr.strip()}"
