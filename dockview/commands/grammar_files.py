"""The part of the grammar that is about volumes, mounts and the files of containers."""

from __future__ import annotations

from dockview.commands.flags import Flag, many, switch, value
from dockview.commands.mount_values import mount, tmpfs, volume
from dockview.commands.values import label

RUN_MOUNT_FLAGS: tuple[Flag, ...] = (
    many("mount", "", "mount", "Attach a filesystem mount to the container", convert=mount),
    many("tmpfs", "", "list", "Mount a tmpfs directory", convert=tmpfs),
    many("volume", "v", "list", "Bind mount a volume", convert=volume),
    many("volumes-from", "", "list", "Mount volumes from the specified container(s)"),
)

VOLUME_CREATE_FLAGS: tuple[Flag, ...] = (
    value("driver", "d", "string", 'Specify volume driver name (default "local")'),
    many("label", "", "list", "Set metadata for a volume", convert=label),
    many("opt", "o", "map", "Set driver specific options (none in this version)"),
    value("name", "", "string", "Specify volume name (deprecated: give it as the argument)"),
)

CP_FLAGS: tuple[Flag, ...] = (
    switch("archive", "a", "Archive mode (copy all uid/gid information)"),
    switch("follow-link", "L", "Always follow symbol link in SRC_PATH"),
    switch("quiet", "q", "Suppress progress output during copy"),
)

EXPORT_FLAGS: tuple[Flag, ...] = (value("output", "o", "string", "Write to a file, instead of STDOUT"),)

COMMIT_FLAGS: tuple[Flag, ...] = (
    value("author", "a", "string", 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")'),
    many("change", "c", "list", "Apply Dockerfile instruction to the created image"),
    value("message", "m", "string", "Commit message"),
    Flag("pause", "p", "", "Pause container during commit (default true)", default=True),
)
