"""A recording gathered while it is watched, with a picture of each sign."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from signpipe.crops import crop_signs
from signpipe.mapping.recording import Recording, RecordingBuilder
from signpipe.types import Frame, FrameResult

CROP = 96  # pixels a side
QUALITY = 85  # of the JPEG


def gather_watched(name: str, country: str | None, results: Iterable[FrameResult]) -> Recording:
    """Return a recording from the results of its frames, with the largest look at each sign as a picture.

    Args:
        name: Of the recording.
        country: Code of the country whose signs the classes are.
        results: As `signpipe.watch` yields them.
    """
    builder = RecordingBuilder(name, country)
    for result in results:
        builder.add(result.to_dict())
        if isinstance(result.frame, Frame):
            _keep_pictures(result, result.frame, builder)
    return builder.finish()


def _keep_pictures(result: FrameResult, frame: Frame, builder: RecordingBuilder) -> None:
    for row, (track, box) in enumerate(zip(result.track_ids, result.detections.xyxy, strict=True)):
        side = float(np.sqrt(np.prod(np.maximum(box[2:] - box[:2], 0))))
        if track < 0 or not builder.looked(track, side):
            continue
        crop = crop_signs(frame.image, box[None], size=CROP)[0]
        encoded = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
        known = row < len(result.classifications) and result.classifications.embedding.shape[1] > 0
        builder.picture(track, encoded, result.classifications.embedding[row].astype(np.float64) if known else None)
