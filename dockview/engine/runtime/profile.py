"""A seccomp profile in docker's JSON format, compiled to the BPF program that the kernel takes (seccomp(2)).

Names become numbers by libseccomp where it is installed, else by the table of calls that the default filter knows
(seccomp.py); a name that neither knows is left to the default action, and told.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from dockview.engine.errors import InvalidRequest, NotSupported
from dockview.engine.runtime import seccomp
from dockview.engine.runtime.seccomp import _ALLOW, _AT_ARCH, _AT_NUMBER, _JEQ, _JGE, _KILL, _LD, _NUMBERS, _RET, _op

_ARCHES = {"x86_64": (0xC000003E, "SCMP_ARCH_X86_64", "amd64"), "aarch64": (0xC00000B7, "SCMP_ARCH_AARCH64", "arm64")}
_ACTIONS = {
    "SCMP_ACT_ALLOW": _ALLOW, "SCMP_ACT_KILL": 0, "SCMP_ACT_KILL_THREAD": 0, "SCMP_ACT_KILL_PROCESS": _KILL,
    "SCMP_ACT_TRAP": 0x00030000, "SCMP_ACT_LOG": 0x7FFC0000,
}  # fmt: skip
_ERRNO = 0x00050000
_AND, _JGT = 0x54, 0x25
_X32_BIT = 0x40000000
_ENOSYS = 38
_LARGEST = 4096
"""BPF_MAXINSNS."""


def compiled(profile: Mapping[str, Any], capabilities: set[str]) -> dict[str, Any]:
    """{"program": hex, "rules": how many calls are named, "default", "unknown": names without a number}.

    Args:
        profile: the JSON object.
        capabilities: of the container, without `CAP_`, for the rules that include or exclude by them.

    Raises: InvalidRequest, NotSupported.
    """
    machine = os.uname().machine
    if machine not in _ARCHES:
        raise NotSupported(f"--security-opt seccomp=FILE: the system calls of {machine} are not known here")
    rules, unknown = _rules(profile, capabilities, machine)
    default = _action(profile["defaultAction"], profile.get("defaultErrnoRet"))
    code = [_op(_LD, _AT_ARCH), _op(_JEQ, _ARCHES[machine][0], 1, 0), _op(_RET, _KILL), _op(_LD, _AT_NUMBER)]
    if machine == "x86_64":
        code += [_op(_JGE, _X32_BIT, 0, 1), _op(_RET, _ERRNO | _ENOSYS)]
    for number, choices in rules.items():
        body = [instruction for args, action in choices for instruction in _choice(args, action)]
        if not any(not args for args, _action_ in choices):
            body.append(_op(_RET, default))
        if len(body) > 255:
            raise NotSupported(f"--security-opt seccomp: too many conditions on the system call {number}")
        code += [_op(_JEQ, number, 0, len(body)), *body]
    code.append(_op(_RET, default))
    if len(code) > _LARGEST:
        raise NotSupported(f"--security-opt seccomp: the profile needs {len(code)} instructions, the kernel takes 4096")
    return {
        "program": b"".join(code).hex(), "rules": len(rules), "default": str(profile["defaultAction"]),
        "unknown": sorted(unknown),
    }  # fmt: skip


_Choice = tuple[Sequence[Mapping[str, Any]], int]


def _rules(
    profile: Mapping[str, Any], capabilities: set[str], machine: str
) -> tuple[dict[int, list[_Choice]], set[str]]:
    """Number to its choices: conditions and the action, in the profile's order; and the names without a number."""
    resolve = _resolver(machine)
    rules: dict[int, list[_Choice]] = {}
    unknown: set[str] = set()
    entries = profile.get("syscalls") or []
    if not isinstance(entries, list):
        raise InvalidRequest("the seccomp profile's `syscalls` is not a list")
    for entry in entries:
        if not _applies(entry, capabilities, machine):
            continue
        action = _action(entry.get("action", ""), entry.get("errnoRet"))
        for name in [*(entry.get("names") or ()), *([entry["name"]] if entry.get("name") else ())]:
            number = resolve(str(name))
            if number is None:
                unknown.add(str(name))
            elif number >= 0:
                rules.setdefault(number, []).append((entry.get("args") or (), action))
    # A choice without conditions decides; what has conditions is asked before it.
    return {number: sorted(choices, key=lambda c: not c[0]) for number, choices in rules.items()}, unknown


def _applies(entry: Mapping[str, Any], capabilities: set[str], machine: str) -> bool:
    includes, excludes = entry.get("includes") or {}, entry.get("excludes") or {}
    arch = _ARCHES[machine][2]

    def named(part: Mapping[str, Any]) -> set[str]:
        return {str(name).removeprefix("CAP_") for name in part.get("caps") or ()}

    if includes.get("arches") and arch not in includes["arches"]:
        return False
    if named(includes) - capabilities:
        return False
    if includes.get("minKernel") and _version(str(includes["minKernel"])) > _version(os.uname().release):
        return False
    if arch in (excludes.get("arches") or ()) or named(excludes) & capabilities:
        return False
    return not (excludes.get("minKernel") and _version(str(excludes["minKernel"])) <= _version(os.uname().release))


def _version(text: str) -> tuple[int, int]:
    return seccomp._version(text)  # noqa: SLF001  the neighbour's


def _action(name: object, number: object) -> int:
    if name == "SCMP_ACT_ERRNO":
        return _ERRNO | (int(number) if isinstance(number, int) else 1) & 0xFFFF
    if name not in _ACTIONS:
        raise InvalidRequest(f"the seccomp profile's action {name!r} is not supported", hint=", ".join(_ACTIONS))
    return _ACTIONS[str(name)]


def _choice(args: Sequence[Mapping[str, Any]], action: int) -> list[bytes]:
    """All conditions hold: the action. Else the next choice, with the number loaded again."""
    if not args:
        return [_op(_RET, action)]
    tests = [_test(arg) for arg in args]
    code: list[bytes] = []
    for place, test in enumerate(tests):
        # What remains after this test: the later tests, the action.
        rest = sum(len(later(0)) for later in tests[place + 1 :]) + 1
        code += test(rest)
    return [*code, _op(_RET, action)]


def _test(arg: Mapping[str, Any]) -> Any:
    """A function from the distance that is to be jumped where the condition fails, to the instructions."""
    place, value, operator = int(arg["index"]), int(arg.get("value", 0)), str(arg.get("op", ""))
    low, high = 16 + 8 * place, 20 + 8 * place
    want, want_high = value & 0xFFFFFFFF, value >> 32 & 0xFFFFFFFF

    def equal(fail: int) -> list[bytes]:
        return [_op(_LD, high), _op(_JEQ, want_high, 0, fail + 2), _op(_LD, low), _op(_JEQ, want, 0, fail)]

    def not_equal(fail: int) -> list[bytes]:
        return [_op(_LD, high), _op(_JEQ, want_high, 0, 2), _op(_LD, low), _op(_JEQ, want, fail, 0)]

    def masked(fail: int) -> list[bytes]:
        second = int(arg.get("valueTwo", 0))
        return [
            _op(_LD, high), _op(_AND, want_high), _op(_JEQ, second >> 32 & 0xFFFFFFFF, 0, fail + 3),
            _op(_LD, low), _op(_AND, want), _op(_JEQ, second & 0xFFFFFFFF, 0, fail),
        ]  # fmt: skip

    def ordered(jump: int, *, is_true: bool) -> Any:
        def code(fail: int) -> list[bytes]:
            # The high halves decide unless they are equal.
            first = [_op(_LD, high), _op(_JGT, want_high, 3 if is_true else fail + 3, 0)]
            second = [_op(_JEQ, want_high, 0, fail + 2 if is_true else 2), _op(_LD, low)]
            last = _op(jump, want, 0, fail) if is_true else _op(jump, want, fail, 0)
            return [*first, *second, last]

        return code

    known = {
        "SCMP_CMP_EQ": equal, "SCMP_CMP_NE": not_equal, "SCMP_CMP_MASKED_EQ": masked,
        "SCMP_CMP_GT": ordered(_JGT, is_true=True), "SCMP_CMP_GE": ordered(_JGE, is_true=True),
        "SCMP_CMP_LE": ordered(_JGT, is_true=False), "SCMP_CMP_LT": ordered(_JGE, is_true=False),
    }  # fmt: skip
    if operator not in known:
        raise InvalidRequest(f"the seccomp profile compares by {operator!r}", hint=", ".join(known))
    return known[operator]


def _by_library(library: ctypes.CDLL) -> Any:
    lookup = library.seccomp_syscall_resolve_name
    lookup.argtypes, lookup.restype = [ctypes.c_char_p], ctypes.c_int

    def resolve(name: str) -> int | None:
        number: int = lookup(name.encode())
        # -1 is "no such name"; the other negative ones are names of calls that only other machines have.
        return None if number == -1 else number

    return resolve


def _resolver(machine: str) -> Any:
    """A function from a name to its number: negative where this machine has no such call, None where it is unknown."""
    path = ctypes.util.find_library("seccomp") if platform.libc_ver()[0] else None
    for name in filter(None, ("libseccomp.so.2", path)):
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        return _by_library(library)
    column = ("x86_64", "aarch64").index(machine)
    return lambda name: _NUMBERS[name][column] if name in _NUMBERS else None
