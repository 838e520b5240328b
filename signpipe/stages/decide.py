"""Decide: from signs that are sure to what the driver should know."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from signpipe.catalogue import Catalogue, Category, Effect, SignClass
from signpipe.settings import DecideSettings
from signpipe.stages.caution import RIGHT_OF_WAY
from signpipe.stages.drive_state import DriveState, Held, Reading
from signpipe.stages.meaning import LIMIT_UNKNOWN, SPEED_LIMIT, Dictionary
from signpipe.types import LARGEST_DISORDER, Advisory, FloatArray, SignTrack, TrackState

ENDS = (Effect.END_LIMIT, Effect.END_ALL, Effect.END_OVERTAKING_BAN)
# Two signs are at one place if the distance of one is at most so many times that of the other.
ONE_PLACE = 1.3
# A sign whose motion tells no time (nearly still, or drifting inwards) counts as passed so many seconds after its last
# sight at the latest.
LONGEST_APPROACH = 5.0
# Categories of which an unread sign may have changed the limit.
MAY_CHANGE_LIMIT = (Category.PROHIBITORY, Category.END_OF)
# A sign that hasn't been seen for so many seconds may not come back.
LOST_AFTER = 0.5


class Decide:
    """Keep the drive state: one advisory per topic, dated, and never silent about the speed limit.

    - What restricts holds from the moment it is read. What takes a restriction back (an end of it, or a higher limit
      than the one in force) holds once the sign has been passed: its track has ended, and so has the time that its
      motion in the picture still gave it, for a track may be lost long before its sign is reached.
    - Signs that are seen within `conflict_window` seconds of each other and contradict one another conflict: the more
      cautious stands, and its advisory says what was overruled. Later, the newer sign counts.
    - A sign renews its advisory as long as it is seen. What isn't renewed goes stale after its time or distance, is
      shown as last known for a while, and ends with an event that says so. There is always an advisory on
      `speed_limit`; without a limit that is known, its value is None and its message says that it is unknown.
    - A correction isn't a new sign: if a track is read as something else, what it said before is withdrawn,
      and what had held until then holds again.
    - A sign that is left unread is announced by its category, and the limit that it may have changed is kept, with a
      remark. Signs that are still small are given the time to be read first.

    Args:
        settings: How long each kind of advisory stays valid.
        catalogue: The classes and what they mean.
    """

    def __init__(self, settings: DecideSettings, catalogue: Catalogue) -> None:
        self._settings = settings
        self._catalogue = catalogue
        dictionary = Dictionary(settings)
        self._meanings = [dictionary.of_sign(sign) for sign in catalogue]
        self._category_meanings = {category: dictionary.of_category(category) for category in Category}
        self._state = DriveState()
        self._now: float | None = None
        self._ahead: dict[int, Reading] = {}  # signs that will take something back once passed, by track

    def update(
        self,
        tracks: list[SignTrack],
        media_time: float,
        picture_shape: Sequence[int] | None,
        speed: float | None = None,
    ) -> tuple[list[Advisory], list[Advisory]]:
        """Take the tracks of the next frame or gap, with their verdicts.

        Args:
            tracks: All living tracks.
            media_time: Of the frame or gap, seconds. A step back by more than half a second ends all that is held.
            picture_shape: Height and width of the picture, or None in a gap.
            speed: Metres per second, or None where unknown.

        Returns:
            The advisories that are active or stale, the speed limit first; and the events: those that were issued or
            changed, went stale or ended with this call, each once.
        """
        self._advance(media_time, speed)
        self._withdraw(tracks)
        readings = []
        if picture_shape is not None:
            readings = [self._read(track, picture_shape) for track in tracks if track.is_sure and _is_seen(track)]
        self._take_limits_and_ends(readings)
        self._take_right_of_way(readings)
        for reading in readings:
            if reading.effect not in (Effect.LIMIT, *ENDS, *RIGHT_OF_WAY):
                self._state.take(reading)
        self._pass(tracks)
        self._take_uncertain(tracks)
        self._report_conflicts(tracks)
        return self._state.publish()

    def reset(self) -> None:
        """Forget everything without an event: what follows has nothing to do with what was before."""
        self._state = DriveState()
        self._ahead = {}
        self._now = None
        self._state.take(Reading(LIMIT_UNKNOWN, 0.0))
        self._state.publish()

    def _advance(self, media_time: float, speed: float | None) -> None:
        if self._now is None:
            self._state.clear("the next picture is unrelated")
            self._now = media_time
        elif media_time < self._now - LARGEST_DISORDER:
            self._state.clear("the recording was wound back")
            self._ahead = {}
            self._now = media_time
        elapsed = max(media_time - self._now, 0.0)
        self._now += elapsed
        metres = elapsed * abs(speed) if speed is not None and math.isfinite(speed) else None
        self._state.advance(self._now, metres)

    def _withdraw(self, tracks: Iterable[SignTrack]) -> None:
        """Let go of what was said of a sign that is now read as something else; a correction isn't a new sign."""
        read = {track.id: track.class_id for track in tracks if track.is_sure}
        for held in self._state:
            topic, track_id = held.reading.meaning.topic, held.reading.track_id
            if track_id in read and read[track_id] != held.reading.class_id:
                self._state.withdraw(topic, f"it was read as {self._meanings[read[track_id]].label}")
                self._state.unremark(SPEED_LIMIT, topic)
        if self._state.get(SPEED_LIMIT) is None:
            self._state.take(Reading(LIMIT_UNKNOWN, self._state.now))

    def _read(self, track: SignTrack, picture_shape: Sequence[int]) -> Reading:
        sign = self._catalogue[track.class_id]
        meaning = self._meanings[track.class_id]
        now, distance = self._state.now, _distance(sign, track.xyxy)
        passed_at = now + _time_to_pass(track, picture_shape)
        return Reading(
            meaning, now, track.confidence, track.verdict.witnesses, track.id, track.class_id, sign.effect,
            distance, passed_at,
        )  # fmt: skip

    def _take_limits_and_ends(self, readings: Iterable[Reading]) -> None:
        """Take what restricts at once, the most cautious first, and keep what lifts until it is passed."""
        for reading in sorted((r for r in readings if r.effect in (Effect.LIMIT, *ENDS)), key=_leniency):
            track_id = _track_id(reading)
            lifted = [topic for topic in reading.meaning.lifts if self._takes_back(reading, topic)]
            if lifted:
                self._ahead[track_id] = reading
            else:
                self._ahead.pop(track_id, None)
                self._apply(reading, reading.meaning.lifts)
            for topic in lifted:
                text = f"{reading.meaning.label} is seen ahead, and doesn't count before it is passed"
                self._state.remark(topic, track_id, text)

    def _takes_back(self, reading: Reading, topic: str) -> bool:
        """Return True if the sign takes back a restriction in force."""
        held = self._state.get(topic)
        if held is None or not held.in_force:
            return False
        return reading.effect is not Effect.LIMIT or _limit(reading) > _limit(held.reading)

    def _pass(self, tracks: list[SignTrack]) -> None:
        """Let the signs that have been passed take back what they take back."""
        living = {track.id: track for track in tracks}
        for track_id, reading in sorted(self._ahead.items(), key=lambda item: _leniency(item[1])):
            track = living.get(track_id)
            if track is None and self._state.now >= reading.passed_at:
                self._apply(
                    reading, [topic for topic in reading.meaning.lifts if not self._is_overruled(reading, topic)]
                )
                del self._ahead[track_id]
            elif track is not None and (not track.is_sure or track.class_id != reading.class_id):
                del self._ahead[track_id]

    def _is_overruled(self, reading: Reading, topic: str) -> bool:
        """Return True, with a remark, if a sign that was passed doesn't take back what is in force on a topic."""
        held = self._state.get(topic)
        if held is None or not self._takes_back(reading, topic):
            return False
        label, other = reading.meaning.label, held.reading.meaning.label
        if reading.seen - held.reading.seen <= self._settings.conflict_window:
            text = f"{label} was overruled: it was seen together with {other}, which is more cautious"
        elif reading.effect is Effect.END_LIMIT and self._ends_another(reading, held):
            text = f"{label} was seen, but the limit in force is another"
        else:
            return False
        self._state.remark(topic, reading.track_id, text)
        return True

    def _ends_another(self, reading: Reading, held: Held) -> bool:
        return reading.class_id is None or self._catalogue[reading.class_id].value != held.reading.meaning.value

    def _apply(self, reading: Reading, topics: Iterable[str]) -> None:
        """Let a limit or an end of restrictions take effect on topics."""
        for topic in topics:
            if topic == SPEED_LIMIT:
                self._state.take(reading)
            else:
                self._state.drop(topic, f"ended by {reading.meaning.label}")

    def _take_right_of_way(self, readings: Iterable[Reading]) -> None:
        """Take the signs on right of way; of those that contradict one another, the most cautious."""
        for reading in sorted((r for r in readings if r.effect in RIGHT_OF_WAY), key=_caution, reverse=True):
            rivals = [held.reading for held in self._state if self._contradicts(held.reading, reading)]
            stronger = [rival for rival in rivals if _caution(rival) > _caution(reading) and self._is_recent(rival)]
            if stronger:
                label, other = reading.meaning.label, stronger[0].meaning
                text = f"{label} was overruled: it was seen together with {other.label}"
                self._state.remark(other.topic, reading.track_id, text)
                continue
            for rival in rivals:
                self._state.drop(rival.meaning.topic, f"ended by {reading.meaning.label}")
            self._state.take(reading)

    def _contradicts(self, earlier: Reading, reading: Reading) -> bool:
        """Return True if two signs on right of way can't both hold.

        One grants what the other denies, or they ask for different things at one place; a stop beyond a give way is
        no contradiction.
        """
        levels = {_caution(earlier), _caution(reading)}
        if 0 in levels or len(levels) == 1:
            return False
        nearer, farther = sorted((earlier.distance, reading.distance))
        at_one_place = self._is_recent(earlier) and farther <= ONE_PLACE * nearer
        return at_one_place or RIGHT_OF_WAY[Effect.PRIORITY_ROAD] in levels

    def _is_recent(self, reading: Reading) -> bool:
        return self._state.now - reading.seen <= self._settings.conflict_window

    def _take_uncertain(self, tracks: list[SignTrack]) -> None:
        """Announce signs whose category alone is sure."""
        limit = self._state.get(SPEED_LIMIT)
        for track in tracks:
            if track.verdict.category is None or not self._is_left_unread(track):
                continue
            category = Category(track.verdict.category)
            meaning = self._category_meanings[category]
            share = float(track.probability[self._catalogue.ids_of(category)].sum())
            self._state.take(Reading(meaning, self._state.now - track.unseen, share, track.verdict.witnesses, track.id))
            if category in MAY_CHANGE_LIMIT and limit is not None and limit.in_force:
                self._state.remark(SPEED_LIMIT, meaning.topic, f"an {meaning.message} was seen since")

    def _report_conflicts(self, tracks: list[SignTrack]) -> None:
        """Mention what a witness says of a sign, where it contradicts what is published or holds it back."""
        for track in tracks:
            verdict, about = track.verdict, f"witnesses on {track.id}"
            if verdict.conflict is not None and track.is_sure:
                self._state.remark(self._meanings[track.class_id].topic, about, verdict.conflict)
            elif verdict.conflict is not None and verdict.category in MAY_CHANGE_LIMIT:
                self._state.remark(SPEED_LIMIT, about, verdict.conflict)

    def _is_left_unread(self, track: SignTrack) -> bool:
        """Return True if a sign is no longer likely to be read: it is large already, lost, or of a single picture."""
        return track.side >= self._settings.uncertain_size or track.unseen >= LOST_AFTER or track.hits == 1


def _is_seen(track: SignTrack) -> bool:
    return track.state is TrackState.CONFIRMED


def _track_id(reading: Reading) -> int:
    assert reading.track_id is not None
    return reading.track_id


def _limit(reading: Reading) -> float:
    """Return the limit in km/h, infinite where a sign ends it."""
    value = reading.meaning.value
    return value if isinstance(value, int | float) else math.inf


def _leniency(reading: Reading) -> tuple[float, float]:
    """Sort limits from the lowest, ends last; of equal ones the surest comes last, and is the one that is named."""
    return _limit(reading), reading.confidence


def _caution(reading: Reading) -> int:
    return RIGHT_OF_WAY.get(reading.effect, 0) if reading.effect else 0


def _distance(sign: SignClass, xyxy: FloatArray) -> float:
    """Return the distance of a sign in units of the focal length: its real size over that in the picture."""
    return math.sqrt(sign.width * sign.height / max(float(np.prod(xyxy[2:] - xyxy[:2])), 1.0))


def _time_to_pass(track: SignTrack, picture_shape: Sequence[int]) -> float:
    """Return the seconds until a sign is passed, at most `LONGEST_APPROACH`; 0 for one that doesn't move at all.

    What stands still beside the road moves away from the point that the vehicle heads for, about the picture's centre,
    and its distance from there over its speed is the time to contact (Lee, A theory of visual control of braking based
    on information about time-to-collision, Perception 1976).
    """
    vx, vy = track.velocity
    if vx == vy == 0.0:
        return 0.0
    x = float(track.xyxy[0] + track.xyxy[2] - picture_shape[1]) / 2
    y = float(track.xyxy[1] + track.xyxy[3] - picture_shape[0]) / 2
    outward = x * vx + y * vy
    return min((x * x + y * y) / outward, LONGEST_APPROACH) if outward > 0 else LONGEST_APPROACH
