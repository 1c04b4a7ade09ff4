"""What a stranger sees where nothing can be shown yet: what this is, and what to try."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dockview.widgets.lines import Piece, width_of

Line = Sequence[Piece]

_INDENT = 2
_WIDE = 64
"""From this width on, a line and what it does stand beside each other."""
_GAP = 3


def welcome(keys_of: Callable[[str], str], *, is_embedded: bool, width: int) -> list[Line]:
    """The page, for a width in cells. `keys_of` gives the key of an action, as the user has set it."""
    line, run, browse = keys_of("command"), keys_of("container.run"), keys_of("open_port")
    web = "web web" if is_embedded else "web nginx"
    tries: list[tuple[Sequence[Piece], str]] = [
        (((run, "accent"),), "fill in how an image runs"),
        (((line, "accent"), ("run hello-world", "strong")), "it says hello and ends"),
        (
            ((line, "accent"), (f"run -d -p 8080:80 --name {web}", "strong")),
            f"a web server: {browse} opens it, or in a shell: curl localhost:8080",
        ),
    ]
    if is_embedded:
        what = "dockview runs containers with an engine of its own and shows each step that makes one."
        needs = "No Docker and no network is needed: hello-world, web, db and box are built in."
    else:
        what = "dockview runs containers with Docker's engine here and shows each step that makes one."
        needs = f"{keys_of('engines')} changes to an engine that is built in and needs no Docker and no network."
    room = max(min(width - _INDENT, 96), 20)
    page: list[Line] = [[("Nothing runs here yet", "strong")], []]
    page += [[(words, "text")] for words in _wrapped(what, room)]
    page += [[(words, "soft")] for words in _wrapped(needs, room)]
    page += [[], [("TRY", "faint")], []]
    for shown, words in tries:
        page += _try(shown, words, room)
    page += [[], [*_key(keys_of("help"), "all keys"), *_key(line, "any docker line"), *_key(keys_of("quit"), "leave")]]
    return [[(" " * _INDENT, "text"), *pieces] for pieces in page]


def _try(shown: Sequence[Piece], words: str, room: int) -> list[Line]:
    head: list[Piece] = [(f"{shown[0][0]} ", shown[0][1]), *shown[1:]]
    column = 42
    if room >= _WIDE and width_of(head) + _GAP <= column:
        told = _wrapped(words, room - column)
        first: Line = [*head, (" " * (column - width_of(head)), "text"), (told[0], "soft")]
        return [first, *([(" " * column, "text"), (rest, "soft")] for rest in told[1:])]
    if len(shown) == 1:
        return [[*head, (" " + words, "soft")]]
    return [head, *([("   ", "text"), (part, "soft")] for part in _wrapped(words, room - _GAP))]


def _key(key: str, words: str) -> list[Piece]:
    return [(f"{key} ", "accent"), (words + "   ", "faint")]


def _wrapped(text: str, width: int) -> list[str]:
    """Words in lines of at most `width` cells; all of it is plain ASCII."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
