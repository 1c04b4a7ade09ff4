"""An ordinary user for rootless tests.

The checkout and the Python of the test run may lie where this user cannot look (a home of root, mode 0700). So the
package and the pure packages that it needs are copied to a folder of their own under /tmp, and run by a Python that
everybody may run.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence

import dockview

NAME = os.environ.get("DOCKVIEW_TEST_USER", "dvtest")
NEEDED = ("urllib3", "zstandard", "platformdirs", "psutil")
"""What the engine and the command line import besides the standard library, without the app."""


def missing() -> str:
    """Why there is no ordinary user to test with, empty when there is one."""
    try:
        pwd.getpwnam(NAME)
    except KeyError:
        return f"there is no user {NAME} (useradd -m {NAME})"
    if shutil.which("setpriv") is None:
        return "there is no setpriv (apt install util-linux)"
    return "" if python() else f"no Python 3.11 or newer that {NAME} may run (apt install python3)"


def as_user(argv: Sequence[str], *, home: str = "", env: dict[str, str] | None = None) -> list[str]:
    """The command line that runs `argv` as the ordinary user, with nothing of root's environment.

    `home` becomes HOME and holds the XDG folders; PYTHONPATH is the copy of the package (once `install()` made it).
    """
    entry = pwd.getpwnam(NAME)
    home = home or "/tmp"
    settings = {
        "HOME": home,
        "USER": NAME,
        "LOGNAME": NAME,
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "LANG": "C.UTF-8",
        "XDG_DATA_HOME": f"{home}/data",
        "XDG_CONFIG_HOME": f"{home}/config",
        "XDG_CACHE_HOME": f"{home}/cache",
        "XDG_STATE_HOME": f"{home}/state",
        "XDG_RUNTIME_DIR": f"{home}/run",
        "PYTHONDONTWRITEBYTECODE": "1",
        **(env or {}),
    }
    return [
        "setpriv",
        f"--reuid={entry.pw_uid}",
        f"--regid={entry.pw_gid}",
        "--init-groups",
        "--inh-caps=-all",
        "--reset-env",
        "env",
        "-C",
        "/",
        *(f"{key}={value}" for key, value in settings.items()),
        *argv,
    ]


@functools.cache
def python() -> str:
    """A Python of at least 3.11 that the user may run, empty when there is none."""
    named = (shutil.which(name, path="/usr/bin:/usr/local/bin") for name in ("python3", *_numbered()))
    for candidate in (sys.executable, *filter(None, named)):
        test = [candidate, "-c", "import sys, sqlite3, ctypes; sys.exit(sys.version_info < (3, 11))"]
        if subprocess.run(as_user(test), capture_output=True, check=False).returncode == 0:
            return candidate
    return ""


def _numbered() -> list[str]:
    return [f"python3.{minor}" for minor in range(20, 10, -1)]


def install() -> str:
    """Copy the package and what it needs to a new folder that everybody may read; the folder, for PYTHONPATH."""
    folder = tempfile.mkdtemp(prefix="dv-package-")
    os.chmod(folder, 0o755)  # noqa: S103  the other user must read it
    source = os.path.dirname(os.path.abspath(dockview.__file__))
    shutil.copytree(source, f"{folder}/dockview", ignore=shutil.ignore_patterns("__pycache__"))
    version = _minor_version(python())
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        _copy_distributions(folder)
    else:
        _download_distributions(folder, version)
    subprocess.run([python(), "-m", "compileall", "-q", folder], check=True)
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
    return folder


def _minor_version(interpreter: str) -> str:
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([interpreter, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def _copy_distributions(folder: str) -> None:
    """The same Python version runs the same files, compiled ones too."""
    site = sysconfig.get_path("purelib")
    for name in NEEDED:
        for path in importlib.metadata.files(name) or ():
            top = path.parts[0]
            if top.startswith("..") or os.path.exists(f"{folder}/{top}") or not os.path.exists(f"{site}/{top}"):
                continue
            if os.path.isdir(f"{site}/{top}"):
                shutil.copytree(f"{site}/{top}", f"{folder}/{top}", ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(f"{site}/{top}", f"{folder}/{top}")


def _download_distributions(folder: str, version: str) -> None:
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", folder]
    subprocess.run([*argv, "--python-version", version, "--only-binary=:all:", *NEEDED], check=True)
