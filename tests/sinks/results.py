"""Results as the pipeline hands them to the sinks."""

from __future__ import annotations

import numpy as np

from signpipe.catalogue import load_catalogue
from signpipe.types import (
    Advisory,
    AdvisoryStatus,
    Certainty,
    Classifications,
    Detections,
    Frame,
    FrameResult,
    Gap,
    Image,
    SignTrack,
    TrackState,
    Verdict,
)

CATALOGUE = load_catalogue()
RED = (30, 30, 200)


def picture(width: int = 320, height: int = 240, colour: tuple[int, int, int] = (90, 120, 80)) -> Image:
    return np.full((height, width, 3), colour, np.uint8)


def track(
    track_id: int = 1,
    xyxy: tuple[float, float, float, float] = (100, 80, 140, 120),
    name: str = "speed_limit_80",
    probability: float = 0.97,
    certainty: Certainty = Certainty.CONFIRMED,
    state: TrackState = TrackState.CONFIRMED,
    category: str | None = None,
) -> SignTrack:
    probabilities = np.full(len(CATALOGUE), (1 - probability) / (len(CATALOGUE) - 1), np.float32)
    class_id = CATALOGUE.by_name(name).id
    probabilities[class_id] = probability
    return SignTrack(
        id=track_id,
        xyxy=np.array(xyxy, np.float32),
        state=state,
        score=0.91,
        age=1.0,
        unseen=0.25 if state is TrackState.COASTING else 0.0,
        hits=12,
        evidence=np.log(probabilities),
        probability=probabilities,
        class_id=class_id,
        verdict=Verdict(certainty, "vision 97 %", category),
    )


def advisory(
    topic: str = "speed_limit",
    message: str = "limit 80",
    value: float | str | None = 80.0,
    status: AdvisoryStatus = AdvisoryStatus.ACTIVE,
    age: float = 1.0,
    class_id: int | None = 5,
) -> Advisory:
    return Advisory(topic, message, value, 0.97, ("vision",), status, 1.0, 2.0, age, 299.0, 4990.0, 1, class_id)


def frame_result(
    index: int = 0,
    media_time: float | None = None,
    image: Image | None = None,
    tracks: list[SignTrack] | None = None,
    advisories: list[Advisory] | None = None,
    events: list[Advisory] | None = None,
) -> FrameResult:
    """Return a frame with one detection for each track that isn't coasting."""
    tracks = tracks or []
    seen = [t for t in tracks if t.state is not TrackState.COASTING]
    classes = len(CATALOGUE)
    return FrameResult(
        frame=Frame(
            image=picture() if image is None else image,
            index=index,
            captured_at=100.0 + index / 25,
            media_time=index / 25 if media_time is None else media_time,
            source_id="drive.mp4",
        ),
        detections=Detections(
            np.array([t.xyxy for t in seen], np.float32).reshape(-1, 4), np.array([t.score for t in seen], np.float32)
        ),
        classifications=Classifications(
            np.array([t.probability for t in seen], np.float32).reshape(-1, classes),
            np.zeros((len(seen), 4), np.float32),
            np.full(len(seen), 0.125, np.float32),
        ),
        track_ids=[t.id for t in seen],
        tracks=tracks,
        advisories=advisories or [],
        events=events or [],
        rejected={"aspect": 2},
        timings_ms={"detect": 31.25, "total": 41.5},
        dropped=3,
    )


def gap_result(media_time: float = 9.0, duration: float = 2.5) -> FrameResult:
    return FrameResult(
        frame=Gap(200.0, media_time, "drive.mp4", "no frame for 2.5 s", duration),
        detections=Detections.empty(),
        classifications=Classifications.empty(len(CATALOGUE)),
        track_ids=[],
        tracks=[track(state=TrackState.COASTING)],
        advisories=[advisory()],
    )
