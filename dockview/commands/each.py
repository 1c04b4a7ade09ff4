"""One verb on several objects: go on after a failure, say each, and report it in the exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dockview.commands.console import Console
from dockview.commands.report import report
from dockview.engine.errors import Cancelled, DockviewError


def for_each(refs: Sequence[str], act: Callable[[str], str], console: Console) -> int:
    """Act on each ref and print what the act returns; 0, or 1 when one failed."""
    code = 0
    for ref in refs:
        try:
            said = act(ref)
        except Cancelled:
            raise
        except DockviewError as error:
            report(error, console)
            code = 1
        else:
            console.print(said)
    return code
