"""The tables of the README say what the program does: they are made from it.

`python -m tests.unit.test_readme` writes them anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from dockview.commands.grammar import VERBS
from dockview.keymap import ACTIONS, show_keys
from tests.support.cli import REPOSITORY

README = f"{REPOSITORY}/README.md"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def keys() -> str:
    """The keys, in the order of the help screen."""
    rows = ((f"`{show_keys(action.keys)}`", action.description) for action in ACTIONS.values())
    return table(("key", "what it does"), rows)


def verbs() -> str:
    """The verbs, with their other spellings."""
    rows = ((f"`{verb.name}`", ", ".join(f"`{name}`" for name in verb.aliases), verb.summary) for verb in VERBS)
    return table(("verb", "also", "what it does"), rows)


def renewed(text: str) -> str:
    """The README with its tables as they must be."""
    for name, made in {"verbs": verbs(), "keys": keys()}.items():
        begin, rest = text.split(f"<!-- {name}:", 1)
        head, _newline, rest = rest.partition("\n")
        text = f"{begin}<!-- {name}:{head}\n{made}<!-- /{name} -->" + rest.partition(f"<!-- /{name} -->")[2]
    return text


def test_tables_are_those_of_the_program() -> None:
    """Keys and verbs of the README are the program's."""
    with open(README) as file:
        text = file.read()
    assert renewed(text) == text, "run: python -m tests.unit.test_readme"


if __name__ == "__main__":
    with open(README) as old:
        content = renewed(old.read())
    with open(README, "w") as new:
        new.write(content)
