"""Fallback: the ladder of how far the meaning of a sign may be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from signpipe.catalogue import Catalogue, Category
from signpipe.settings import FallbackSettings
from signpipe.types import SignTrack, TrackState, Verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rung is sure of.

    Attributes:
        verdict: CONFIRMED or CORROBORATED.
        class_id: The class.
        source: Who says so: "vision", "vision+template", "map", ...
        reason: How it was reached, for a person.
    """

    verdict: Verdict
    class_id: int
    source: str
    reason: str


class Rung(Protocol):
    """One way to become sure of a sign's class; the ladder asks them from the cheapest to the dearest."""

    def __call__(self, track: SignTrack, held: int | None, /) -> Finding | None:
        """Judge one track.

        Args:
            track: A track that is not tentative.
            held: The class that the ladder found for it in the frame before, or None.

        Returns:
            What is sure, or None if this rung can't tell.
        """


class VisionRung:
    """The first rung: the classifier alone, over all looks.

    Sure from `accept` on, if the sign is familiar. What was sure stays so until the probability falls below `release`
    (or novelty rises by as much over its own bound), so that a verdict doesn't flicker.

    Args:
        settings: The bounds.
        catalogue: The classes.
    """

    def __init__(self, settings: FallbackSettings, catalogue: Catalogue) -> None:
        self._settings = settings
        self._catalogue = catalogue

    def __call__(self, track: SignTrack, held: int | None) -> Finding | None:
        """Judge one track; see `Rung`."""
        slack = self._settings.accept - self._settings.release if held == track.class_id else 0.0
        if track.confidence < self._settings.accept - slack or track.novelty > self._settings.novelty + slack:
            return None
        reason = f"vision: {self._catalogue[track.class_id].name} at {track.confidence:.2f} over {_looks(track)}"
        return Finding(Verdict.CONFIRMED, track.class_id, "vision", reason)


class Fallback:
    """Give every track its verdict: its class if a rung is sure of it, else its category, else nothing.

    Further rungs (feature matching, a map, LiDAR) join the list after vision. A guess is never published: without a
    finding the class stays unsaid, and the category is said only if the classes of one category together reach
    `category`. An unfamiliar sign can still have a sure category, as shape and colour tell it; something that looks
    like no sign at all gathers no evidence (looks count less by their novelty) and stays unknown.

    Args:
        settings: The bounds of the ladder.
        catalogue: The classes and their categories.
        rungs: The rungs in order; the default is vision alone.
    """

    def __init__(self, settings: FallbackSettings, catalogue: Catalogue, rungs: Sequence[Rung] | None = None) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._rungs = (VisionRung(settings, catalogue),) if rungs is None else tuple(rungs)
        self._categories = tuple(Category)
        self._members = np.array([[sign.category is category for sign in catalogue] for category in self._categories])
        self._held: dict[int, int] = {}
        self._held_category: dict[int, Category] = {}

    def __call__(self, tracks: list[SignTrack]) -> None:
        """Set verdict, reason, source, class and category of all living tracks, in place.

        Args:
            tracks: Every living track; what is remembered of others is dropped.
        """
        for track in tracks:
            self._judge(track)
        living = {track.id for track in tracks}
        self._held = {id_: held for id_, held in self._held.items() if id_ in living}
        self._held_category = {id_: held for id_, held in self._held_category.items() if id_ in living}

    def _judge(self, track: SignTrack) -> None:
        if track.state is TrackState.TENTATIVE:
            track.verdict, track.category = Verdict.UNKNOWN, None
            track.verdict_reason = f"seen for {track.age:.2f} s only"
            return
        finding = self._climb(track)
        if finding is not None:
            track.verdict, track.class_id, track.category = finding.verdict, finding.class_id, None
            track.source, track.verdict_reason = finding.source, finding.reason
        else:
            self._fall_back(track)

    def _climb(self, track: SignTrack) -> Finding | None:
        """Ask the rungs in order until one is sure."""
        held = self._held.pop(track.id, None)
        for rung in self._rungs:
            finding = rung(track, held)
            if finding is not None:
                self._held[track.id] = finding.class_id
                return finding
        return None

    def _fall_back(self, track: SignTrack) -> None:
        """Say no more than the category, if even that is sure."""
        shares = self._members @ track.probability
        best = int(shares.argmax())
        category, share = self._categories[best], float(shares[best])
        slack = self._settings.accept - self._settings.release
        known = self._held_category.pop(track.id, None) is category
        doubt = self._doubt(track)
        if share >= self._settings.category - slack * known:
            self._held_category[track.id] = category
            track.verdict, track.category = Verdict.UNCERTAIN, category.value
            track.verdict_reason = f"{doubt}; {category.value} at {share:.2f}"
        else:
            track.verdict, track.category = Verdict.UNKNOWN, None
            track.verdict_reason = f"{doubt}; no category over {share:.2f}"

    def _doubt(self, track: SignTrack) -> str:
        """Say why the class isn't sure."""
        if track.novelty > self._settings.novelty:
            return f"vision: unlike any sign of the catalogue (novelty {track.novelty:.2f} over {_looks(track)})"
        first, second = np.argsort(-track.probability, kind="stable")[:2]
        names = [f"{self._catalogue[int(id_)].name} at {track.probability[id_]:.2f}" for id_ in (first, second)]
        return f"vision: {' or '.join(names)} over {_looks(track)}"


def _looks(track: SignTrack) -> str:
    return "one look" if track.hits == 1 else f"{track.hits} looks"
