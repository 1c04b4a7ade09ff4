"""What the last word of a docker line may become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile

from dockview.commands.grammar import GROUPS, SPELLINGS, VERBS

_ON_IMAGES = frozenset({"run", "create", "pull", "rmi", "image inspect"})


def candidates(line: str, names: Mapping[str, Sequence[str]]) -> tuple[str, list[str]]:
    """The line with its last word grown as far as that is certain, and the words it may become.

    Args:
        line: the text before the cursor.
        names: names of objects by kind (container, image).
    """
    words = line.split(" ")
    *before, stem = words
    known = [word for word in before if word]
    if known[:1] in (["docker"], ["dockview"]):
        known = known[1:]
    found = sorted({word for word in _choices(known, stem, names) if word.startswith(stem)})
    if not found:
        return line, []
    grown = "".join(letters[0] for letters in takewhile(lambda pair: len({*pair}) == 1, zip(*found, strict=False)))
    done = " ".join([*before, grown]) + (" " if len(found) == 1 else "")
    return done, found


def _choices(known: Sequence[str], stem: str, names: Mapping[str, Sequence[str]]) -> list[str]:
    spelled = " ".join(word for word in known if not word.startswith("-"))
    first = known[0] if known else ""
    if not known:
        return [*(verb for verb in SPELLINGS if " " not in verb), *GROUPS]
    if len(known) == 1 and first in GROUPS:
        return [spelling.split(" ")[1] for spelling in SPELLINGS if spelling.startswith(first + " ")]
    verb = SPELLINGS.get(" ".join(known[:2])) or SPELLINGS.get(first)
    if verb is None:
        return []
    if stem.startswith("-"):
        return [f"--{flag.name}" for flag in verb.flags]
    if verb.name in _ON_IMAGES:
        return [*names.get("image", ())]
    takes_objects = verb in VERBS and bool(verb.arguments) and bool(spelled)
    return [*names.get("container", ())] if takes_objects else []
