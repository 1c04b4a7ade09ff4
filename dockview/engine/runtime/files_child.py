"""A helper process that works on a container's files: run as `python -I -S -X utf8 files_child.py JOB`.

JOB is JSON: a view (views.py), an action, and what they need. Standard input and output carry archives; on standard
error it says `mapped?` where it has made a user namespace whose ID maps the engine has to write, and as its last line
a JSON object: the answer, or {"error", "errno", "kind"}. One byte on standard input lets it begin.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main() -> int:
    """Do the job, and say what came of it."""
    folder = os.path.dirname(os.path.abspath(__file__))
    for name, depth in (("dockview.engine.runtime", 0), ("dockview.engine", 1), ("dockview", 2)):
        package = type(sys)(name)
        package.__path__ = [folder.rsplit("/", depth)[0]]
        sys.modules[name] = package
    # Whatever is needed is imported here: once the root is another one, there is no library to import from.
    from dockview.engine.runtime import diffing, filling, tarring, untarring, users, views  # noqa: F401, PLC0415
    from dockview.engine.runtime.sync import Refused  # noqa: PLC0415

    try:
        job = json.loads(sys.argv[1])
        answer = _perform(job)
    except Refused as error:
        answer = {"error": str(error), "errno": 0, "kind": error.kind}
    except (untarring.BadArchive, tarring.Renamed) as error:
        answer = {"error": str(error), "errno": 0, "kind": "data"}
    except BrokenPipeError:
        return 1  # the reader has seen enough
    except OSError as error:
        path = os.fsencode(error.filename or getattr(error, "path", "") or "").decode("utf-8", "backslashreplace")
        answer = {"error": f"{path}: {error.strerror}" if path else str(error), "errno": error.errno, "kind": "os"}
    except Exception as error:  # noqa: BLE001  what a hostile archive makes of tarfile is the archive's fault
        answer = {"error": f"{type(error).__name__}: {error}", "errno": 0, "kind": "data"}
    sys.stderr.write(json.dumps(answer) + "\n")
    sys.stderr.flush()
    return "error" in answer


def _ask_for_maps() -> None:
    sys.stderr.write("mapped?\n")
    sys.stderr.flush()
    if not os.read(0, 1):
        raise OSError(errno.EPIPE, "the engine went away")


def _perform(job: dict[str, Any]) -> dict[str, Any]:
    from dockview.engine.runtime import views  # noqa: PLC0415

    os.umask(0)
    work = os.open(job["beside"], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) if job.get("beside") else -1
    views.enter(job, _ask_for_maps)
    if work >= 0:
        os.fchdir(work)
    return _ACTIONS[job["action"]](job)


def _stat(job: dict[str, Any]) -> dict[str, Any]:
    path = job["path"]
    status = os.lstat(path)
    is_link = stat.S_ISLNK(status.st_mode)
    return {
        "name": os.path.basename(path.rstrip("/")) or "/", "size": status.st_size, "mode": status.st_mode,
        "mtime_ns": status.st_mtime_ns, "link_target": os.path.realpath(path) if is_link else "",
    }  # fmt: skip


def _pack(job: dict[str, Any]) -> dict[str, Any]:
    from dockview.engine.runtime import tarring  # noqa: PLC0415

    path = job["path"]
    os.lstat(path)
    name = os.path.basename(path.rstrip("/")) or "."
    writer = tarring.Writer(1)
    # Resolved once, so that a link on the way that changes meanwhile does not change what is read.
    folder = os.path.realpath(os.path.dirname(path.rstrip("/")) or "/")
    writer.add(os.path.realpath(path) if path.endswith(("/", "/.")) else os.path.join(folder, name), name)
    writer.close()
    return {"files": writer.files}


def _export(_job: dict[str, Any]) -> dict[str, Any]:
    from dockview.engine.runtime import tarring  # noqa: PLC0415

    writer = tarring.Writer(1)
    for name in sorted(os.listdir("/")):
        if name != ".dockview-view":
            writer.add(f"/{name}", name)
    writer.close()
    return {"files": writer.files}


def _layer(job: dict[str, Any]) -> dict[str, Any]:
    from dockview.engine.runtime import diffing, tarring  # noqa: PLC0415

    diffing.add_places(job["places"])
    writer = tarring.Writer(1, is_layer=True, skip=lambda path: diffing.is_place(path[1:]))
    writer.add(".", "")
    writer.close()
    return {"files": writer.files}


def _unpack(job: dict[str, Any]) -> dict[str, Any]:
    from dockview.engine.runtime import untarring, users  # noqa: PLC0415

    owner = None
    if job["user"]:
        identity = users.lookup(job["user"])
        owner = (identity.uid, identity.gid)
    os.chdir(job["path"])
    unpacker = untarring.Unpacker(owner)
    unpacker.unpack(0)
    return {"files": unpacker.files, "bytes": unpacker.bytes}


def _diff(job: dict[str, Any]) -> dict[str, Any]:
    from dockview.engine.runtime import diffing  # noqa: PLC0415

    diffing.add_places(job["places"])
    return {"changes": diffing.changes()}


def _fill(job: dict[str, Any]) -> dict[str, Any]:
    from dockview.engine.runtime import filling  # noqa: PLC0415

    return filling.fill(job["path"])


_ACTIONS = {
    "stat": _stat, "pack": _pack, "export": _export, "layer": _layer, "unpack": _unpack, "diff": _diff, "fill": _fill,
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
