"""The store: unique by constraint, shared by processes, true after a crash."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockview.engine.errors import Conflict, NameInUse, NotFound, Unavailable
from dockview.engine.lifecycle import Phase, Record, Status
from dockview.engine.model import Healthcheck, Mount, PortMapping, RestartPolicy, RunRequest, Ulimit
from dockview.engine.processes import is_alive, process_start_ticks
from dockview.engine.state import containers, recovery
from dockview.engine.state.database import Database
from dockview.engine.state.journal import Journal
from dockview.engine.state.layout import Layout
from dockview.engine.state.traces import Traces
from dockview.engine.state.watch import Watch

REQUEST = RunRequest(
    image="web", line="docker run web", ports=(PortMapping(80, host_port=8080),), env=("A=b",), labels={"a": "b"},
    mounts=(Mount(type="bind", source="/a", target="/b"),), ulimits=(Ulimit("nofile", 10, 20),),
    restart=RestartPolicy(name="on-failure", max_retries=3), health=Healthcheck(test=("CMD", "true"), retries=2),
)  # fmt: skip

DYING = (
    "import os, sys; from dockview.engine.state.layout import Layout;"
    "from dockview.engine.state.database import Database; from dockview.engine.state.traces import Traces;"
    "from dockview.engine.lifecycle import Phase; layout = Layout(sys.argv[1]);"
    "recorder = Traces(layout, Database(layout.database)).record('run', 'web', line='docker run web');"
    "trace = recorder.__enter__(); phase = trace.phase(Phase.PARSE); phase.__enter__(); os.kill(os.getpid(), 9)"
)
"""A program that is killed in the middle of a phase."""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(str(tmp_path / "store"))
    layout.make()
    return layout


@pytest.fixture
def database(layout: Layout) -> Iterator[Database]:
    database = Database(layout.database)
    database.execute("INSERT INTO images VALUES ('sha256:1', 'sha256:2', 't', '{}', '[]', 0, 0, 0)")
    yield database
    database.close()


def insert(database: Database, number: int, name: str) -> str:
    container_id = f"{number:064x}"
    containers.insert(database, id=container_id, name=name, image_id="sha256:1", request=REQUEST)
    return container_id


def test_a_request_comes_back_as_it_was(database: Database) -> None:
    insert(database, 1, "web")
    assert containers.find(database, "web").request == REQUEST


def test_a_name_is_taken_once(database: Database) -> None:
    first = insert(database, 1, "web")
    with pytest.raises(NameInUse, match=f'"web" is already in use by container "{first[:12]}"'):
        insert(database, 2, "web")


def test_find_by_the_beginning_of_an_id(database: Database) -> None:
    insert(database, 0xA1 << 248, "one")
    insert(database, 0xA2 << 248, "two")
    assert containers.find(database, "a1").name == "one"
    with pytest.raises(Conflict, match="beginning of 2"):
        containers.find(database, "a")
    with pytest.raises(NotFound):
        containers.find(database, "b")


def test_an_image_of_a_container_cannot_be_deleted(database: Database) -> None:
    insert(database, 1, "web")
    with pytest.raises(sqlite3.IntegrityError):
        database.execute("DELETE FROM images")


def test_a_store_of_another_version_is_named_so(database: Database) -> None:
    database.execute("ALTER TABLE addresses DROP COLUMN aliases")

    with pytest.raises(Unavailable, match="another version of dockview"):
        database.query("SELECT aliases FROM addresses")


def test_only_one_process_removes(database: Database) -> None:
    container_id = insert(database, 1, "web")
    assert containers.claim_removal(database, container_id)
    assert not containers.claim_removal(database, container_id)


def test_a_dead_owner_is_seen_though_its_pid_may_live(database: Database) -> None:
    container_id = insert(database, 1, "web")
    assert containers.find(database, "web").is_owned
    database.execute("UPDATE containers SET owner_start = owner_start - 1 WHERE id = ?", container_id)
    assert not containers.find(database, "web").is_owned
    assert is_alive(os.getpid(), process_start_ticks(os.getpid()) or 0)


@pytest.mark.parametrize("is_running", [False, True])
def test_sweep_takes_over_the_living_and_clears_the_rest(layout: Layout, database: Database, is_running: bool) -> None:
    mine, crashed = insert(database, 1, "mine"), insert(database, 2, "crashed")
    database.execute("UPDATE containers SET owner_start = 0 WHERE id = ?", crashed)
    orphan = "f" * 64
    for container_id in (mine, crashed, orphan):
        os.mkdir(layout.container(container_id))
    discarded: list[str] = []
    recovery.sweep(layout, database, is_running=lambda _id: is_running, discard=discarded.append)
    assert discarded == ([orphan] if is_running else [crashed, orphan])
    assert containers.find(database, "mine").is_building
    assert containers.find(database, "crashed").is_building is not is_running


def test_half_files_of_the_living_stay(layout: Layout) -> None:
    pid = os.getpid()
    removed: list[str] = []
    for name in (f"{pid}.{process_start_ticks(pid)}.layer", f"{pid}.1.layer", "notes"):
        Path(layout.tmp, name).mkdir()
    Path(layout.tmp, f"{pid}.1.blob").touch()
    recovery.sweep_half_files(layout.tmp, removed.append)
    assert removed == [f"{layout.tmp}/{pid}.1.layer"]
    assert not Path(layout.tmp, f"{pid}.1.blob").exists()


def test_events_are_followed_across_processes_and_replaced_files(layout: Layout) -> None:
    journal = Journal(layout.events)
    journal.append("container", "create", "1", {"name": "past"})
    stream = journal.follow(since_ns=0)
    assert next(stream).attributes == {"name": "past"}
    code = (
        "import sys; from dockview.engine.state.journal import Journal;"
        "Journal(sys.argv[1]).append('container', 'die', '1', {})"
    )
    subprocess.run([sys.executable, "-c", code, layout.events], check=True)
    assert next(stream).action == "die"
    os.replace(layout.events, layout.events + ".old")
    journal.append("container", "destroy", "1", {})
    assert next(stream).action == "destroy"
    closer = threading.Thread(target=stream.close)
    closer.start()
    assert next(stream, None) is None
    closer.join()


def test_events_until_a_time_in_the_past_end(layout: Layout) -> None:
    journal = Journal(layout.events)
    journal.append("container", "create", "1", {})
    first = next(journal.read())
    journal.append("container", "start", "1", {})
    assert [e.action for e in journal.follow(since_ns=0, until_ns=first.time_ns)] == ["create"]


def test_a_line_cut_by_a_power_failure_is_passed_over(layout: Layout) -> None:
    journal = Journal(layout.events)
    Path(layout.events).write_bytes(b'{"Type":"container","Act\n')
    journal.append("container", "start", "1", {})
    assert [e.action for e in journal.read()] == ["start"]


def test_traces_are_followed_and_found_by_container(layout: Layout, database: Database) -> None:
    traces = Traces(layout, database)
    stream = traces.follow()
    seen: list[Record] = []
    with traces.record("run", "web", line="docker run web", on_record=seen.append) as trace:
        with trace.phase(Phase.PARSE):
            pass
        trace.subject(container="c" * 64, name="web")
    followed = [next(stream) for _ in seen]
    stream.close()
    assert followed == [(trace.id, json.loads(json.dumps(record))) for record in seen]
    for ref in ("web", "c" * 12, trace.id, ""):
        assert [t.id for t in traces.find(ref, limit=5)] == [trace.id]
    assert traces.find("d", limit=5) == []


def test_a_verb_whose_process_died_is_lost(layout: Layout, database: Database) -> None:
    died = subprocess.run([sys.executable, "-c", DYING, layout.root], check=False)
    assert died.returncode == -9
    (trace,) = Traces(layout, database).find("", limit=5)
    assert trace.status is Status.LOST
    assert [s.status for s in trace.spans] == [Status.LOST]


def test_those_who_follow_are_told_of_a_lost_verb(layout: Layout, database: Database) -> None:
    traces = Traces(layout, database)
    stream = traces.follow()
    subprocess.run([sys.executable, "-c", DYING, layout.root], check=False)
    records = [next(stream)[1] for _ in range(4)]
    stream.close()
    assert [(r["t"], r.get("status")) for r in records[2:]] == [("end", "lost"), ("done", "lost")]


def test_old_traces_go_but_not_those_of_containers(
    layout: Layout, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dockview.engine.state.traces._KEPT", 2)
    traces = Traces(layout, database)
    container_id = insert(database, 1, "web")
    for number in range(4):
        with traces.record("run", str(number), line="") as trace:
            if number == 0:
                trace.subject(container=container_id, name="web")
    traces.trim()
    assert [t.target for t in traces.find("", limit=9)] == ["3", "2", "0"]
    assert len(os.listdir(layout.traces)) == 3


def test_a_watch_names_what_changed_and_can_be_closed_twice(tmp_path: Path) -> None:
    watch = Watch(str(tmp_path))
    (tmp_path / "a").write_text("x")
    assert watch.wait() == {"a"}
    assert watch.wait(0) == set()
    watch.close()
    watch.close()
    assert watch.wait() is None
