"""A real approach to a stop sign, thinned to each rate: one track, and one confirmed stop."""

from __future__ import annotations

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

STOP = 14
LAST = 198  # frames of the unbroken approach
EVERY = 2  # of them are looked at
Seen = tuple[float, Detections, Classifications]


@pytest.fixture(scope="module")
def approach() -> tuple[list[Seen], tuple[int, int]]:
    """What detector and classifier say of every second frame, and the picture's height and width."""
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


def watched(frames: Iterable[Seen], picture: tuple[int, int]) -> tuple[set[int], set[int]]:
    """Return the tracks that detections read as a stop had, and the classes that were published of them."""
    settings, catalogue = Settings(), load_catalogue()
    track, fallback = Track(settings.track, catalogue, settings.camera), Fallback(settings.fallback, catalogue)
    tracks_of_stop, published = set[int](), dict[int, set[int]]()
    for time, detections, classifications in frames:
        tracks, ids = track.update(detections, classifications, time, picture)
        for one in map(SignTrack.judged, tracks, fallback(tracks)):
            if one.is_sure:
                published.setdefault(one.id, set()).add(one.class_id)
        read = classifications.probability.argmax(axis=1) == STOP
        tracks_of_stop |= {id_ for id_, is_stop in zip(ids, read.tolist(), strict=True) if is_stop and id_ > 0}
    return tracks_of_stop, set().union(*(published.get(id_, set()) for id_ in tracks_of_stop))


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1, 2, 3, 5, 10, 15])
@pytest.mark.parametrize("phase", [0.0, 0.5])
def test_a_stop_is_one_track_and_confirmed_at_every_rate(
    approach: tuple[list[Seen], tuple[int, int]], rate: float, phase: float
) -> None:
    frames, picture = approach
    times = np.array([time for time, _, _ in frames])
    wanted = np.arange(times[0] + phase / rate, times[-1] + 1e-6, 1 / rate)
    thinned = [frames[row] for row in dict.fromkeys(np.abs(times[:, None] - wanted).argmin(axis=0).tolist())]
    tracks, published = watched(thinned, picture)
    assert len(tracks) == 1
    assert published == {STOP}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_stop_is_one_track_where_a_busy_computer_drops_most_frames(
    approach: tuple[list[Seen], tuple[int, int]], seed: int
) -> None:
    """Intervals from 0.07 to over half a second, in no order."""
    frames, picture = approach
    kept = np.random.default_rng(seed).random(len(frames)) < 0.25
    tracks, published = watched([frame for frame, keep in zip(frames, kept, strict=True) if keep], picture)
    assert len(tracks) == 1
    assert published == {STOP}
