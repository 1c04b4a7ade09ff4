"""Every phase is explained, at every depth of a run, in few words."""

import subprocess
import sys

import pytest

from dockview import lessons
from dockview.engine.lifecycle import RUN_PHASES, Phase

TEXTS = [(phase, depth) for phase in Phase for depth in lessons.depths(phase)]


@pytest.mark.parametrize("phase", RUN_PHASES)
def test_each_phase_of_a_run_has_every_depth(phase: Phase) -> None:
    assert list(lessons.depths(phase)) == list(range(len(lessons.DEPTHS)))


@pytest.mark.parametrize("phase", list(Phase))
def test_each_phase_has_a_concept(phase: Phase) -> None:
    assert 1 in lessons.depths(phase)


@pytest.mark.parametrize(("phase", "depth"), TEXTS)
def test_a_text_is_short_and_plain(phase: Phase, depth: int) -> None:
    """Under 80 words, a whole sentence, nothing that a terminal or markup would act upon."""
    text = lessons.lesson(phase, depth)
    assert 8 <= len(text.split()) < 80
    assert text.endswith((".", "!"))
    assert text.isprintable()
    assert "  " not in text


def test_no_text_is_told_twice() -> None:
    texts = [lessons.lesson(phase, depth) for phase, depth in TEXTS]
    assert len(set(texts)) == len(texts)


def test_a_depth_that_is_missing_falls_back_to_a_shallower_one() -> None:
    assert 4 not in lessons.depths(Phase.PRUNE)
    assert lessons.lesson(Phase.PRUNE, 4) == lessons.lesson(Phase.PRUNE, 2)
    assert lessons.lesson(Phase.PARSE, 99) == lessons.lesson(Phase.PARSE, 4)
    assert lessons.lesson(Phase.PARSE, -1) == lessons.lesson(Phase.PARSE, 0)


def test_nothing_is_parsed_before_a_lesson_is_asked_for() -> None:
    """The app starts without paying for lessons that nobody reads yet."""
    code = "import sys, dockview.lessons; sys.exit('tomllib' in sys.modules)"
    command = [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"]
    assert subprocess.run(command, check=False).returncode == 0
