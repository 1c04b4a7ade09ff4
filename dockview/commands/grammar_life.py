"""The flags of `run` and `create` that are about a container's life and its rights."""

from __future__ import annotations

from dockview.commands.flags import Flag, many, switch, value
from dockview.commands.values import integer
from dockview.commands.values_life import duration_ns, key_value, restart_policy, size, ulimit

LIFE_FLAGS: tuple[Flag, ...] = (
    value("cidfile", "", "string", "Write the container ID to the file"),
    many("device", "", "list", "Add a host device to the container"),
    many("group-add", "", "list", "Add additional groups to join"),
    value("health-cmd", "", "string", "Command to run to check health"),
    value("health-interval", "", "duration", "Time between running the check (ms|s|m|h) (default 0s)",
          convert=duration_ns),
    value("health-retries", "", "int", "Consecutive failures needed to report unhealthy", convert=integer),
    value("health-start-period", "", "duration", "Start period for the container to initialize (ms|s|m|h)",
          convert=duration_ns),
    value("health-timeout", "", "duration", "Maximum time to allow one check to run (ms|s|m|h) (default 0s)",
          convert=duration_ns),
    switch("init", "", "Run an init inside the container that forwards signals and reaps processes"),
    many("label-file", "", "list", "Read in a line delimited file of labels"),
    many("log-opt", "", "list", "Log driver options (max-size, max-file)", convert=key_value),
    switch("no-healthcheck", "", "Disable any container-specified HEALTHCHECK"),
    value("oom-score-adj", "", "int", "Tune host's OOM preferences (-1000 to 1000)", convert=integer),
    switch("privileged", "", "Give extended privileges to this container"),
    value("restart", "", "string", 'Restart policy to apply when a container exits (default "no")',
          convert=restart_policy),
    many("security-opt", "", "list", "Security Options"),
    value("shm-size", "", "bytes", "Size of /dev/shm", convert=size),
    many("sysctl", "", "map", "Sysctl options", convert=key_value),
    many("ulimit", "", "ulimit", "Ulimit options", convert=ulimit),
    value("userns", "", "string", "User namespace to use"),
)  # fmt: skip
