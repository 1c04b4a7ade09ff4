"""`kill -9` at any instant: nothing is lost, nothing is leaked, and the next open finds a store that is whole."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator

import pytest

from tests.engine import striking
from tests.engine.striking import DEEDS, Deed, opened
from tests.support import leaks, outside, stores
from tests.support.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.registry]

TRIALS = int(os.environ.get("DOCKVIEW_TRIALS", "2"))
"""Of each verb; a trial takes about half a second, and with the same seed strikes at the same part of the verb."""
SEED = os.environ.get("DOCKVIEW_SEED", "dockview")


@pytest.fixture(scope="module")
def root(busybox_image: str) -> Iterator[str]:
    """One store for all trials: what one leaves is in the way of the next."""
    folder = stores.make_root()
    with opened(folder) as engine:
        striking.run(engine, busybox_image)
        striking.clear(engine, busybox_image)
    yield folder
    stores.remove_store(folder)


@contextlib.contextmanager
def trial(root: str, image: str, what: str) -> Iterator[None]:
    """Whatever happens in the block, everything is well afterwards."""
    before = leaks.look()
    try:
        yield
        striking.assert_consistent(root)
        with opened(root) as engine:
            striking.use(engine, image)
        leaks.assert_nothing_left(before)
    except BaseException as error:
        error.add_note(f"this was {what}")
        with contextlib.suppress(Exception), opened(root) as engine:
            striking.clear(engine, image)
        raise


@pytest.mark.parametrize("verb", DEEDS)
def test_process_is_struck(root: str, busybox_image: str, verb: str) -> None:
    """The process that performs the verb."""
    deed = DEEDS[verb]
    whole_s = striking.length(root, deed, busybox_image)
    for number in range(TRIALS):
        moment = striking.choose(striking.seeded(f"{SEED} {verb} {number}"), whole_s)
        with trial(root, busybox_image, f"{verb}, trial {number}, killed after {moment:.4f} of {whole_s:.4f} s"):
            with opened(root) as engine:
                deed.prepare(engine, busybox_image)
            striking.strike(striking.begin(root, deed.act, busybox_image), moment)


WITH_SHIM = {
    "while it runs": Deed(striking.run, striking.nothing),
    **{verb: DEEDS[verb] for verb in ("run", "run --rm", "start", "stop", "restart", "rm -f", "commit")},
    **{verb: DEEDS[verb] for verb in ("network connect", "network disconnect")},
}


@pytest.mark.parametrize("verb", WITH_SHIM)
def test_shim_is_struck(root: str, busybox_image: str, verb: str) -> None:
    """The shim of the container, as a verb is performed on it or bears it; the verb ends by itself, or says why not."""
    deed = WITH_SHIM[verb]
    whole_s = striking.length(root, deed, busybox_image)
    for number in range(TRIALS):
        moment = striking.choose(striking.seeded(f"{SEED} shim {verb} {number}"), whole_s)
        with trial(root, busybox_image, f"{verb}, trial {number}, shim killed after {moment:.4f} of {whole_s:.4f} s"):
            with opened(root) as engine:
                deed.prepare(engine, busybox_image)
            pid = striking.begin(root, deed.act, busybox_image)
            time.sleep(moment)
            for shim in striking.shims(root):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(shim, signal.SIGKILL)
                until(lambda shim=shim: not outside.exists(shim), "the end of the shim")  # type: ignore[misc]
            assert striking.end(pid) in (0, 1)


def test_several_are_struck_at_once(root: str, busybox_image: str) -> None:
    """Processes that run, remove, prune and pull on one store, killed one after the other, and begun again."""
    for number in range(TRIALS):
        random_ = striking.seeded(f"{SEED} crowd {number}")
        with trial(root, busybox_image, f"the crowd, trial {number}"):
            crowd = [begin_busy(root, busybox_image, f"{number}-{which}", random_) for which in range(3)]
            for _round in range(4):
                victim = crowd.pop(random_.randrange(len(crowd)))
                striking.strike(victim, random_.uniform(0, 0.1))
                crowd.append(begin_busy(root, busybox_image, f"{number}-{_round + 3}", random_))
            for pid in crowd:
                striking.strike(pid, 0)


def begin_busy(root: str, image: str, name: str, random_: random.Random) -> int:
    """A process that performs verbs in a random order, until it is killed."""
    seed = random_.random()
    return striking.begin(root, lambda engine, _: striking.keep_busy(engine, image, name, striking.seeded(seed)), image)
