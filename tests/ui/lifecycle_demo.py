"""Plays a trace in a bare app, for looking at: `python -m tests.ui.lifecycle_demo [FILE|NAME] [--until MS]`.

NAME is one of the traces of tests/support/traces.py (miss, hit, failed, ...); FILE is a recorded trace, JSON lines.
"""

import argparse
import json
import os

from textual.app import App, ComposeResult

from dockview.engine.lifecycle import Record, TraceBuilder
from dockview.theme import THEME
from dockview.widgets.lifecycle import LifecycleView
from tests.support import traces


class Demo(App[None]):
    def __init__(self, records: list[Record], until_ms: float | None) -> None:
        super().__init__()
        self._records, self._until_ms = records, until_ms

    def compose(self) -> ComposeResult:
        yield LifecycleView()

    def on_mount(self) -> None:
        self.register_theme(THEME)
        self.theme = "dockview"
        view = self.query_one(LifecycleView)
        view.focus()
        builder = TraceBuilder()
        for record in traces.until(self._records, self._until_ms):
            builder.apply(record)
        now = None if self._until_ms is None else int(self._until_ms * 1e6)
        view.show(builder.trace, now_ns=now)

    def on_lifecycle_view_prove_requested(self, message: LifecycleView.ProveRequested) -> None:
        self.notify(message.check, markup=False)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("trace", nargs="?", default="miss")
    parser.add_argument("--until", type=float)
    arguments = parser.parse_args()
    if os.path.exists(arguments.trace):
        with open(arguments.trace, encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
    else:
        records = getattr(traces, arguments.trace)()
    Demo(records, arguments.until).run()


if __name__ == "__main__":
    main()
