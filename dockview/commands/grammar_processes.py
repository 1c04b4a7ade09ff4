"""The part of the grammar that is about the processes of running containers and their limits."""

from __future__ import annotations

from dockview.commands.flags import Flag, many, missing, switch, value
from dockview.commands.limit_values import cpuset, memory_swap, restart_policy, shares
from dockview.commands.values import environment_entry, integer, memory, nano_cpus

RUN_LIMIT_FLAGS: tuple[Flag, ...] = (
    value("cpu-shares", "c", "int", "CPU shares (relative weight)", convert=shares),
    value("cpuset-cpus", "", "string", "CPUs in which to allow execution (0-3, 0,1)", convert=cpuset),
    value("memory-swap", "", "bytes", "Swap limit equal to memory plus swap: '-1' to enable unlimited swap",
          convert=memory_swap),
)  # fmt: skip

UPDATE_FLAGS: tuple[Flag, ...] = (
    *RUN_LIMIT_FLAGS,
    value("cpus", "", "decimal", "Number of CPUs", convert=nano_cpus),
    value("memory", "m", "bytes", "Memory limit", convert=memory),
    value("pids-limit", "", "int", "Tune container pids limit (set -1 for unlimited)", convert=integer),
    value("restart", "", "string", "Restart policy to apply when a container exits", convert=restart_policy),
    *missing("blkio-weight=", "cpu-period=", "cpu-quota=", "cpu-rt-period=", "cpu-rt-runtime=", "cpuset-mems=",
             "memory-reservation="),
)  # fmt: skip

EXEC_FLAGS: tuple[Flag, ...] = (
    switch("detach", "d", "Detached mode: run command in the background"),
    value("detach-keys", "", "string", "Override the key sequence for detaching a container"),
    many("env", "e", "list", "Set environment variables", convert=environment_entry),
    many("env-file", "", "list", "Read in a file of environment variables"),
    switch("interactive", "i", "Keep STDIN open even if not attached"),
    switch("privileged", "", "Give extended privileges to the command"),
    switch("tty", "t", "Allocate a pseudo-TTY"),
    value("user", "u", "string", "Username or UID (format: <name|uid>[:<group|gid>])"),
    value("workdir", "w", "string", "Working directory inside the container"),
)

STATS_FLAGS: tuple[Flag, ...] = (
    switch("all", "a", "Show all containers (default shows just running)"),
    value("format", "", "string", "Format output: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE"),
    switch("no-stream", "", "Disable streaming stats and only pull the first result"),
    switch("no-trunc", "", "Do not truncate output"),
)
