"""What is remembered of each track while a source is run, so that it can be explained afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field

from signpipe.crops import crop_signs
from signpipe.types import FloatArray, Frame, FrameResult, Image, SignTrack, TrackState

# A crop is kept if the sign has grown by so much since the last one that was, or after so many seconds.
GROWN = 1.1
PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class Moment:
    """A track after one frame.

    Attributes:
        media_time: Of the frame, seconds.
        track: What was published of it.
        single: float32 (C,), what this observation alone says, summing to 1; None while the sign isn't detected.
        single_novelty: Novelty of this observation alone, 0..1.
    """

    media_time: float
    track: SignTrack
    single: FloatArray | None = None
    single_novelty: float = 1.0


@dataclass(frozen=True, slots=True)
class Observation:
    """A crop that was kept.

    Attributes:
        moment: When it was taken.
        crop: BGR uint8 (S, S, 3), as the classifier was given it, but before any enhancement.
    """

    moment: Moment
    crop: Image


@dataclass(slots=True)
class History:
    """One track from its first to its last frame.

    Attributes:
        id: Number of the track.
        moments: One for each frame in which it lived.
        observations: Crops, the first and the largest among them.
    """

    id: int
    moments: list[Moment] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)

    @property
    def last(self) -> SignTrack:
        """What was published of it last."""
        return self.moments[-1].track

    @property
    def best(self) -> Observation:
        """The largest crop."""
        return max(self.observations, key=lambda observation: observation.moment.track.side)

    @property
    def is_confirmed(self) -> bool:
        """True if it was ever more than tentative."""
        return any(moment.track.state is not TrackState.TENTATIVE for moment in self.moments)

    @property
    def doubt(self) -> tuple[bool, float]:
        """Sorts tracks from the least sure: whether it was sure in the end, and of how much."""
        return self.last.is_sure, float(self.last.probability.max()) - self.last.novelty


class Recorder:
    """Remembers the tracks of a run.

    Args:
        margin: Margin around a box in the crops, as a fraction of its longer side.
        size: Side of the crops in pixels.
    """

    def __init__(self, margin: float, size: int) -> None:
        self._margin = margin
        self._size = size
        self._histories: dict[int, History] = {}

    @property
    def histories(self) -> list[History]:
        """All tracks that were more than tentative, in the order of their numbers."""
        return [history for _, history in sorted(self._histories.items()) if history.is_confirmed]

    def add(self, result: FrameResult) -> None:
        """Take in what the pipeline knows after one frame or gap."""
        frame = result.frame
        for track in result.tracks:
            history = self._histories.setdefault(track.id, History(track.id))
            row = track.detection
            if row is None or not isinstance(frame, Frame):
                history.moments.append(Moment(frame.media_time, track))
                continue
            observations = result.classifications
            moment = Moment(frame.media_time, track, observations.belief[row], float(observations.novelty[row]))
            history.moments.append(moment)
            if _is_worth_keeping(history, moment):
                crop = crop_signs(frame.image, result.detections.xyxy[row], self._margin, self._size)[0]
                history.observations.append(Observation(moment, crop))
        living = {track.id for track in result.tracks}
        flashes = [i for i, history in self._histories.items() if i not in living and not history.is_confirmed]
        for id_ in flashes:
            del self._histories[id_]


def _is_worth_keeping(history: History, moment: Moment) -> bool:
    if not history.observations:
        return True
    last = history.observations[-1].moment
    changed = moment.track.verdict.certainty is not last.track.verdict.certainty
    return changed or moment.track.side > GROWN * last.track.side or moment.media_time - last.media_time >= PAUSE


def changes(history: History) -> list[Moment]:
    """Return the moments at which what is published of a track, whom that rests on, or a conflict changed."""
    result: list[Moment] = []
    before: tuple[object, ...] | None = None
    for moment in history.moments:
        track, verdict = moment.track, moment.track.verdict
        published = track.class_id if track.is_sure else verdict.category
        heard = tuple(opinion.witness for opinion in verdict.opinions)
        now = (verdict.certainty, published, verdict.witnesses, verdict.conflict, heard)
        if now != before:
            result.append(moment)
        before = now
    return result
