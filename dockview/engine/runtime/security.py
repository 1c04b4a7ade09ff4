"""What init takes from itself before it becomes the container's command: capabilities, system calls, its user."""

from __future__ import annotations

import os

from dockview.engine.runtime import caps, linux, seccomp
from dockview.engine.runtime.sync import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dockview.engine.runtime.spans import Span
    from dockview.engine.runtime.users import Identity

_SIGKILL = 9


def apply(process: dict[str, Any], identity: Identity, *, has_seccomp: bool, span: Span) -> None:
    """Restrict this process for good, and write down what the kernel then says of it.

    The order is forced: the filter needs CAP_SYS_ADMIN (or no_new_privs), the bounding set CAP_SETPCAP, the user
    CAP_SETUID, so each is given up after its use.

    Raises: SyscallFailed, Refused (unsupported) for a capability that this machine does not grant.
    """
    wanted = caps.mask(process["capabilities"]["bounding"])
    status = _status()
    granted = wanted & int(status["CapBnd"], 16) & int(status["CapPrm"], 16)
    if not process.get("isPrivileged"):  # which asks for what there is
        _check_asked_for(process, wanted & ~granted)
    if process.get("noNewPrivileges"):
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    for number in range(caps.last() + 1):
        if not granted >> number & 1 and linux.prctl(linux.PR_CAPBSET_READ, number):
            linux.prctl(linux.PR_CAPBSET_DROP, number, name="prctl(PR_CAPBSET_DROP)")
    refused = _load_filter(granted, process.get("seccomp")) if has_seccomp and seccomp.is_known() else None
    _own_streams(identity)
    linux.prctl(linux.PR_SET_KEEPCAPS, 1)
    _become(identity)
    linux.prctl(linux.PR_CAP_AMBIENT, linux.PR_CAP_AMBIENT_CLEAR_ALL)
    # The kernel forgets the wish to die with the shim whenever the user changes. As another user than root, the
    # capabilities are not effective now and gone after exec, as in docker.
    linux.capset(granted if identity.uid == 0 else 0, granted, 0)
    linux.prctl(linux.PR_SET_PDEATHSIG, _SIGKILL)
    _facts(span, refused, has_seccomp=has_seccomp, profile=process.get("seccomp"))


def _check_asked_for(process: dict[str, Any], missing: int) -> None:
    asked = caps.mask([n for n in process["capabilities"]["bounding"] if n.removeprefix("CAP_") not in caps.DEFAULT])
    names = [name for number, name in enumerate(caps.NAMES) if (asked & missing) >> number & 1]
    if names:
        raise Refused(
            "unsupported",
            f"capability {', '.join(names)} cannot be added: this machine does not grant it to dockview itself",
            hint="leave out --cap-add, or run dockview with that capability",
        )


def _load_filter(granted: int, profile: dict[str, Any] | None) -> int:
    if profile is not None:
        linux.seccomp_filter(bytes.fromhex(profile["program"]))
        return int(profile["rules"])
    names = {name for number, name in enumerate(caps.NAMES) if granted >> number & 1}
    code, count = seccomp.program(names)
    linux.seccomp_filter(code)
    return count


def _own_streams(identity: Identity) -> None:
    """Give the pipes to the user, so that the command may open /dev/stdout again."""
    for fd in (0, 1, 2):
        try:
            if not os.path.samestat(os.fstat(fd), os.stat("/dev/null")):
                os.fchown(fd, identity.uid, -1 if os.isatty(fd) else identity.gid)
        except OSError:
            continue  # it can still write to what it has open


def _become(identity: Identity) -> None:
    try:
        os.setgroups(identity.groups)
    except PermissionError:
        pass  # a user namespace of a single ID forbids setgroups (user_namespaces(7)); there is nothing to lose
    except OSError as error:
        raise _unmapped(f"supplementary groups {identity.groups}", error) from None
    try:
        os.setresgid(identity.gid, identity.gid, identity.gid)
        os.setresuid(identity.uid, identity.uid, identity.uid)
    except OSError as error:
        raise _unmapped(f"user {identity.uid}:{identity.gid}", error) from None


def _unmapped(what: str, error: OSError) -> Refused:
    return Refused(
        "unsupported",
        f"{what} does not exist in this user namespace: {error.strerror}",
        hint="install uidmap and give yourself ranges in /etc/subuid and /etc/subgid, or run as root",
    )


def _facts(span: Span, refused: int | None, *, has_seccomp: bool, profile: dict[str, Any] | None) -> None:
    status = _status()
    total = caps.last() + 1
    for title, field in (("capabilities", "CapEff"), ("bounding set", "CapBnd")):
        mask = status[field]
        span.fact(title, f"{int(mask, 16).bit_count()} of {total} ({mask})")
    if profile is not None and status.get("Seccomp") == "2":
        span.fact("seccomp", f"filter of a profile, {refused} syscalls named in it, otherwise {profile['default']}")
        if profile["unknown"]:
            span.fact("seccomp unknown names", f"{len(profile['unknown'])}: {', '.join(profile['unknown'][:12])}")
    elif refused is not None and status.get("Seccomp") == "2":
        span.fact("seccomp", f"filter, {refused} syscalls denied")
    elif has_seccomp:
        span.fact("seccomp", f"none: the numbers of {os.uname().machine} are not known")
    else:
        span.fact("seccomp", "none")
    span.fact("no_new_privs", status.get("NoNewPrivs") == "1")
    span.fact("uid", int(status["Uid"].split()[1]))
    span.fact("gid", int(status["Gid"].split()[1]))
    if status.get("Groups"):
        span.fact("groups", status["Groups"])


def _status() -> dict[str, str]:
    with open("/proc/self/status") as file:
        return {name: value.strip() for name, _, value in (line.partition(":") for line in file)}
