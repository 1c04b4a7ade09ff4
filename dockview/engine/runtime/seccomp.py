"""The seccomp filter of a container: the system calls that Docker's default profile does not allow, refused by EPERM.

Docker lists what is allowed; this lists what is refused, which comes to the same for the calls of today and lets
programs use calls that are newer than this list. Calls that a capability would allow are let through when the
container has it. Programs of another architecture than the kernel's own (32-bit ones) are killed, since their calls
have other numbers.
"""

from __future__ import annotations

import os
import struct

_NUMBERS: dict[str, tuple[int, int]] = {
    # name: (x86_64, aarch64); -1 where the architecture has no such call
    "acct": (163, 89), "add_key": (248, 217), "bpf": (321, 280), "clock_adjtime": (305, 266),
    "clock_settime": (227, 112), "create_module": (174, -1), "delete_module": (176, 106), "finit_module": (313, 273),
    "get_kernel_syms": (177, -1), "get_mempolicy": (239, 236), "init_module": (175, 105), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "ioperm": (173, -1), "iopl": (172, -1),
    "kcmp": (312, 272), "kexec_file_load": (320, 294), "kexec_load": (246, 104), "keyctl": (250, 219),
    "lookup_dcookie": (212, 18), "mbind": (237, 235), "migrate_pages": (256, 238), "mount": (165, 40),
    "mount_setattr": (442, 442), "move_mount": (429, 429), "move_pages": (279, 239), "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265), "open_tree": (428, 428), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fsopen": (430, 430), "fspick": (433, 433), "perf_event_open": (298, 241), "pivot_root": (155, 41),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "ptrace": (101, 117), "query_module": (178, -1), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "reboot": (169, 142), "request_key": (249, 218), "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450), "setdomainname": (171, 162), "sethostname": (170, 161), "setns": (308, 268),
    "settimeofday": (164, 170), "swapoff": (168, 225), "swapon": (167, 224), "sysfs": (139, -1), "_sysctl": (156, -1),
    "syslog": (103, 116), "umount2": (166, 39), "unshare": (272, 97), "uselib": (134, -1), "userfaultfd": (323, 282),
    "ustat": (136, -1), "vhangup": (153, 58), "vserver": (236, -1), "fanotify_init": (300, 262), "chroot": (161, 51),
}  # fmt: skip

_ALLOWED_BY: dict[str, tuple[str, ...]] = {
    "SYS_ADMIN": (
        "bpf", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "lookup_dcookie", "mount", "mount_setattr",
        "move_mount", "open_tree", "perf_event_open", "quotactl", "quotactl_fd", "setdomainname", "sethostname",
        "setns", "syslog", "umount2", "unshare",
    ),
    "SYS_BOOT": ("reboot", "kexec_load", "kexec_file_load"),
    "SYS_CHROOT": ("chroot",),
    "SYS_MODULE": ("delete_module", "init_module", "finit_module"),
    "SYS_NICE": ("get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"),
    "SYS_PACCT": ("acct",),
    "SYS_PTRACE": ("kcmp", "pidfd_getfd", "process_madvise"),
    "SYS_RAWIO": ("iopl", "ioperm"),
    "SYS_TIME": ("settimeofday", "clock_settime", "clock_adjtime"),
    "SYS_TTY_CONFIG": ("vhangup",),
    "SYSLOG": ("syslog",),
    "BPF": ("bpf",),
    "PERFMON": ("perf_event_open",),
    "DAC_READ_SEARCH": ("open_by_handle_at",),
}  # fmt: skip
_SINCE_4_8 = ("ptrace", "process_vm_readv", "process_vm_writev")
"""Allowed from Linux 4.8 on: before it ptrace could be used to walk around the filter."""

_ARCH = {"x86_64": (0xC000003E, 56, 435, 135, 41), "aarch64": (0xC00000B7, 220, 435, 92, 198)}
"""AUDIT_ARCH and the numbers of clone, clone3, personality, socket."""
_NAMESPACE_FLAGS = 0x7E020000
_PERSONALITIES = (0x0, 0x0008, 0x20000, 0x20008, 0xFFFFFFFF)
_AF_VSOCK = 40
_X32_BIT = 0x40000000

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_LD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_AT_NUMBER, _AT_ARCH, _AT_FIRST_ARGUMENT = 0, 4, 16


def denied(capabilities: set[str], machine: str = "", release: str = "") -> list[str]:
    """The names of the calls refused to a container with these capabilities (without `CAP_`), sorted."""
    column = ("x86_64", "aarch64").index(machine or os.uname().machine)
    allowed = {name for capability in capabilities for name in _ALLOWED_BY.get(capability, ())}
    if _version(release or os.uname().release) >= (4, 8):
        allowed.update(_SINCE_4_8)
    return sorted(name for name, numbers in _NUMBERS.items() if name not in allowed and numbers[column] >= 0)


def _version(release: str) -> tuple[int, int]:
    major, _, rest = release.partition(".")
    end = next((i for i, c in enumerate(rest) if not c.isdigit()), len(rest))
    return int(major), int(rest[:end] or 0)


def is_known(machine: str = "") -> bool:
    """Whether the numbers of this architecture are known."""
    return (machine or os.uname().machine) in _ARCH


def program(capabilities: set[str], machine: str = "", release: str = "") -> tuple[bytes, int]:
    """The BPF program (seccomp(2), 8 bytes an instruction) and how many calls it refuses."""
    machine = machine or os.uname().machine
    arch, clone, clone3, personality, socket = _ARCH[machine]
    column = ("x86_64", "aarch64").index(machine)
    names = denied(capabilities, machine, release)
    code = [_op(_LD, _AT_ARCH), _op(_JEQ, arch, 1, 0), _op(_RET, _KILL), _op(_LD, _AT_NUMBER)]
    if machine == "x86_64":
        code += [_op(_JGE, _X32_BIT, 0, 1), _op(_RET, _ERRNO | _ENOSYS)]
    for name in names:
        code += [_op(_JEQ, _NUMBERS[name][column], 0, 1), _op(_RET, _ERRNO | _EPERM)]
    if "SYS_ADMIN" not in capabilities:
        # clone3 keeps its flags in memory, where a filter cannot look; "no such call" makes libc fall back to clone.
        code += [_op(_JEQ, clone3, 0, 1), _op(_RET, _ERRNO | _ENOSYS)]
        code += [
            _op(_JEQ, clone, 0, 4), _op(_LD, _AT_FIRST_ARGUMENT), _op(_JSET, _NAMESPACE_FLAGS, 0, 1),
            _op(_RET, _ERRNO | _EPERM), _op(_RET, _ALLOW),
        ]  # fmt: skip
    code += [
        _op(_JEQ, socket, 0, 4), _op(_LD, _AT_FIRST_ARGUMENT), _op(_JEQ, _AF_VSOCK, 0, 1),
        _op(_RET, _ERRNO | _EPERM), _op(_RET, _ALLOW),
    ]  # fmt: skip
    tests = [_op(_JEQ, value, len(_PERSONALITIES) - place, 0) for place, value in enumerate(_PERSONALITIES)]
    code += [_op(_JEQ, personality, 0, len(tests) + 2), _op(_LD, _AT_FIRST_ARGUMENT), *tests]
    code += [_op(_RET, _ERRNO | _EPERM), _op(_RET, _ALLOW)]
    return b"".join(code), len(names)


def _op(code: int, k: int, jump_true: int = 0, jump_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, jump_true, jump_false, k)
