"""Approaches thinned to other frame rates: what is published at each, and whether its confidence is honest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.lab.evaluation.approach import Approach, centred
from signpipe.settings import Settings
from signpipe.stages.fallback import Fallback
from signpipe.stages.track import Track
from signpipe.types import Classifications, SignTrack

PICTURE = (720, 1280)
# Confidences at which calibration is judged.
SURE, SURER = 0.95, 0.99


def at_rates(
    approaches: Sequence[Approach], settings: Settings, catalogue: Catalogue, rates: Sequence[float], fps: float
) -> dict[str, dict[str, Any]]:
    """Play approaches at several frame rates, by the rate.

    A track is thinned from its end, as the nearest look is the one that a driver passes with. At rates above the
    tracks' own, each look is seen several times over: that must not make it surer.

    Args:
        approaches: The signs, frame by frame.
        settings: The configuration.
        catalogue: The classes.
        rates: Frames a second.
        fps: Frames a second of the approaches themselves.
    """
    return {
        f"{rate:g}": _summary([_played(one, settings, catalogue, rate, fps) for one in approaches]) for rate in rates
    }


def frames_at(count: int, rate: float, fps: float) -> Iterator[tuple[float, int]]:
    """Yield time in seconds and number of the frame that is seen then, of `count` frames taken `fps` times a second."""
    end = (count - 1) / fps
    looks = int(end * rate + 1e-9) + 1
    for number in range(looks):
        before = (looks - 1 - number) / rate
        yield end - before, max(int(np.ceil((end - before) * fps - 1e-6)), 0)


def _played(approach: Approach, settings: Settings, catalogue: Catalogue, rate: float, fps: float) -> dict[str, Any]:
    track = Track(settings.track, catalogue, settings.camera)
    fallback = Fallback(settings.fallback, catalogue)
    published, sure, tracks = set[int](), [0, 0], set[int]()
    latest: SignTrack | None = None
    for time, frame in frames_at(len(approach.sizes), rate, fps):
        row = slice(frame, frame + 1)
        seen = approach.observations
        looks = Classifications(seen.probability[row], seen.embedding[row], seen.novelty[row])
        found, ids = track.update(centred(approach.sizes[frame]), looks, time, PICTURE)
        tracks |= set(ids)
        latest = max(map(SignTrack.judged, found, fallback(found)), key=lambda one: one.id)
        if latest.is_sure:
            published.add(latest.class_id)
            if SURE <= latest.confidence < SURER:
                sure[0] += 1
                sure[1] += latest.class_id == approach.class_id
    assert latest is not None
    return {
        "final": latest.class_id == approach.class_id,
        "confirmed": approach.class_id in published,
        "wrong": bool(published - {approach.class_id}),
        "sure": sure,
        "tracks": len(tracks),
    }


def _summary(played: Sequence[dict[str, Any]]) -> dict[str, Any]:
    judged, right = np.sum([one["sure"] for one in played], axis=0).tolist()
    return {
        "tracks": len(played),
        "final_accuracy": float(np.mean([one["final"] for one in played])),
        "confirmed_right": float(np.mean([one["confirmed"] for one in played])),
        "ever_wrong_published": float(np.mean([one["wrong"] for one in played])),
        "fragments": float(np.mean([one["tracks"] for one in played])),
        "published_at_095_to_099": judged,
        "right_at_095_to_099": right / judged if judged else None,
    }
