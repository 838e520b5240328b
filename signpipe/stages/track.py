"""Track: follow each sign over frames, and add up what its observations say of its class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.log_odds import softmax
from signpipe.settings import TrackSettings
from signpipe.stages.association import associate, disagree, is_duplicate
from signpipe.stages.target import Target
from signpipe.types import LARGEST_DISORDER, Classifications, Detections, FloatArray, SignTrack, TrackState

SMALLEST_PROBABILITY = 1e-6


class Track:
    """Turn detections into tracks with identity, a smooth box and a fused class.

    A Kalman filter per sign (`BoxFilter`), gated assignment (`associate`) and class evidence in log-odds
    (`ClassEvidence`). All times are real seconds of the media's clock; only `confirm_hits` counts frames.

    Args:
        settings: Gate, life of a track, weights of the evidence.
        catalogue: The classes.
    """

    def __init__(self, settings: TrackSettings, catalogue: Catalogue) -> None:
        self._settings = settings
        self._classes = len(catalogue)
        self._targets: list[Target] = []
        self._picture: tuple[int, int] | None = None
        self._issued = 0
        self._now: float | None = None

    def update(
        self, detections: Detections, classifications: Classifications, media_time: float, picture_shape: Sequence[int]
    ) -> tuple[list[SignTrack], list[int]]:
        """Take the detections of the next frame.

        Args:
            detections: N boxes in source pixels.
            classifications: Their classes, one row per detection.
            media_time: When the frame was taken, seconds. A step back by more than half a second
                starts afresh.
            picture_shape: Height and width of the picture, and whatever follows; another size starts afresh.

        Returns:
            All living tracks in the order of their ids, and the id of each detection's track, or -1 for a second box
            of a sign that has its track.
        """
        picture = (picture_shape[0], picture_shape[1])
        if picture != self._picture:  # after a reconnect: boxes in the old picture mean nothing in the new one
            self._targets, self._picture = [], picture
        now = self._advance(media_time)
        self._targets = [target for target in self._targets if not target.is_lost]
        belief, known_mass = classifications.belief, classifications.known_mass
        pairs = self._match(detections, belief, known_mass)
        taken = {column: self._targets[row] for row, column in pairs}
        for index in _by_score(detections):
            target = taken.get(index)
            if target is None and not is_duplicate(detections.xyxy[index], detections.xyxy[list(taken)]):
                target = Target(self._next_id(), self._classes, self._settings, picture, now, detections.xyxy[index])
                self._targets.append(target)
                taken[index] = target
            if target is not None:
                target.detect(index, detections.xyxy[index], float(detections.score[index]))
                target.observe(belief[index], float(classifications.novelty[index]), float(known_mass[index]))
        self._targets = [target for target in self._targets if not target.is_over]
        ids = [taken[index].id if index in taken else -1 for index in range(len(detections))]
        return self._published(), ids

    def snapshot(
        self, detections: Detections, classifications: Classifications, picture_shape: Sequence[int]
    ) -> tuple[list[SignTrack], list[int]]:
        """Take a picture that has nothing to do with any other: every sign is judged by this one observation.

        Tracks that were followed until now end. Ids go on, so that none is used twice within a run.

        Args:
            detections: N boxes in source pixels.
            classifications: Their classes, one row per detection.
            picture_shape: Height and width of the picture, and whatever follows.

        Returns:
            One confirmed track per sign, and the id of each detection's track, or -1 for a second box of one sign.
        """
        self.reset()
        height, width = picture_shape[0], picture_shape[1]
        tracks: dict[int, SignTrack] = {}
        for index in _by_score(detections):
            if is_duplicate(detections.xyxy[index], detections.xyxy[list(tracks)]):
                continue
            evidence = np.log(np.maximum(classifications.belief[index], SMALLEST_PROBABILITY))
            seen = np.clip(detections.xyxy[index], 0, [width, height, width, height]).astype(np.float32)
            tracks[index] = SignTrack(
                id=self._next_id(),
                xyxy=seen,
                state=TrackState.CONFIRMED,
                score=float(detections.score[index]),
                age=0.0,
                unseen=0.0,
                hits=1,
                evidence=evidence.astype(np.float32),
                probability=softmax(evidence),
                class_id=int(evidence.argmax()),
                novelty=float(classifications.novelty[index]),
                detection=index,
                detected=detections.xyxy[index],
            )
        ids = [tracks[index].id if index in tracks else -1 for index in range(len(detections))]
        return list(tracks.values()), ids

    def gap(self, media_time: float) -> list[SignTrack]:
        """Advance the tracks to `media_time` without a picture; those that coast for too long end."""
        self._advance(media_time)
        self._targets = [target for target in self._targets if not target.is_over]
        return self._published()

    def reset(self) -> None:
        """End all tracks; ids go on."""
        self._targets = []
        self._now = None

    def _advance(self, media_time: float) -> float:
        """Predict all tracks at `media_time`; return the time that counts."""
        if self._now is not None and media_time < self._now - LARGEST_DISORDER:
            self.reset()
        self._now = media_time if self._now is None else max(self._now, media_time)
        for target in self._targets:
            target.advance(self._now)
        return self._now

    def _match(self, detections: Detections, belief: FloatArray, known_mass: FloatArray) -> list[tuple[int, int]]:
        if not self._targets or not len(detections):
            return []
        usual = np.stack([target.evidence.mean for target in self._targets])
        # An observation that can't tell contradicts nothing.
        disagreement = disagree(usual, belief) * known_mass
        boxes = [target.box for target in self._targets]
        return associate(boxes, detections.xyxy, disagreement, self._settings.gate, self._settings.appearance)

    def _next_id(self) -> int:
        self._issued += 1
        return self._issued

    def _published(self) -> list[SignTrack]:
        return [target.published() for target in self._targets]


def _by_score(detections: Detections) -> list[int]:
    """Return the indices of the detections, the surest first."""
    return [int(index) for index in np.argsort(-detections.score, kind="stable")]
