"""The flags of `run` and `create`, and docker's that this version has not."""

from __future__ import annotations

from dockview.commands.flags import Flag, many, missing, switch, value
from dockview.commands.grammar_files import RUN_MOUNT_FLAGS
from dockview.commands.grammar_life import LIFE_FLAGS
from dockview.commands.grammar_networks import RUN_NETWORK_FLAGS
from dockview.commands.grammar_processes import RUN_LIMIT_FLAGS
from dockview.commands.values import (
    environment_entry,
    integer,
    label,
    memory,
    nano_cpus,
    pids_limit,
    ports,
    pull_policy,
    signal_name,
)

_MISSING = missing(
    "annotation=", "a/attach=", "blkio-weight=", "blkio-weight-device=", "cgroup-parent=", "cgroupns=",
    "cpu-count=", "cpu-percent=", "cpu-period=", "cpu-quota=", "cpu-rt-period=", "cpu-rt-runtime=",
    "cpuset-mems=", "device-cgroup-rule=", "device-read-bps=",
    "device-read-iops=", "device-write-bps=", "device-write-iops=", "disable-content-trust", "dns-option=",
    "domainname=", "expose=", "gpus=",
    "health-start-interval=",
    "io-maxbandwidth=", "io-maxiops=", "ip6=", "ipc=", "isolation=", "kernel-memory=", "link=",
    "link-local-ip=", "log-driver=", "mac-address=", "memory-reservation=",
    "memory-swappiness=", "oom-kill-disable",
    "pid=", "runtime=", "storage-opt=",
    "use-api-socket", "uts=", "volume-driver=",
)  # fmt: skip

RUN_FLAGS: tuple[Flag, ...] = (
    many("cap-add", "", "list", "Add Linux capabilities"),
    many("cap-drop", "", "list", "Drop Linux capabilities"),
    value("cpus", "", "decimal", "Number of CPUs", convert=nano_cpus),
    switch("detach", "d", "Run container in background and print container ID"),
    value("detach-keys", "", "string", "Override the key sequence for detaching a container"),
    value("entrypoint", "", "string", "Overwrite the default ENTRYPOINT of the image"),
    many("env", "e", "list", "Set environment variables", convert=environment_entry),
    many("env-file", "", "list", "Read in a file of environment variables"),
    value("hostname", "h", "string", "Container host name"),
    switch("interactive", "i", "Keep STDIN open even if not attached"),
    many("label", "l", "list", "Set meta data on a container", convert=label),
    value("memory", "m", "bytes", "Memory limit", convert=memory),
    value("name", "", "string", "Assign a name to the container"),
    *RUN_LIMIT_FLAGS,
    *RUN_NETWORK_FLAGS,
    *RUN_MOUNT_FLAGS,
    value("pids-limit", "", "int", "Tune container pids limit (set -1 for unlimited)", convert=pids_limit),
    value("platform", "", "string", "Set platform if the image has more than one"),
    many("publish", "p", "list", "Publish a container's port(s) to the host", convert=ports),
    switch("publish-all", "P", "Publish all exposed ports to random ports"),
    value("pull", "", "string", 'Pull image before running ("always", "missing", "never") (default "missing")',
          convert=pull_policy),
    switch("quiet", "q", "Suppress the pull output"),
    switch("read-only", "", "Mount the container's root filesystem as read only"),
    switch("rm", "", "Automatically remove the container when it exits"),
    Flag("sig-proxy", "", "", "Proxy received signals to the process (default true)", default=True),
    value("stop-signal", "", "string", "Signal to stop the container", convert=signal_name),
    value("stop-timeout", "", "int", "Timeout (in seconds) to stop a container", convert=integer),
    switch("tty", "t", "Allocate a pseudo-TTY"),
    value("user", "u", "string", "Username or UID (format: <name|uid>[:<group|gid>])"),
    value("workdir", "w", "string", "Working directory inside the container"),
    *LIFE_FLAGS,
    *_MISSING,
)  # fmt: skip
