"""What the `:` line does for images: pull, tag, save, load, import, logout."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dockview.commands.command import Command
from dockview.commands.execute_archives import chunks_of, write_file
from dockview.screens.focus import Trouble
from dockview.session import NOTHING, Ref

if TYPE_CHECKING:
    from dockview.screens.dashboard import Dashboard


def _pull(board: Dashboard, command: Command) -> Trouble | None:
    board.pull(command.refs[0], platform=command.text("platform"))
    return None


def _tag(board: Dashboard, command: Command) -> Trouble | None:
    source, target = command.refs
    images = board.session.snapshot.images or ()
    found = next((image for image in images if source in (image.id, image.short_id, *image.tags)), None)
    ref = Ref("image", found.id, source) if found else NOTHING
    board.perform("tag", ref, command.line, lambda engine: engine.tag(source, target))
    return None


def _save(board: Dashboard, command: Command) -> Trouble | None:
    path = command.text("output")
    if not path:
        return "save writes to a file here", None, "save -o FILE IMAGE"
    board.perform_run(
        "save", command.refs[0], command.line,
        lambda engine, run: write_file(path, lambda write: engine.save(
            command.refs, write, cancel=run.cancel, on_record=run.pipe.push
        )),
    )  # fmt: skip
    return None


def _load(board: Dashboard, command: Command) -> Trouble | None:
    path = command.text("input")
    if trouble := _unreadable("load", path, "load -i FILE"):
        return trouble
    board.perform_run(
        "load", path, command.line,
        lambda engine, run: "\n".join(engine.load(chunks_of(path), cancel=run.cancel, on_record=run.pipe.push)),
    )  # fmt: skip
    return None


def _import(board: Dashboard, command: Command) -> Trouble | None:
    path, *names = command.refs
    if trouble := _unreadable("import", "" if path == "-" else path, "import FILE [NAME]"):
        return trouble
    board.perform_run(
        "import", path, command.line,
        lambda engine, run: engine.import_image(
            chunks_of(path), names[0] if names else "", changes=command.texts("change"),
            message=command.text("message"), platform=command.text("platform"), cancel=run.cancel,
            on_record=run.pipe.push,
        ),
    )  # fmt: skip
    return None


def _unreadable(verb: str, path: str, hint: str) -> Trouble | None:
    if not path:
        return f"{verb} reads from a file here", None, hint
    return None if os.path.isfile(path) else (f"{path} is not a file", None, hint)


def _logout(board: Dashboard, command: Command) -> Trouble | None:
    registry = command.refs[0] if command.refs else ""
    board.perform("logout", NOTHING, command.line, lambda engine: None if engine.logout(registry) else "not logged in")
    return None


IMAGE_VERBS: Mapping[str, Callable[[Dashboard, Command], Trouble | None]] = {
    "pull": _pull, "tag": _tag, "save": _save, "load": _load, "import": _import, "logout": _logout,
}  # fmt: skip
