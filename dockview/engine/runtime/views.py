"""Ways for a helper process to see a container's file system, each in a mount namespace of its own that ends with it.

    image     the layers alone, read-only
    stopped   layers, writable layer, volumes and binds, put together as for a start
    running   what the container itself has mounted, without /proc, /sys and /dev
    bare      layers and writable layer of a container that runs, without anything mounted upon them

Afterwards `/` is the container's root: no path, whatever links it goes through, leads out of it.
"""

from __future__ import annotations

import os

from dockview.engine.runtime import linux, rootfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_HIDDEN = ("/proc", "/sys", "/dev")
_OPTIONS_LIMIT = 4000


def enter(job: dict[str, Any], ask_for_maps: Callable[[], None]) -> None:
    """Take on the view that the job names. Raises: SyscallFailed, Refused."""
    if job["view"] in ("running", "bare"):
        _join(job["pid"], is_user=job["rootless"])
        _leave_mounts(is_bare=job["view"] == "bare")
        return
    if job["rootless"]:
        linux.unshare(linux.CLONE_NEWUSER, "user")
        ask_for_maps()
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    linux.unshare(linux.CLONE_NEWNS, "mnt")
    linux.mount("", "/", "", linux.MS_REC | linux.MS_PRIVATE)
    os.makedirs(job["point"], exist_ok=True)
    if job["view"] == "image":
        _mount_layers(job["point"], job["lower_dirs"], is_user=job["rootless"])
        os.chroot(job["point"])
    else:
        _assemble(job)
    os.chdir("/")


def _join(pid: int, *, is_user: bool) -> None:
    names = (("user", linux.CLONE_NEWUSER), ("mnt", linux.CLONE_NEWNS)) if is_user else (("mnt", linux.CLONE_NEWNS),)
    fds = [(os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC), flag) for name, flag in names]
    for fd, flag in fds:
        linux.setns(fd, flag)
        os.close(fd)
    if is_user:
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    linux.unshare(linux.CLONE_NEWNS, "mnt")
    linux.mount("", "/", "", linux.MS_REC | linux.MS_PRIVATE)


def _leave_mounts(*, is_bare: bool) -> None:
    """Take away what is not files: the kernel's own file systems, and where asked for, everything but the overlay."""
    for path in _HIDDEN:
        while True:
            try:
                linux.umount2(path, linux.MNT_DETACH)
            except linux.SyscallFailed:
                break
    if is_bare:
        # A bind without MS_REC shows the overlay alone; what is mounted upon it stays behind.
        point = next((path for path in (*_HIDDEN, "/etc", "/tmp") if os.path.isdir(path)), "")
        if not point:
            os.mkdir(point := "/.dockview-view")
        linux.mount("/", point, "", linux.MS_BIND)
        os.chroot(point)
    os.chdir("/")


def _mount_layers(point: str, lower: list[str], *, is_user: bool) -> None:
    extra = ",userxattr" if is_user else ""
    if len(lower) == 1:
        linux.mount(lower[0], point, "", linux.MS_BIND)
        return
    options = _lower(lower) + extra
    if len(options) > _OPTIONS_LIMIT:
        fds = [os.open(path, os.O_PATH | os.O_CLOEXEC) for path in lower]
        os.chdir("/proc/self/fd")
        options = _lower([str(fd) for fd in fds]) + extra
    linux.mount("overlay", point, "overlay", linux.MS_RDONLY | linux.MS_NODEV, options)


def _lower(paths: list[str]) -> str:
    return "lowerdir=" + ":".join(rootfs.escaped(path).replace(":", "\\:") for path in paths)


def _assemble(job: dict[str, Any]) -> None:
    entries = [entry for entry in job["mounts"] if os.path.exists(entry["source"])]
    sources = [os.path.realpath(entry["source"]) for entry in entries]
    staging = rootfs.enter_staging(job["point"], job)
    for entry, source in zip(entries, sources, strict=True):
        rootfs.mount_bind(entry, source)
    rootfs.leave_staging(staging)
    if job["read_only"]:
        linux.mount("", "/", "", linux.MS_BIND | linux.MS_REMOUNT | linux.MS_RDONLY | linux.MS_NODEV)
