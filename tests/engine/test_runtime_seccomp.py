"""The seccomp program, run by a small interpreter of classic BPF: what it decides, call by call."""

from __future__ import annotations

import struct

import pytest

from dockview.engine.runtime import caps, seccomp

_DEFAULT = set(caps.DEFAULT)
_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_ALLOW, _EPERM, _ENOSYS, _KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000


def decide(machine: str, number: int, argument: int = 0, *, capabilities: set[str], arch: int = 0) -> int:
    """What the filter returns for a call."""
    code, _count = seccomp.program(capabilities, machine, "6.1.0")
    data = struct.pack("<IIQ6Q", number, arch or _ARCH[machine], 0, argument, 0, 0, 0, 0, 0)
    accumulator = at = 0
    while True:
        opcode, jump_true, jump_false, k = struct.unpack_from("=HBBI", code, at * 8)
        at += 1
        if opcode == 0x06:
            return int(k)
        if opcode == 0x20:
            accumulator = struct.unpack_from("<I", data, k)[0]
            continue
        is_true = {0x15: accumulator == k, 0x35: accumulator >= k, 0x45: bool(accumulator & k)}[opcode]
        at += jump_true if is_true else jump_false


@pytest.mark.parametrize(
    ("machine", "number", "argument", "verdict"),
    [
        ("x86_64", 0, 0, _ALLOW), ("aarch64", 63, 0, _ALLOW),                     # read
        ("x86_64", 165, 0, _EPERM), ("aarch64", 40, 0, _EPERM),                   # mount
        ("x86_64", 272, 0, _EPERM), ("aarch64", 97, 0, _EPERM),                   # unshare
        ("x86_64", 250, 0, _EPERM), ("aarch64", 219, 0, _EPERM),                  # keyctl
        ("x86_64", 246, 0, _EPERM), ("aarch64", 104, 0, _EPERM),                  # kexec_load
        ("x86_64", 321, 0, _EPERM), ("aarch64", 280, 0, _EPERM),                  # bpf
        ("x86_64", 425, 0, _EPERM), ("aarch64", 425, 0, _EPERM),                  # io_uring_setup
        ("x86_64", 101, 0, _ALLOW), ("aarch64", 117, 0, _ALLOW),                  # ptrace, from 4.8 on
        ("x86_64", 161, 0, _ALLOW), ("aarch64", 51, 0, _ALLOW),                   # chroot, by CAP_SYS_CHROOT
        ("x86_64", 435, 0, _ENOSYS), ("aarch64", 435, 0, _ENOSYS),                # clone3
        ("x86_64", 56, 17, _ALLOW), ("aarch64", 220, 17, _ALLOW),                 # clone: fork
        ("x86_64", 56, 0x10000000 | 17, _EPERM), ("aarch64", 220, 0x20000, _EPERM),  # clone: new namespaces
        ("x86_64", 41, 2, _ALLOW), ("x86_64", 41, 40, _EPERM), ("aarch64", 198, 40, _EPERM),  # socket AF_VSOCK
        ("x86_64", 135, 0, _ALLOW), ("x86_64", 135, 0xFFFFFFFF, _ALLOW), ("x86_64", 135, 0x20008, _ALLOW),
        ("x86_64", 135, 0x40000, _EPERM), ("aarch64", 92, 0x40000, _EPERM),       # personality
        ("x86_64", 0x40000000, 0, _ENOSYS),                                       # the x32 table
    ],
)  # fmt: skip
def test_default(machine: str, number: int, argument: int, verdict: int) -> None:
    assert decide(machine, number, argument, capabilities=_DEFAULT) == verdict


@pytest.mark.parametrize(("machine", "mount", "clone"), [("x86_64", 165, 56), ("aarch64", 40, 220)])
def test_sys_admin__may_make_namespaces(machine: str, mount: int, clone: int) -> None:
    capabilities = _DEFAULT | {"SYS_ADMIN"}
    assert decide(machine, mount, capabilities=capabilities) == _ALLOW
    assert decide(machine, clone, 0x10000000, capabilities=capabilities) == _ALLOW
    assert decide(machine, 435, capabilities=capabilities) == _ALLOW


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_other_architecture__killed(machine: str) -> None:
    assert decide(machine, 0, capabilities=_DEFAULT, arch=0x40000003) == _KILL


def test_ptrace__refused_by_kernels_before_4_8() -> None:
    assert "ptrace" in seccomp.denied(_DEFAULT, "x86_64", "4.7.10-generic")
    assert "ptrace" not in seccomp.denied(_DEFAULT, "x86_64", "4.8-rc1")


def test_program__length_fits_the_kernel() -> None:
    code, count = seccomp.program(set(), "x86_64", "3.10")
    assert len(code) // 8 < 4096
    assert count > 60
