"""The table of keys."""

from __future__ import annotations

from collections import Counter

import pytest

from dockview.app import DockviewApp
from dockview.keymap import ACTIONS, LIFECYCLE_ACTIONS, LIST_ACTIONS, LOG_ACTIONS, check_overrides
from dockview.screens.dashboard import Dashboard
from dockview.settings import load_settings
from dockview.widgets.lifecycle import LifecycleView
from dockview.widgets.logs import LogView
from dockview.widgets.resource_list import ResourceList
from dockview.widgets.text_pane import TextPane

_OF_PAGES = (*LIFECYCLE_ACTIONS, *LOG_ACTIONS)


def test_no_key_has_two_actions() -> None:
    """Each key does one thing; the pages have keys of their own, which come before the screen's while in focus."""
    for page in ((), LIFECYCLE_ACTIONS, LOG_ACTIONS):
        shown = [a for a in ACTIONS.values() if a.id in (*page, *LIST_ACTIONS) or (not page and a.id not in _OF_PAGES)]
        keys = Counter(key for action in shown for key in action.keys.split(","))
        assert [key for key, count in keys.items() if count > 1] == []


@pytest.mark.parametrize("action_id", list(ACTIONS))
def test_every_action_has_a_method(action_id: str) -> None:
    """An id without its `action_` method would be a dead key."""
    name = ACTIONS[action_id].method.partition("(")[0]
    owner, _, method = name.rpartition(".")
    owners: tuple[type, ...] = (DockviewApp,) if owner == "app" else (Dashboard,)
    if action_id in LIST_ACTIONS:
        owners = (ResourceList, TextPane, LogView, LifecycleView)
    elif action_id in _OF_PAGES:
        owners = (LogView,) if action_id in LOG_ACTIONS else (LifecycleView,)
    assert all(hasattr(found, f"action_{method}") for found in owners)


def test_overrides__clash_is_left_out_and_told() -> None:
    """A key that another action has stays with it, unless that one is moved away too."""
    kept, problems = check_overrides({"sort": "q", "nothing": "z", "filter": "f, V"})
    assert kept == {"filter": "f,V"}
    assert problems == ["keys: there is no action 'nothing'", "keys: 'q' of sort already belongs to quit"]
    kept, problems = check_overrides({"sort": "q", "quit": "o"})
    assert (kept, problems) == ({"sort": "q", "quit": "o"}, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("theme = ", "config.toml"),
        ("theme = 3", "theme is not a setting"),
        ("colour = 'red'", "colour is not a setting"),
        ("\udcff", "config.toml"),
    ],
)
def test_broken_config_gives_defaults_and_a_sentence(tmp_path: object, text: str, problem: str) -> None:
    """Nothing in the file prevents the start."""
    path = f"{tmp_path}/config.toml"
    with open(path, "w", errors="surrogateescape") as file:
        file.write(text)
    settings = load_settings(path)
    assert settings.theme == "dockview"
    assert problem in settings.problems[0]


def test_config_is_read(tmp_path: object) -> None:
    """Settings and keys come from the file; without one there are the defaults."""
    path = f"{tmp_path}/config.toml"
    assert load_settings(path).problems == ()
    with open(path, "w") as file:
        file.write('theme = "textual-light"\nconfirm = false\n[keys]\nsort = "S"\n')
    settings = load_settings(path)
    assert (settings.theme, settings.confirm, dict(settings.keys), settings.problems) == (
        "textual-light", False, {"sort": "S"}, (),
    )  # fmt: skip
