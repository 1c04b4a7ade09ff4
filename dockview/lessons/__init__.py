"""What the phases mean, in plain words, from an everyday picture (depth 0) to the kernel (depth 4).

The texts are data (phases.toml); they are read when the first of them is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources

from dockview.engine.lifecycle import Phase

DEPTHS: tuple[str, ...] = ("picture", "concept", "mechanics", "process", "kernel")
"""The depths by number, as they are named in the file."""


def lesson(phase: Phase, depth: int = 1) -> str:
    """What a phase means at a depth from 0 to 4; the nearest shallower text where that depth has none."""
    texts = _texts().get(str(phase), {})
    for level in range(min(max(depth, 0), len(DEPTHS) - 1), -1, -1):
        if text := texts.get(DEPTHS[level]):
            return text
    return next((texts[name] for name in DEPTHS if name in texts), "")


def depths(phase: Phase) -> Sequence[int]:
    """The depths at which a phase has a text of its own."""
    texts = _texts().get(str(phase), {})
    return [level for level, name in enumerate(DEPTHS) if name in texts]


@lru_cache(maxsize=1)
def _texts() -> Mapping[str, Mapping[str, str]]:
    import tomllib  # noqa: PLC0415  costs milliseconds that only a reader of lessons has to pay

    with resources.files(__name__).joinpath("phases.toml").open("rb") as file:
        phases = tomllib.load(file)
    return {phase: {name: " ".join(text.split()) for name, text in texts.items()} for phase, texts in phases.items()}
