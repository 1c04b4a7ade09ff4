"""Lists, inspect, logs, events, prunes, doctor and trace: docker's columns, keys, templates and exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from unittest.mock import ANY

import pytest

from dockview.commands.execute_ps import status_text
from dockview.engine.errors import InvalidRequest, NameInUse, NotFound
from dockview.engine.model import ContainerStatus, Event, Finding, LogRecord, PrunePlan
from tests.fakes import HOUR, MINUTE, NOW_NS, FakeStream, make_container, make_image
from tests.unit.commands_engine import Captured, ScriptedEngine, dockview


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture(autouse=True)
def _frozen_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr("time.time_ns", lambda: NOW_NS)


@pytest.fixture
def answer() -> Iterator[int]:
    """A standard input that says yes."""
    read_end, write_end = os.pipe()
    os.write(write_end, b"y\n")
    os.close(write_end)
    yield read_end
    os.close(read_end)


def test_ps__the_running_ones_in_docker_columns(engine: ScriptedEngine) -> None:
    _, said = dockview(engine, "ps")
    header, first, *rest = said.out.splitlines()

    assert header.split() == ["CONTAINER", "ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]
    web = engine.list[0]
    assert first.split("  ")[0] == web.short_id
    assert '"python3 /app/main.…"' not in first
    assert "Up 2 minutes" in first
    assert "0.0.0.0:8080->80/tcp" in first
    assert first.endswith("web")
    assert header.index("NAMES") == first.rindex("web")
    assert len(rest) == 2


def test_ps__all_with_exit_codes(engine: ScriptedEngine) -> None:
    _, said = dockview(engine, "ps -a")

    assert "Exited (0) 3 minutes ago" in said.out
    assert "Exited (137) 3 minutes ago" in said.out


def test_ps__quiet_and_no_trunc(engine: ScriptedEngine) -> None:
    assert dockview(engine, "ps -q")[1].out.splitlines() == [c.short_id for c in engine.list[:3]]
    assert dockview(engine, "ps -q --no-trunc")[1].out.splitlines() == [c.id for c in engine.list[:3]]


def test_ps__json_has_docker_keys_one_object_a_line(engine: ScriptedEngine) -> None:
    rows = [json.loads(line) for line in dockview(engine, "ps -a --format json")[1].out.splitlines()]

    assert [row["Names"] for row in rows] == ["web", "db", "loop", "hello", "crashed"]
    assert {"ID", "Image", "Command", "CreatedAt", "RunningFor", "Ports", "State", "Status", "Names", "Labels"} <= set(
        rows[0]
    )
    assert rows[0]["State"] == "running"
    assert rows[0]["RunningFor"] == "10 minutes ago"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("-f status=exited", ["hello", "crashed"]),
        ("-f exited=137", ["crashed"]),
        ("-a -f name=o", ["loop", "hello"]),
        ("-a -f ancestor=web", ["web"]),
        ("-a -f status=exited -f status=running -f name=l", ["loop", "hello"]),
        ("-n 2", ["web", "db"]),
        ("-l", ["web"]),
    ],
)
def test_ps__filters(engine: ScriptedEngine, options: str, names: list[str]) -> None:
    assert dockview(engine, f"ps {options} --format '{{{{.Names}}}}'")[1].out.split() == names


def test_ps__an_unknown_filter_is_refused(engine: ScriptedEngine) -> None:
    with pytest.raises(InvalidRequest, match="invalid filter 'colour'"):
        dockview(engine, "ps -f colour=red")


def test_ps__templates(engine: ScriptedEngine) -> None:
    assert dockview(engine, r"ps -l --format '{{.Names}}\t{{.Image}}'")[1].out == "web\tweb\n"
    assert dockview(engine, r"ps -l --format 'table {{.Names}}\t{{.Image}}'")[1].out.splitlines() == [
        "NAMES     IMAGE",
        "web       web",
    ]
    assert json.loads(dockview(engine, "ps -l --format '{{json .}}'")[1].out)["Names"] == "web"


@pytest.mark.parametrize("template", ["{{.Nothing}}", "{{range .Ports}}x{{end}}", "{{.Names"])
def test_templates__what_is_not_supported_is_refused(engine: ScriptedEngine, template: str) -> None:
    with pytest.raises(InvalidRequest):
        dockview(engine, f"ps --format '{template}'")


def test_ps__a_hostile_name_reaches_no_terminal(engine: ScriptedEngine) -> None:
    engine.list = [make_container(1, "a\x1b]0;x\x07b\nc", "web")]

    assert "\x1b" not in dockview(engine, "ps", Captured(is_tty=True))[1].out
    assert len(dockview(engine, "ps")[1].out.splitlines()) == 2
    assert "\x1b" not in dockview(engine, "ps --format '{{.Names}}'", Captured(is_tty=True))[1].out


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"started_ns": NOW_NS - HOUR}, "Up About an hour"),
        ({"started_ns": None}, "Up unknown"),
        ({"status": ContainerStatus.PAUSED}, "Up 2 minutes (Paused)"),
        ({"health": "healthy"}, "Up 2 minutes (healthy)"),
        ({"status": ContainerStatus.CREATED}, "Created"),
        ({"status": ContainerStatus.DEAD}, "Dead"),
        ({"status": ContainerStatus.REMOVING}, "Removal In Progress"),
        ({"status": ContainerStatus.EXITED, "exit_code": None, "finished_ns": None}, "Exited (unknown)"),
    ],
)
def test_status_text(changes: dict[str, object], expected: str) -> None:
    container = make_container(1, "x", "web", **changes)

    assert status_text(container, NOW_NS) == expected


def test_images(engine: ScriptedEngine) -> None:
    header, first, *_ = dockview(engine, "images")[1].out.splitlines()

    assert header.split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    assert first.split() == ["web", "latest", engine.image_list[0].short_id, "3", "days", "ago", "41kB"]
    assert dockview(engine, "images -f dangling=true --format '{{.Repository}}:{{.Tag}}'")[1].out == "<none>:<none>\n"
    assert dockview(engine, "images -q web")[1].out.split() == [engine.image_list[0].short_id]
    assert dockview(engine, "images web:1")[1].out.count("\n") == 1


def test_images__a_registry_port_is_no_tag(engine: ScriptedEngine) -> None:
    engine.image_list = [make_image(1, "localhost:5000/web:1", 1, 0), replace(make_image(2, "", 1, 0), size_bytes=None)]

    rows = [json.loads(line) for line in dockview(engine, "images --format json")[1].out.splitlines()]

    assert [(row["Repository"], row["Tag"]) for row in rows] == [("localhost:5000/web", "1"), ("<none>", "<none>")]
    assert rows[1]["Size"] == "N/A"


def test_images__of_the_hub_by_the_names_that_run_takes(engine: ScriptedEngine) -> None:
    engine.image_list = [make_image(1, "hub.localhost/box:latest", 1, 0), make_image(2, "a/box:1", 1, 0)]
    box = engine.image_list[0].short_id

    for line in ("box", "box:latest", "hub.localhost/box", "-f reference=box", "-f reference=bo*:latest"):
        assert dockview(engine, f"images -q {line}")[1].out.split() == [box], line
    assert dockview(engine, "ps -aq --filter ancestor=box")[1].out == ""


def test_pull_prints_the_reference_last(engine: ScriptedEngine) -> None:
    assert dockview(engine, "pull -q web")[1].out == "web:latest\n"
    assert "Status: Downloaded newer image for web:latest" in dockview(engine, "pull web")[1].out


def test_networks_and_volumes(engine: ScriptedEngine) -> None:
    assert dockview(engine, "network ls")[1].out.splitlines()[1].split()[1:] == ["bridge", "bridge", "local"]
    assert dockview(engine, "volume ls -q")[1].out == "db-data\n"
    assert json.loads(dockview(engine, "volume ls --format json")[1].out)["Mountpoint"].endswith("db-data")


def test_system_df(engine: ScriptedEngine) -> None:
    rows = [json.loads(line) for line in dockview(engine, "system df --format json")[1].out.splitlines()]

    assert rows[0] == {
        "Type": "Images", "TotalCount": "5", "Active": "4", "Size": "213.1MB", "Reclaimable": "213MB (99%)",
    }  # fmt: skip


def test_system_df__verbose_in_dockers_tables(engine: ScriptedEngine) -> None:
    shown = dockview(engine, "system df -v")[1].out
    images, containers, volumes = (shown.split(f"{kind} space usage:\n\n")[1].splitlines()[0] for kind in (
        "Images", "Containers", "Local Volumes"))  # fmt: skip
    assert images.split()[-6:] == ["SIZE", "SHARED", "SIZE", "UNIQUE", "SIZE", "CONTAINERS"]
    assert containers.split("   ")[0] == "CONTAINER ID"
    assert volumes.split() == ["VOLUME", "NAME", "LINKS", "SIZE"]
    assert dockview(engine, "system df -v --format table")[1].out == shown
    assert dockview(engine, "system df -v --format '{{len .Images}} {{(index .Volumes 0).Links}}'")[1].out == "5 1\n"
    with pytest.raises(InvalidRequest):
        dockview(engine, "system df -v --format 'table {{.Type}}'")


def test_ps__sizes_only_when_asked_for(engine: ScriptedEngine) -> None:
    header, first, *_ = dockview(engine, "ps -s")[1].out.splitlines()
    assert header.endswith("SIZE")
    assert first.endswith("12B (virtual 41kB)")
    assert dockview(engine, "ps -l --format '{{.Size}}'")[1].out == "12B (virtual 41kB)\n"
    assert json.loads(dockview(engine, "ps -l --format json")[1].out)["Size"] == "N/A"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("-f name=^/?(web|db)$", ["web", "db"]),
        ("-f name=e", ["web"]),
        ("-f ancestor=web -f ancestor=db", ["web", "db"]),
        ("-f publish=8080", ["web"]),
        ("-f publish=3000-4000/tcp", ["db"]),
        ("-f publish=80", []),
        ("-f label=a -f label=b=2", ["db"]),
        ("-f health=healthy", ["web"]),
        ("-f health=none", ["db", "loop"]),
        ("-f network=bridge -f status=running", ["web", "db", "loop"]),
        ("-a -f exited=137", ["crashed"]),
        ("-a -f before=web", ["db", "loop", "hello", "crashed"]),
        ("-a -f since=loop", ["web", "db"]),
        ("-f volume=db-data", ["db"]),
    ],
)
def test_ps__docker_filters(engine: ScriptedEngine, options: str, names: list[str]) -> None:
    web, db, *rest = engine.list
    engine.list = [
        replace(web, health="healthy", labels={"a": "1"}),
        replace(db, labels={"a": "1", "b": "2"}, mounts=("db-data",)), *rest,
    ]  # fmt: skip
    engine.list = [replace(c, created_ns=c.created_ns - at * MINUTE) for at, c in enumerate(engine.list)]
    assert dockview(engine, f"ps {options} --format '{{{{.Names}}}}'")[1].out.split() == names


@pytest.mark.parametrize(
    "line",
    [
        "ps -f status=nonsense", "ps -f exited=x", "ps -f publish=many", "ps -f health=bad", "ps -f name=(",
        "images -f dangling=perhaps", "network ls -f type=x", "volume ls -f until=1h",
    ],
)  # fmt: skip
def test_filters__values_that_docker_has_not(engine: ScriptedEngine, line: str) -> None:
    with pytest.raises(InvalidRequest):
        dockview(engine, line)


@pytest.mark.parametrize("line", ["ps -f before=nobody", "images -f since=nobody"])
def test_filters__of_what_is_not_there(engine: ScriptedEngine, line: str) -> None:
    with pytest.raises(NotFound):
        dockview(engine, line)


def test_images__filters_and_rows(engine: ScriptedEngine) -> None:
    engine.image_list = [
        replace(make_image(seed, tag, 1, 0), created_ns=NOW_NS - seed * HOUR, labels=labels)
        for seed, tag, labels in ((1, "a/web:1", {"x": "1"}), (2, "web:2", {}), (3, "", {}))
    ]

    def named(options: str) -> list[str]:
        return dockview(engine, f"images {options} --format '{{{{.Repository}}}}:{{{{.Tag}}}}'")[1].out.split()

    assert named("-f reference=web") == ["web:2"]
    assert named("-f reference=*/web:*") == ["a/web:1"]
    assert named("-f reference=*") == ["web:2"]
    engine.image_list[0] = replace(engine.image_list[0], tags=("a/web:1", "b/web:1"))
    assert named("-f reference=b/*") == ["b/web:1"]
    engine.image_list[0] = replace(engine.image_list[0], tags=("a/web:1",))
    assert named("-f before=a/web:1") == ["web:2", "<none>:<none>"]
    assert named("-f since=web:2") == ["a/web:1"]
    assert named("-f label=x=1 -f dangling=false") == ["a/web:1"]
    header, first, *_ = dockview(engine, "images --digests --no-trunc")[1].out.splitlines()
    assert header.split() == ["REPOSITORY", "TAG", "DIGEST", "IMAGE", "ID", "CREATED", "SIZE"]
    assert engine.image_list[0].id in first


def test_networks_and_volumes__filters(engine: ScriptedEngine) -> None:
    assert dockview(engine, "network ls -q -f type=custom")[1].out == ""
    assert dockview(engine, "network ls -f name=brid -f driver=bridge -f scope=local --format '{{.Name}}'")[1].out == (
        "bridge\n"
    )
    assert dockview(engine, "volume ls -q -f dangling=true")[1].out == "db-data\n"
    assert dockview(engine, "volume ls -q -f dangling=false")[1].out == ""


def test_rename_and_stop_signal(engine: ScriptedEngine) -> None:
    assert dockview(engine, "rename web front") == (0, ANY)
    assert engine.list[0].name == "front"
    with pytest.raises(NameInUse):
        dockview(engine, "container rename front db")


def test_inspect__array_template_and_what_is_not_there(engine: ScriptedEngine) -> None:
    assert json.loads(dockview(engine, "inspect web")[1].out)[0]["Name"] == "/web"
    assert dockview(engine, "inspect -f '{{.State.Pid}}' web")[1].out == "48214\n"
    assert dockview(engine, "inspect -f '{{.Config.Cmd}} {{.Config.Labels}} {{.Args}}' web")[1].out == (
        "[] map[com.example.team:blue] [/app/web.py]\n"
    )
    code, said = dockview(engine, "inspect web nowhere")
    assert code == 1
    assert len(json.loads(said.out)) == 1
    assert "no such container: nowhere" in said.err
    with pytest.raises(InvalidRequest):
        dockview(engine, "inspect --type plugin web")


def test_logs__streams_apart_timestamps_and_tail(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [
        LogRecord(NOW_NS, "stdout", "one"),
        LogRecord(NOW_NS + 5, "stderr", "two, a p", is_partial=True),
        LogRecord(NOW_NS + 6, "stderr", "art"),
    ]
    asked: list[dict[str, object]] = []

    def logs(_ref: str, **options: object) -> FakeStream[LogRecord]:
        asked.append(options)
        return FakeStream(records, is_endless=False)

    monkeypatch.setattr(engine, "logs", logs)

    _, said = dockview(engine, "logs -t --tail 5 --since 10m web")

    assert said.out == "2027-01-15T08:00:00.000000000Z one\n"
    assert said.err == "2027-01-15T08:00:00.000000005Z two, a part\n"
    assert asked == [{"follow": False, "tail": 5, "since_ns": NOW_NS - 10 * MINUTE, "until_ns": None}]


@pytest.mark.parametrize("options", ["--tail x", "--since soon"])
def test_logs__bad_values(engine: ScriptedEngine, options: str) -> None:
    with pytest.raises(InvalidRequest):
        dockview(engine, f"logs {options} web")


def test_logs__controls_reach_no_terminal(engine: ScriptedEngine) -> None:
    engine.log_lines["hello"] = ["a\x1b[2Jb"]

    assert dockview(engine, "logs hello", Captured(is_tty=True))[1].out == "ab\n"
    assert dockview(engine, "logs hello")[1].out == "a\x1b[2Jb\n"


def test_events(engine: ScriptedEngine) -> None:
    engine.past_events = [
        Event(NOW_NS, "container", "start", "abc", {"name": "web", "image": "web"}),
        Event(NOW_NS + 1, "container", "die", "abc", {"name": "web", "exitCode": "0"}),
        Event(NOW_NS + 2, "image", "pull", "web:latest", {"name": "web"}),
    ]

    lines = dockview(engine, "events --until 0s")[1].out.splitlines()
    assert lines[0].endswith("container start abc (image=web, name=web)")
    only = dockview(engine, "events -f type=container -f event=die -f container=web --format json")[1].out
    older = {"status": "die", "id": "abc", "from": ""}
    assert json.loads(only) == {**engine.past_events[1].to_docker(), **older}
    assert dockview(engine, "events -f image=web --format '{{.Action}}'")[1].out.split() == ["start", "pull"]


def test_stop_kill_rm_wait__print_what_they_did(engine: ScriptedEngine) -> None:
    assert dockview(engine, "stop web db")[1].out == "web\ndb\n"
    assert dockview(engine, "kill -s hup loop")[1].out == "loop\n"
    assert engine.signals == ["SIGHUP"]
    code, said = dockview(engine, "rm loop hello")
    assert (code, said.out) == (1, "hello\n")
    assert "stop it first" in said.err
    assert dockview(engine, "rm -f loop")[0] == 0
    engine.code = 4
    assert dockview(engine, "wait web")[1].out == "4\n"


def test_prune__shows_what_goes_and_why_and_asks(engine: ScriptedEngine, answer: int) -> None:
    code, said = dockview(engine, "container prune", Captured(in_fd=answer))

    assert code == 0
    assert "exited 3 minutes ago" in said.out
    assert "2 items, 8.19kB in all" in said.out
    assert "Are you sure you want to continue? [y/N] " in said.out
    assert said.out.endswith("Total reclaimed space: 8.19kB\n")
    assert len(engine.list) == 3


def test_prune__no_answer_is_no(engine: ScriptedEngine) -> None:
    code, said = dockview(engine, "system prune")

    assert code == 1
    assert said.err == "Nothing was removed.\n"
    assert len(engine.list) == 5


def test_prune__dry_run_only_shows(engine: ScriptedEngine) -> None:
    code, said = dockview(engine, "system prune --dry-run")

    assert code == 0
    assert "hello" in said.out
    assert "Are you sure" not in said.out
    assert len(engine.list) == 5


def test_prune__force_does_not_ask(engine: ScriptedEngine) -> None:
    code, said = dockview(engine, "image prune -f")

    assert code == 0
    assert "Deleted Images:" in said.out
    assert len(engine.image_list) == 4


def test_prune__named_volumes_and_tagged_images_only_with_all(
    engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], bool, dict[str, list[str]]]] = []

    def plan(kinds: list[str], *, all_images: bool, filters: dict[str, list[str]]) -> PrunePlan:
        asked.append((list(kinds), all_images, filters))
        return PrunePlan(tuple(kinds), ())

    monkeypatch.setattr(engine, "prune_plan", plan)
    for line in ("image prune", "image prune -a", "volume prune", "volume prune -a", "system prune -a --volumes"):
        dockview(engine, line)
    assert asked == [
        (["image"], False, {}),
        (["image"], True, {}),
        (["volume"], False, {}),
        (["volume"], False, {"all": ["true"]}),
        (["container", "network", "image", "volume"], True, {}),
    ]


def test_prune__filters_are_handed_on(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, list[str]]] = []

    def plan(kinds: list[str], *, all_images: bool, filters: dict[str, list[str]]) -> PrunePlan:
        asked.append(filters)
        return PrunePlan((), ())

    monkeypatch.setattr(engine, "prune_plan", plan)
    dockview(engine, "container prune --filter until=24h --filter label=a --filter label!=b=c --filter label=d")
    assert asked == [{"until": ["24h"], "label": ["a", "d"], "label!": ["b=c"]}]
    with pytest.raises(InvalidRequest):
        dockview(engine, "image prune --filter nonsense")


def test_prune__nothing_to_do(engine: ScriptedEngine) -> None:
    assert dockview(engine, "volume prune")[1].out.startswith("Nothing to remove")


def test_doctor__says_it_in_words_and_in_the_exit_code(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dockview(engine, "doctor")[0] == 0
    found = [Finding("nft", "missing", "no outbound traffic", "apt install nftables"), Finding("x", "limited", "y")]
    monkeypatch.setattr(engine, "doctor", lambda: found)

    code, said = dockview(engine, "doctor")

    assert code == 1
    assert "✗ missing" in said.out
    assert "→ apt install nftables" in said.out
    assert "~ limited" in said.out
    assert json.loads(dockview(engine, "doctor --format json")[1].out.splitlines()[0])["State"] == "missing"


def test_trace__table_with_facts_and_checks(engine: ScriptedEngine) -> None:
    code, said = dockview(engine, "trace web")

    assert code == 0
    assert "✓ resolve" in said.out
    assert "\n      $ " in said.out
    assert "━" in said.out


def test_trace__json_has_every_span(engine: ScriptedEngine) -> None:
    found = json.loads(dockview(engine, "trace --json web")[1].out)
    trace = engine.traces("web")[0]

    assert found["trace"]["id"] == trace.id
    assert [(span["phase"], span["part"]) for span in found["spans"]] == [(s.phase, s.part) for s in trace.spans]
    for span, known in zip(found["spans"], trace.spans, strict=True):
        assert span["evidence"] == [{"name": f.name, "value": f.value, "origin": f.origin} for f in known.facts]
        assert (span["start_ns"], span["end_ns"], span["status"]) == (known.start_ns, known.end_ns, known.status)
        assert span["check"] == known.check
        assert span["origin"] in ("measured", "reported", "inferred")


def test_trace__list_and_unknown(engine: ScriptedEngine) -> None:
    assert dockview(engine, "trace --list")[1].out.count("\n") == 6
    with pytest.raises(NotFound):
        dockview(engine, "trace nowhere")


def test_info_and_version(engine: ScriptedEngine) -> None:
    assert "Engine: embedded" in dockview(engine, "info")[1].out
    assert json.loads(dockview(engine, "version -f json")[1].out)["Server"]["Engine"] == "embedded"
    assert dockview(engine, "version -f '{{.Server.Engine}}'")[1].out == "embedded\n"
