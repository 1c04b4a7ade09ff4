"""Every key of the app, once: what it does, what it is called, and which feature of an engine it needs.

Widgets and screens make their bindings from this table, and so do the foot, the help screen and the action menu.
The ids are what a user's config file names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a key does."""

    id: str
    keys: str
    """The default keys, comma-separated, as Textual names them."""
    method: str
    """The Textual action, with its arguments."""
    label: str
    """One or two words for the foot."""
    description: str
    """A sentence for the help screen."""
    group: str
    feature: str = ""
    """The feature that an engine may lack, or empty."""
    kinds: tuple[str, ...] = ()
    """The kinds of object it works on; empty for all."""


_TABLE = (
    Action("list.down", "j,down", "down", "down", "Next row", "Move"),
    Action("list.up", "k,up", "up", "up", "Previous row", "Move"),
    Action("list.top", "g,home", "top", "top", "First row", "Move"),
    Action("list.bottom", "G,end", "bottom", "bottom", "Last row", "Move"),
    Action("list.page_down", "pagedown,ctrl+f", "page_down", "page", "A page down", "Move"),
    Action("list.page_up", "pageup,ctrl+b", "page_up", "page up", "A page up", "Move"),
    Action("panel.next", "tab", "next_panel", "next", "Next panel", "Move"),
    Action("panel.previous", "shift+tab", "previous_panel", "previous", "Previous panel", "Move"),
    Action("panel.containers", "1", "panel('container')", "containers", "Containers", "Move"),
    Action("panel.images", "2", "panel('image')", "images", "Images", "Move"),
    Action("panel.networks", "3", "panel('network')", "networks", "Networks", "Move"),
    Action("panel.volumes", "4", "panel('volume')", "volumes", "Volumes", "Move"),
    Action("detail.open", "enter", "open_detail", "open", "Go into the detail", "Move"),
    Action("back", "escape", "back", "back", "Back; cancels a run that is being built", "Move"),
    Action("tab.previous", "[", "previous_tab", "tab", "Previous tab of the detail", "Move"),
    Action("tab.next", "]", "next_tab", "tab", "Next tab of the detail", "Move"),
    Action("container.run", "R", "run_form", "run", "Run an image", "Act", "run"),
    Action("command", ":", "command", "command", "Type a docker line", "Act"),
    Action(
        "container.toggle", "s", "toggle_container", "stop/start", "Stop what runs, start what does not", "Act",
        "stop", ("container",),
    ),
    Action(
        "container.restart", "r", "restart", "restart", "Stop, then start again", "Act", "restart", ("container",)
    ),
    Action(
        "container.pause", "p", "pause", "pause", "Freeze its processes, or let them go on", "Act", "pause",
        ("container",),
    ),
    Action("container.exec", "e", "exec", "exec", "A shell, or any command, inside it", "Act", "exec", ("container",)),
    Action(
        "container.attach", "a", "attach", "attach", "Join its terminal; ctrl-p ctrl-q lets go", "Act", "attach",
        ("container",),
    ),
    Action("container.kill", "ctrl+k", "kill", "kill", "Kill at once; asks", "Act", "kill", ("container",)),
    Action("remove", "d", "remove", "remove", "Remove; asks", "Act", "rm", ("container", "image")),
    Action("prune", "P", "prune", "prune", "Remove what is unused, after a preview", "Act", "prune"),
    Action("menu", "x", "menu", "actions", "All actions on what is selected", "Act"),
    Action("logs", "l", "tab('logs')", "logs", "Its logs", "See", "logs", ("container",)),
    Action("stats", "S", "tab('stats')", "stats", "What it uses, as graphs", "See", "stats", ("container",)),
    Action("top", "T", "tab('top')", "processes", "Its processes", "See", "top", ("container",)),
    Action("files", "F", "tab('files')", "files", "What differs from its image", "See", "diff", ("container",)),
    Action("inspect", "i", "tab('inspect')", "inspect", "Its inspect JSON", "See"),
    Action("lifecycle", "v", "tab('lifecycle')", "lifecycle", "How it came to be", "See", "", ("container", "image")),
    Action("secrets", "m", "secrets", "unmask", "Show or mask values that look secret", "See"),
    Action("show_stopped", "A", "show_stopped", "stopped", "Show or hide stopped containers", "See"),
    Action("filter", "/", "filter", "filter", "Filter the list", "See"),
    Action("sort", "o", "sort", "sort", "Sort by the next column", "See"),
    Action("sort.reverse", "O", "reverse", "reverse", "Reverse the order", "See"),
    Action("copy", "y", "copy", "copy", "Copy the docker line, or the ID", "See"),
    Action("open_port", "w", "open_port", "browse", "Open the published port in a browser", "See", "", ("container",)),
    Action("engines", "E", "engines", "engine", "Which engine; switch", "App"),
    Action("help", "?", "help", "help", "This page", "App"),
    Action("quit", "q", "app.quit", "quit", "Leave; containers go on", "App"),
    Action(
        "lifecycle.prove", "enter,x", "prove", "prove", "Run the command that proves the step", "In the lifecycle"
    ),
    Action("lifecycle.evidence", "space", "evidence", "evidence", "Show or hide the evidence", "In the lifecycle"),
    Action("logs.follow", "f", "follow", "follow", "Follow the end, or stay here", "In the logs"),
    Action("logs.timestamps", "t", "timestamps", "times", "Show or hide the time of each line", "In the logs"),
    Action("logs.wrap", "w", "wrap", "wrap", "Wrap long lines, or scroll sideways", "In the logs"),
    Action("logs.next", "n", "find(1)", "next", "The next match of what / looks for", "In the logs"),
    Action("logs.previous", "N", "find(-1)", "previous", "The match before", "In the logs"),
)  # fmt: skip

ACTIONS: Mapping[str, Action] = {action.id: action for action in _TABLE}
"""All actions by id, in the order of the help screen."""

LIST_ACTIONS = ("list.down", "list.up", "list.top", "list.bottom", "list.page_down", "list.page_up")
"""What a list, or a scrolling detail, answers itself."""
LIFECYCLE_ACTIONS = ("lifecycle.prove", "lifecycle.evidence")
"""What the lifecycle page answers while it has the focus; there its keys come before those of the screen."""
LOG_ACTIONS = ("logs.follow", "logs.timestamps", "logs.wrap", "logs.next", "logs.previous")
"""Likewise the log page."""
_PAGES = (frozenset(LIFECYCLE_ACTIONS), frozenset(LOG_ACTIONS))
_OF_PAGES = _PAGES[0] | _PAGES[1]


def bindings_for(ids: Iterable[str]) -> list[Binding]:
    """The bindings of these actions."""
    return [_binding(ACTIONS[action_id]) for action_id in ids]


def screen_bindings() -> list[Binding]:
    """The bindings of everything that is not a list's own."""
    return [_binding(action) for action in _TABLE if action.id not in LIST_ACTIONS and action.id not in _OF_PAGES]


def _binding(action: Action) -> Binding:
    return Binding(action.keys, action.method, action.description, show=False, id=action.id)


def check_overrides(overrides: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Take a user's keys, leaving out what cannot work.

    Returns: the overrides that hold, and a sentence for each that does not (an unknown action, a key that another
    action has).
    """
    problems: list[str] = []
    wanted: dict[str, str] = {}
    for action_id, keys in overrides.items():
        if action_id not in ACTIONS:
            problems.append(f"keys: there is no action {action_id!r}")
        elif not isinstance(keys, str) or not _split(keys):
            problems.append(f'keys: {action_id} needs a key, such as "s" or "ctrl+s"')
        else:
            wanted[action_id] = ",".join(_split(keys))
    held = {action.id: _split(action.keys) for action in _TABLE if action.id not in wanted}
    kept: dict[str, str] = {}
    for action_id, keys in wanted.items():
        owners = {key: other for other, theirs in held.items() if _meet(action_id, other) for key in theirs}
        clash = next((key for key in _split(keys) if key in owners), None)
        if clash is not None:
            problems.append(f"keys: {clash!r} of {action_id} already belongs to {owners[clash]}")
            held[action_id] = [key for key in _split(ACTIONS[action_id].keys) if key not in owners]
        else:
            kept[action_id] = keys
            held[action_id] = _split(keys)
    return kept, problems


def _meet(one: str, other: str) -> bool:
    """Whether two actions cannot have the same key.

    A page's own key comes before the screen's while the page has the focus, but not before the keys that move in it.
    """
    if one not in _OF_PAGES and other not in _OF_PAGES:
        return True
    return {one, other} & set(LIST_ACTIONS) != set() or any({one, other} <= page for page in _PAGES)


def _split(keys: str) -> list[str]:
    return [key.strip() for key in keys.split(",") if key.strip()]


_NAMES = {
    "escape": "esc",
    "enter": "⏎",
    "down": "↓",
    "up": "↑",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}


def show_keys(keys: str, *, first: bool = False) -> str:
    """Keys as people write them: `ctrl+k` as `^k`, `escape` as `esc`."""
    names = [_NAMES.get(key, key).replace("ctrl+", "^").replace("shift+", "⇧") for key in _split(keys)]
    return names[0] if first else " ".join(names)
