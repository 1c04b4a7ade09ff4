"""A Command is carried out by the executor that its verb names; each is imported only when its verb is used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.commands.grammar import SPELLINGS
from dockview.engine.api import Engine

Executor = Callable[[Engine, Command, Console], int]
"""Carries out a command and returns the exit code. Raises: DockviewError, OSError, KeyboardInterrupt."""


def executor(verb: str) -> Executor:
    """The function that carries out a verb."""
    module, _, name = SPELLINGS[verb].executor.partition(":")
    found: Executor = getattr(import_module(f"dockview.commands.{module}"), name)
    return found


def execute(command: Command, open_engine: Callable[[], Engine], console: Console) -> int:
    """Carry out a command on the engine that `open_engine` opens, and close it; the exit code."""
    if command.verb == "help":
        from dockview.commands.help import help_text  # noqa: PLC0415  only for help

        console.print(help_text(command.refs[0]))
        return 0
    carry_out = executor(command.verb)
    engine = open_engine()
    try:
        return carry_out(engine, command, console)
    finally:
        engine.close()
