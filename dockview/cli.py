"""The `dockview` command: without a verb the full-screen app, with one docker's grammar and exit codes.

Whatever happens, the user reads a sentence and not a traceback; DOCKVIEW_DEBUG=1 asks for the traceback, too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dockview.commands.console import Console
from dockview.commands.flags import Flags, read_flags
from dockview.commands.grammar import GLOBAL_FLAGS
from dockview.commands.report import report
from dockview.commands.usage import UsageError
from dockview.engine.errors import DockviewError

if TYPE_CHECKING:
    from dockview.engine.api import Engine

_BUG = 125
_INTERRUPTED = 130
_READER_GONE = 141
_PROGRAM_USAGE = "[OPTIONS] [COMMAND] [ARG...]"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. `argv` is without the program's name."""
    console = Console.of_process()
    try:
        code = _main(list(sys.argv[1:] if argv is None else argv), console)
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return _READER_GONE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001  the one place where every error ends, and is told
        return _failed(error, console)
    return code


def _main(words: list[str], console: Console) -> int:
    read = _global_flags(words)
    rest = [words[index] for index in read.arguments]
    if read.values["help"]:
        from dockview.commands.help import help_text  # noqa: PLC0415

        console.print(help_text(" ".join(rest)))
        return 0
    if read.values["version"]:
        from dockview import __version__  # noqa: PLC0415

        console.print(f"dockview version {__version__}")
        return 0
    kind, root, context = (_text(read, name) for name in ("engine", "root", "context"))
    kind = kind or _default_kind(root, context)
    if not rest:
        from dockview.app import run_app  # noqa: PLC0415  the app, with all of Textual, only when it is wanted

        return run_app(engine=kind, root=root or None, context=context or None)
    from dockview.commands.execute import execute  # noqa: PLC0415
    from dockview.commands.parse import parse_line  # noqa: PLC0415

    def open_engine() -> Engine:
        from dockview.engine import open_engine  # noqa: PLC0415  help and usage errors need no engine

        return open_engine(kind, root=root or None, context=context or None)

    return execute(parse_line(rest), open_engine, console)


def _global_flags(words: list[str]) -> Flags:
    try:
        return read_flags(GLOBAL_FLAGS, words, interspersed=False)
    except UsageError as error:
        error.about("", _PROGRAM_USAGE)
        raise


def _default_kind(root: str, context: str) -> str:
    """Which engine is meant where --engine is not given: --root is of the embedded one, --context of a daemon."""
    if root:
        return "embedded"
    return "docker" if context or os.environ.get("DOCKER_HOST") else "embedded"


def _text(read: Flags, name: str) -> str:
    found = read.values[name]
    return found if isinstance(found, str) else ""


def _failed(error: Exception, console: Console) -> int:
    """Tell an error; its exit code."""
    if os.environ.get("DOCKVIEW_DEBUG"):
        import traceback  # noqa: PLC0415

        traceback.print_exception(error)
    try:
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
    except BrokenPipeError:
        _drop_output()
    return _BUG


def _drop_output() -> None:
    """Nobody reads; let the interpreter's last flush go nowhere instead of complaining."""
    null = os.open(os.devnull, os.O_WRONLY)
    for fd in (1, 2):
        os.dup2(null, fd)
    os.close(null)


if __name__ == "__main__":
    sys.exit(main())
