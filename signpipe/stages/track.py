"""Track: follow each sign over frames, and add up what its observations say of its class."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import median

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue
from signpipe.log_odds import softmax
from signpipe.settings import CameraSettings, TrackSettings
from signpipe.stages.appearance import alike
from signpipe.stages.association import Pairs, associate, is_duplicate
from signpipe.stages.motion import Meeting, Motions
from signpipe.stages.road import Road
from signpipe.stages.target import Pace, Target
from signpipe.types import LARGEST_DISORDER, Classifications, Detections, FloatArray, SignTrack, TrackState

SMALLEST_PROBABILITY = 1e-6
# The usual interval between pictures is the median of so many; the first is taken for this long, and a pause of more
# than that many seconds is none.
INTERVALS, FIRST_INTERVAL, LONGEST_INTERVAL = 9, 1 / 30, 2.0
# A sign has shown where it comes from once it has grown by so much.
TELLING_GROWTH = 1.35


class Track:
    """Turn detections into tracks with identity, a smooth box and a fused class.

    Signs move as a road implies (`Motions`), are paired with detections by how likely it is that both are one sign
    (`Pairs`), and what the classifier says of them adds up as log-odds (`ClassEvidence`). All times are real seconds of
    the media's clock. Only how many looks a track takes, and how many missed ones it survives, depends on the rate at
    which pictures come (`Pace`).

    Args:
        settings: Gate, life of a track, weights of the evidence.
        catalogue: The classes.
        camera: Its optics; the default is `CameraSettings()`.
    """

    def __init__(self, settings: TrackSettings, catalogue: Catalogue, camera: CameraSettings | None = None) -> None:
        self._settings = settings
        self._camera = camera or CameraSettings()
        self._classes = len(catalogue)
        self._targets: list[Target] = []
        self._motions = Motions.empty()
        self._road: Road | None = None
        self._issued = 0
        self._now: float | None = None
        self._intervals: deque[float] = deque(maxlen=INTERVALS)
        self._pictured: float | None = None

    def update(
        self,
        detections: Detections,
        classifications: Classifications,
        media_time: float,
        picture_shape: Sequence[int],
        speed: float | None = None,
    ) -> tuple[list[SignTrack], list[int]]:
        """Take the detections of the next frame.

        Args:
            detections: N boxes in source pixels.
            classifications: Their classes, one row per detection.
            media_time: When the frame was taken, seconds. A step back by more than half a second
                starts afresh.
            picture_shape: Height and width of the picture, and whatever follows; another size starts afresh.
            speed: The car's, in metres a second; None where unknown.

        Returns:
            All living tracks in the order of their ids, and the id of each detection's track, or -1 for a second box
            of a sign that has its track.
        """
        now = self._advance(media_time)
        road = self._look(now, (picture_shape[0], picture_shape[1]), speed)
        pace = self._pace
        self._keep([not target.is_over(pace) for target in self._targets])
        pairs = self._match(detections, classifications, now, road)
        born = self._births([column for _, column in pairs], detections)
        taken = [(self._targets[row], column) for row, column in pairs]
        taken += [(self._target(now, classifications.embedding[column]), column) for column in born]
        self._targets += [target for target, _ in taken[len(pairs) :]]
        if born:
            self._motions += Motions.born(detections.xyxy[born], now, road)
        ids = [-1] * len(detections)
        belief, known_mass = classifications.belief, classifications.known_mass
        for target, column in taken:
            ids[column] = target.id
            box = detections.xyxy[column]
            target.detect(column, box, float(detections.score[column]), bool(road.cuts(box).any()), pace)
            novelty, look = float(classifications.novelty[column]), classifications.embedding[column]
            side = float(np.sqrt(np.prod(box[2:] - box[:2])))
            target.observe(belief[column], novelty, float(known_mass[column]), side, look)
        return self._published(now), ids

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
        return self._published(self._advance(media_time))

    def reset(self) -> None:
        """End all tracks; ids go on."""
        self._keep([False] * len(self._targets))
        self._now = self._pictured = None
        self._intervals.clear()

    def _advance(self, media_time: float) -> float:
        """Bring all tracks to `media_time`; return the time that counts."""
        if self._now is not None and media_time < self._now - LARGEST_DISORDER:
            self.reset()
        self._now = media_time if self._now is None else max(self._now, media_time)
        for target in self._targets:
            target.advance(self._now)
        return self._now

    def _look(self, now: float, picture: tuple[int, int], speed: float | None) -> Road:
        """Take the time and size of a picture; after a reconnect, boxes in the old one mean nothing in the new one."""
        if self._pictured is not None and now > self._pictured:
            self._intervals.append(min(now - self._pictured, LONGEST_INTERVAL))
        self._pictured = now
        if self._road is None or picture != (self._road.height, self._road.width):
            self._keep([False] * len(self._targets))
            self._road = Road(picture, self._camera)
        self._road.advance(now, speed)
        return self._road

    @property
    def _pace(self) -> Pace:
        return Pace.at(median(self._intervals) if self._intervals else FIRST_INTERVAL, self._settings)

    def _keep(self, kept: list[bool]) -> None:
        """Forget all but some targets."""
        if not all(kept):
            self._targets = [target for target, keep in zip(self._targets, kept, strict=True) if keep]
            self._motions = self._motions[np.array(kept, bool)]

    def _match(
        self, detections: Detections, classifications: Classifications, now: float, road: Road
    ) -> list[tuple[int, int]]:
        """Pair targets with detections, and let the motions of those that were paired know of them."""
        if not self._targets or not len(detections):
            return []
        looks = alike(
            np.stack([target.evidence.mean for target in self._targets]),
            np.stack([target.look for target in self._targets]),
            classifications,
        )
        all_pairs = Pairs.of(self._motions.at(now, road), detections.xyxy)
        pairs = associate(all_pairs.gains(road, self._settings.appearance * looks, self._settings.gate))
        if pairs:
            rows, columns = np.array(pairs).T
            meeting = all_pairs.meeting[rows * len(detections) + columns]
            self._motions[rows] = meeting.taken(now)
            self._learn(rows, meeting, road)
        return pairs

    def _learn(self, rows: npt.NDArray[np.int64], meeting: Meeting, road: Road) -> None:
        """Let the signs that were just seen again tell how the car moves, and where it heads for."""
        seen = self._motions[rows]
        road.learn_shaking(meeting.off, meeting.spread - meeting.shake, meeting.expected.dt)
        road.learn_motion(
            seen.size[:, 1], np.sqrt(seen.size_cov[:, 1]), seen.centre[..., 1], np.sqrt(seen.centre_cov[..., 1])
        )
        telling = seen.side >= TELLING_GROWTH * seen.first[:, 2]
        if telling.any():
            grown = seen[telling]
            now = np.stack([grown.centre[:, 0, 0], grown.centre[:, 1, 0], grown.side, grown.seen], axis=1)
            road.learn_vanishing(grown.first, now)
            self._motions.first[rows[telling]] = now

    def _births(self, matched: list[int], detections: Detections) -> list[int]:
        """Return the detections that start a track: the surest first, and none that is the double of another."""
        known, born = list(matched), []
        for index in _by_score(detections):
            if index not in matched and not is_duplicate(detections.xyxy[index], detections.xyxy[known]):
                born.append(index)
                known.append(index)
        return born

    def _target(self, now: float, look: FloatArray) -> Target:
        return Target(self._next_id(), self._classes, self._settings, now, look)

    def _next_id(self) -> int:
        self._issued += 1
        return self._issued

    def _published(self, now: float) -> list[SignTrack]:
        """Return the tracks to show; where a sign should be out of sight by now, it isn't, but may be found again."""
        if self._road is None:
            return []
        pace, expected = self._pace, self._motions.at(now, self._road)
        whole = expected.xyxy
        visible, velocity = self._road.clip(whole).astype(np.float32), expected.velocity
        gone = expected.passed | self._road.leaves(whole)
        shown = []
        for target, box, (vx, vy), has_left in zip(self._targets, visible, velocity.tolist(), gone, strict=True):
            if target.is_shown(pace, bool(has_left)):
                shown.append(target.published(box, (vx, vy)))
        return shown


def _by_score(detections: Detections) -> list[int]:
    """Return the indices of the detections, the surest first."""
    return [int(index) for index in np.argsort(-detections.score, kind="stable")]
