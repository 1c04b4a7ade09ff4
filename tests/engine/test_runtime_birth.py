"""The glass-box runtime by itself: what it builds, held against the kernel's own words."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockview.engine.errors import Cancelled, StartFailed
from dockview.engine.lifecycle import NAMESPACES, Record, Status
from dockview.engine.runtime.base import PYTHON, host_base
from dockview.engine.runtime.stop import wait
from tests.engine.runtime_box import Box, boxes, layer
from tests.support import outside
from tests.support.waiting import until

pytestmark = pytest.mark.root
Make = Callable[..., Box]


@pytest.fixture
def make() -> Iterator[Make]:
    with boxes() as maker:
        yield maker


def test_namespaces__each_fact_is_the_kernels(make: Make) -> None:
    box = make("sleep", "600")
    pid = box.start()
    for name in NAMESPACES:
        span = box.span("namespaces", name)
        assert span.fact("container") == outside.namespace(pid, name)
        assert span.fact("host") == outside.namespace("self", name)
        assert span.fact("is_new") == (name != "user")
        assert span.status is Status.OK
        assert subprocess.check_output(["sh", "-c", span.check], text=True).strip() == span.fact("container")


def test_phases__in_order(make: Make) -> None:
    box = make("true")
    box.start()
    wait(box.folder)
    labels = [span.label for span in box.trace().spans]
    assert labels == [
        "namespaces user", "namespaces mnt", "namespaces uts", "namespaces ipc", "namespaces net", "namespaces pid",
        "cgroup", "namespaces cgroup", "rootfs", "security", "start", "running", "exited",
    ]  # fmt: skip
    assert all(span.status is Status.OK for span in box.trace().spans)
    assert [event["Action"] for event in box.events()] == ["start", "die"]
    assert box.events()[1]["Actor"] == {"ID": box.id, "Attributes": {"name": "box", "exitCode": "0"}}


def test_exit__recorded(make: Make) -> None:
    box = make("sh", "-c", "echo out; echo err >&2; exit 5")
    box.start()
    assert wait(box.folder) == 5
    assert (box.state().status, box.state().exit_code, box.state().ended_by) == ("exited", 5, "itself")
    assert sorted(box.log()) == [("stderr", "err\n"), ("stdout", "out\n")]
    assert box.span("exited").fact("exit code") == 5
    assert "first output after" in {fact.name for fact in box.span("running").facts}


def test_start__facts(make: Make) -> None:
    box = make("sleep", "600")
    pid = box.start()
    span = box.span("start")
    assert span.fact("pid") == pid
    assert span.fact("pid inside") == 1
    assert span.fact("argv") == "sleep 600"
    assert span.fact("executable") == os.readlink(f"/proc/{pid}/exe")


def test_rootfs__not_seen_on_the_host(make: Make) -> None:
    box = make("sleep", "600")
    pid = box.start()
    assert box.folder not in Path("/proc/self/mountinfo").read_text()
    lines = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    span = box.span("rootfs")
    assert span.fact("mounts") == len(lines)
    assert f"upperdir={span.fact('upperdir')}" in lines[0]
    assert f"workdir={span.fact('workdir')}" in lines[0]
    assert (span.fact("lowerdirs"), span.fact("root")) == (1, "overlay")
    assert span.fact("masked paths") == sum(
        (" /proc/" in line and (" /null " in line or " tmpfs " in line)) or " /sys/firmware " in line for line in lines
    )


def test_rootfs__hostile_links_stay_inside(make: Make, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    root = str(tmp_path / "root")
    os.mkdir(root)
    layer(f"{root}/layer")
    os.symlink(f"/../../../../..{victim}", f"{root}/layer/dev")
    os.symlink(f"{victim}/sys", f"{root}/layer/sys")
    box = make("ls", "/dev/null", f"{victim}/null", f"{victim}/sys/kernel/mm", root=root)  # as they are inside
    box.start()
    assert wait(box.folder) == 0
    assert os.listdir(victim) == []


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("nosuch", 127, "executable file not found in $PATH"),
        ("/nosuch", 127, "no such file or directory"),
        ("/bin/lost", 127, "no such file or directory"),
        ("/etc/plain", 126, "permission denied"),
        ("/etc", 126, "is a directory"),
        ("/bin/foreign", 126, "exec format error"),
    ],
)
def test_start__command_that_cannot_be_executed(make: Make, command: str, code: int, message: str) -> None:
    box = make(command)
    with pytest.raises(StartFailed, match=message.replace("$", r"\$")) as caught:
        box.start()
    assert caught.value.exit_code == code
    assert box.span("start").status is Status.FAILED
    assert box.span("security").status is Status.OK
    assert not os.path.exists(f"{box.folder}/state.json")


def test_user__looked_up_inside(make: Make) -> None:
    box = make("sh", "-c", "id; pwd; echo $HOME", user="www", workdir="/made/here")
    box.start()
    wait(box.folder)
    assert box.stdout() == "uid=33(www) gid=34(web) groups=35(extra)\n/made/here\n/home/www\n"
    assert box.span("security").fact("uid") == 33


def test_user__unknown(make: Make) -> None:
    with pytest.raises(StartFailed, match="unable to find user ghost") as caught:
        make("true", user="ghost").start()
    assert caught.value.exit_code == 126


def test_security__facts_are_the_kernels(make: Make) -> None:
    box = make("sleep", "600", cap_drop=("ALL",), cap_add=("net_admin", "CHOWN"))
    pid = box.start()
    status = outside.status(pid)
    span = box.span("security")
    assert span.fact("capabilities") == f"2 of 41 ({status['CapEff']})"
    assert status["CapEff"] == status["CapBnd"] == f"{1 << 12 | 1:016x}"
    assert status["Seccomp"] == "2"
    assert str(span.fact("seccomp")).startswith("filter, ")
    assert span.fact("no_new_privs") is False


@pytest.mark.parametrize(
    "command", ["mount -t tmpfs x /etc", "unshare -m true", "hostname other", "dd if=/dev/kmsg count=0"]
)
def test_security__refused(make: Make, command: str) -> None:
    box = make("sh", "-c", f"{command} || exit 9")
    box.start()
    assert wait(box.folder) == 9


def test_devices__made_by_mknod_do_not_work(make: Make) -> None:
    box = make("sh", "-c", "for d in / /dev /dev/shm; do mknod $d/kmem c 1 3 && echo > $d/kmem; done; echo > /dev/null")
    box.start()
    assert wait(box.folder) == 0
    assert [text for stream, text in box.log() if "ermission denied" in text and stream == "stderr"] != []
    assert not any("null" in text for _stream, text in box.log())


def test_cgroup__limits_read_back(make: Make) -> None:
    box = make("sleep", "600", memory_bytes=64 << 20, nano_cpus=500_000_000, pids_limit=50)
    pid = box.start()
    span = box.span("cgroup")
    assert span.fact("memory.max") == 64 << 20
    assert span.fact("cpu.max") == "50000 100000"
    assert span.fact("pids.max") == 50
    assert all(path.endswith(box.id) for kind, path in outside.cgroups(pid).items() if kind in ("memory", "pids"))
    assert "memory" in str(span.fact("joined"))
    folder = str(span.fact("path pids") or span.fact("path"))
    assert Path(f"{folder}/pids.max").read_text().strip() == "50"


def test_exit__out_of_memory(make: Make) -> None:
    box = make("sh", "-c", "x=$(cat /dev/zero | tr '\\0' x)", memory_bytes=8 << 20)
    box.start()
    assert wait(box.folder) == 137
    assert box.state().oom_killed is True
    assert box.state().ended_by == "the kernel: out of memory"
    assert [event["Action"] for event in box.events()] == ["start", "oom", "die"]


def test_read_only(make: Make) -> None:
    box = make("sh", "-c", "touch /x; touch /dev/shm/y && echo writable", read_only=True)
    box.start()
    wait(box.folder)
    assert box.stdout() == "writable\n"
    assert ("stderr", "touch: /x: Read-only file system\n") in box.log()


def test_many_layers__more_than_a_page_of_names(make: Make, tmp_path: Path) -> None:
    layers = []
    for number in range(120):
        folder = tmp_path / ("d" * 60) / f"{number:064x}" / "diff"
        folder.mkdir(parents=True)
        (folder / f"f{number}").write_text("x")
        layers.append(str(folder))
    root = str(tmp_path / "root")
    os.mkdir(root)
    bottom = layer(f"{root}/layer")
    box = make("sh", "-c", "ls / | grep -c ^f", root=root, settings={"lower_dirs": (*layers, bottom)})
    box.start()
    wait(box.folder)
    assert box.stdout() == "120\n"
    assert box.span("rootfs").fact("lowerdirs") == 121


def test_hub_base__the_hosts_python_read_only(make: Make) -> None:
    code = "import os, json; print(json.dumps('x')); open('/usr/x', 'w')"
    box = make(
        f"{PYTHON}/bin/python3", "-c", code, settings={"base_mounts": tuple(host_base())},
        env=(f"LD_LIBRARY_PATH={PYTHON}/lib",),
    )  # fmt: skip
    box.start()
    assert wait(box.folder) == 1
    assert box.stdout() == '"x"\n'
    assert any("Read-only file system" in text for _stream, text in box.log())
    assert not os.path.exists("/usr/x")


def test_proxy__gets_the_listeners_and_ends_with_the_container(make: Make, tmp_path: Path) -> None:
    program = tmp_path / "proxy.py"
    program.write_text(
        "import os, socket, sys\n"
        "fd, netns, userns, out = sys.argv[1:]\n"
        "port = socket.socket(fileno=int(fd)).getsockname()[1]\n"
        "open(out + '.new', 'w').write(f'{port} {os.readlink(f\"/proc/self/fd/{netns}\")} {userns}')\n"
        "os.rename(out + '.new', out)\n"
        "sys.stdin.read()\n"
        "open(out, 'a').write(' end')\n"
    )
    box = make("sleep", "600")
    born = box.build()
    out = str(tmp_path / "out")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        argv = [sys.executable, "-I", "-S", str(program), "{fds}", "{netns}", "{userns}", out]
        pid = box.launch.go([listener], argv)
    until(lambda: os.path.exists(out), "the proxy to report")
    assert Path(out).read_text() == f"{port} {outside.namespace(pid, 'net')} -1"
    os.kill(pid, 9)
    wait(box.folder)
    until(lambda: Path(out).read_text().endswith(" end"), "the proxy to end")
    assert born.pid == pid


def test_on_exit__is_the_last_act(make: Make, tmp_path: Path) -> None:
    program = tmp_path / "last"
    program.write_text('#!/bin/sh\ncat "$1/state.json" > "$2.new"; mv "$2.new" "$2"\n')
    program.chmod(0o755)
    out = str(tmp_path / "out")
    folder = f"{tmp_path}/c"
    box = make("sh", "-c", "exit 3", root=str(tmp_path), settings={"on_exit": (str(program), folder, out)})
    box.start()
    until(lambda: os.path.exists(out), "the last act")
    assert json.loads(Path(out).read_text())["exit_code"] == 3
    assert box.span("exited").fact("container still exists") is False


def test_restart__same_bundle_again(make: Make) -> None:
    box = make("sh", "-c", "echo again >> /n; wc -l < /n")
    box.start()
    wait(box.folder)
    box.start()
    wait(box.folder)
    assert box.stdout() == "1\n2\n"


def test_abort__between_build_and_go(make: Make) -> None:
    box = make("true")
    born = box.build()
    box.launch.abort()
    assert not outside.exists(born.pid)
    assert not os.path.exists(f"{box.folder}/attach.sock")
    box.launch.abort()


@pytest.mark.parametrize("label", [*(f"namespaces.{n}" for n in NAMESPACES), "cgroup", "rootfs"])
def test_cancel__in_each_phase(make: Make, label: str) -> None:
    box = make("true")

    def strike(record: Record) -> None:
        if record["t"] == "start" and record["span"] == f"c.{label}":
            box.cancel.cancel()

    box.on_record = strike
    with pytest.raises(Cancelled):
        box.start()
    box.launch.abort()
    assert not os.path.exists(f"{box.folder}/state.json")


def test_engine_killed_before_go__takes_everything_along(tmp_path: Path) -> None:
    code = (
        "import sys, os; sys.path.insert(0, sys.argv[1])\n"
        "from tests.engine.runtime_box import Box\n"
        "born = Box(sys.argv[2], ('true',), {}).build()\n"
        "print(born.pid, born.shim_pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    done = subprocess.run(
        [sys.executable, "-c", code, here, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -9, done.stderr
    pids = [int(pid) for pid in done.stdout.split()]
    until(lambda: not any(map(outside.exists, pids)), "the shim to see the engine's death")
    shutil.rmtree(tmp_path / "c")


def test_shim_killed__its_container_dies_and_nobody_knows_the_code(make: Make) -> None:
    box = make("sleep", "600")
    pid = box.start()
    os.kill(box.shim_pid, 9)
    until(lambda: not outside.exists(pid), "the container to die with its shim")
    assert (box.state().status, box.state().exit_code) == ("dead", None)
    assert wait(box.folder) is None


def test_host_network__shared(make: Make) -> None:
    box = make("true")
    spec = box.spec
    spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "network"]
    Path(f"{box.folder}/config.json").write_text(json.dumps(spec))
    born = box.build()
    assert born.netlink is None
    assert box.span("namespaces", "net").fact("is_new") is False
    assert outside.namespace(born.pid, "net") == outside.namespace("self", "net")
