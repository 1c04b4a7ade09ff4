"""The filters of a prune: docker's keys, and what they let go."""

from __future__ import annotations

import time

import pytest

from dockview.engine.errors import InvalidRequest
from dockview.engine.moments import NS
from dockview.engine.prune_filter import PruneFilter, is_anonymous, read_prune_filter


def test_labels__all_that_are_wanted_none_that_are_not() -> None:
    wanted = read_prune_filter(["container"], {"label": ["a", "b=1"], "label!": ["keep"]})
    assert wanted.passes({"a": "x", "b": "1"}, None)
    assert not wanted.passes({"a": "x", "b": "2"}, None)
    assert not wanted.passes({"a": "x", "b": "1", "keep": ""}, None)


def test_until__only_what_was_made_before_and_whose_age_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 10_000 * NS)
    wanted = read_prune_filter(["image"], {"until": ["1h"]})
    assert [wanted.passes({}, at) for at in (6_399 * NS, 6_400 * NS, None)] == [True, False, False]


def test_dangling__is_the_rule_unless_all_or_said_otherwise() -> None:
    assert read_prune_filter(["image"], {}).is_dangling
    assert not read_prune_filter(["image"], {}, all_images=True).is_dangling
    assert not read_prune_filter(["image"], {"dangling": ["false"]}).is_dangling
    assert PruneFilter().is_open


@pytest.mark.parametrize(
    ("kinds", "filters"),
    [
        (["nonsense"], {}),
        (["container"], {"dangling": ["true"]}),
        (["container"], {"colour": ["red"]}),
        (["volume"], {"until": ["1h"]}),
        (["container", "volume"], {"until": ["1h"]}),
        (["container"], {"until": ["1h", "2h"]}),
        (["container"], {"until": ["yesterday"]}),
        (["image"], {"dangling": ["perhaps"]}),
    ],
)
def test_refused(kinds: list[str], filters: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidRequest):
        read_prune_filter(kinds, filters)


def test_anonymous_volumes_have_docker_names() -> None:
    assert is_anonymous("0" * 64)
    assert not is_anonymous("db-data")
    assert not is_anonymous("g" * 64)
