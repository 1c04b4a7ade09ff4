"""`login` and `logout`."""

from __future__ import annotations

import os
import sys

from dockview.commands.cancellable import call_cancellable
from dockview.commands.command import Command
from dockview.commands.console import Console
from dockview.engine.api import Engine
from dockview.engine.errors import InvalidRequest, Unauthorized

_HUB = "https://index.docker.io/v1/"


def login(engine: Engine, command: Command, console: Console) -> int:
    """Check credentials with a registry, and keep them."""
    registry = command.refs[0] if command.refs else ""
    user, password = command.text("username"), command.text("password")
    if command.is_on("password-stdin"):
        if password:
            raise InvalidRequest("--password and --password-stdin are mutually exclusive")
        if not user:
            raise InvalidRequest("Must provide --username with --password-stdin")
        password = _from_stdin(console)
    elif password:
        console.note("WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
    if not user:
        try:
            report = call_cancellable(lambda cancel: engine.login(registry, cancel=cancel))
        except Unauthorized:
            pass  # none are kept, or they are no longer good: ask
        else:
            console.print("Authenticating with existing credentials...\nLogin Succeeded")
            return 0
    if not (user and password):
        if not (console.in_is_tty and console.out_is_tty):
            raise InvalidRequest(
                "Cannot perform an interactive login from a non TTY device", hint="use -u USER --password-stdin"
            )
        user = user or console.ask("Username: ")
        password = password or _secret(console)
        if not (user and password):
            raise InvalidRequest(f"{'password' if user else 'username'} is required")
    report = call_cancellable(lambda cancel: engine.login(registry, user, password, cancel=cancel))
    if report.is_plain:
        console.note(
            f"WARNING! Your password will be stored unencrypted in {report.kept_in}.\n"
            "Configure a credential helper to remove this warning. See\n"
            "https://docs.docker.com/engine/reference/commandline/login/#credentials-store\n"
        )
    console.print("Login Succeeded")
    return 0


def logout(engine: Engine, command: Command, console: Console) -> int:
    """Forget the credentials for a registry."""
    registry = command.refs[0] if command.refs else ""
    shown = registry or _HUB
    if engine.logout(registry):
        console.print(f"Removing login credentials for {shown}")
    else:
        console.print(f"Not logged in to {shown}")
    return 0


def _from_stdin(console: Console) -> str:
    """All of standard input, without the line's end that `echo` adds."""
    read = bytearray()
    while console.in_fd is not None and (piece := os.read(console.in_fd, 1 << 16)):
        read += piece
    return read.decode(errors="surrogateescape").rstrip("\r\n")


def _secret(console: Console) -> str:
    """Ask for a password without showing it."""
    import termios  # noqa: PLC0415  only where somebody types

    fd = console.in_fd if console.in_fd is not None else sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    hidden = termios.tcgetattr(fd)
    hidden[3] &= ~termios.ECHO
    try:
        termios.tcsetattr(fd, termios.TCSAFLUSH, hidden)
        return console.ask("Password: ")
    finally:
        termios.tcsetattr(fd, termios.TCSAFLUSH, before)
        console.print("")
