"""What records tell of a track, look by look."""

import numpy as np

from signpipe.mapping.recording import RecordingBuilder


def frame(time: float, measured_at: float | None) -> dict[str, object]:
    """Return the record of a frame with one sign, whose range was measured last at some time."""
    told = None if measured_at is None else {"depth": 30.0 - measured_at, "sigma": 0.06, "media_time": measured_at}
    track = {
        "id": 4, "state": "confirmed", "best_class_name": "stop", "best_probability": 0.9, "category": None,
        "verdict": "uncertain", "novelty": 0.1, "opinions": [{"source": "map"}, {"source": "lidar", "range": told}],
    }  # fmt: skip
    box = {"track_id": 4, "xyxy": [10.0, 10.0, 40.0, 40.0], "score": 0.9}
    return {
        "type": "frame", "media_time": time, "width": 1280, "height": 720, "pose": None, "detections": [box],
        "tracks": [track], "advisories": [],
    }  # fmt: skip


def test_a_range_counts_in_the_frame_in_which_it_was_measured_alone() -> None:
    builder = RecordingBuilder("drive")
    for time, measured_at in ((0.2, None), (0.4, 0.4), (0.6, 0.4), (0.8, 0.8)):
        builder.add(frame(time, measured_at))
    (sign,) = builder.finish().signs
    np.testing.assert_array_equal(sign.depth, [np.nan, 29.6, np.nan, 29.2])
    np.testing.assert_array_equal(np.isfinite(sign.depth_sigma), [False, True, False, True])
