"""Tracks made by hand, for the tests of what comes after the tracker."""

from __future__ import annotations

import numpy as np

from signpipe.catalogue import load_catalogue
from signpipe.types import Certainty, SignTrack, TrackState, Verdict
from tests.stages.scene import belief

CATALOGUE = load_catalogue()


def track(
    name: str,
    id_: int = 1,
    probability: float = 0.97,
    state: TrackState = TrackState.CONFIRMED,
    novelty: float = 0.1,
    hits: int = 12,
    age: float = 1.0,
    other: str | None = None,
    side: float = 40.0,
) -> SignTrack:
    """Return a track without a verdict; what `probability` leaves goes to `other`, or is spread evenly."""
    sign = CATALOGUE.by_name(name)
    row = belief(sign.id, probability)
    if other is not None:
        row = np.zeros_like(row)
        row[sign.id] = probability
        row[CATALOGUE.by_name(other).id] += 1 - probability
    return SignTrack(
        id=id_,
        xyxy=np.array([600, 300, 600 + side, 300 + side], np.float32),
        state=state,
        score=0.9,
        age=age,
        unseen=0.2 if state is TrackState.COASTING else 0.0,
        hits=hits,
        evidence=np.log(np.maximum(row, 1e-9)),
        probability=row,
        class_id=sign.id,
        novelty=novelty,
        detection=None if state is TrackState.COASTING else 0,
    )


def sure(name: str, id_: int = 1, **changes: float) -> SignTrack:
    """Return a track whose class vision has confirmed."""
    result = track(name, id_, changes.get("probability", 0.97))
    result.verdict = Verdict(Certainty.CONFIRMED, "vision")
    return result


def coasting(name: str, id_: int = 1) -> SignTrack:
    """Return a sure track that isn't seen in this frame."""
    result = sure(name, id_)
    result.state, result.detection = TrackState.COASTING, None
    return result


def uncertain(name: str, id_: int = 1, hits: int = 12, side: float = 60.0, unseen: float = 0.0) -> SignTrack:
    """Return a track of which only the category of the class `name` is sure."""
    state = TrackState.COASTING if unseen else TrackState.CONFIRMED
    other = "speed_limit_30" if "limit" in name else None
    result = track(name, id_, 0.5, state, hits=hits, other=other, side=side)
    result.unseen = unseen
    result.verdict = Verdict(Certainty.UNCERTAIN, category=CATALOGUE.by_name(name).category.value)
    return result
