"""The values of -v, --mount and --tmpfs: text in, Mounts out, and back for the line that does the same.

Functions that a flag uses to convert raise ValueError with docker's wording of what is wrong with the text.
"""

from __future__ import annotations

import os

from dockview.commands.values import memory
from dockview.engine.model import Mount, RunRequest

_PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
_IGNORED = ("cached", "delegated", "consistent", "default", "rw")
"""What docker takes and does nothing about on Linux, and its own default."""
_TRUE = ("1", "t", "true")
_FALSE = ("0", "f", "false")


def volume(text: str) -> Mount:
    """The mount of `[source:]target[:options]`."""
    if not text:
        raise ValueError("invalid empty volume spec")
    parts = text.split(":")
    if len(parts) > 3 or not all(parts):
        raise ValueError(f"invalid spec: {text}: empty section between colons" if "" in parts else
                         f"invalid volume specification: '{text}'")  # fmt: skip
    if len(parts) == 1:
        return Mount(type="volume", target=_target(text, text), is_short=True)
    source, target, options = parts[0], _target(parts[1], text), parts[2] if len(parts) == 3 else ""
    is_path = source.startswith(("/", ".", "~"))
    words = options.split(",") if options else []
    propagation = next((word for word in words if word in _PROPAGATIONS), "")
    relabel = next((word for word in words if word in ("z", "Z")), "")
    for word in words:
        if word not in ("ro", "readonly", "nocopy", "z", "Z", *_PROPAGATIONS, *_IGNORED):
            raise ValueError(f"invalid mode: {options}")
    return Mount(
        type="bind" if is_path else "volume", source=_absolute(source) if is_path else source, target=target,
        read_only="ro" in words or "readonly" in words, propagation=propagation, no_copy="nocopy" in words,
        is_short=True, relabel=relabel,
    )  # fmt: skip


def _target(path: str, text: str) -> str:
    if not path.startswith("/"):
        raise ValueError(f"invalid volume specification: '{text}': invalid mount config for type \"volume\": invalid"
                         f" mount path: '{path}' mount path must be absolute")  # fmt: skip
    if os.path.normpath(path).strip("/") == "":
        raise ValueError(f"invalid volume specification: '{text}': destination can't be '/'")
    return path


def _absolute(path: str) -> str:
    """A host path as docker's command line resolves it: from the working directory."""
    return os.path.abspath(os.path.expanduser(path) if path.startswith("~/") else path)


def mount(text: str) -> Mount:
    """The mount of `type=…,source=…,target=…,…`."""
    fields: dict[str, str] = {}
    for word in _csv(text):
        key, equals, value = word.partition("=")
        key = key.strip().lower()
        if not equals and key not in ("readonly", "ro", "volume-nocopy", "bind-nonrecursive"):
            raise ValueError(f"invalid field '{word}' must be a key=value pair")
        fields[_NAMES.get(key, key)] = value if equals else "true"
    for key in fields:
        if key not in _KNOWN:
            if key in _LATER:
                raise ValueError(f"{key} is not in this version of dockview")
            raise ValueError(f"unexpected key '{key}' in '{text}'")
    kind = fields.get("type", "volume").lower()
    if kind not in ("bind", "volume", "tmpfs"):
        raise ValueError(f"mount type {kind} is not in this version of dockview: bind, volume and tmpfs are")
    if "target" not in fields:
        raise ValueError("target is required")
    source = fields.get("source", "")
    if kind == "bind" and not source:
        raise ValueError("source is required for type bind")
    if kind == "tmpfs" and source:
        raise ValueError("cannot use 'source' with type 'tmpfs'")
    _check_kind(kind, fields)
    propagation = fields.get("bind-propagation", "")
    if propagation and propagation not in _PROPAGATIONS:
        raise ValueError(f"invalid propagation '{propagation}'")
    return Mount(
        type=kind, target=fields["target"], source=_absolute(source) if kind == "bind" else source,
        read_only=_boolean("readonly", fields), propagation=propagation,
        no_copy=_boolean("volume-nocopy", fields),
        tmpfs_size_bytes=memory(fields["tmpfs-size"]) if "tmpfs-size" in fields else None,
        tmpfs_mode=_mode(fields["tmpfs-mode"]) if "tmpfs-mode" in fields else None,
    )  # fmt: skip


_NAMES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}
_KNOWN = (
    "type", "source", "target", "readonly", "consistency", "bind-propagation", "volume-nocopy", "tmpfs-size",
    "tmpfs-mode",
)  # fmt: skip
_LATER = (
    "bind-nonrecursive", "bind-recursive", "bind-create-src", "volume-driver", "volume-label", "volume-opt",
    "volume-subpath", "tmpfs-options", "image-subpath",
)  # fmt: skip


def _check_kind(kind: str, fields: dict[str, str]) -> None:
    for key in fields:
        about = key.partition("-")[0]
        if about in ("bind", "volume", "tmpfs") and about != kind:
            raise ValueError(f"cannot mix '{about}-*' options with mount type '{kind}'")


def _boolean(key: str, fields: dict[str, str]) -> bool:
    text = fields.get(key, "false").lower()
    if text not in _TRUE + _FALSE:
        raise ValueError(f"invalid value for {key}: {text}")
    return text in _TRUE


def _mode(text: str) -> int:
    try:
        return int(text, 8)
    except ValueError:
        raise ValueError(f"invalid value for tmpfs-mode: {text}") from None


def _csv(text: str) -> list[str]:
    import csv  # noqa: PLC0415  only for --mount

    return next(csv.reader([text]), [])


def tmpfs(text: str) -> Mount:
    """The mount of `path[:options]`."""
    path, _, options = text.partition(":")
    target = _target(path, text)
    size, mode, rest = None, None, []
    for word in filter(None, options.split(",")):
        key, equals, value = word.partition("=")
        if key == "size" and equals and not value.endswith("%"):
            size = memory(value)
        elif key == "mode" and equals:
            mode = _mode(value)
        elif word in _TMPFS_WORDS or (equals and key in _TMPFS_KEYS):
            rest.append(word)
        else:
            raise ValueError(f'invalid tmpfs option "{word}"')
    return Mount(
        type="tmpfs", target=target, tmpfs_size_bytes=size, tmpfs_mode=mode, tmpfs_options=",".join(rest),
        is_short=True,
    )  # fmt: skip


_TMPFS_WORDS = (
    "rw", "ro", "exec", "noexec", "suid", "nosuid", "dev", "nodev", "noatime", "relatime", "strictatime",
)  # fmt: skip
_TMPFS_KEYS = ("size", "uid", "gid", "nr_inodes", "nr_blocks")


def words_of(request: RunRequest) -> list[str]:
    """The words of a docker line that ask for these mounts."""
    words = []
    for item in request.mounts:
        if item.type == "tmpfs" and item.is_short:
            words += ["--tmpfs", ":".join(filter(None, (item.target, _tmpfs_options(item))))]
        elif item.is_short:
            options = ("ro" if item.read_only else "", item.propagation, "nocopy" if item.no_copy else "", item.relabel)
            words += ["-v", ":".join(filter(None, (item.source, item.target, ",".join(filter(None, options)))))]
        else:
            words += ["--mount", _mount_text(item)]
    return [*words, *(word for text in request.volumes_from for word in ("--volumes-from", text))]


def _tmpfs_options(item: Mount) -> str:
    size = "" if item.tmpfs_size_bytes is None else f"size={item.tmpfs_size_bytes}"
    mode = "" if item.tmpfs_mode is None else f"mode={item.tmpfs_mode:o}"
    return ",".join(filter(None, (item.tmpfs_options, size, mode)))


def _mount_text(item: Mount) -> str:
    import csv  # noqa: PLC0415
    import io  # noqa: PLC0415

    fields = [f"type={item.type}", *([f"source={item.source}"] if item.source else []), f"target={item.target}"]
    fields += ["readonly"] if item.read_only else []
    fields += [f"bind-propagation={item.propagation}"] if item.propagation else []
    fields += ["volume-nocopy"] if item.no_copy else []
    fields += [] if item.tmpfs_size_bytes is None else [f"tmpfs-size={item.tmpfs_size_bytes}"]
    fields += [] if item.tmpfs_mode is None else [f"tmpfs-mode={item.tmpfs_mode:o}"]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(fields)
    return buffer.getvalue()
