"""`top`: the processes of a container, as ps(1) of the host shows them; without ps, docker's columns from /proc."""

from __future__ import annotations

import os
import pwd
import shlex
import time

from dockview.engine.embedded.house import House
from dockview.engine.embedded.query import is_running
from dockview.engine.errors import Conflict, InvalidRequest, NotSupported
from dockview.engine.model import ProcessTable
from dockview.engine.runtime.groups import group_of
from dockview.engine.runtime.state import read_state
from dockview.engine.state import containers

DEFAULT = "-ef"
_TITLES = ("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD")
_PS_S = 20


def top(house: House, ref: str, ps_options: str) -> ProcessTable:
    """The processes. Raises: NotFound, Conflict, InvalidRequest for options that ps refuses."""
    record = containers.find(house.database, ref)
    folder = house.layout.container(record.id)
    state = read_state(folder)
    if not is_running(house, record.id) or state is None or state.pid is None:
        raise Conflict(f"container {record.name} is not running", hint=f"start it: dockview start {record.name}")
    pids = processes(state.pid, group_of(folder).folders)
    options = shlex.split(ps_options or DEFAULT)
    table = _by_ps(options)
    if table is None:
        if options != [DEFAULT]:
            raise NotSupported("there is no ps on this machine: its options cannot be used", hint="install procps")
        return ProcessTable(_TITLES, tuple(row for pid in sorted(pids) if (row := _row(pid)) is not None))
    try:
        column = table.titles.index("PID")
    except ValueError:
        raise InvalidRequest("couldn't find PID field in ps output", hint="add pid to the columns") from None
    wanted = {str(pid) for pid in pids}
    return ProcessTable(table.titles, tuple(row for row in table.rows if row[column] in wanted))


def processes(init: int, groups: dict[str, str]) -> set[int]:
    """The host's pids of a container: the members of its control group and of its pid namespace."""
    found = {init}
    for folder in dict.fromkeys(groups.values()):
        try:
            with open(f"{folder}/cgroup.procs") as file:
                found |= {int(line) for line in file if line.strip() != "0"}
            break
        except OSError:
            continue
    try:
        wanted = os.readlink(f"/proc/{init}/ns/pid")
    except OSError:
        return found
    if wanted == os.readlink("/proc/self/ns/pid"):
        return found
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{name}/ns/pid") == wanted:
                found.add(int(name))
        except OSError:
            continue  # it has ended, or is somebody else's
    return found


def _by_ps(options: list[str]) -> ProcessTable | None:
    """What ps lists of all processes; None where there is no ps."""
    import subprocess  # noqa: PLC0415

    try:
        done = subprocess.run(
            ["ps", *options], capture_output=True, text=True, errors="replace", timeout=_PS_S, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (FileNotFoundError, PermissionError):
        return None
    if done.returncode:
        raise InvalidRequest(f"ps: {(done.stderr or done.stdout).strip().splitlines()[0]}", hint="see man ps")
    lines = done.stdout.splitlines()
    titles = tuple(lines[0].split()) if lines else ()
    rows = (tuple(line.split(None, len(titles) - 1)) for line in lines[1:])
    return ProcessTable(titles, tuple(row for row in rows if len(row) == len(titles)))


def _row(pid: int) -> tuple[str, ...] | None:
    """One line of `ps -ef`, from proc_pid_stat(5)."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            name, _, rest = file.read().partition("(")[2].rpartition(")")
        with open(f"/proc/{pid}/cmdline", "rb") as raw:
            command = raw.read().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
        owner = os.stat(f"/proc/{pid}").st_uid
        with open("/proc/stat") as file:
            booted = next(int(line.split()[1]) for line in file if line.startswith("btime "))
    except (OSError, StopIteration):
        return None
    fields = rest.split()
    ticks = os.sysconf("SC_CLK_TCK")
    used_s = (int(fields[11]) + int(fields[12])) // ticks
    began = booted + int(fields[19]) // ticks
    lived_s = max(1, int(time.time()) - began)
    shown = time.strftime("%H:%M" if time.time() - began < 86400 else "%b%d", time.localtime(began))
    clock = f"{used_s // 3600:02}:{used_s // 60 % 60:02}:{used_s % 60:02}"
    terminal = _terminal(int(fields[4]))
    busy = str(min(99, used_s * 100 // lived_s))
    return _user(owner), str(pid), fields[1], busy, shown, terminal, clock, command or f"[{name}]"


def _terminal(device: int) -> str:
    major, minor = os.major(device), os.minor(device)
    return f"pts/{minor}" if 136 <= major <= 143 else "?"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
