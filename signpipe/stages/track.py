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
from signpipe.stages.association import Pairing, Rows, is_duplicate
from signpipe.stages.evidence import looks_of, outline_table
from signpipe.stages.motion import CENTRE, DRIFT, DT, SHAKE, VAR_C, VAR_DRIFT, C, Meeting, Motions
from signpipe.stages.road import Road
from signpipe.stages.sight import Sight
from signpipe.stages.target import Pace, Target
from signpipe.types import LARGEST_DISORDER, SHAPES, Classifications, Detections, FloatArray, SignTrack, TrackState

SMALLEST_PROBABILITY = 1e-6
# The usual interval between pictures is the median of so many; the first is taken for this long, and a pause of more
# than that many seconds is none.
INTERVALS, FIRST_INTERVAL, LONGEST_INTERVAL = 9, 1 / 30, 2.0
# A sign has shown where it comes from once it has grown by so much.
TELLING_GROWTH = 1.35


class Track:
    """Turn detections into tracks with identity, a smooth box and a fused class.

    Signs move as a road implies (`Motions`), are paired with detections by how likely it is that both are one sign
    (`Pairing`), and what the classifier says of them adds up as log-odds (`ClassEvidence`). All times are real seconds
    of the media's clock. Only how many looks a track takes, and how many missed ones it survives, depends on the rate
    at which pictures come (`Pace`).

    Args:
        settings: Gate, life of a track, weights of the evidence.
        catalogue: The classes.
        camera: Its optics; the default is `CameraSettings()`.
    """

    def __init__(self, settings: TrackSettings, catalogue: Catalogue, camera: CameraSettings | None = None) -> None:
        self._settings = settings
        self._camera = camera or CameraSettings()
        self._classes = len(catalogue)
        self._outlines = outline_table([sign.shape.value for sign in catalogue])
        self._targets: list[Target] = []
        self._motions = Motions.empty()
        self._road: Road | None = None
        self._issued = 0
        self._now: float | None = None
        self._intervals: deque[float] = deque(maxlen=INTERVALS)
        self._pictured: float | None = None
        self._pace = Pace.at(FIRST_INTERVAL, settings)

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
        self._keep([not target.is_over(self._pace) for target in self._targets])
        sight = Sight.of(detections.xyxy, (road.height, road.width))
        rows, columns = self._match(detections, classifications, sight, now, road)
        taken = [(self._targets[row], column) for row, column in zip(rows, columns, strict=True)]
        born = self._births(columns, detections)
        if born:
            self._targets += [self._target(now, classifications.embedding[column]) for column in born]
            taken += zip(self._targets[-len(born) :], born, strict=True)
            new = sight[np.array(born)]
            self._motions += Motions.born(new.completed(np.zeros(len(born))), now, road)
        ids = self._observe(taken, detections, classifications, sight)
        return self._published(now), ids

    def _observe(
        self,
        taken: Sequence[tuple[Target, int]],
        detections: Detections,
        classifications: Classifications,
        sight: Sight,
    ) -> list[int]:
        """Let each target take its detection in; return the id of each detection's track, or -1."""
        outlined = self._outlines[np.minimum(detections.shape, len(SHAPES))]
        looks = looks_of(classifications, outlined, self._settings.worthless) if taken else []
        scores, shapes, cuts = detections.score.tolist(), detections.shape.tolist(), sight.cut.tolist()
        known, novelty = classifications.known_mass.tolist(), classifications.novelty.tolist()
        sides = sight.side.tolist()
        ids = [-1] * len(detections)
        for target, one in taken:
            ids[one] = target.id
            target.detect(one, detections.xyxy[one], scores[one], shapes[one], cuts[one], self._pace)
            target.observe(looks[one], known[one], novelty[one], sides[one], classifications.embedding[one])
        return ids

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
        belief, visible = classifications.belief, classifications.visible_share
        tracks: dict[int, SignTrack] = {}
        for index in _by_score(detections):
            if is_duplicate(detections.xyxy[index], detections.xyxy[list(tracks)]):
                continue
            evidence = np.log(np.maximum(belief[index], SMALLEST_PROBABILITY))
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
                visible=float(visible[index]),
                mean=belief[index],
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
        self._pace = Pace.at(median(self._intervals) if self._intervals else FIRST_INTERVAL, self._settings)
        if self._road is None or picture != (self._road.height, self._road.width):
            self._keep([False] * len(self._targets))
            self._road = Road(picture, self._camera)
        self._road.advance(now, speed)
        return self._road

    def _keep(self, kept: list[bool]) -> None:
        """Forget all but some targets."""
        if not all(kept):
            self._targets = [target for target, keep in zip(self._targets, kept, strict=True) if keep]
            self._motions = self._motions[np.array(kept, bool)]

    def _match(
        self, detections: Detections, classifications: Classifications, sight: Sight, now: float, road: Road
    ) -> tuple[list[int], list[int]]:
        """Pair targets with detections, and let the motions of those that were paired know of them."""
        if not self._targets or not len(detections):
            return [], []

        def looks() -> npt.NDArray[np.float64]:
            means, usual = [one.evidence.mean for one in self._targets], [one.look for one in self._targets]
            outlines = np.array([target.shape for target in self._targets], np.uint8)
            return self._settings.appearance * alike(
                np.stack(means), np.stack(usual), outlines, classifications, detections.shape
            )

        def agree(rows: Rows) -> bool:
            likely, told = classifications.probability.argmax(axis=1).tolist(), classifications.known_mass.tolist()
            return all(
                self._targets[row].evidence.class_id == best or known <= 0
                for row, best, known in zip(rows.tolist(), likely, told, strict=True)
            )

        rows, columns, meeting = Pairing(self._motions.at(now, road), sight).pairs(looks, agree, self._settings.gate)
        if len(rows):
            self._motions[rows] = meeting.taken(now)
            if road.is_due:
                self._learn(rows, meeting, road)
        return rows.tolist(), columns.tolist()

    def _learn(self, rows: Rows, meeting: Meeting, road: Road) -> None:
        """Let the signs that were just seen again tell how the car moves, and where it heads for."""
        seen = self._motions[rows]
        expected = meeting.expected.table
        road.learn_shaking(meeting.off, meeting.spread - expected[SHAKE], expected[DT])
        road.learn_motion(seen.table[C], seen.table[VAR_C], seen.table[DRIFT], seen.table[VAR_DRIFT])
        side, first = seen.side, seen.first
        telling = side >= TELLING_GROWTH * first[2]
        if telling.any():
            now = np.concatenate([seen.table[CENTRE], [side, seen.seen]])
            road.learn_vanishing(first[:, telling].T, now[:, telling].T)
            self._motions.first[:, rows[telling]] = now[:, telling]
        road.learned()

    def _births(self, matched: list[int], detections: Detections) -> list[int]:
        """Return the detections that start a track: the surest first, and none that is the double of another."""
        if len(matched) == len(detections):
            return []
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
        if self._road is None or not self._targets:
            return []
        pace, expected = self._pace, self._motions.at(now, self._road)
        visible = self._road.clip(expected.xyxy).astype(np.float32)
        velocity, gone = expected.velocity.T.tolist(), expected.gone.tolist()
        shown = []
        for target, box, (vx, vy), has_left in zip(self._targets, visible, velocity, gone, strict=True):
            if target.is_shown(pace, has_left):
                shown.append(target.published(box, (vx, vy)))
        return shown


def _by_score(detections: Detections) -> list[int]:
    """Return the indices of the detections, the surest first."""
    return [int(index) for index in np.argsort(-detections.score, kind="stable")]
