"""Names for containers that were given none: an adjective and somebody who made computers what they are."""

from __future__ import annotations

import os

_ADJECTIVES = (  # noqa: SIM905  a paragraph of words reads better than a column
    "amber bold brave bright brisk calm clear clever cosy crisp curious daring deft eager early easy fair fond free "
    "fresh gentle glad golden grand green handy happy hardy honest humble jolly keen kind lively lucid lucky mellow "
    "merry mild modest neat nimble noble open patient plain polite proud quick quiet rapid ready ripe rosy sharp "
    "silent sleek smart snug solid steady sunny swift tidy trusty upbeat vivid warm wise witty"
).split()
_PEOPLE = (  # noqa: SIM905
    "allen antonelli babbage backus bartik borg brooks cerf church clarke codd conway dijkstra easley engelbart "
    "estrin feinler floyd franklin goldberg goldwasser granville hamilton hamming hoare holberton holmes hopper "
    "huffman johnson kahn kay kernighan knuth lamarr lamport leibniz licklider liskov lovelace mauchly mccarthy "
    "mcilroy meitner milner minsky moore napier naur noether pascal perlman ritchie sammet shannon shaw simon "
    "sinclair stroustrup sutherland tharp thompson torvalds turing ulam vaughan wiles wilkes wilson wirth yalow zuse"
).split()


def random_name() -> str:
    """A name such as calm_hopper; two containers may draw the same one, so the caller tries again on a clash."""
    drawn = int.from_bytes(os.urandom(8))
    return f"{_ADJECTIVES[drawn % len(_ADJECTIVES)]}_{_PEOPLE[drawn // 1009 % len(_PEOPLE)]}"
