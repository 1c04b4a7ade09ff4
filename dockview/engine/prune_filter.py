"""The filters of a prune, for every engine: `until=`, `label=`, `label!=`, `dangling=`, and `all=` of volumes.

Source: Docker Engine API, ContainerPrune, ImagePrune, NetworkPrune and VolumePrune.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dockview.engine.errors import InvalidRequest
from dockview.engine.moments import moment_ns

KINDS = ("container", "image", "network", "volume")
_TRUE = ("1", "t", "true")
_FALSE = ("0", "f", "false")


@dataclass(frozen=True, slots=True)
class PruneFilter:
    """What a thing that nobody uses must be like to go."""

    until_ns: int | None = None
    """Made before this moment."""
    labels: tuple[str, ...] = ()
    """Has all of these: `key` or `key=value`."""
    without: tuple[str, ...] = ()
    """Has none of these."""
    is_dangling: bool = True
    """Of images: only those without a name."""
    has_named_volumes: bool = False
    """Volumes that somebody named, too."""

    @property
    def is_open(self) -> bool:
        """Whether no time and no label is asked for."""
        return self.until_ns is None and not self.labels and not self.without

    def passes(self, labels: Mapping[str, str], created_ns: int | None) -> bool:
        """Whether a thing with these labels, made then, may go; one whose age is unknown is not old enough."""
        if self.until_ns is not None and (created_ns is None or created_ns >= self.until_ns):
            return False
        return all(_has(labels, text) for text in self.labels) and not any(_has(labels, text) for text in self.without)


def read_prune_filter(
    kinds: Sequence[str], filters: Mapping[str, Sequence[str]], *, all_images: bool = False
) -> PruneFilter:
    """The filter of a prune of these kinds. Raises: InvalidRequest for a kind, key or value that docker has not."""
    if unknown := set(kinds) - set(KINDS):
        raise InvalidRequest(f"cannot prune {', '.join(sorted(unknown))}", hint=f"kinds are {', '.join(KINDS)}")
    known = {"label", "label!"} | ({"dangling"} if "image" in kinds else set())
    known |= {"all"} if "volume" in kinds else {"until"}
    for key in filters:
        if key == "until" and "volume" in kinds:
            raise InvalidRequest('the "until" filter is not supported with volumes', hint="a volume has no such time")
        if key not in known:
            raise InvalidRequest(f"invalid filter '{key}'", hint=f"there are {', '.join(sorted(known))}")
    dangling = filters.get("dangling", ())
    is_dangling = _boolean("dangling", dangling[-1]) if dangling else not all_images
    everything = filters.get("all", ())
    return PruneFilter(
        until_ns=_until(filters.get("until", ())),
        labels=tuple(filters.get("label", ())),
        without=tuple(filters.get("label!", ())),
        is_dangling=is_dangling,
        has_named_volumes=bool(everything) and _boolean("all", everything[-1]),
    )


def is_anonymous(volume: str) -> bool:
    """Docker names a volume that nobody named by 64 digits; one that somebody named may hold what he wants back."""
    return len(volume) == 64 and not set(volume) - set("0123456789abcdef")


def _until(texts: Sequence[str]) -> int | None:
    if not texts:
        return None
    if len(texts) > 1:
        raise InvalidRequest("more than one until filter specified", hint="give one")
    try:
        return moment_ns(texts[0], time.time_ns())
    except ValueError as error:
        raise InvalidRequest(
            f"invalid until filter: {error}", hint="10m, 2013-01-02T13:23:37Z and 1357133017 are understood"
        ) from None


def _boolean(key: str, text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise InvalidRequest(f"invalid filter '{key}={text}'", hint="true or false")


def _has(labels: Mapping[str, str], wanted: str) -> bool:
    key, equals, text = wanted.partition("=")
    return key in labels and (not equals or labels[key] == text)
