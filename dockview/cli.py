"""The `dockview` command: without a verb the full-screen app, with one docker's grammar and exit codes.

Whatever happens, the user reads a sentence and not a traceback; DOCKVIEW_DEBUG=1 asks for the traceback, too. Imports
stand inside the functions so that this holds for ctrl-c during an import, and so that each verb pays for its own only.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockview.commands.console import Console
    from dockview.commands.flags import Flags
    from dockview.engine.api import Engine

_BUG = 125
_INTERRUPTED = 130
_READER_GONE = 141
_PROGRAM_USAGE = "[OPTIONS] [COMMAND] [ARG...]"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. `argv` is without the program's name."""
    try:
        return _told(list(sys.argv[1:] if argv is None else argv))
    except BrokenPipeError:
        _drop_output()
        return _READER_GONE
    except KeyboardInterrupt:
        return _INTERRUPTED


def _told(words: list[str]) -> int:
    """Run, and tell every error."""
    from dockview.commands.console import Console

    console = Console.of_process()
    try:
        code = _main(words, console)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  the one place where every error ends, and is told
        return _failed(error, console)
    return code


def _main(words: list[str], console: Console) -> int:
    read = _global_flags(words)
    rest = [words[index] for index in read.arguments]
    if read.values["help"]:
        from dockview.commands.help import help_text

        console.print(help_text(" ".join(rest)))
        return 0
    if read.values["version"]:
        from dockview import __version__

        console.print(f"dockview version {__version__}")
        return 0
    root, context, host = _text(read, "root"), _text(read, "context"), _text(read, "host")
    kind = _text(read, "engine") or _default_kind(root, context or host)
    if host and context:
        from dockview.engine.errors import InvalidRequest

        raise InvalidRequest("conflicting options: either --host or --context, not both", hint="leave one of them out")
    if not rest:
        if not (console.in_is_tty and console.out_is_tty):
            from dockview.engine.errors import NotSupported

            raise NotSupported(
                "the app needs a terminal for its input and output", hint="`dockview --help` lists the verbs"
            )
        # Nothing becomes garbage before the first picture, and looking for it takes a sixth of the time until then.
        # The app turns the collector on again.
        gc.disable()
        from dockview.start import start_app

        if host:
            os.environ["DOCKER_HOST"] = host  # what the app opens, now and when the engine is changed and back
        return start_app(engine=kind, root=root or None, context=context or None)
    from dockview.commands.execute import execute
    from dockview.commands.parse import parse_line

    def open_engine() -> Engine:
        from dockview.engine import open_engine

        return open_engine(kind, root=root or None, context=context or None, host=host or None)

    return execute(parse_line(rest), open_engine, console)


def _global_flags(words: list[str]) -> Flags:
    from dockview.commands.flags import read_flags
    from dockview.commands.grammar import GLOBAL_FLAGS
    from dockview.commands.usage import UsageError

    try:
        return read_flags(GLOBAL_FLAGS, words, interspersed=False)
    except UsageError as error:
        error.about("", _PROGRAM_USAGE)
        raise


def _default_kind(root: str, daemon: str) -> str:
    """Which engine is meant without --engine: --root is of the embedded one, --context and --host of a daemon.

    Where there is none of them the environment says it: DOCKVIEW_ENGINE, else DOCKER_HOST.
    """
    if root:
        return "embedded"
    if daemon:
        return "docker"
    return os.environ.get("DOCKVIEW_ENGINE") or ("docker" if os.environ.get("DOCKER_HOST") else "embedded")


def _text(read: Flags, name: str) -> str:
    found = read.values[name]
    return found if isinstance(found, str) else ""


def _failed(error: Exception, console: Console) -> int:
    """Tell an error; its exit code."""
    from dockview.commands.report import report
    from dockview.engine.errors import DockviewError

    if os.environ.get("DOCKVIEW_DEBUG"):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, DockviewError):
        report(error, console)
        return error.exit_code
    if isinstance(error, OSError):
        what = f"{error.filename}: " if error.filename else ""
        console.note(f"dockview: {what}{error.strerror or error}.")
        return 1
    console.note(
        f"dockview: internal error: {type(error).__name__}: {error}; please report it,"
        " with DOCKVIEW_DEBUG=1 for the traceback"
    )
    return _BUG


def _drop_output() -> None:
    """Nobody reads; let the interpreter's last flush go nowhere instead of complaining."""
    null = os.open(os.devnull, os.O_WRONLY)
    for fd in (1, 2):
        os.dup2(null, fd)
    os.close(null)


if __name__ == "__main__":
    sys.exit(main())
