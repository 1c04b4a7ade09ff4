"""What the `:` line does for networks: create, rm, connect, disconnect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dockview.commands.command import Command
from dockview.commands.execute_networks import request_from
from dockview.engine.api import Engine
from dockview.engine.errors import InvalidRequest, NotFound
from dockview.screens.focus import Trouble
from dockview.session import NOTHING, Ref

if TYPE_CHECKING:
    from dockview.screens.dashboard import Dashboard


def _ref(board: Dashboard, name: str) -> Ref:
    for network in board.session.snapshot.networks or ():
        if name == network.name or network.id.startswith(name):
            return Ref("network", network.id, network.name)
    return NOTHING


def _create(board: Dashboard, command: Command) -> Trouble | None:
    try:
        request = request_from(command)
    except InvalidRequest as error:
        return error.message, None, error.hint

    def do(engine: Engine) -> str:
        return engine.create_network(request).name

    if not board.lacks("network-create"):
        board.perform("network create", NOTHING, command.line, do)
    return None


def _rm(board: Dashboard, command: Command) -> Trouble | None:
    is_forced = command.is_on("force")
    for name in command.refs:
        board.perform(
            "network rm", _ref(board, name), f"docker network rm {name}", _removing(name, is_forced=is_forced)
        )
    return None


def _removing(name: str, *, is_forced: bool) -> Callable[[Engine], str | None]:
    def do(engine: Engine) -> str | None:
        try:
            engine.remove_network(name)
        except NotFound:
            if not is_forced:
                raise
        return None

    return do


def _connect(board: Dashboard, command: Command) -> Trouble | None:
    network, container = command.refs

    def do(engine: Engine) -> str | None:
        engine.connect_network(network, container, ip=command.text("ip"), aliases=command.texts("alias"))
        return None

    board.perform("network connect", _ref(board, network), command.line, do)
    return None


def _disconnect(board: Dashboard, command: Command) -> Trouble | None:
    network, container = command.refs

    def do(engine: Engine) -> str | None:
        engine.disconnect_network(network, container, force=command.is_on("force"))
        return None

    board.perform("network disconnect", _ref(board, network), command.line, do)
    return None


NETWORK_VERBS: Mapping[str, Callable[[Dashboard, Command], Trouble | None]] = {
    "network create": _create, "network rm": _rm, "network connect": _connect, "network disconnect": _disconnect,
}  # fmt: skip
