"""The log view: bounded, harmless, and still under a flood."""

from collections.abc import Sequence

from textual.app import App, ComposeResult

from dockview.engine.model import LogRecord
from dockview.theme import THEME
from dockview.widgets import logs
from dockview.widgets.logs import LogView

SECOND = 1_000_000_000


class Bare(App[None]):
    CSS = "Screen { overflow: hidden; }"

    def __init__(self, lines: int = logs.LINES) -> None:
        super().__init__()
        self.log_view = LogView(lines=lines)

    def compose(self) -> ComposeResult:
        yield self.log_view

    def on_mount(self) -> None:
        self.register_theme(THEME)
        self.theme = "dockview"
        self.log_view.focus()


def some(count: int, first: int = 0) -> list[LogRecord]:
    return [LogRecord(n * SECOND, "stdout", f"line {n}") for n in range(first, first + count)]


def one(text: str, stream: str = "stdout") -> list[LogRecord]:
    return [LogRecord(0, stream, text)]


def seen(view: LogView) -> list[str]:
    """What the visible lines say."""
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


def colours(view: LogView, y: int) -> Sequence[str]:
    strip = view.render_line(y)
    return [s.style.color.name for s in strip if s.text.strip() and s.style is not None and s.style.color is not None]


async def test_follows_the_end() -> None:
    app = Bare()
    async with app.run_test(size=(40, 10)) as pilot:
        view = app.log_view
        view.append(some(5))
        await pilot.pause()
        assert seen(view)[:6] == [" line 0", " line 1", " line 2", " line 3", " line 4", ""]
        view.append(some(100, 5))
        await pilot.pause()
        assert seen(view)[-1] == " line 104"
        assert view.is_following


async def test_scrolling_up_holds_and_going_to_the_end_follows_again() -> None:
    app = Bare()
    async with app.run_test(size=(40, 10)) as pilot:
        view = app.log_view
        view.append(some(100))
        await pilot.pause()
        await pilot.press("g")
        await pilot.pause()
        assert not view.is_following
        assert seen(view)[0] == " line 0"
        view.append(some(100, 100))
        await pilot.pause()
        assert seen(view)[0] == " line 0"
        await pilot.press("G")
        await pilot.pause()
        assert view.status.endswith("following")
        assert seen(view)[-1] == " line 199"
        await pilot.press("f")
        view.append(some(5, 200))
        await pilot.pause()
        assert seen(view)[-1] == " line 199"


async def test_keeps_a_bounded_number_and_says_so() -> None:
    """The first row tells how many went; the text that is held stays put while older lines go."""
    app = Bare(lines=50)
    async with app.run_test(size=(70, 10)) as pilot:
        view = app.log_view
        view.append(some(80))
        await pilot.pause()
        assert (view.line_count, view.dropped) == (50, 30)
        assert seen(view)[-1] == " line 79"
        assert view.status == "50 lines, the newest of 80 · following"
        await pilot.press("g")
        await pilot.pause()
        assert seen(view)[:2] == [" 30 older lines were let go; the newest 50 are kept", " line 30"]
        view.scroll_to(y=20, animate=False)
        await pilot.pause()
        held = seen(view)
        view.append(some(10, 80))
        await pilot.pause()
        assert seen(view) == held


async def test_a_flood_is_cheap() -> None:
    """A minute of 50,000 lines a second passes through without rendering more than the visible lines."""
    app = Bare()
    async with app.run_test(size=(80, 24)) as pilot:
        view = app.log_view
        batch = [LogRecord(0, "stdout", "\x1b[31mflood\x1b[0m " + "x" * 60)] * 1000
        for _ in range(300):
            view.append(batch)
        await pilot.pause()
        assert view.line_count == logs.LINES
        assert view.dropped == 290_000
        assert len(view._strips) <= 1000


async def test_strangers_text_is_harmless() -> None:
    app = Bare()
    async with app.run_test(size=(60, 12)) as pilot:
        view = app.log_view
        for text in ("\x1b]0;title\x07a", "b\x1b[2J\x1b[6n", "[red]c[/] [link=", "10%\r100%", "d\x9b31m\x00", "\x1bce"):
            view.append(one(text))
        view.append(one("x\tz"))
        await pilot.pause()
        assert seen(view)[:7] == [" a", " b", " [red]c[/] [link=", " 100%", " d", " e", " x       z"]
        assert view.text() == "a\nb\n[red]c[/] [link=\n100%\nd\ne\nx       z"


async def test_colour_is_kept_and_ends_with_its_line() -> None:
    app = Bare()
    async with app.run_test(size=(60, 12)) as pilot:
        view = app.log_view
        view.append([*one("\x1b[31mred"), *one("plain"), *one("trouble", "stderr")])
        await pilot.pause()
        assert colours(view, 0) == ["color(1)"]
        plain = colours(view, 1)
        assert plain != ["color(1)"]
        assert view.render_line(2).text.startswith("▎trouble")
        assert colours(view, 2)[-1:] != plain


async def test_timestamps() -> None:
    app = Bare()
    async with app.run_test(size=(60, 12)) as pilot:
        view = app.log_view
        view.append([LogRecord(1_700_000_000_123_000_000, "stdout", "hello")])
        await pilot.press("t")
        assert seen(view)[0].endswith(".123 hello")
        await pilot.press("t")
        assert seen(view)[0] == " hello"


async def test_wrap_and_sideways() -> None:
    """Wrapped, no letter is lost; else the line goes on to the right."""
    app = Bare()
    async with app.run_test(size=(31, 12)) as pilot:
        view = app.log_view
        letters = "".join(chr(97 + n % 26) for n in range(100))
        view.append([*one(letters), *one("漢字" * 20), *one("end")])
        await pilot.pause()
        assert seen(view)[2] == " end"
        assert view.virtual_size.width > 31
        await pilot.press("w")
        await pilot.pause()
        told = seen(view)
        assert "".join(line[1:] for line in told[:4]) == letters
        assert "".join(line[1:] for line in told).replace("end", "")[100:] == "漢字" * 20
        assert "end" in told[-5:][0] or " end" in told
        assert view.virtual_size.width <= 31
        view.append(some(50))
        await pilot.pause()
        assert seen(view)[-1] == " line 49"


async def test_an_endless_line_is_cut_for_display() -> None:
    app = Bare()
    async with app.run_test(size=(60, 12)) as pilot:
        view = app.log_view
        view.append(one("x" * 10_000_000))
        await pilot.pause()
        view.scroll_end(animate=False, immediate=True)
        assert view.virtual_size.width <= logs.WIDEST + 10
        assert len(view.text()) <= logs.WIDEST + 10
        assert view.text().endswith("cut")


async def test_search() -> None:
    app = Bare()
    async with app.run_test(size=(60, 10)) as pilot:
        view = app.log_view
        view.append(some(200))
        await pilot.pause()
        assert view.search("LINE 42") == 1
        await pilot.pause()
        assert " line 42" in seen(view)
        assert not view.is_following
        assert view.search("7") == 38
        await pilot.press("N")
        await pilot.pause()
        assert " line 187" in seen(view)
        await pilot.press("n", "n")
        await pilot.pause()
        assert " line 7" in seen(view)
        assert view.search("[nothing") == 0


async def test_an_error_is_shown_but_is_no_line_of_the_container() -> None:
    app = Bare()
    async with app.run_test(size=(60, 10)) as pilot:
        view = app.log_view
        view.append(some(1))
        view.show_error("the log cannot be read: \x1b[2Jno space")
        await pilot.pause()
        assert seen(view)[:2] == [" line 0", "✗the log cannot be read: no space"]
        assert view.text() == "line 0"


async def test_clear() -> None:
    app = Bare()
    async with app.run_test(size=(60, 10)) as pilot:
        view = app.log_view
        view.append(some(200))
        view.clear("nothing was written yet")
        await pilot.pause()
        assert seen(view)[0] == " nothing was written yet"
        assert (view.line_count, view.dropped, view.text()) == (0, 0, "")
        view.append(some(1))
        await pilot.pause()
        assert seen(view)[0] == " line 0"
