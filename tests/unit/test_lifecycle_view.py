"""A trace as a picture: rows, states, the fork, failure and undo, at every width."""

from collections.abc import Callable, Sequence

import pytest

from dockview import lessons
from dockview.engine.lifecycle import RUN_PHASES, Phase, Record, Trace
from dockview.widgets.lifecycle_draw import Picture, View, draw
from dockview.widgets.lifecycle_facts import summary
from dockview.widgets.lifecycle_lines import bar, mark, width_of, wrap
from dockview.widgets.lifecycle_rows import State, rows
from tests.support import traces

ALL: Sequence[Callable[[], list[Record]]] = (traces.miss, traces.hit, traces.exited, traces.failed, traces.stop)
TONES = {"text", "strong", "soft", "faint", "line", "accent", "second", "good", "warn", "bad"}


def meaning(phase: Phase) -> list[tuple[str, str]]:
    return [("", lessons.lesson(phase, 1)), ("mechanics", lessons.lesson(phase, 2))]


def picture(
    records: Sequence[Record], width: int = 86, height: int = 40, *, ms: float | None = None,
    panel: bool | None = False, cursor: tuple[str, str] | None = None,
) -> Picture:  # fmt: skip
    trace = traces.build(traces.until(records, ms))
    now_ns = int((200.0 if ms is None else ms) * 1_000_000)
    return draw(trace, View(width, height, now_ns, panel=panel, cursor=cursor), meaning)


def plain(drawn: Picture) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in drawn.lines]


def row_of(lines: Sequence[str], label: str) -> str:
    return next(line for line in lines if line[3:].startswith(label))


def states(trace: Trace) -> dict[str, State]:
    return {row.label: row.state for row in rows(trace)}


@pytest.mark.parametrize("records", ALL, ids=lambda f: f.__name__)
@pytest.mark.parametrize("width", [*range(20, 151, 10), 200])
@pytest.mark.parametrize("height", [5, 12, 17, 24, 34, 60])
def test_fills_its_place_exactly(records: Callable[[], list[Record]], width: int, height: int) -> None:
    """Every line has the width, there are as many as asked for, every tone is one that the theme has."""
    for ms in (None, 0.1, 2.4, 9.0, 17.9):
        drawn = picture(records(), width, height, ms=ms, panel=None)
        assert len(drawn.lines) == len(drawn.row_at) == height
        assert {width_of(line) for line in drawn.lines} == {width}
        assert {tone for line in drawn.lines for _, tone in line} <= TONES
        assert all(text.isprintable() for line in drawn.lines for text, _ in line)


@pytest.mark.parametrize("records", ALL, ids=lambda f: f.__name__)
@pytest.mark.parametrize("height", [8, 17, 24, 40])
def test_the_selected_row_is_visible(records: Callable[[], list[Record]], height: int) -> None:
    for row in rows(traces.build(records())):
        drawn = picture(records(), 60, height, cursor=row.key)
        assert drawn.selected in drawn.row_at


def test_first_run() -> None:
    """Every phase in its order, with what it brought."""
    lines = plain(picture(traces.miss(), 100, 40))
    assert " ".join(lines[0].split()) == "$ docker run -d -p 8080:80 --name web web ✓ 36.8 ms"
    labels = [row.label for row in rows(traces.build(traces.miss()))]
    assert labels == [
        "parse", "connect", "resolve", "cache", "auth", "manifest", "layer 1/2", "layer 2/2", "store", "create",
        "layer(rw)", "namespaces", "cgroup", "rootfs", "network", "ports", "security", "start", "running", "exited",
    ]  # fmt: skip
    assert "docker.io ✗ unreachable →  hub.localhost/web:latest" in row_of(lines, "resolve")
    assert "miss" in row_of(lines, "cache")
    assert "12.4 MB/s  verified" in row_of(lines, "layer 1/2")
    assert "dv0 ⇄ veth3f2a ⇄ eth0  172.30.0.2/16" in row_of(lines, "network")
    assert "0.0.0.0:8080 → 172.30.0.2:80/tcp" in row_of(lines, "ports")
    assert "14 of 41 capabilities" in row_of(lines, "security")
    assert "pid 48213 (1 inside)" in row_of(lines, "start")
    assert row_of(lines, "running").startswith(" ●")
    assert row_of(lines, "exited").strip() == "○ exited"


def test_flow_of_a_miss_and_of_a_hit() -> None:
    """The way that was taken is drawn whole, the other one broken."""
    miss, hit = (plain(picture(records(), 120, 40))[2:4] for records in (traces.miss, traces.hit))
    assert "cached? ─no─▶ registry ──▶ create" in miss[0]
    assert "╌ yes ╌" in miss[1]
    assert "cached? ╌no╌▶ registry ╌╌▶ create" in hit[0]
    assert "─ yes ─" in hit[1]
    assert hit[1].index("└") == hit[0].index("cached?") + 2
    assert hit[1].index("▲") == hit[0].index("create") + 2
    assert miss[0].endswith("● running")


@pytest.mark.parametrize("width", [50, 64, 82, 100, 120, 150])
def test_flow_stays_in_its_place_while_the_run_goes_on(width: int) -> None:
    """Nothing moves when states change: the words of the flow are where they were."""
    places = set()
    for ms in (0.1, 2.4, 9.0, 15.0, 18.0, 22.0, 40.0):
        way = next(line for line in plain(picture(traces.miss(), width, 40, ms=ms)) if "isolate" in line)
        places.add(tuple(way.find(word) for word in ("engine", "cached?", "registry", "create", "isolate", "start")))
    assert len(places) == 1


def test_hit_skips_the_pull() -> None:
    lines = plain(picture(traces.hit(), 86, 40))
    for label in ("auth", "manifest", "layer", "store"):
        assert row_of(lines, f"{label} ").split(maxsplit=2)[::2] == ["╌", "skipped: the image is here"]


def test_hit_with_little_room_tells_the_pull_in_one_row() -> None:
    lines = plain(picture(traces.hit(), 60, 22))
    assert row_of(lines, "auth … store").endswith("skipped: the image is here")


def test_running_pull() -> None:
    """Half-way: layers with bars, the rest still to come."""
    drawn = picture(traces.miss(), 100, 40, ms=9.0)
    lines = plain(drawn)
    assert "━" in row_of(lines, "layer 1/2")
    assert "─" in row_of(lines, "layer 1/2")
    assert "19 kB" in row_of(lines, "layer 1/2")
    assert "download" in row_of(lines, "layer 1/2")
    assert "verify" in row_of(lines, "layer 2/2")
    assert row_of(lines, "store").strip() == "○ store"
    assert "◉registry" in lines[2]
    assert drawn.rows[drawn.selected].label == "layer 2/2"


def test_namespaces_as_cells() -> None:
    """Both inodes where there is room, short ones where there is less, else names."""
    wide = plain(picture(traces.miss(), 150, 40))
    at = wide.index(row_of(wide, "namespaces"))
    assert wide[at].split()[2:9] == ["user", "mnt", "uts", "ipc", "net", "pid", "cgroup"]
    assert wide[at + 1].split()[0:3] == ["host", "4026531834", "4026531835"]
    assert wide[at + 2].split()[0:3] == ["inside", "shared", "4026532181"]
    narrow = plain(picture(traces.miss(), 70, 40))
    assert "mnt uts ipc net pid cgroup   user: shared" in row_of(narrow, "namespaces")


def test_failure_is_told_where_it_happened() -> None:
    """The reason stands in the row, made harmless; what came before is taken back; the rest was never reached."""
    drawn = picture(traces.failed(), 100, 40)
    lines = plain(drawn)
    assert lines[0].endswith("✗ failed 19.1 ms")
    assert row_of(lines, "ports").startswith(" ✗")
    told = " ".join(line.strip() for line in lines)
    assert "taken by nginx (pid 812)" in told
    assert "\x1b" not in told
    assert "✗network" in lines[2]
    assert row_of(lines, "security").strip() == "○ security"
    assert [line.split()[:3] for line in lines if "↶" in line] == [
        ["↶", "undo", "network"], ["↶", "undo", "namespaces"], ["↶", "undo", "create"],
    ]  # fmt: skip
    assert drawn.rows[drawn.selected].label == "ports"


def test_failure_in_little_room_shows_reason_and_undo() -> None:
    lines = plain(picture(traces.failed(), 60, 24))
    assert row_of(lines, "security … exited")
    assert row_of(lines, "undo network")
    assert any("nginx (pid 812)" in line for line in lines)


def test_exit() -> None:
    lines = plain(picture(traces.exited(), 120, 40))
    assert lines[2].endswith("✓ exited 0")
    assert "exit code 0" in row_of(lines, "exited")


def test_other_verbs_have_rows_only() -> None:
    lines = plain(picture(traces.stop(), 80, 12))
    assert lines[1].startswith(" ✓ stop        SIGTERM  grace 10 s  exit code 143")
    assert lines[1].endswith("312 ms  ━━━━━━")
    assert not any(lines[2:])


def test_pending_rows_are_known_beforehand_only_where_the_story_is() -> None:
    script = traces.Script()
    script.span("parse", 0.0, None)
    assert [row.phase for row in rows(traces.build(script.records))] == list(RUN_PHASES)
    script = traces.Script("prune", "docker system prune")
    script.span("prune", 0.0, None, "container")
    assert [row.label for row in rows(traces.build(script.records))] == ["prune container"]


def test_a_verb_without_a_known_story_is_told_in_the_order_of_time() -> None:
    script = traces.Script("restart", "docker restart web")
    script.span("stop", 0.0, 1.0)
    script.span("namespaces", 1.0, 2.0, "mnt")
    script.span("namespaces", 2.0, 3.0, "net")
    script.span("start", 3.0, 4.0)
    found = rows(traces.build(script.done(4.0)))
    assert [row.label for row in found] == ["stop", "namespaces", "start"]
    assert len(found[1].spans) == 2


def test_what_is_not_visible_says_why() -> None:
    """A daemon elsewhere: its namespaces cannot be seen from here."""
    script = traces.Script()
    for part in ("mnt", "net"):
        script.span("namespaces", 0.0, 1.0, part, status="skipped", why="not visible from here")
    script.span("cgroup", 1.0, 2.0, status="skipped", why="not visible from here")
    lines = plain(picture(script.done(3.0), 90, 40))
    assert row_of(lines, "namespaces").endswith("skipped: not visible from here")
    assert row_of(lines, "cgroup").endswith("skipped: not visible from here")


def test_states() -> None:
    script = traces.Script()
    script.span("parse", 0.0, 1.0)
    script.span("network", 1.0, 2.0, status="skipped", why="no nft")
    script.span("start", 1.0, 2.0, status="lost")
    found = states(traces.build(script.done(3.0, "lost")))
    assert (found["parse"], found["network"], found["start"]) == (State.DONE, State.SKIPPED, State.LOST)
    assert found["running"] is State.PENDING


def test_summary_of_an_unknown_span_shows_its_facts() -> None:
    script = traces.Script()
    script.span("exec", 0.0, 1.0, facts={"odd": None, "is it": True, "size": 41_000, "how": ("so", "inferred")})
    assert summary(traces.build(script.records).spans[0]) == "odd ?  is it yes  size 41 kB  how ~so"


def test_facts_cannot_break_out() -> None:
    """Values of facts, names and reasons are strangers' text."""
    script = traces.Script(line="docker run \x1b]52;c;AAAA\x07\u202eweb")
    script.span("create", 0.0, 1.0, part="\x1b[2J", name="\x1b]0;x\x07[red]n\n\rame", facts={"a\x9b31m": "b\x07"})
    for height in (12, 40):
        told = "".join(plain(picture(script.records, 100, height, panel=True)))
        assert told.isprintable()
        assert "[red]n ame" in told


def test_evidence_shows_origin_proof_and_meaning() -> None:
    lines = plain(picture(traces.miss(), 86, 50, panel=None, cursor=("network", "")))
    told = "\n".join(lines)
    assert "── network " in told
    assert "● measured" in told
    assert "~ inferred" in told
    assert "  ● address    172.30.0.2/16" in told
    assert "  ~ outbound   masqueraded by nft" in told
    assert "x prove it  nsenter -t 48213 -n ip address" in told
    assert "virtual cable with two ends" in " ".join(told.split())


def test_evidence_stands_beside_the_rows_on_a_wide_screen() -> None:
    drawn = picture(traces.miss(), 200, 60, panel=None, cursor=("namespaces", ""))
    lines = plain(drawn)
    assert any("✓ parse" in line and "│" in line for line in lines)
    assert any("● pid     4026531839    4026532184    new" in line for line in lines)
    assert any(line.endswith("mechanics") for line in lines)
    assert drawn.row_width < 140


def test_bars_and_marks() -> None:
    assert "".join(text for text, _ in bar(0.5, 5)) == "━━╸──"
    assert "".join(text for text, _ in bar(1.0, 3)) == "━━━"
    assert "".join(text for text, _ in bar(None, 3)) == "╌╌╌"
    assert "".join(text for text, _ in mark(0.0, 0.0, 4, "good")) == "╸   "
    assert "".join(text for text, _ in mark(0.5, 1.0, 4, "good")) == "  ━━"
    assert "".join(text for text, _ in mark(0.375, 0.7, 4, "good")) == " ╺━ "
    for start in range(0, 101, 7):
        for end in range(start, 101, 5):
            assert width_of(mark(start / 100, end / 100, 9, "good")) == 9


def test_wrap() -> None:
    assert wrap("a long word: supercalifragilistic, and more", 10) == [
        "a long", "word:", "supercalif", "ragilistic", ", and more",
    ]  # fmt: skip
    assert wrap("漢字漢字漢字", 5) == ["漢字", "漢字", "漢字"]
