"""System calls under their C names, for the parts of a container's birth that Python has no words for.

Every wrapper returns nothing or a small value, and raises SyscallFailed naming the call and what it was about. The
module is imported by the shim, so it uses only what starts fast: ctypes, os, errno.
"""

from __future__ import annotations

import ctypes
import os

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_NOATIME, MS_BIND, MS_REC = 32, 1024, 4096, 16384
MS_PRIVATE, MS_SLAVE, MS_RELATIME, MS_STRICTATIME = 1 << 18, 1 << 19, 1 << 21, 1 << 24
MNT_DETACH = 2

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_NAME = 1, 4, 8, 15
PR_SET_SECCOMP, PR_CAPBSET_READ, PR_CAPBSET_DROP = 22, 23, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 36, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
SECCOMP_MODE_FILTER = 2

MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
_AT_RECURSIVE, _AT_FDCWD = 0x8000, -100
_LINUX_CAPABILITY_VERSION_3 = 0x20080522

_NUMBERS = {
    "x86_64": {"pivot_root": 155, "capset": 126},
    "aarch64": {"pivot_root": 41, "capset": 91},
}.get(os.uname().machine, {})
_SYS_CLOSE_RANGE, _SYS_MOUNT_SETATTR = 436, 442

_libc = ctypes.CDLL(None, use_errno=True)


class SyscallFailed(OSError):
    """A system call said no: `syscall` which one, `path` on what, `errno` why."""

    def __init__(self, syscall: str, errno: int, path: str = "") -> None:
        super().__init__(errno, os.strerror(errno))
        self.syscall = syscall
        self.path = path

    def __str__(self) -> str:
        return f"{self.syscall} {self.path}".rstrip() + f": {self.strerror}"


def _call(name: str, *arguments: object, path: str = "", shown: str = "") -> int:
    result: int = getattr(_libc, name)(*arguments)
    if result < 0:
        raise SyscallFailed(shown or name, ctypes.get_errno(), path)
    return result


def _syscall(name: str, number: int | None, *arguments: object, path: str = "") -> int:
    if number is None:
        raise SyscallFailed(name, 38, f"(unknown on {os.uname().machine})")
    return _call("syscall", ctypes.c_long(number), *arguments, path=path, shown=name)


def _text(value: str) -> bytes | None:
    return os.fsencode(value) if value else None


def unshare(flags: int, name: str = "") -> None:
    """Leave the namespaces that `flags` names for new ones (unshare(2)); `name` is for the error message."""
    _call("unshare", ctypes.c_int(flags), shown=f"unshare {name}".rstrip())


def setns(fd: int, flags: int = 0) -> None:
    """Join the namespace behind a descriptor (setns(2))."""
    _call("setns", ctypes.c_int(fd), ctypes.c_int(flags))


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Attach a file system, a bind, or change one that is there (mount(2))."""
    _call(
        "mount", _text(source), _text(target), _text(kind), ctypes.c_ulong(flags), _text(data),
        path=target, shown=f"mount {kind or 'bind'}",
    )  # fmt: skip


def umount2(target: str, flags: int = 0) -> None:
    """Detach a mount (umount(2))."""
    _call("umount2", _text(target), ctypes.c_int(flags), path=target)


def pivot_root(new_root: str, put_old: str) -> None:
    """Change the root mount of this mount namespace (pivot_root(2))."""
    _syscall("pivot_root", _NUMBERS.get("pivot_root"), _text(new_root), _text(put_old), path=new_root)


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64), ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64), ("userns_fd", ctypes.c_uint64),
    )  # fmt: skip


def mount_setattr(target: str, attributes: int, *, recursive: bool = True) -> None:
    """Set attributes of a mount and of those below it at once (mount_setattr(2), Linux 5.12)."""
    wanted = _MountAttr(attr_set=attributes)
    _syscall(
        "mount_setattr", _SYS_MOUNT_SETATTR, ctypes.c_int(_AT_FDCWD), _text(target),
        ctypes.c_uint(_AT_RECURSIVE if recursive else 0), ctypes.byref(wanted),
        ctypes.c_size_t(ctypes.sizeof(wanted)), path=target,
    )  # fmt: skip


def prctl(option: int, *arguments: int, name: str = "prctl") -> int:
    """Operate on this process (prctl(2)); up to four arguments."""
    padded = [ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0)[:4]]
    return _call("prctl", ctypes.c_int(option), *padded, shown=name)


def sethostname(name: str) -> None:
    """Set the host name of this UTS namespace (sethostname(2))."""
    encoded = os.fsencode(name)
    _call("sethostname", encoded, ctypes.c_size_t(len(encoded)), path=name)


def close_range(first: int) -> None:
    """Close every descriptor from `first` up (close_range(2), Linux 5.9; one by one before)."""
    try:
        _syscall("close_range", _SYS_CLOSE_RANGE, ctypes.c_uint(first), ctypes.c_uint(0xFFFFFFFF), ctypes.c_uint(0))
    except SyscallFailed:
        for name in os.listdir("/proc/self/fd"):
            try:
                if int(name) >= first:
                    os.close(int(name))
            except OSError:
                continue


class _CapHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def capset(effective: int, permitted: int, inheritable: int) -> None:
    """Set this thread's capabilities, each set a bit mask (capset(2))."""
    header = _CapHeader(version=_LINUX_CAPABILITY_VERSION_3)
    words = (ctypes.c_uint32 * 6)()
    for half in (0, 1):
        for place, mask in enumerate((effective, permitted, inheritable)):
            words[half * 3 + place] = (mask >> (32 * half)) & 0xFFFFFFFF
    _syscall("capset", _NUMBERS.get("capset"), ctypes.byref(header), ctypes.byref(words))


class _SockFprog(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def seccomp_filter(program: bytes) -> None:
    """Install a classic BPF program of 8-byte instructions as seccomp filter (seccomp(2)).

    Needs CAP_SYS_ADMIN in this user namespace, or no_new_privs.
    """
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_ = _SockFprog(len(program) // 8, ctypes.addressof(buffer))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(filter_), name="prctl(PR_SET_SECCOMP)")


IN_MODIFY, IN_MOVED_TO, IN_DELETE_SELF = 0x2, 0x80, 0x400


def inotify(paths: tuple[str, ...], mask: int) -> int:
    """A descriptor that becomes readable when something happens to one of the paths (inotify(7))."""
    fd = _call("inotify_init1", ctypes.c_int(os.O_CLOEXEC | os.O_NONBLOCK))
    try:
        for path in paths:
            _call("inotify_add_watch", ctypes.c_int(fd), _text(path), ctypes.c_uint32(mask), path=path)
    except OSError:
        os.close(fd)
        raise
    return fd
