"""A real approach to a stop sign, thinned to each rate: one track, and one confirmed stop.

A give way sign stands some metres behind it, for those who come from the right (looked at: a red-edged triangle on its
point, 20 to 34 pixels wide). It has a track of its own, and nothing else is published.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.errors import SignpipeError
from signpipe.lab.data import find_data
from signpipe.pipeline import Pipeline
from signpipe.settings import Settings
from signpipe.sources import open_source
from signpipe.stages.fallback import Fallback
from signpipe.stages.track import Track
from signpipe.types import Classifications, Detections, SignTrack

GIVE_WAY, STOP = 13, 14
LAST = 198  # frames of the unbroken approach
EVERY = 3  # of them are looked at
Seen = tuple[float, Detections, Classifications]


@pytest.fixture(scope="module")
def approach() -> tuple[list[Seen], tuple[int, int]]:
    """What detector and classifier say of every third frame, and the picture's height and width."""
    try:
        video = find_data() / "videos" / "stop_sign.mp4"
    except SignpipeError as error:
        pytest.skip(f"needs videos/stop_sign.mp4 in SIGNPIPE_DATA or ../shared/data: {error}")
    if not video.is_file():
        pytest.skip(f"needs {video}")
    found = []
    with Pipeline(Settings()) as pipeline, open_source(str(video)) as source:
        for frame in source:
            if frame.index > LAST:
                break
            if frame.index % EVERY == 0:
                result = pipeline(frame.image, frame.media_time)
                found.append((frame.media_time, result.detections, result.classifications))
                height, width = frame.image.shape[:2]
    return found, (height, width)


def watched(frames: Iterable[Seen], picture: tuple[int, int]) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """Return the tracks of what is read as a class, by the class, and what is published, by the track."""
    settings, catalogue = Settings(), load_catalogue()
    track, fallback = Track(settings.track, catalogue, settings.camera), Fallback(settings.fallback, catalogue)
    tracks_of, published = defaultdict[int, set[int]](set), defaultdict[int, set[int]](set)
    for time, detections, classifications in frames:
        tracks, ids = track.update(detections, classifications, time, picture)
        for one in map(SignTrack.judged, tracks, fallback(tracks)):
            if one.is_sure:
                published[one.id].add(one.class_id)
        for id_, read in zip(ids, classifications.probability.argmax(axis=1).tolist(), strict=True):
            tracks_of[read].add(id_)
    return tracks_of, published


def assert_both_are_told(frames: Iterable[Seen], picture: tuple[int, int]) -> None:
    """The stop is one track, as is the give way behind it, and of both the right class and no other is published."""
    tracks_of, published = watched(frames, picture)
    (stop,), (give_way,) = tracks_of[STOP], tracks_of[GIVE_WAY]
    assert published == {stop: {STOP}, give_way: {GIVE_WAY}}


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("phase", [0.0, 0.5])
def test_both_signs_are_one_track_each_and_confirmed_at_every_rate(
    approach: tuple[list[Seen], tuple[int, int]], rate: float, phase: float
) -> None:
    frames, picture = approach
    times = np.array([time for time, _, _ in frames])
    wanted = np.arange(times[0] + phase / rate, times[-1] + 1e-6, 1 / rate)
    thinned = [frames[row] for row in dict.fromkeys(np.abs(times[:, None] - wanted).argmin(axis=0).tolist())]
    assert_both_are_told(thinned, picture)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_both_signs_are_told_where_a_busy_computer_drops_most_frames(
    approach: tuple[list[Seen], tuple[int, int]], seed: int
) -> None:
    """Intervals from a tenth to over half a second, in no order."""
    frames, picture = approach
    kept = np.random.default_rng(seed).random(len(frames)) < 0.35
    assert_both_are_told([frame for frame, keep in zip(frames, kept, strict=True) if keep], picture)
