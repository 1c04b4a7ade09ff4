"""The config file: `dockview/config.toml` in the user's configuration folder.

    theme = "dockview"            # or one of Textual's
    confirm = true                # ask before remove and kill; prune always shows its preview
    show_stopped = true

    [keys]
    "container.toggle" = "t"      # any id of `?`

A file that cannot be read, or a setting that cannot be right, never prevents the start: the default holds, and
`problems` says so on the screen.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user has chosen."""

    path: str = ""
    theme: str = "dockview"
    confirm: bool = True
    show_stopped: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)
    """Action id to keys, as written; checked by keymap.check_overrides."""
    problems: tuple[str, ...] = ()
    """A sentence for each thing that was wrong."""


def config_path() -> str:
    """Where the config file is looked for; `DOCKVIEW_CONFIG` overrides."""
    chosen = os.environ.get("DOCKVIEW_CONFIG")
    if chosen:
        return chosen
    import platformdirs  # noqa: PLC0415  not needed when the path is given

    return os.path.join(platformdirs.user_config_dir("dockview", appauthor=False), "config.toml")


def load_settings(path: str | None = None) -> Settings:
    """Read the config file; the defaults where there is none."""
    path = path or config_path()
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except FileNotFoundError:
        return Settings(path=path)
    except OSError as error:
        return Settings(path=path, problems=(f"{path}: {error.strerror}",))
    import tomllib  # noqa: PLC0415  most starts have no file

    try:
        values = tomllib.loads(raw.decode("utf-8", "replace"))
    except tomllib.TOMLDecodeError as error:
        return Settings(path=path, problems=(f"{path}: {error}",))
    return _checked(path, values)


def _checked(path: str, values: Mapping[str, Any]) -> Settings:
    settings, problems = Settings(path=path), []
    for name, value in values.items():
        if name == "keys" and isinstance(value, dict):
            settings = replace(settings, keys={str(key): keys for key, keys in value.items()})
        elif name == "theme" and isinstance(value, str):
            settings = replace(settings, theme=value)
        elif name == "confirm" and isinstance(value, bool):
            settings = replace(settings, confirm=value)
        elif name == "show_stopped" and isinstance(value, bool):
            settings = replace(settings, show_stopped=value)
        else:
            problems.append(f"{path}: {name} is not a setting, or its value is of the wrong type")
    return replace(settings, problems=tuple(problems))
