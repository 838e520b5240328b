"""From a sign that is sure, with its plates and its figures, to what it says here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from signpipe.catalogue import KILOMETRES, MEASURES, Catalogue, Category, Effect, SignClass
from signpipe.catalogue.rules import Rules
from signpipe.figures.parse import Quantity, parse_figures
from signpipe.settings import DecideSettings, VehicleSettings
from signpipe.stages.approach import distance_of, side_by_side, time_to_pass
from signpipe.stages.conditional import Offer
from signpipe.stages.conditions import STATIC, holds, restricting
from signpipe.stages.drive_state import Held, Reading
from signpipe.stages.meaning import ENDS_OF_LIMITS, LIMITS, ROADS, SPEED_LIMIT, Dictionary, Meaning
from signpipe.stages.roads import Road, general_limit
from signpipe.types import Condition, ConditionKind, SignTrack, Surroundings


class Reader:
    """Say what signs mean where they stand.

    Args:
        settings: How long each kind of advisory stays valid.
        catalogue: The classes and what they mean.
        rules: What applies in the country without a sign.
        vehicle: What is driven.
    """

    def __init__(self, settings: DecideSettings, catalogue: Catalogue, rules: Rules, vehicle: VehicleSettings) -> None:
        self._catalogue = catalogue
        self._rules = rules
        self._vehicle = vehicle
        self._dictionary = dictionary = Dictionary(settings)
        self._meanings = [dictionary.of_sign(sign) for sign in catalogue]
        self._roads = {sign.id: dictionary.of_road(sign) for sign in catalogue}
        self._categories = {category: dictionary.of_category(category) for category in Category}

    def read(self, track: SignTrack, now: float, picture_shape: Sequence[int], road: Road) -> Reading:
        """Return what a sign says.

        Args:
            track: The sign; its class is sure.
            now: Media time in seconds.
            picture_shape: Height and width of the picture.
            road: Where one is before the sign.
        """
        sign = self._catalogue[track.class_id]
        conditions = [condition for plate in track.plates for condition in plate.conditions]
        effect = sign.effect
        if effect in LIMITS and any(one.kind is ConditionKind.END for one in conditions):
            effect = Effect.END_LIMIT
        after = road.after(sign, self._rules) if effect is sign.effect else road  # a plate may end it
        meaning = self._meaning(sign, track, effect, after)
        open_ = self._open(conditions)
        if not isinstance(meaning.value, int | float) or not meaning.lifts:
            meaning = meaning.under(one for one in conditions if one.kind is not ConditionKind.NOTE)
        elif open_ == ():
            meaning = meaning.under(one for one in conditions if one.kind is ConditionKind.LENGTH)
        length = next((one.value for one in conditions if one.kind is ConditionKind.LENGTH), None)
        return Reading(
            meaning, now, track.confidence, track.verdict.witnesses, track.id, track.class_id, effect,
            distance_of(sign, track.xyxy), now + time_to_pass(track, picture_shape), open_, length, after,
        )  # fmt: skip

    def lanes(
        self, tracks: Sequence[SignTrack], now: float, picture_shape: Sequence[int], road: Road
    ) -> dict[int, tuple[Offer, ...]]:
        """Return what the other lanes have, by the track of each limit of a row that isn't the same for all lanes."""
        limits = [track for track in tracks if self._catalogue[track.class_id].effect in LIMITS and not track.plates]
        found = {}
        for row in side_by_side(limits):
            readings = [self.read(track, now, picture_shape, road) for track in row]
            values = [reading.meaning.value for reading in readings]
            if len(set(values)) == 1:
                continue
            for number, track in enumerate(row):
                found[track.id] = tuple(
                    Offer(float(value), (f"on lane {lane + 1} of {len(row)}",), None, reading=readings[lane])
                    for lane, value in enumerate(values)
                    if lane != number and isinstance(value, int | float)
                )
        return found

    def without_sign(self, road: Road, sign: Reading, now: float) -> Reading:
        """Return which limit holds where that of a sign has come to its end."""
        label = f"the end of {sign.meaning.label}"
        nothing = Meaning(SPEED_LIMIT, f"{label}: limit unknown", None, label, self._dictionary.ended, (SPEED_LIMIT,))
        return Reading(general_limit(road, self._rules, nothing, self._dictionary.limit), now, sign.confidence,
                       sign.witnesses, effect=Effect.END_LIMIT)  # fmt: skip

    def road(self, reading: Reading) -> Reading | None:
        """Return on what kind of road one is after a sign, if it tells."""
        meaning = self._roads.get(-1 if reading.class_id is None else reading.class_id)
        return None if meaning is None else replace(reading, meaning=meaning, conditions=())

    def of_category(self, category: Category) -> Meaning:
        """Return what is said of a sign whose category alone is sure."""
        return self._categories[category]

    def label(self, class_id: int) -> str:
        """Return the short name of a class for remarks."""
        return self._meanings[class_id].label

    def topic(self, class_id: int) -> str:
        """Return what a class speaks of."""
        return self._meanings[class_id].topic

    def ends_another(self, reading: Reading, held: Held) -> bool:
        """Return True if a sign ends a limit that isn't the one in force."""
        if reading.class_id is None or reading.effect not in (Effect.END_LIMIT, Effect.END_ZONE_LIMIT):
            return False
        value, in_force = self._catalogue[reading.class_id], held.reading.meaning.value
        if not isinstance(value.value, int | float) or not isinstance(in_force, int | float):
            return False
        if reading.effect is Effect.END_ZONE_LIMIT:
            zone = held.reading.road.zone if held.reading.road is not None else None
            in_force = value.value * KILOMETRES[value.unit] if zone is None else zone
        return abs(value.value * KILOMETRES[value.unit] - in_force) > 0.5

    def _meaning(self, sign: SignClass, track: SignTrack, effect: Effect, after: Road) -> Meaning:
        meaning = self._meanings[sign.id]
        if sign.effect in MEASURES and sign.value is None:
            return self._dictionary.of_measure(sign, _figures(track))
        if effect in ENDS_OF_LIMITS or effect in ROADS:
            return general_limit(after, self._rules, meaning, self._dictionary.limit)
        return meaning

    def _open(self, conditions: Sequence[Condition]) -> tuple[Condition, ...]:
        """Return the conditions on which it depends whether a sign holds, but for what is known of the vehicle."""
        around = Surroundings()
        return tuple(
            one
            for one in restricting(conditions)
            if one.kind not in STATIC or holds(one, self._vehicle, around) is not True
        )


def _figures(track: SignTrack) -> float | None:
    """Return the tonnes or metres that were read on a sign, or None."""
    if track.figures is None or not track.figures.is_sure:
        return None
    read = parse_figures(track.figures.text)
    if not isinstance(read, Quantity):
        return None
    return read.tonnes if read.tonnes is not None else read.metres
