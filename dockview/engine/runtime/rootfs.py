"""The root file system of a container, put together by init in its own mount namespace, so the host never sees it.

The order is what makes it safe. A small tmpfs becomes the root, with the container's overlay on /new and the host's
tree on /old; a chroot to /new follows, and only then is everything else mounted. From there on every path (a mount
point, a symbolic link in a hostile image) resolves inside the container, while the host's tree is reached through the
working directory alone. In the end /new becomes the root and the rest is detached.

The shorter way, pivot_root(".", "."), stacks the host's tree on the container's root until it is detached, and there a
link to `/..` leads out: the kernel steps onto what is mounted upon the root.
"""

from __future__ import annotations

import errno
import os
import stat

from dockview.engine.runtime import linux
from dockview.engine.runtime.cgroups import Hierarchies, hierarchies
from dockview.engine.runtime.sync import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FLAGS = {
    "ro": linux.MS_RDONLY, "nosuid": linux.MS_NOSUID, "nodev": linux.MS_NODEV, "noexec": linux.MS_NOEXEC,
    "bind": linux.MS_BIND, "rbind": linux.MS_BIND | linux.MS_REC, "relatime": linux.MS_RELATIME,
    "noatime": linux.MS_NOATIME, "strictatime": linux.MS_STRICTATIME, "rw": 0, "private": 0, "rprivate": 0,
    "exec": 0, "suid": 0, "dev": 0, "shared": 0, "rshared": 0, "slave": 0, "rslave": 0,
}  # fmt: skip
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = (
    ("/proc/self/fd", "fd"), ("/proc/self/fd/0", "stdin"), ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"), ("pts/ptmx", "ptmx"),
)  # fmt: skip
_OPTIONS_LIMIT = 4000
"""mount(2) takes one page of options."""


def build(
    bundle: str, spec: dict[str, Any], settings: dict[str, Any], trees: dict[str, int] | None = None
) -> dict[str, str | int]:
    """Build it and make it this process's root; what was done, for the record.

    `trees` are the binds that share mounts with the host (sharing.py).

    Raises: SyscallFailed, Refused (unsupported).
    """
    root = f"{bundle}/rootfs"
    sources = _resolved_sources(spec, settings)
    have = hierarchies()  # asked here, because from inside the new root the host's mounts are not listed
    staging = enter_staging(root, settings)
    for destination in sources["base"]:
        _bind_base(sources["base"][destination], destination)
    skipped: list[str] = []
    for entry in spec["mounts"]:
        if trees and entry["destination"] in trees:
            _attach(trees[entry["destination"]], entry)
        else:
            _mount_entry(entry, sources["mounts"].get(entry["destination"], ""), have, skipped)
    if "/dev" not in settings.get("user_mounts", ()):
        _devices(spec["linux"].get("devices", ()))
    more = _extras(spec["linux"])
    masked = [path for path in spec["linux"].get("maskedPaths", ()) if _mask(path)]
    read_only = [path for path in spec["linux"].get("readonlyPaths", ()) if _make_read_only(path)]
    leave_staging(staging)
    if spec["root"].get("readonly"):
        linux.mount("", "/", "", linux.MS_BIND | linux.MS_REMOUNT | linux.MS_RDONLY | linux.MS_NODEV)
    facts: dict[str, str | int] = {"masked paths": len(masked), "read-only paths": len(read_only), **more}
    if skipped:
        facts["left out"] = "; ".join(skipped)
    return facts


def _extras(wanted: dict[str, Any]) -> dict[str, str | int]:
    """Set the sysctls, while they can be written, and tell of them and of the devices."""
    facts: dict[str, str | int] = {}
    if wanted.get("sysctl"):
        from dockview.engine.runtime import limits  # noqa: PLC0415  only where they were asked for

        facts |= limits.set_sysctls(wanted["sysctl"])
    devices = wanted.get("devices", ())
    if devices:
        facts["devices"] = len(devices)
        for device in devices[:8]:
            found = os.stat(device["path"])
            kind = "b" if stat.S_ISBLK(found.st_mode) else "c"
            facts[f"device {device['path']}"] = f"{kind} {os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"
    return facts


def enter_staging(root: str, settings: dict[str, Any]) -> int:
    """Come to stand in the host's tree with the container's as root; the descriptor of the root above both."""
    linux.mount("tmpfs", root, "tmpfs", linux.MS_NODEV | linux.MS_NOSUID | linux.MS_NOEXEC, "mode=755,size=16k")
    for name in ("new", "old"):
        os.mkdir(f"{root}/{name}")
    _mount_overlay(f"{root}/new", settings)
    os.chdir(root)
    linux.pivot_root(".", "old")
    os.chdir("/")
    staging = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    os.chdir("/old")
    os.chroot("/new")
    return staging


def leave_staging(staging: int) -> None:
    """Make the container's tree the root of the mount namespace, and detach everything else."""
    os.fchdir(staging)
    os.close(staging)
    os.chroot(".")
    linux.umount2("/old", linux.MNT_DETACH)
    os.chdir("/new")
    linux.pivot_root(".", ".")
    linux.umount2(".", linux.MNT_DETACH)
    os.chdir("/")


def _resolved_sources(spec: dict[str, Any], settings: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Every bind's source without symbolic links, which would resolve in the wrong tree once the root is changed."""
    return {
        "base": {d: os.path.realpath(s) for s, d in settings.get("base_mounts", ())},
        "mounts": {
            m["destination"]: os.path.realpath(m["source"]) for m in spec["mounts"] if m.get("type") in ("bind", None)
        },
    }


def _mount_overlay(root: str, settings: dict[str, Any]) -> None:
    lower, upper, work = list(settings["lower_dirs"]), settings["upper_dir"], settings["work_dir"]
    extra = ",userxattr" if settings.get("rootless") else ""
    options = _overlay_options(lower, upper, work) + extra
    if len(options) > _OPTIONS_LIMIT:
        # Names below the layers' common folder are shorter; where even these are too long, one folder of
        # descriptors gives names of a few digits.
        common = os.path.commonpath(lower)
        os.chdir(common)
        options = _overlay_options([os.path.relpath(path, common) for path in lower], upper, work) + extra
    if len(options) > _OPTIONS_LIMIT:
        fds = [os.open(path, os.O_PATH | os.O_CLOEXEC) for path in lower]
        os.chdir("/proc/self/fd")
        options = _overlay_options([str(fd) for fd in fds], upper, work) + extra
    flags = linux.MS_NODEV
    try:
        linux.mount("overlay", root, "overlay", flags, options)
    except linux.SyscallFailed as error:
        if settings.get("rootless") and error.errno in (errno.EPERM, errno.EINVAL):
            raise Refused(
                "unsupported",
                f"this kernel mounts no overlay in a user namespace: {error}",
                hint="rootless containers need Linux 5.11 or newer, or run as root",
            ) from None
        if error.errno == errno.ENODEV:
            raise Refused(
                "unsupported", f"this kernel has no overlay file system: {error}", hint="modprobe overlay"
            ) from None
        if error.errno == errno.EINVAL:
            raise Refused(
                "unsupported",
                f"overlay cannot use the store's file system for its writable layer: {error}",
                hint="put the store on ext4, xfs or btrfs (--root), not on another overlay",
            ) from None
        raise


def _overlay_options(lower: list[str], upper: str, work: str) -> str:
    joined = ":".join(escaped(path).replace(":", "\\:") for path in lower)
    return f"lowerdir={joined},upperdir={escaped(upper)},workdir={escaped(work)}"


def escaped(path: str) -> str:
    """A path as an option of mount(2)."""
    return path.replace("\\", "\\\\").replace(",", "\\,")


def _bind_base(source: str, destination: str) -> None:
    """Bind a part of the host's userland, with everything below it, read-only and without setuid."""
    _make_point(destination, is_folder=os.path.isdir(source.lstrip("/") or "."))
    linux.mount(source.lstrip("/"), destination, "", linux.MS_BIND | linux.MS_REC)
    try:
        linux.mount_setattr(destination, linux.MOUNT_ATTR_RDONLY | linux.MOUNT_ATTR_NOSUID | linux.MOUNT_ATTR_NODEV)
    except linux.SyscallFailed as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise
        flags = linux.MS_BIND | linux.MS_REMOUNT | linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV
        linux.mount("", destination, "", flags)


def _mount_entry(entry: dict[str, Any], source: str, have: Hierarchies, skipped: list[str]) -> None:
    kind, destination = entry.get("type", "bind"), entry["destination"]
    flags, data = _parsed(entry.get("options", ()))
    if kind == "bind":
        _bind(source, destination, flags)
        return
    _make_point(destination, is_folder=True)
    if kind == "cgroup":
        _mount_cgroups(destination, flags, have, skipped)
        return
    try:
        linux.mount(entry.get("source", kind), destination, kind, flags, data)
    except linux.SyscallFailed as error:
        if kind == "sysfs" and error.errno == errno.EPERM:
            # A user namespace that shares the host's network may not mount its own sysfs (mount_too_revealing).
            linux.mount("sys", destination, "", linux.MS_BIND | linux.MS_REC)
        elif kind == "mqueue" and error.errno in (errno.EPERM, errno.ENODEV):
            skipped.append(f"mqueue: {error.strerror}")
        elif kind == "proc" and error.errno == errno.EPERM:
            raise Refused(
                "unsupported",
                f"/proc of the new pid namespace cannot be mounted: {error}",
                hint="dockview itself runs in a container that hides parts of /proc; run it outside, or as root",
            ) from None
        else:
            raise


def mount_bind(entry: dict[str, Any], source: str) -> None:
    """Mount a bind of config.json; `source` is its source without symbolic links. Raises: SyscallFailed."""
    _bind(source, entry["destination"], _parsed(entry.get("options", ()))[0])


def _parsed(options: list[str] | tuple[str, ...]) -> tuple[int, str]:
    flags, data = 0, []
    for option in options:
        if option in _FLAGS:
            flags |= _FLAGS[option]
        else:
            data.append(option)
    return flags, ",".join(data)


def _bind(source: str, destination: str, flags: int) -> None:
    relative = source.lstrip("/") or "."
    _make_point(destination, is_folder=os.path.isdir(relative))
    try:
        linux.mount(relative, destination, "", linux.MS_BIND | (flags & linux.MS_REC))
    except linux.SyscallFailed as error:
        if error.errno != errno.ENOTDIR:
            raise
        raise Refused(
            "conflict",
            f'error mounting "{source}" to rootfs at "{destination}": not a directory',
            hint="Are you trying to mount a directory onto a file (or vice-versa)?",
        ) from None
    attributes = flags & ~(linux.MS_BIND | linux.MS_REC)
    if attributes == linux.MS_RDONLY:
        _seal(destination)
    elif attributes:
        linux.mount("", destination, "", linux.MS_BIND | linux.MS_REMOUNT | attributes)


def _seal(destination: str) -> None:
    """Make a bind read-only, with everything that is mounted below it, and leave its other attributes.

    Before Linux 5.12 only the bind itself, and attributes that the host has locked have to be named again.
    """
    try:
        linux.mount_setattr(destination, linux.MOUNT_ATTR_RDONLY)
    except linux.SyscallFailed as error:
        if error.errno != errno.ENOSYS:
            raise
        kept = os.statvfs(destination).f_flag & (linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
        linux.mount("", destination, "", linux.MS_BIND | linux.MS_REMOUNT | linux.MS_RDONLY | kept)


def _attach(tree: int, entry: dict[str, Any]) -> None:
    """Put a bind that shares mounts with the host in its place."""
    from dockview.engine.runtime import sharing  # noqa: PLC0415  hardly ever needed

    destination = entry["destination"]
    _make_point(destination, is_folder=stat.S_ISDIR(os.fstat(tree).st_mode))
    sharing.attach(tree, destination, entry["options"])
    if "ro" in entry["options"]:
        _seal(destination)


def _make_point(path: str, *, is_folder: bool) -> None:
    """Create a mount point where the image has none, as docker does; what a dangling link names is made inside."""
    if os.path.exists(path):
        return
    path = os.path.realpath(path)
    if is_folder:
        os.makedirs(path, exist_ok=True)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def _mount_cgroups(destination: str, flags: int, have: Hierarchies, skipped: list[str]) -> None:
    """Show the container its own groups (its cgroup namespace makes them the root), as the host lays them out."""
    try:
        if not have.v1:
            linux.mount("cgroup", destination, "cgroup2", flags)
            return
        linux.mount("cgroup", destination, "tmpfs", flags & ~linux.MS_RDONLY, "mode=755,size=64k")
        for name in have.v1:
            os.makedirs(f"{destination}/{name}", exist_ok=True)
            linux.mount("cgroup", f"{destination}/{name}", "cgroup", flags, name)
        linux.mount("", destination, "", flags | linux.MS_REMOUNT | linux.MS_BIND)
    except (linux.SyscallFailed, OSError) as error:
        skipped.append(f"cgroup: {error.strerror}")


def _devices(more: list[dict[str, str]] | tuple[()] = ()) -> None:
    for name in _DEVICES:
        target = f"/dev/{name}"
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        linux.mount(f"dev/{name}", target, "", linux.MS_BIND)
    for device in more:
        _bind(device["source"], device["path"], 0)
    for source, name in _LINKS:
        if not os.path.lexists(f"/dev/{name}"):
            os.symlink(source, f"/dev/{name}")


def _mask(path: str) -> bool:
    """Cover a path: a file by /dev/null, a folder by an empty read-only tmpfs; False where there is none."""
    try:
        is_folder = stat.S_ISDIR(os.stat(path).st_mode)
    except OSError:
        return False
    if is_folder:
        linux.mount("tmpfs", path, "tmpfs", linux.MS_RDONLY, "size=0")
    else:
        linux.mount("/dev/null", path, "", linux.MS_BIND)
    return True


def _make_read_only(path: str) -> bool:
    if not os.path.exists(path):
        return False
    linux.mount(path, path, "", linux.MS_BIND | linux.MS_REC)
    flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    linux.mount("", path, "", linux.MS_BIND | linux.MS_REMOUNT | linux.MS_RDONLY | flags)
    return True


def mounts(pid: int | str = "self") -> list[tuple[str, str, str]]:
    """(mount point, type, options of the file system) of a process, read back from /proc/PID/mountinfo."""
    found: list[tuple[str, str, str]] = []
    with open(f"/proc/{pid}/mountinfo") as file:
        for line in file:
            before, _, after = line.rstrip("\n").partition(" - ")
            kind, _source, options = after.split(" ", 2)
            found.append((before.split()[4], kind, options))
    return found


def told(targets: list[str] | tuple[str, ...]) -> list[tuple[str, str]]:
    """(path, how it is mounted) of some mounts of this process, read back from the kernel; nothing for nothing."""
    found: dict[str, str] = {}
    if targets:
        with open("/proc/self/mountinfo") as file:
            for line in file:
                before, _, after = line.rstrip("\n").partition(" - ")
                fields, (kind, source, *_) = before.split(" "), after.split(" ")
                if fields[4] in targets:
                    tags = " ".join(tag for tag in fields[6:] if tag)
                    where = "" if kind == "tmpfs" and fields[3] == "/" else f" {source} {fields[3]}"
                    found[fields[4]] = f"{kind}{where} ({fields[5]}){' ' if tags else ''}{tags}"
    return [(target, found.get(target, "not mounted at this path: it leads through a link")) for target in targets]
