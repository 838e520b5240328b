"""Decide: from signs that are sure to what the driver should know."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import timedelta

from signpipe.catalogue import Catalogue, Category, Effect
from signpipe.catalogue.rules import NO_RULES, Rules
from signpipe.settings import DecideSettings, VehicleSettings
from signpipe.stages.approach import ONE_PLACE
from signpipe.stages.caution import RIGHT_OF_WAY
from signpipe.stages.conditional import ConditionalLimits, Offer, amended
from signpipe.stages.conditions import all_hold
from signpipe.stages.drive_state import DriveState, Held, Reading
from signpipe.stages.meaning import LIMIT_UNKNOWN, SPEED_LIMIT
from signpipe.stages.reading import Reader
from signpipe.stages.roads import Road
from signpipe.types import LARGEST_DISORDER, Advisory, SignTrack, Surroundings, TrackState

# Categories of which an unread sign may have changed the limit.
MAY_CHANGE_LIMIT = (Category.PROHIBITORY, Category.END_OF)
# A sign that hasn't been seen for so many seconds may not come back.
LOST_AFTER = 0.5
# Probability of all limits together from which an unread sign is one of them.
SURE = 0.9
NOTHING_KNOWN = Surroundings()


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
    - A sign that is left unread is announced by its category, and the limit (or the end of all) that it may have
      changed is kept, with a remark; it goes stale if the sign surely is a limit, as one does whose own sign isn't sure
      any more. Small signs are given the time to be read first. What turns out to be no real sign says nothing.
    - A limit with a plate holds beside the one without (`ConditionalLimits`); a sign with a condition that isn't known
      to be met takes nothing back.
    - Where a sign tells the kind of road, the country's rules say which limit holds there without another sign.

    Args:
        settings: How long each kind of advisory stays valid.
        catalogue: The classes and what they mean.
        rules: What applies in the country without a sign.
        vehicle: What is driven, and what is known of the conditions of its road.
    """

    def __init__(
        self,
        settings: DecideSettings,
        catalogue: Catalogue,
        rules: Rules = NO_RULES,
        vehicle: VehicleSettings | None = None,
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._rules = rules
        self._vehicle = vehicle or VehicleSettings()
        self._reader = Reader(settings, catalogue, rules, self._vehicle)
        self._limits = [sign.id for sign in catalogue if sign.effect is Effect.LIMIT]
        self._state = DriveState()
        self._now: float | None = None
        self._start()

    def _start(self) -> None:
        """Forget what isn't in the drive state."""
        self._road = Road()
        self._road_before: tuple[int, Road] | None = None  # the track that told it, and what held before
        self._conditional = ConditionalLimits(self._vehicle)
        self._ahead: dict[int, Reading] = {}  # signs that will take something back once passed, by track
        self._renewing: dict[int, Reading] = {}  # limits and ends that end those with conditions once passed
        self._lanes: dict[int, tuple[Offer, ...]] = {}  # what other lanes have beside a limit, by its track

    def update(
        self,
        tracks: list[SignTrack],
        media_time: float,
        picture_shape: Sequence[int] | None,
        speed: float | None = None,
        around: Surroundings = NOTHING_KNOWN,
    ) -> tuple[list[Advisory], list[Advisory]]:
        """Take the tracks of the next frame or gap, with their verdicts.

        Args:
            tracks: All living tracks.
            media_time: Of the frame or gap, seconds. A step back by more than half a second ends all that is held.
            picture_shape: Height and width of the picture, or None in a gap.
            speed: Metres per second, or None where unknown.
            around: What is known of weather and time; what it leaves open, the settings say.

        Returns:
            The advisories that are active or stale, the speed limit first; and the events: those that were issued or
            changed, went stale or ended with this call, each once.
        """
        around = self._surroundings(around, media_time)
        metres = self._advance(media_time, speed)
        self._withdraw(tracks)
        readings: list[Reading] = []
        if picture_shape is not None:
            seen = [track for track in tracks if track.is_sure and track.state is TrackState.CONFIRMED]
            readings = [self._reader.read(track, self._state.now, picture_shape, self._before(track)) for track in seen]
            self._lanes |= self._reader.lanes(seen, self._state.now, picture_shape, self._road)
        readings = self._restrict(readings, around)
        self._take_limits_and_ends([reading for reading in readings if reading.meaning.lifts])
        self._take_right_of_way(readings)
        for reading in readings:
            if not reading.meaning.lifts and reading.effect not in (*RIGHT_OF_WAY, Effect.PLATE):
                self._state.take(reading)
        self._pass(tracks)
        self._go_on(tracks, metres)
        self._take_uncertain(tracks)
        self._report_conflicts(tracks)
        return self._state.publish(lambda advisory: self._amended(advisory, around))

    def reset(self) -> None:
        """Forget everything without an event: what follows has nothing to do with what was before."""
        self._state = DriveState()
        self._start()
        self._now = None
        self._state.take(Reading(LIMIT_UNKNOWN, 0.0))
        self._state.publish()

    def _advance(self, media_time: float, speed: float | None) -> float | None:
        """Let everything age; return the metres driven, or None where speed is unknown."""
        if self._now is None:
            self._state.clear("the next picture is unrelated")
            self._now = media_time
        elif media_time < self._now - LARGEST_DISORDER:
            self._state.clear("the recording was wound back")
            self._start()
            self._now = media_time
        elapsed = max(media_time - self._now, 0.0)
        # Not a sum of intervals: rounding would date what is seen now after now.
        self._now = max(media_time, self._now)
        metres = elapsed * abs(speed) if speed is not None and math.isfinite(speed) else None
        self._state.advance(self._now, metres)
        return metres

    def _surroundings(self, around: Surroundings, media_time: float) -> Surroundings:
        """Return what is known of the conditions, what someone tells now before what the settings say."""
        vehicle = self._vehicle
        clock = around.clock
        if vehicle.clock is not None and clock is None:
            clock = vehicle.clock + timedelta(seconds=media_time)
        return Surroundings(
            vehicle.wet if around.wet is None else around.wet,
            vehicle.snow if around.snow is None else around.snow,
            vehicle.fog if around.fog is None else around.fog,
            clock,
        )

    def _withdraw(self, tracks: Iterable[SignTrack]) -> None:
        """Let go of what was said of a sign that is now read as something else; a correction isn't a new sign.

        So is that it is no sign. A limit on a sign that is in view and no longer sure goes stale.
        """
        read = {track.id: track.class_id for track in tracks if track.is_sure}
        seen = {track.id: track for track in tracks if track.state is TrackState.CONFIRMED}
        for held in self._state:
            track_id = held.reading.track_id
            if track_id in read and read[track_id] != held.reading.class_id:
                self._give_up(held, f"it was read as {self._reader.label(read[track_id])}")
            elif track_id in seen and seen[track_id].verdict.ruled_out:
                self._give_up(held, "it is no real sign")
            elif track_id in seen and track_id not in read and held.in_force:
                self._doubt(held.reading, f"{held.reading.meaning.label} was read on a sign that is no longer sure")
        self._conditional.withdraw_misread(read)
        if self._state.get(SPEED_LIMIT) is None:
            self._state.take(Reading(LIMIT_UNKNOWN, self._state.now))

    def _doubt(self, reading: Reading, text: str) -> None:
        """Rely no more on the limit in force, if it is that of a reading, and say why."""
        if reading.meaning.topic == SPEED_LIMIT:
            self._state.doubt(SPEED_LIMIT)
            self._state.remark(SPEED_LIMIT, reading.track_id, text)

    def _give_up(self, held: Held, reason: str) -> None:
        topic = held.reading.meaning.topic
        self._state.withdraw(topic, reason)
        self._state.unremark(SPEED_LIMIT, topic)
        if self._road_before is not None and self._road_before[0] == held.reading.track_id:
            self._road = self._road_before[1]
            self._road_before = None

    def _before(self, track: SignTrack) -> Road:
        """Return where one was before a sign, which may have told where one is already."""
        told = self._road_before
        return told[1] if told is not None and told[0] == track.id else self._road

    def _restrict(self, readings: Iterable[Reading], around: Surroundings) -> list[Reading]:
        """Return the readings that hold; limits with conditions are held beside them, other signs wait for theirs."""
        holding = []
        for reading in readings:
            is_met = all_hold(reading.conditions, self._vehicle, around)
            track_id = _track_id(reading)
            if not reading.conditions:
                self._conditional.withdraw(track_id)
                holding.append(reading)
            elif not reading.meaning.lifts:
                holding += [reading] if is_met is not False else []
            elif isinstance(reading.meaning.value, int | float):
                self._take_conditional(reading)
            elif is_met:
                holding.append(reading)
            else:
                self._ahead.pop(track_id, None)
                text = f"{reading.meaning.label} has a condition that isn't known to be met, so it ends nothing"
                self._state.remark(reading.meaning.topic, track_id, text)
        return holding

    def _take_conditional(self, reading: Reading) -> None:
        """Hold on to a limit with a condition; what its sign said before its plate was seen is withdrawn."""
        self._ahead.pop(_track_id(reading), None)
        self._renewing.pop(_track_id(reading), None)
        held = self._state.get(SPEED_LIMIT)
        if held is not None and held.reading.track_id == reading.track_id:
            self._give_up(held, "a plate was seen under its sign")
            if self._state.get(SPEED_LIMIT) is None:
                self._state.take(Reading(LIMIT_UNKNOWN, self._state.now))
        self._conditional.take(reading)

    def _take_limits_and_ends(self, readings: Iterable[Reading]) -> None:
        """Take what restricts at once, the most cautious first, and keep what lifts until it is passed."""
        for reading in sorted(readings, key=lambda one: one.leniency):
            track_id = _track_id(reading)
            if SPEED_LIMIT in reading.meaning.lifts:
                self._renewing[track_id] = reading
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
        return not reading.names_limit or reading.limit > held.reading.limit

    def _pass(self, tracks: list[SignTrack]) -> None:
        """Let the signs that have been passed take back what they take back."""
        living = {track.id: track for track in tracks}
        for track_id, reading in sorted(self._ahead.items(), key=lambda item: item[1].leniency):
            track = living.get(track_id)
            if track is None and self._state.now >= reading.passed_at:
                self._enter(reading)
                self._apply(
                    reading, [topic for topic in reading.meaning.lifts if not self._is_overruled(reading, topic)]
                )
                del self._ahead[track_id]
            elif track is not None and (not track.is_sure or track.class_id != reading.class_id):
                del self._ahead[track_id]
        for track_id, reading in list(self._renewing.items()):
            if track_id not in living and self._state.now >= reading.passed_at:
                self._conditional.drop_before(reading.seen - self._settings.conflict_window)
                del self._renewing[track_id]
            elif track_id in living and living[track_id].is_sure and living[track_id].class_id != reading.class_id:
                del self._renewing[track_id]

    def _is_overruled(self, reading: Reading, topic: str) -> bool:
        """Return True, with a remark, if a sign that was passed doesn't take back what is in force on a topic."""
        held = self._state.get(topic)
        if held is None or not self._takes_back(reading, topic):
            return False
        label, other = reading.meaning.label, held.reading.meaning.label
        if reading.seen - held.reading.seen <= self._settings.conflict_window:
            text = f"{label} was overruled: it was seen together with {other}, which is more cautious"
        elif self._reader.ends_another(reading, held):
            text = f"{label} was seen, but the limit in force is another"
        else:
            return False
        self._state.remark(topic, reading.track_id, text)
        return True

    def _apply(self, reading: Reading, topics: Iterable[str]) -> None:
        """Let a limit or an end of restrictions take effect on topics."""
        for topic in topics:
            if topic == SPEED_LIMIT:
                self._enter(reading)
                self._state.take(reading)
            else:
                self._state.drop(topic, f"ended by {reading.meaning.label}")

    def _enter(self, reading: Reading) -> None:
        """Be on the road that a sign tells of."""
        if reading.road is None or reading.road == self._road:
            return
        self._road_before = (_track_id(reading), self._road)
        self._road = reading.road
        told = self._reader.road(reading)
        if told is not None:
            self._state.take(told)

    def _go_on(self, tracks: Iterable[SignTrack], metres: float | None) -> None:
        """Let begin what was announced over a distance, and end what holds for a length."""
        living = [track.id for track in tracks]
        for reading in self._conditional.advance(self._state.now, metres, living):
            if reading.conditions:
                self._conditional.take(reading)
            else:
                self._state.take(reading)
        held = self._state.get(SPEED_LIMIT)
        if held is not None and held.reading.length is not None and held.past >= held.reading.length:
            self._state.take(self._reader.without_sign(self._road, held.reading, self._state.now))
        kept = {*living, held.reading.track_id if held is not None else None}
        self._lanes = {track_id: lanes for track_id, lanes in self._lanes.items() if track_id in kept}

    def _amended(self, advisory: Advisory, around: Surroundings) -> Advisory:
        """Return the advisory on the speed limit with the limits that hold, or may hold, under conditions."""
        held = self._state.get(SPEED_LIMIT)
        assert held is not None
        offers = self._conditional.offers(around, held.reading.seen)
        offers += self._conditional.exempted(held.reading.meaning.exemptions, around)
        offers += self._lanes.get(held.reading.track_id or 0, ())
        return amended(advisory, offers) if offers else advisory

    def _take_right_of_way(self, readings: Iterable[Reading]) -> None:
        """Take the signs on right of way; of those that contradict one another, the most cautious."""
        for reading in sorted(
            (r for r in readings if r.effect in RIGHT_OF_WAY), key=lambda one: one.caution, reverse=True
        ):
            rivals = [held.reading for held in self._state if self._contradicts(held.reading, reading)]
            stronger = [rival for rival in rivals if rival.caution > reading.caution and self._is_recent(rival)]
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
        levels = {earlier.caution, reading.caution}
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
            meaning = self._reader.of_category(category)
            share = float(track.probability[self._catalogue.ids_of(category)].sum())
            self._state.take(Reading(meaning, self._state.now - track.unseen, share, track.verdict.witnesses, track.id))
            if category in MAY_CHANGE_LIMIT and limit is not None and limit.tells:
                self._state.remark(SPEED_LIMIT, meaning.topic, f"an {meaning.message} was seen since")
                if self._is_limit(track) and not self._is_recent(limit.reading):
                    self._state.doubt(SPEED_LIMIT)

    def _is_limit(self, track: SignTrack) -> bool:
        """Return True if a sign is one of the limits, whichever of them."""
        return float(track.probability[self._limits].sum()) >= SURE

    def _report_conflicts(self, tracks: list[SignTrack]) -> None:
        """Mention what a witness says of a sign, where it contradicts what is published or holds it back."""
        for track in tracks:
            verdict, about = track.verdict, f"witnesses on {track.id}"
            if verdict.conflict is not None and track.is_sure:
                self._state.remark(self._reader.topic(track.class_id), about, verdict.conflict)
            elif verdict.conflict is not None and verdict.category in MAY_CHANGE_LIMIT:
                self._state.remark(SPEED_LIMIT, about, verdict.conflict)

    def _is_left_unread(self, track: SignTrack) -> bool:
        """Return True if a sign is no longer likely to be read: it is large already, lost, or of a single picture."""
        return track.side >= self._settings.uncertain_size or track.unseen >= LOST_AFTER or track.hits == 1


def _track_id(reading: Reading) -> int:
    assert reading.track_id is not None
    return reading.track_id
