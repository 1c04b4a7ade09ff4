"""The dashboard by its keys."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from dockview.engine.errors import Conflict
from dockview.engine.model import ContainerStatus, Event, RunRequest
from dockview.screens import browse, live
from dockview.settings import Settings
from dockview.widgets.lifecycle import LifecycleView
from tests import fakes
from tests.ui.conftest import Stage, Start


async def test_lists_show_what_the_engine_has(start: Start) -> None:
    """Four lists with their counts; running containers come first; a state has glyph and word."""
    async with start() as stage:
        assert stage.names() == ["web", "db", "loop", "hello", "crashed"]
        text = stage.text()
        for words in ("1 Containers", "● web", "up 2m", "8080→80", "○ crashed", "exited 137", "2 Images", "db-data"):
            assert words in text
        assert "● 3 running  ○ 2 exited" in text


async def test_movement_keys(start: Start) -> None:
    """j k g G move the cursor, and the detail follows."""
    async with start() as stage:
        seen = []
        for key in ("j", "down", "k", "G", "g"):
            await stage.press(key)
            seen.append(stage.board.ref.name)
        assert seen == ["db", "loop", "db", "crashed", "web"]
        assert "─ web ─" in stage.text()


async def test_panels_by_number_and_tab(start: Start) -> None:
    """1-4 go to a list, tab goes round and through the detail."""
    async with start() as stage:
        await stage.press("2")
        assert (stage.board.rail.active, stage.board.ref.kind) == ("image", "image")
        await stage.press("tab", "tab")
        assert stage.board.rail.active == "volume"
        await stage.press("tab")
        await stage.until(lambda: stage.board.is_in_detail, "tab goes into the detail")
        await stage.press("tab")
        await stage.until(lambda: stage.board.rail.active == "container", "and round")


async def test_tabs(start: Start) -> None:
    """[ and ] turn the tabs; l and i go straight there; images have no logs."""
    async with start() as stage:
        await stage.press("right_square_bracket")
        assert stage.board.detail.tab == "logs"
        await stage.sees("GET /39 200")
        await stage.press("i")
        await stage.sees('"Status": "running"')
        await stage.press("left_square_bracket")
        assert stage.board.detail.tab == "config"
        await stage.sees("GREETING")
        await stage.press("2")
        assert stage.board.detail.bar.tabs == ("lifecycle", "config", "inspect")
        await stage.sees("LAYERS, LOWEST FIRST")


async def test_secret_values_are_masked_until_asked_for(start: Start) -> None:
    """m shows values of variables that look secret, and masks them again."""
    async with start() as stage:
        await stage.press("left_square_bracket", "left_square_bracket")
        await stage.sees("DB_PASSWORD")
        assert "hunter2" not in stage.text()
        await stage.press("i")
        await stage.until(lambda: "DB_PASSWORD" in stage.board.detail.text("inspect").text)
        assert "hunter2" not in stage.board.detail.text("inspect").text
        await stage.press("m")
        assert "hunter2" in stage.board.detail.text("inspect").text


async def test_enter_and_escape_go_in_and_out_of_the_detail(start: Start) -> None:
    """enter gives the focus to the detail, escape gives it back."""
    async with start() as stage:
        await stage.press("enter")
        await stage.until(lambda: stage.board.is_in_detail, "in the detail")
        await stage.press("escape")
        await stage.until(lambda: stage.board.focused is stage.board.rail.current, "back in the list")


async def test_single_pane_below_72_columns(start: Start) -> None:
    """Where two columns do not fit, enter shows the detail alone and escape the lists."""
    async with start(size=(60, 24)) as stage:
        assert "1 Containers" in stage.text()
        assert "Lifecycle" not in stage.text()
        await stage.press("enter")
        await stage.sees("Lifecycle")
        assert "1 Containers" not in stage.text()
        await stage.press("escape")
        await stage.sees("1 Containers")


async def test_stop_and_start_by_state(start: Start) -> None:
    """s stops what runs and starts what does not; the docker line is told; the state comes from the engine."""
    async with start() as stage:
        await stage.press("s")
        await stage.sees("$ docker stop web  ✓")
        await stage.sees("exited 143")
        assert "stop web" in stage.engine.calls
        await stage.until(lambda: stage.board.ref.name == "web", "the cursor stays with its container")
        await stage.press("s")
        await stage.sees("$ docker start web  ✓")
        await stage.until(lambda: stage.names()[0] == "web")


async def test_no_optimistic_lies(start: Start) -> None:
    """A stop that is asked for marks the row as pending; the words stay until the engine says otherwise."""
    engine = fakes.BlockingEngine()
    async with start(engine) as stage:
        engine.is_blocking = True
        await stage.press("s")
        row = stage.board.rail.current.selected
        assert row.is_pending
        assert "up 2m" in stage.text()


async def test_kill_asks(start: Start) -> None:
    """ctrl-k does nothing before y."""
    async with start() as stage:
        await stage.press("ctrl+k")
        await stage.sees("Kill web?")
        await stage.press("n")
        assert "kill web" not in stage.engine.calls
        await stage.press("ctrl+k", "y")
        await stage.sees("$ docker kill web  ✓")


async def test_remove_of_a_running_container_needs_force(start: Start) -> None:
    """d names the container; without force the engine refuses and the reason is shown, with force it goes."""
    async with start() as stage:
        await stage.press("d")
        await stage.sees("Remove the container web?")
        await stage.press("y")
        await stage.sees("web is running")
        await stage.sees("stop it first, or use force")
        await stage.press("d", "f", "y")
        await stage.until(lambda: "web" not in stage.names(), "web is gone")
        assert "rm web force" in stage.engine.calls


async def test_enter_in_a_dialog_does_the_marked_thing_and_that_is_nothing(start: Start) -> None:
    """The harmless answer is marked first."""
    async with start() as stage:
        await stage.press("G", "d", "enter")
        await stage.pilot.pause()
        assert stage.names() == ["web", "db", "loop", "hello", "crashed"]
        await stage.press("d", "tab", "enter")
        await stage.until(lambda: "crashed" not in stage.names(), "it goes when the other answer is marked")


async def test_prune_preview(start: Start) -> None:
    """P shows what would go, how many bytes and why; kinds can be chosen; nothing goes before y."""
    async with start() as stage:
        await stage.press("P")
        await stage.sees("3 objects   213 MB  would be freed")
        assert "exited 3 minutes ago" in stage.text()
        await stage.press("5")
        await stage.until(lambda: "prune_plan container image all" in stage.engine.calls)
        await stage.press("2")
        await stage.sees("2 objects   8.2 kB  would be freed")
        assert not any(call.startswith("prune ") for call in stage.engine.calls)
        await stage.press("y")
        await stage.sees("2 removed, 8.2 kB freed")
        await stage.until(lambda: stage.names() == ["web", "db", "loop"])


async def test_filter(start: Start) -> None:
    """/ narrows the list while it is typed; enter keeps it, escape lets go."""
    async with start() as stage:
        await stage.press("slash")
        await stage.type("hello")
        assert stage.names() == ["hello"]
        await stage.press("enter")
        assert stage.names() == ["hello"]
        assert "1/5" in stage.text()
        await stage.press("escape")
        assert len(stage.names()) == 5


async def test_sort_and_reverse(start: Start) -> None:
    """o goes through the columns, O turns the order round; the cursor stays with its object."""
    async with start() as stage:
        await stage.press("o")
        assert stage.names() == sorted(stage.names())
        assert stage.board.ref.name == "web"
        await stage.press("O")
        assert stage.names() == sorted(stage.names(), reverse=True)


async def test_show_stopped(start: Start) -> None:
    """A hides stopped containers and the count says so."""
    async with start() as stage:
        await stage.press("A")
        assert stage.names() == ["web", "db", "loop"]
        assert "3/5" in stage.text()


async def test_copy(start: Start) -> None:
    """y copies the docker line from the lifecycle, the ID elsewhere."""
    async with start() as stage:
        await stage.press("y")
        assert stage.copied == ["docker run -d --name web web"]
        await stage.press("i", "y")
        assert stage.copied[-1] == fakes.hex_id(1)


async def test_open_port(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """w opens the published port, or shows where it is."""
    opened: list[str] = []

    def open_url(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(browse, "open_url", open_url)
    async with start() as stage:
        await stage.press("w")
        assert opened == ["http://localhost:8080/"]
        await stage.press("j", "j", "w")
        await stage.sees("loop publishes no port")


async def test_menu_does_what_its_keys_do(start: Start) -> None:
    """x lists actions; an action's key picks it."""
    async with start() as stage:
        await stage.press("x")
        await stage.sees("Stop, then start again")
        await stage.press("s")
        await stage.until(lambda: "stop web" in stage.engine.calls)


async def test_help_is_made_from_the_bindings(start: Start) -> None:
    """? shows the keys as they are, with the user's own."""
    settings = Settings(keys={"container.toggle": "t"})
    async with start(settings=settings) as stage:
        await stage.press("question_mark")
        await stage.sees("t           Stop what runs")
        await stage.press("escape")
        await stage.press("t")
        await stage.until(lambda: "stop web" in stage.engine.calls, "the new key works")
        await stage.press("j", "s")
        assert "stop db" not in stage.engine.calls


async def test_broken_config_does_not_prevent_the_start(start: Start) -> None:
    """What is wrong with the config is said, and the rest works."""
    settings = Settings(theme="nonesuch", keys={"nothing": "z", "sort": "q"}, problems=("config.toml: bad",))
    async with start(settings=settings) as stage:
        await stage.sees("config.toml: bad")
        await stage.sees("no action 'nothing'")
        assert len(stage.names()) == 5


async def test_missing_capability_is_dimmed_and_says_why(start: Start) -> None:
    """A key for what the engine lacks stays in the foot, dimmed, and says why when it is pressed."""
    engine = fakes.FakeEngine()
    engine.missing = {"prune": "this daemon forbids it"}
    async with start(engine) as stage:
        hint = next(hint for hint in stage.board.foot.fixed if hint.label == "prune")
        assert hint.why_not == "this daemon forbids it"
        await stage.press("P")
        await stage.sees("this daemon forbids it")


async def test_events_refresh_the_lists(start: Start) -> None:
    """What another process does appears, and the cursor stays with its object."""
    async with start() as stage:
        await stage.press("j")
        new = fakes.make_container(77, "newcomer", "box")
        stage.engine.list.insert(0, new)
        stage.engine.say("start", new)
        await stage.until(lambda: stage.names()[0] == "newcomer")
        assert stage.board.ref.name == "db"


async def test_failure_of_a_list_is_not_shown_as_empty(start: Start) -> None:
    """An engine that cannot list keeps the last state on the screen."""
    async with start() as stage:

        def refuse(**_: object) -> list[object]:
            raise Conflict("the store is busy")

        stage.engine.containers = refuse  # type: ignore[method-assign,assignment]
        stage.engine.event_streams[0].push(Event(0, "container", "die", "x", {}))
        await stage.until(lambda: "container" in stage.board.session.snapshot.troubles)
        assert len(stage.names()) == 5
        assert "disconnected: the store is busy" in stage.text()
        del stage.engine.containers
        stage.engine.event_streams[0].push(Event(0, "container", "die", "x", {}))
        await stage.until(lambda: "disconnected" not in stage.text(), "it recovers")


async def test_events_are_followed_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that ends by itself (a daemon restarts) is opened again."""
    monkeypatch.setattr(live, "_AGAIN_S", 0.01)
    async with start() as stage:
        stage.engine.event_streams[0].close()
        stage.engine.trace_streams[0].close()
        await stage.until(lambda: len(stage.engine.event_streams) == len(stage.engine.trace_streams) == 2)


async def test_quit(start: Start) -> None:
    """q closes the engine and leaves."""
    async with start() as stage:
        await stage.press("q")
        await stage.until(lambda: stage.engine.is_closed)
        assert stage.app.return_value == 0


async def test_exit_code_shown_without_claiming_more(start: Start) -> None:
    """An unknown exit code is a question mark, never 0."""
    engine = fakes.FakeEngine()
    engine.list[4] = replace(engine.list[4], status=ContainerStatus.EXITED, exit_code=None)
    async with start(engine) as stage:
        assert "exited ?" in stage.text()


async def test_slow_engine_never_holds_the_screen(start: Start) -> None:
    """With every call blocked, keys still move the cursor, dialogs open, and q leaves as soon as the engine closes."""
    engine = fakes.BlockingEngine()
    async with start(engine) as stage:
        engine.is_blocking = True
        for key in ("s", "l", "j", "i", "j", "k"):
            await stage.press(key)
        assert stage.board.ref.name == "db"
        await stage.press("P")
        await stage.sees("looking…")
        await stage.press("escape")
        await stage.press("q")
        await stage.until(lambda: engine.is_closed)
        assert stage.app.return_value == 0


HOSTILE = "[red]x[/] [@click=app.bell]y[/] \x1b[31mPWN\x1b]0;t\x07 ["


async def test_hostile_names_neither_crash_nor_style(start: Start) -> None:
    """Markup and escape sequences in names are letters at most."""
    evil = fakes.make_container(9, HOSTILE, HOSTILE, labels={HOSTILE: HOSTILE})
    engine = fakes.FakeEngine(containers=[evil])
    engine.log_lines[HOSTILE] = [HOSTILE]
    async with start(engine, size=(160, 45)) as stage:
        for key in ("l", "i", "right_square_bracket", "x", "escape", "d", "escape"):
            await stage.press(key)
            assert "\x1b" not in stage.text()
            assert "\x07" not in stage.text()
        assert "[red]x[/]" in stage.text()


async def run_line(stage: Stage, line: str) -> None:
    await stage.press("colon")
    await stage.type(line)
    await stage.press("enter")


async def test_run_comes_to_the_front(start: Start) -> None:
    """A run that is started here is selected at its first record, as a row of its own, and becomes its container."""
    engine = fakes.FakeEngine()
    engine.hold = threading.Event()
    async with start(engine) as stage:
        await stage.press("l")
        await run_line(stage, "run -d --name fresh web")
        await stage.until(lambda: stage.board.ref.is_trace, "a row for the run")
        assert stage.board.detail.tab == "lifecycle"
        assert stage.names()[0] == "web"
        assert stage.board.rail.current.selected.is_pending
        engine.hold.set()
        await stage.until(lambda: stage.board.ref.name == "fresh" and not stage.board.ref.is_trace, "its container")
        await stage.sees("docker run -d --name fresh web")
        trace = stage.board.detail.lifecycle.trace
        assert trace.container_name == "fresh"
        assert [s.label for s in trace.spans][:3] == ["parse", "connect", "resolve"]


async def test_failed_run_stays_to_be_looked_at(start: Start) -> None:
    """A run that fails leaves a row with its trace, and the reason; escape puts it away."""
    async with start() as stage:
        await run_line(stage, "run nowhere")
        await stage.sees("no image nowhere in docker.io or the hub")
        await stage.until(lambda: stage.names()[0] == "nowhere")
        await stage.press("escape")
        await stage.press("escape")
        await stage.until(lambda: "nowhere" not in stage.names(), "it is put away")


async def test_failed_run_keeps_the_cursor_when_its_container_goes(start: Start) -> None:
    """A container that was listed and is undone again gives its place back to the run."""
    async with start() as stage:
        sink = stage.engine.trace_streams[0]
        made = fakes.make_container(40, "short", "box", status=ContainerStatus.CREATED)
        header = {
            "t": "trace", "id": "x", "verb": "run", "target": "box", "line": "docker run box", "engine": "embedded",
            "wall_ns": 0, "clock_ns": 0,
        }  # fmt: skip
        stage.board.session.own.add("x")
        sink.push(("x", header))
        await stage.until(lambda: stage.board.ref.id == "trace:x")
        stage.engine.list.insert(0, made)
        sink.push(("x", {"t": "subject", "container": made.id, "name": "short"}))
        stage.engine.say("create", made)
        await stage.until(lambda: stage.board.ref.id == made.id, "the container takes the place of the run")
        stage.engine.list.remove(made)
        sink.push(("x", {"t": "done", "clock_ns": 1, "status": "failed", "why": "no"}))
        stage.engine.say("destroy", made)
        await stage.until(lambda: stage.board.ref.id == "trace:x", "the run takes it back")


async def test_run_can_be_cancelled(start: Start) -> None:
    """Escape on a run that is being built asks, then cancels it."""
    engine = fakes.FakeEngine()
    engine.hold = threading.Event()
    async with start(engine) as stage:
        await run_line(stage, "run -d web")
        await stage.until(lambda: stage.board.ref.is_trace)
        await stage.press("escape")
        await stage.sees("Cancel this run?")
        await stage.press("y")
        await stage.sees("cancelled, nothing is left behind")
        assert len(engine.list) == 5


async def test_quit_asks_while_a_run_is_being_built(start: Start) -> None:
    """q names the run that would be cancelled."""
    engine = fakes.FakeEngine()
    engine.hold = threading.Event()
    async with start(engine) as stage:
        await run_line(stage, "run -d web")
        await stage.until(lambda: stage.board.ref.is_trace)
        await stage.press("q")
        await stage.sees("Leave while a run is being built?")
        await stage.press("y")
        await stage.until(lambda: engine.is_closed)


async def test_run_of_another_process_selects_itself_when_nobody_types(start: Start) -> None:
    """It comes to the front three seconds after the last key, and not before."""
    async with start() as stage:
        sink = stage.engine.trace_streams[0]
        header = {
            "t": "trace", "verb": "run", "target": "box", "line": "docker run box", "engine": "embedded",
            "wall_ns": 0, "clock_ns": 0,
        }  # fmt: skip
        stage.board.session.last_key_s = time.monotonic()
        sink.push(("one", {**header, "id": "one"}))
        await stage.until(lambda: "box" in stage.names())
        assert stage.board.ref.name == "web"
        stage.board.session.last_key_s = -100.0
        sink.push(("two", {**header, "id": "two"}))
        await stage.until(lambda: stage.board.ref.id == "trace:two")


async def test_run_form(start: Start) -> None:
    """R shows the line that the fields make; enter runs it."""
    async with start() as stage:
        await stage.press("R")
        await stage.type("we")
        await stage.press("right", "down", "down")
        await stage.type("shop")
        await stage.press("down")
        await stage.type("8081:80")
        await stage.press("down")
        await stage.type("A=b")
        await stage.sees("$ docker run -d --name shop -p 8081:80 -e A=b web")
        await stage.press("enter")
        await stage.until(lambda: "run web" in stage.engine.calls)
        await stage.until(lambda: stage.board.ref.name == "shop")


async def test_run_form_says_what_is_wrong(start: Start) -> None:
    """A port that cannot be is told while it is typed, and enter does not run."""
    async with start() as stage:
        await stage.press("R")
        await stage.type("web")
        await stage.press("down", "down", "down")
        await stage.type("99999:80")
        await stage.press("enter")
        await stage.sees("✗")
        assert not any(call.startswith("run") for call in stage.engine.calls)


async def test_what_is_typed_after_a_key_goes_into_the_line(start: Start) -> None:
    """Typing on right after : never acts on the list."""
    async with start() as stage:
        await stage.press("colon", "s", "d", "q")
        assert stage.engine.calls == [call for call in stage.engine.calls if call.startswith("logs")]
        assert ": sdq" in stage.text()


async def test_command_line_errors_point_at_the_word(start: Start) -> None:
    """An error stays under the line, with carets under the word at fault."""
    async with start() as stage:
        await run_line(stage, "run --nope web")
        text = stage.text().splitlines()
        line = next(number for number, row in enumerate(text) if ": run --nope" in row)
        assert "unknown flag" in text[line - 1]
        assert text[line + 1].index("^") == text[line].index("--nope")


async def test_command_line_completes_and_remembers(start: Start) -> None:
    """tab completes verbs and names, up brings the last line back."""
    async with start() as stage:
        await stage.press("colon")
        await stage.type("sto")
        await stage.press("tab")
        await stage.type("we")
        await stage.press("tab", "enter")
        await stage.until(lambda: "stop web" in stage.engine.calls)
        await stage.press("colon", "up")
        await stage.sees(": stop web")


async def test_prove_runs_the_check(start: Start) -> None:
    """x on a step runs its read-only command and shows what it really says."""
    async with start() as stage:
        await stage.press("enter")
        await stage.until(lambda: stage.board.is_in_detail)
        view = stage.board.detail.lifecycle
        span = view.trace.spans[0]
        view.post_message(LifecycleView.ProveRequested(view, "echo proven; exit 3", span))
        await stage.sees("proven")
        await stage.sees("exit 3")


async def test_engines_says_when_there_is_only_one(start: Start) -> None:
    """E explains itself."""
    async with start() as stage:
        await stage.press("E")
        await stage.sees("the only engine")


async def test_image_shows_how_it_was_fetched(start: Start) -> None:
    """Of the run that pulled it, an image shows the part that is about it; one that was there before shows nothing."""
    async with start() as stage:
        await stage.press("2")
        await stage.until(lambda: stage.board.detail.lifecycle.trace is not None)
        phases = [span.phase.value for span in stage.board.detail.lifecycle.trace.spans]
        assert phases == ["resolve", "cache", "auth", "manifest", "layer", "layer", "store"]
        await stage.press("G")
        await stage.until(lambda: stage.board.detail.lifecycle.trace is None)


async def test_pull_from_the_line(start: Start) -> None:
    """:pull shows the pull as it happens, and the image in the list."""
    async with start() as stage:
        await run_line(stage, "pull box")
        await stage.until(lambda: "box:latest" in stage.names("image"))


def request(image: str) -> RunRequest:
    return RunRequest(image=image, line=f"docker run {image}")
