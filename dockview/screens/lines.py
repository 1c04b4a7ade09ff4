"""What a docker line does in the app: a verb is done here, a question is answered by going to where the answer is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dockview.commands.command import Command
from dockview.commands.grammar import SPELLINGS
from dockview.commands.parse import parse_line
from dockview.commands.usage import UsageError
from dockview.engine.model import Container
from dockview.screens.file_lines import FILE_VERBS
from dockview.screens.focus import Trouble
from dockview.screens.image_lines import IMAGE_VERBS
from dockview.screens.network_lines import NETWORK_VERBS

if TYPE_CHECKING:
    from dockview.screens.dashboard import Dashboard


def obey(board: Dashboard, line: str) -> Trouble | None:
    """Do what a line says. Returns: what is wrong with it, None when it is being done."""
    if not line.strip():
        return None
    if line.strip() in ("q", "quit", "exit"):
        board.call_later(board.app.run_action, "quit")
        return None
    try:
        command = parse_line(line)
    except UsageError as error:
        return error.message, error.place, error.hint
    do = _VERBS.get(command.verb)
    if do is None:
        return f"{command.verb} has no place in the app yet", None, f"in a shell: dockview {command.verb}"
    return _undone(command) or do(board, command)


def _undone(command: Command) -> Trouble | None:
    """Flags that the app's way of doing a verb would ignore: none is, silently."""
    does = _DOES.get(command.verb, _DOES.get(command.verb.partition(" ")[2]))
    if does is None:
        return None
    for flag in SPELLINGS[command.verb].flags:
        if flag.name not in does and not flag.is_missing and command.options.get(flag.name) != flag.default:
            why = f"{flag.shown} of {command.verb} has no place in the app yet"
            return why, None, f"in a shell: dockview {command.line.removeprefix('docker ')}"
    return None


def _found(board: Dashboard, ref: str) -> Container | None:
    listed = board.session.snapshot.containers or ()
    exact = [c for c in listed if ref in (c.name, c.id)]
    begun = [c for c in listed if c.id.startswith(ref)]
    return exact[0] if exact else begun[0] if len(begun) == 1 else None


def _each(board: Dashboard, command: Command, do: Callable[[Container], object]) -> Trouble | None:
    found = [(_found(board, ref), ref) for ref in command.refs]
    for container, ref in found:
        if container is None:
            return f"no such container: {ref}", _place(command, ref), ""
    for container, _ in found:
        if container is not None:
            do(container)
    return None


def _place(command: Command, ref: str) -> tuple[int, int] | None:
    start = command.line.find(ref)
    is_as_typed = start >= 0 and not command.line.startswith("docker ")
    return (start, start + len(ref)) if is_as_typed else None


def _run(board: Dashboard, command: Command) -> Trouble | None:
    if command.request is not None:
        board.run_image(command.request)
    return None


def _start(board: Dashboard, command: Command) -> Trouble | None:
    return _each(board, command, board.start)


def _stop(board: Dashboard, command: Command) -> Trouble | None:
    timeout_s, signal = command.number("timeout"), command.text("signal")
    return _each(board, command, lambda c: board.stop(c, timeout_s=timeout_s, signal=signal))


def _restart(board: Dashboard, command: Command) -> Trouble | None:
    timeout_s, signal = command.number("timeout"), command.text("signal")
    return _each(board, command, lambda c: board.restart(c, timeout_s=timeout_s, signal=signal))


def _rename(board: Dashboard, command: Command) -> Trouble | None:
    ref, name = command.refs
    container = _found(board, ref)
    if container is None:
        return f"no such container: {ref}", _place(command, ref), ""
    board.rename(container, name)
    return None


def _kill(board: Dashboard, command: Command) -> Trouble | None:
    return _each(board, command, lambda c: board.kill(c, command.text("signal") or "SIGKILL"))


def _pause(board: Dashboard, command: Command) -> Trouble | None:
    is_paused = command.verb == "pause"
    return _each(board, command, lambda c: board.pause(c, is_paused=is_paused))


def _exec(board: Dashboard, command: Command) -> Trouble | None:
    from dockview.commands.execute_exec import request_from  # noqa: PLC0415

    container = _found(board, command.refs[0])
    if container is None:
        return f"no such container: {command.refs[0]}", _place(command, command.refs[0]), ""
    board.open_shell(container, request_from(command))
    return None


def _attach(board: Dashboard, command: Command) -> Trouble | None:
    return _each(board, command, board.open_streams)


def _rm(board: Dashboard, command: Command) -> Trouble | None:
    force, volumes = command.is_on("force"), command.is_on("volumes")
    return _each(board, command, lambda c: board.remove_container(c, force=force, volumes=volumes))


def _rmi(board: Dashboard, command: Command) -> Trouble | None:
    for ref in command.refs:
        image = next((i for i in board.session.snapshot.images or () if ref in (i.id, i.short_id, *i.tags)), None)
        board.remove_image(image.id if image else ref, ref, force=command.is_on("force"))
    return None


def _prune(board: Dashboard, command: Command) -> Trouble | None:
    kinds = command.texts("kinds")
    if command.is_on("volumes"):
        kinds = (*kinds, "volume")
    board.call_later(board.open_prune, kinds, is_all=command.is_on("all"))
    return None


def _go_to(kind: str) -> Callable[[Dashboard, Command], Trouble | None]:
    def go(board: Dashboard, _: Command) -> Trouble | None:
        board.action_panel(kind)
        return None

    return go


def _show_tab(tab: str) -> Callable[[Dashboard, Command], Trouble | None]:
    def show(board: Dashboard, command: Command) -> Trouble | None:
        if command.refs:
            return _each(board, command, lambda c: board.select("container", c.id, tab=tab))
        board.turn_to(tab)
        return None

    return show


def _help(board: Dashboard, _: Command) -> Trouble | None:
    board.call_later(board.action_help)
    return None


_DOES: Mapping[str, frozenset[str]] = {
    "start": frozenset(), "stop": frozenset({"timeout", "signal"}), "restart": frozenset({"timeout", "signal"}),
    "kill": frozenset({"signal"}),
    "rm": frozenset({"force", "volumes"}), "rmi": frozenset({"force"}), "pull": frozenset({"quiet", "platform"}),
    "prune": frozenset({"all", "force", "volumes", "dry-run"}), "volume prune": frozenset({"force", "dry-run"}),
}  # fmt: skip
"""What the app does of a verb's flags; a prune is always shown first."""

_VERBS: Mapping[str, Callable[[Dashboard, Command], Trouble | None]] = {
    "pause": _pause, "unpause": _pause, "exec": _exec, "attach": _attach,
    "run": _run, "start": _start, "stop": _stop, "restart": _restart, "rename": _rename,
    "stats": _show_tab("stats"), "top": _show_tab("top"), "diff": _show_tab("files"),
    "kill": _kill, "rm": _rm, "rmi": _rmi, **IMAGE_VERBS,
    "container prune": _prune, "image prune": _prune, "network prune": _prune, "volume prune": _prune,
    "system prune": _prune, "ps": _go_to("container"), "images": _go_to("image"), "network ls": _go_to("network"),
    "volume ls": _go_to("volume"), "logs": _show_tab("logs"), "inspect": _show_tab("inspect"),
    **FILE_VERBS,
    **NETWORK_VERBS, "container inspect": _show_tab("inspect"), "trace": _show_tab("lifecycle"), "help": _help,
}  # fmt: skip
