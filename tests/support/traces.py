"""Traces written by hand, for tests of what draws them: each function returns the records of one operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dockview.engine.lifecycle import Record, Trace, TraceBuilder

CLOCK = 1_000_000_000_000
"""The monotonic clock when each of these traces begins."""


class Script:
    """Writes records; times are milliseconds since the trace began."""

    def __init__(self, verb: str = "run", line: str = "docker run -d -p 8080:80 --name web web") -> None:
        self.records: list[dict[str, Any]] = [
            {"t": "trace", "id": f"t-{verb}", "verb": verb, "target": "web", "line": line, "engine": "embedded",
             "wall_ns": 1_700_000_000_000_000_000, "clock_ns": CLOCK, "boot": "b", "pid": 1, "pid_start": 1}
        ]  # fmt: skip
        self._count = 0

    def span(
        self, phase: str, start: float, end: float | None, part: str = "", *, status: str = "ok", why: str = "",
        check: str = "", undo: bool = False, facts: Mapping[str, Any] | None = None, **more: Any,
    ) -> str:  # fmt: skip
        self._count += 1
        span = f"e{self._count}"
        self.records.append(
            {"t": "start", "span": span, "phase": phase, "part": part, "clock_ns": self._at(start), "check": check,
             "undo": undo}
        )  # fmt: skip
        for name, told in {**(facts or {}), **more}.items():
            value, origin = told if isinstance(told, tuple) else (told, "measured")
            self.records.append({"t": "fact", "span": span, "name": name, "value": value, "origin": origin})
        if end is not None:
            self.end(span, end, status, why)
        return span

    def end(self, span: str, at: float, status: str = "ok", why: str = "") -> None:
        self.records.append({"t": "end", "span": span, "clock_ns": self._at(at), "status": status, "why": why})

    def progress(self, span: str, at: float, current: int, total: int | None, stage: str) -> None:
        self.records.append(
            {"t": "progress", "span": span, "at": self._at(at), "current": current, "total": total, "unit": "B",
             "stage": stage}
        )  # fmt: skip

    def done(self, at: float, status: str = "ok", why: str = "") -> list[Record]:
        self.records.append({"t": "done", "clock_ns": self._at(at), "status": status, "why": why})
        return list(self.records)

    @staticmethod
    def _at(ms: float) -> int:
        return CLOCK + int(ms * 1_000_000)


def build(records: Sequence[Record]) -> Trace:
    builder = TraceBuilder()
    for record in records:
        builder.apply(record)
    assert builder.trace is not None
    return builder.trace


def until(records: Sequence[Record], ms: float | None) -> list[Record]:
    """The records up to a moment, in the order of their times."""
    if ms is None:
        return list(records)
    kept: list[Record] = []
    clock: dict[Any, int] = {}
    for record in records:
        at: int = record.get("clock_ns", record.get("at", clock.get(record.get("span", ""), CLOCK)))
        if "span" in record:
            clock[record["span"]] = clock.get(record["span"], at)
        if at <= CLOCK + ms * 1_000_000:
            kept.append(record)
    return kept


def _begin(script: Script, decision: str) -> None:
    script.span("parse", 0.0, 0.3, request="POST /containers/create", body='{"Image": "web", "HostConfig": {}}')
    script.span("connect", 0.3, 0.4, engine="embedded: in this process, no daemon", store="/var/lib/dockview")
    script.span(
        "resolve", 0.4, 2.3, repository="web", tag="latest",
        facts={"docker.io": "unreachable (no route to host)", "hub.localhost": "answers", "registry": "hub.localhost"},
    )  # fmt: skip
    script.span("cache", 2.3, 2.5, check="dockview images web", decision=decision)


def _pull(script: Script) -> None:
    script.span(
        "auth",
        2.5,
        4.0,
        realm=("http://127.0.0.1:40123/token", "reported"),
        scope="repository:web:pull",
        answer="200 OK",
    )
    script.span("manifest", 4.0, 7.1, layers=2, size=41_100, platform="linux/amd64",
                facts={"manifest digest": "sha256:9c1f" + "a" * 60})  # fmt: skip
    one = script.span("layer", 7.1, None, "1/2", digest="sha256:11aa" + "b" * 60, computed="yes", speed="12.4 MB/s")
    two = script.span("layer", 7.3, None, "2/2", digest="sha256:22bb" + "c" * 60, computed="yes")
    script.progress(one, 8.9, 19_000, 38_000, "download")
    script.progress(two, 8.0, 3_100, 3_100, "verify")
    script.end(two, 11.7)
    script.progress(one, 11.0, 38_000, 38_000, "unpack")
    script.end(one, 13.1)
    script.span("store", 13.1, 13.9, reference="web:latest", facts={"image ID": "sha256:3f2a" + "d" * 60})


def _born(script: Script, *, at: float = 14.0) -> None:
    script.span("create", at, at + 2.1, name="web", ID="3f2a9b0c1d2e" + "0" * 52, check="dockview inspect web")
    script.span("layer(rw)", at + 2.1, at + 3.0, lowerdirs=2, upperdir="/var/lib/dockview/containers/3f2a/upper")
    new = {"mnt": 1, "uts": 2, "ipc": 3, "net": 5, "pid": 4, "cgroup": 6}
    for number, part in enumerate(("user", "mnt", "uts", "ipc", "net", "pid", "cgroup")):
        host = 4026531834 + number
        is_new = part in new
        container = 4026532180 + new[part] if is_new else host
        script.span(
            "namespaces", at + 3.0 + number * 0.2, at + 3.2 + number * 0.2, part,
            check=f"readlink /proc/48213/ns/{part}", container=f"{part}:[{container}]",
            host=f"{part}:[{host}]", is_new=is_new,
        )  # fmt: skip
    script.span(
        "cgroup",
        at + 4.4,
        at + 4.8,
        check="cat /proc/48213/cgroup",
        path="/dockview/3f2a9b0c1d2e",
        facts={"memory.max": "max", "pids.max": "max"},
    )
    script.span("rootfs", at + 4.8, at + 7.0, check="findmnt -N 48213", root="overlay", mounts=9, lowerdirs=2)


def _wired(script: Script, at: float = 21.0) -> None:
    script.span(
        "network", at, at + 5.8, check="nsenter -t 48213 -n ip address",
        bridge="dv0", veth="veth3f2a", interface="eth0", address="172.30.0.2/16", gateway="172.30.0.1",
        outbound=("masqueraded by nft", "inferred"),
    )  # fmt: skip


def _alive(script: Script, at: float = 27.0) -> str:
    script.span(
        "ports",
        at,
        at + 0.6,
        check="curl -I localhost:8080",
        facts={"0.0.0.0:8080": "172.30.0.2:80/tcp", "listener 0.0.0.0:8080": "socket:[81422]"},
    )
    script.span(
        "security",
        at + 0.6,
        at + 0.9,
        capabilities="14 of 41 (00000000a80425fb)",
        seccomp="filter, 48 syscalls denied",
        uid=0,
    )
    script.span(
        "start",
        at + 0.9,
        at + 9.6,
        check="ps -o pid,args -p 48213",
        pid=48213,
        facts={"pid inside": 1},
        argv="python3 /app/web.py",
    )
    return script.span("running", at + 9.6, None, check="dockview logs web", pid=48213)


def miss() -> list[Record]:
    """A first run: everything is done, the container runs."""
    script = Script()
    _begin(script, "miss")
    _pull(script)
    _born(script)
    _wired(script)
    _alive(script)
    return script.done(36.8)


def hit() -> list[Record]:
    """A second run: the image is here."""
    script = Script()
    _begin(script, "hit")
    _born(script, at=3.0)
    _wired(script, 10.0)
    _alive(script, 16.0)
    return script.done(25.7)


def exited() -> list[Record]:
    """A run whose process has ended with code 0."""
    script = Script(line="docker run web true")
    _begin(script, "hit")
    _born(script, at=3.0)
    _wired(script, 10.0)
    running = _alive(script, 16.0)
    script.end(running, 90.0)
    script.span("exited", 90.0, 90.4, facts={"exit code": 0, "ended by": "the program itself"})
    return script.done(90.6)


def failed() -> list[Record]:
    """A run that fails at the port, and what is taken back."""
    script = Script()
    _begin(script, "hit")
    _born(script, at=3.0)
    _wired(script, 10.0)
    why = "port 0.0.0.0:8080/tcp is taken by nginx (pid 812); \x1b[2Jchoose another one, such as -p 8081:80"
    script.span("ports", 16.0, 16.4, status="failed", why=why)
    script.span("network", 16.5, 17.5, undo=True)
    script.span("namespaces", 17.5, 18.5, "pid", undo=True)
    script.span("create", 18.5, 19.0, undo=True)
    return script.done(19.1, "failed", why)


def stop() -> list[Record]:
    """A stop that had to wait."""
    script = Script("stop", "docker stop web")
    script.span("stop", 0.0, 312.0, signal="SIGTERM", grace="10 s", facts={"exit code": 143}, check="dockview ps -a")
    return script.done(312.4)
