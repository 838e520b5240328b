"""Approaches thinned to other frame rates: what is published at each, and whether its confidence is honest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.lab.evaluation.approach import PICTURE, Approach, centred
from signpipe.lab.evaluation.approaching import LARGEST, Windscreen, squared
from signpipe.lab.evaluation.interval import wilson
from signpipe.opinion import Witness
from signpipe.settings import Settings
from signpipe.stages.fallback import Fallback
from signpipe.stages.track import Track
from signpipe.types import Frame, Image, SignTrack

# Confidences at which calibration is judged.
SURE, SURER = 0.95, 0.99

Views = Sequence[Image]  # a BGR uint8 square of each frame, empty where there are no pictures


def at_rates(
    approaches: Sequence[Approach],
    settings: Settings,
    catalogue: Catalogue,
    rates: Sequence[float],
    fps: float,
    ask: Callable[[], list[Witness]] = list,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
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
        ask: Opens those who are asked besides vision, anew for each approach; the default is nobody. They are asked
            about approaches that have pictures.
        progress: Told how many approaches are played, and how many there are.

    Returns:
        By the rate, what is published with all who are asked, and under `vision_alone` without them.
    """
    played: dict[float, list[dict[str, Any]]] = defaultdict(list)
    alone: dict[float, list[dict[str, Any]]] = defaultdict(list)
    windscreen = Windscreen()
    for done, one in enumerate(approaches, 1):
        views = [squared(picture)[0] for picture in one.pictures]
        for rate in rates:
            player = _Player(one, settings, catalogue, windscreen)
            alone[rate].append(player.play(rate, fps, [], []))
            asked = ask() if views else []
            played[rate].append(player.play(rate, fps, views, asked) if asked else alone[rate][-1])
        progress(done, len(approaches))
    return {f"{rate:g}": _summary(played[rate]) | {"vision_alone": _summary(alone[rate])} for rate in rates}


def frames_at(count: int, rate: float, fps: float) -> Iterator[tuple[float, int]]:
    """Yield time in seconds and number of the frame that is seen then, of `count` frames taken `fps` times a second."""
    end = (count - 1) / fps
    looks = int(end * rate + 1e-9) + 1
    for number in range(looks):
        before = (looks - 1 - number) / rate
        yield end - before, max(int(np.ceil((end - before) * fps - 1e-6)), 0)


class _Player:
    """Takes one approach through the tracker and the fallback.

    Args:
        approach: The sign, frame by frame.
        settings: The configuration.
        catalogue: The classes.
        windscreen: Where it is shown.
    """

    def __init__(self, approach: Approach, settings: Settings, catalogue: Catalogue, windscreen: Windscreen) -> None:
        self._approach = approach
        self._settings = settings
        self._catalogue = catalogue
        self._windscreen = windscreen

    def play(self, rate: float, fps: float, views: Views, witnesses: Sequence[Witness]) -> dict[str, Any]:
        """Return what came of it at a rate, with some who are asked besides vision."""
        settings, seen, truth = self._settings, self._approach.observations, self._approach.class_id
        track = Track(settings.track, self._catalogue, settings.camera)
        fallback = Fallback(settings.fallback, self._catalogue, witnesses, worthless=settings.track.worthless)
        published, sure, tracks = set[int](), [0, 0], set[int]()
        latest: SignTrack | None = None
        for number, (time, frame) in enumerate(frames_at(len(self._approach.sizes), rate, fps)):
            size = self._approach.sizes[frame]
            if views:
                size = size * np.float32(min(LARGEST / size.max(), 1.0))
            row = slice(frame, frame + 1)
            looks = seen[row]
            found, ids = track.update(centred(size), looks, time, PICTURE)
            shown = Frame(self._windscreen.show(views[frame]), number, time, time) if views else None
            tracks |= set(ids)
            latest = max(map(SignTrack.judged, found, fallback(found, shown)), key=lambda one: one.id)
            if latest.is_sure:
                published.add(latest.class_id)
                if SURE <= latest.confidence < SURER:
                    sure[0] += 1
                    sure[1] += latest.class_id == truth
        assert latest is not None
        return {
            "final": latest.class_id == truth,
            "confirmed": truth in published,
            "wrong": bool(published - {truth}),
            "sure": sure,
            "tracks": len(tracks),
        }


def _summary(played: Sequence[dict[str, Any]]) -> dict[str, Any]:
    judged, right = np.sum([one["sure"] for one in played], axis=0).tolist()
    final, wrong = (sum(one[key] for one in played) for key in ("final", "wrong"))
    return {
        "tracks": len(played),
        "final_accuracy": final / len(played),
        "confirmed_right": float(np.mean([one["confirmed"] for one in played])),
        "ever_wrong_published": wrong / len(played),
        "fragments": float(np.mean([one["tracks"] for one in played])),
        "published_at_095_to_099": judged,
        "right_at_095_to_099": right / judged if judged else None,
        "intervals_95": {
            "final_accuracy": list(wilson(final, len(played))),
            "ever_wrong_published": list(wilson(wrong, len(played))),
        },
    }
