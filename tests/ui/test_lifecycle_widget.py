"""The lifecycle view in an app: it follows, it is moved, it asks for proof, it rests."""

from textual.app import App, ComposeResult
from textual.message import Message

from dockview.engine.lifecycle import Record, TraceBuilder
from dockview.theme import THEME
from dockview.widgets.lifecycle import LifecycleView
from tests.support import traces


class Bare(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Message] = []

    def compose(self) -> ComposeResult:
        yield LifecycleView()

    def on_mount(self) -> None:
        self.register_theme(THEME)
        self.theme = "dockview"
        self.view.focus()

    @property
    def view(self) -> LifecycleView:
        return self.query_one(LifecycleView)

    def on_lifecycle_view_prove_requested(self, message: LifecycleView.ProveRequested) -> None:
        self.heard.append(message)


def seen(view: LifecycleView) -> list[str]:
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


def selected(view: LifecycleView) -> str:
    return view.selected.label if view.selected else ""


def show(view: LifecycleView, records: list[Record], ms: float | None = None, *, fixed: bool = True) -> None:
    builder = TraceBuilder()
    for record in traces.until(records, ms):
        builder.apply(record)
    view.show(builder.trace, now_ns=int((ms or 200) * 1e6) if fixed else None)


async def test_the_cursor_follows_until_it_is_moved() -> None:
    app = Bare()
    async with app.run_test(size=(100, 40)) as pilot:
        view = app.view
        labels = []
        for ms in (2.0, 9.0, 23.0, None):
            show(view, traces.miss(), ms)
            labels.append(selected(view))
        assert labels == ["resolve", "layer 2/2", "network", "running"]
        await pilot.press("k", "k")
        assert selected(view) == "security"
        show(view, traces.exited())
        assert selected(view) == "security"
        await pilot.press("G")
        assert selected(view) == "exited"
        await pilot.press("g")
        assert selected(view) == "parse"
        show(view, traces.stop())
        assert selected(view) == "stop"


async def test_asks_for_the_proof_of_a_phase() -> None:
    app = Bare()
    async with app.run_test(size=(100, 40)) as pilot:
        show(app.view, traces.miss())
        await pilot.press("enter")
        await pilot.press("k", "x")
        await pilot.press("g", "enter")
        await pilot.pause()
        assert [m.check for m in app.heard if isinstance(m, LifecycleView.ProveRequested)] == [
            "dockview logs web", "ps -o pid,args -p 48213", "",
        ]  # fmt: skip


async def test_evidence_comes_and_goes() -> None:
    app = Bare()
    async with app.run_test(size=(90, 24)) as pilot:
        show(app.view, traces.miss())
        assert not any("── running" in line for line in seen(app.view))
        await pilot.press("space")
        assert any("── running" in line for line in seen(app.view))
        await pilot.resize_terminal(90, 40)
        await pilot.press("space")
        assert not any("── running" in line for line in seen(app.view))


async def test_a_click_selects() -> None:
    app = Bare()
    async with app.run_test(size=(90, 40)) as pilot:
        show(app.view, traces.miss())
        y = next(n for n, line in enumerate(seen(app.view)) if "✓ cgroup" in line)
        await pilot.click(LifecycleView, offset=(5, y))
        assert selected(app.view) == "cgroup"


async def test_moves_only_while_something_happens() -> None:
    """Ten pictures a second during a run, one while a container lives, none otherwise or out of sight."""
    app = Bare()
    async with app.run_test(size=(90, 40)) as pilot:
        view = app.view
        for records, ms, interval in (
            (traces.miss(), 9.0, 0.1),
            (traces.miss(), None, 1.0),
            (traces.exited(), None, 0.0),
        ):
            show(view, records, ms, fixed=False)
            assert view._interval == interval
            assert (view._timer is not None) == bool(interval)
        show(view, traces.miss(), 9.0)
        assert view._interval == 0.0
        show(view, traces.miss(), 9.0, fixed=False)
        view.display = False
        await pilot.pause()
        assert view._timer is None
        show(view, traces.miss(), None, fixed=False)
        view.display = True
        await pilot.pause()
        assert view._interval == 1.0
        assert any("● running" in line for line in seen(view))


async def test_shows_nothing_without_a_trace() -> None:
    app = Bare()
    async with app.run_test(size=(90, 20)) as pilot:
        show(app.view, traces.miss())
        app.view.show(None)
        await pilot.pause()
        assert not any(seen(app.view))
        assert app.view.selected is None
        await pilot.press("j", "enter", "g")
