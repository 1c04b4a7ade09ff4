"""What the `:` line does for volumes and the files of containers: volume create and rm, cp, export, commit."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.engine.api import Engine
from dockview.screens.focus import Trouble
from dockview.session import NOTHING, Ref

if TYPE_CHECKING:
    from dockview.screens.dashboard import Dashboard


def _carried_out(name: str, command: Command) -> Callable[[Engine], str | None]:
    """What the command line does, with its words kept for the app."""

    def do(engine: Engine) -> str | None:
        from dockview.commands import execute_cp, execute_files  # noqa: PLC0415  only for these lines

        console = Console(io.BytesIO(), err := io.BytesIO())
        carry_out = execute_cp.cp if name == "cp" else getattr(execute_files, name)
        carry_out(engine, command, console)
        return err.getvalue().decode(errors="replace").strip() or None

    return do


def _volume_create(board: Dashboard, command: Command) -> Trouble | None:
    board.perform("volume create", NOTHING, command.line, _carried_out("volume_create", command))
    return None


def _volume_rm(board: Dashboard, command: Command) -> Trouble | None:
    is_forced = command.is_on("force")
    for name in command.refs:
        board.perform(
            "volume rm", Ref("volume", name, name), f"docker volume rm {name}", _removing(name, is_forced=is_forced)
        )
    return None


def _removing(name: str, *, is_forced: bool) -> Callable[[Engine], str | None]:
    def do(engine: Engine) -> str | None:
        engine.remove_volume(name, force=is_forced)
        return None

    return do


def _cp(board: Dashboard, command: Command) -> Trouble | None:
    if "-" in command.refs:
        return "cp copies files here, and no streams", None, "cp CONTAINER:PATH PATH, or the other way round"
    board.perform("cp", NOTHING, command.line, _carried_out("cp", command))
    return None


def _export(board: Dashboard, command: Command) -> Trouble | None:
    if not command.text("output"):
        return "export writes to a file here", None, "export -o FILE CONTAINER"
    board.perform("export", NOTHING, command.line, _carried_out("export", command))
    return None


def _commit(board: Dashboard, command: Command) -> Trouble | None:
    board.perform("commit", NOTHING, command.line, _carried_out("commit", command))
    return None


FILE_VERBS: Mapping[str, Callable[[Dashboard, Command], Trouble | None]] = {
    "volume create": _volume_create, "volume rm": _volume_rm, "cp": _cp, "export": _export, "commit": _commit,
}  # fmt: skip
