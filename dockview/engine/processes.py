"""Processes named for good: a pid is used again, a pid with its start time never is."""

from __future__ import annotations


def boot_id() -> str:
    """The kernel's random ID of this boot, empty where there is none (proc(5), /proc/sys/kernel/random)."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return ""


def process_start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot, None when there is no such process (proc_pid_stat(5)).

    A pid together with its start time names a process for good; a pid alone is used again.
    """
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def is_alive(pid: int, start_ticks: int) -> bool:
    """Whether the very process that had this pid and start time still runs (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return False
    return int(fields[19]) == start_ticks and fields[0] not in "ZX"
