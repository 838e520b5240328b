"""On what kind of road one is, and which limit it brings without a sign."""

from __future__ import annotations

from dataclasses import dataclass, replace

from signpipe.catalogue import KILOMETRES, Effect, SignClass
from signpipe.catalogue.rules import WHERE, Exemption, RoadKind, Rules
from signpipe.stages.meaning import GENERAL_LIMIT, IMPLICIT, SPEED_LIMIT, ZONE, Meaning, Validity, told
from signpipe.types import Condition, ConditionKind

BEGINS = {
    Effect.TOWN: RoadKind.TOWN,
    Effect.END_TOWN: RoadKind.OUTSIDE,
    Effect.MOTORWAY: RoadKind.MOTORWAY,
    Effect.EXPRESSWAY: RoadKind.EXPRESSWAY,
    Effect.LIVING_STREET: RoadKind.LIVING_STREET,
    Effect.PEDESTRIAN_ZONE: RoadKind.PEDESTRIAN_ZONE,
}
FAST = (RoadKind.MOTORWAY, RoadKind.EXPRESSWAY)
SLOW = (RoadKind.LIVING_STREET, RoadKind.PEDESTRIAN_ZONE)


@dataclass(frozen=True, slots=True)
class Road:
    """Where one is.

    Attributes:
        kind: Of the road, or None where no sign has told it.
        around: The kind that holds again once a motorway or a living street ends, or None where that isn't known.
        zone: Limit of the zone in km/h, or None outside zones.
    """

    kind: RoadKind | None = None
    around: RoadKind | None = None
    zone: float | None = None

    def after(self, sign: SignClass, rules: Rules) -> Road:
        """Return where one is once a sign has been passed.

        A posted limit above the general one of towns makes it doubtful that one is still in the town: the sign that
        ends it may have been missed, and what it says would be told for kilometres.

        Args:
            sign: What was passed.
            rules: Of the country.
        """
        match sign.effect:
            case Effect.LIMIT if self.kind is RoadKind.TOWN and _is_above_towns(sign, rules):
                return replace(self, kind=None)
            case Effect.ZONE_LIMIT if isinstance(sign.value, int | float):
                return replace(self, zone=sign.value * KILOMETRES[sign.unit])
            case Effect.END_ZONE_LIMIT:
                return replace(self, zone=None)
            case Effect.END_MOTORWAY | Effect.END_EXPRESSWAY:
                return Road(RoadKind.TOWN if self.around is RoadKind.TOWN else RoadKind.OUTSIDE)
            case Effect.GENERAL_LIMIT:
                return self if self.kind in FAST else Road(RoadKind.OUTSIDE)
            case Effect.END_LIVING_STREET | Effect.END_PEDESTRIAN_ZONE:
                return Road(self.around or RoadKind.TOWN, zone=self.zone)
        kind = BEGINS.get(sign.effect)
        if kind is None:
            return self
        around = self.around if self.kind in FAST + SLOW else self.kind
        if kind in FAST:
            return Road(kind, around)
        return Road(kind, around, self.zone) if kind in SLOW else Road(kind)


def _is_above_towns(sign: SignClass, rules: Rules) -> bool:
    """Return whether a limit is above the general one of towns, as far as that is known."""
    town = rules.limits.get(RoadKind.TOWN)
    if town is None or town.limit is None or not isinstance(sign.value, int | float):
        return False
    return sign.value * KILOMETRES[sign.unit] > town.limit + 0.5


def general_limit(road: Road, rules: Rules, sign: Meaning, limit: Validity) -> Meaning:
    """Return which limit holds where none is posted: the zone's, else that of the kind of road, as far as it is known.

    Args:
        road: Where one is.
        rules: Of the country.
        sign: What the sign itself says that leaves none posted.
        limit: How a limit that is known ages.
    """
    if road.zone is not None and road.kind not in SLOW:
        text = f"limit {told(road.zone, rules.unit)} (zone)"
        return replace(sign, message=text, value=road.zone, validity=limit, origin=ZONE, unit=rules.unit)
    if road.kind is None:
        return _of_any_road(rules, sign)
    rule = rules.limits.get(road.kind)
    if rule is None:
        return sign
    where = WHERE[road.kind]
    if rule.limit is None:
        advised = f" ({told(rule.advised, rules.unit)} advised)" if rule.advised else ""
        text = f"no general limit {where}{advised}"
    else:
        text = f"limit {told(rule.limit, rules.unit)} {where}"
    return Meaning(
        SPEED_LIMIT, text, rule.limit, sign.label, limit, sign.lifts, IMPLICIT, rules.unit, exemptions=rule.exemptions
    )  # fmt: skip


def _of_any_road(rules: Rules, sign: Meaning) -> Meaning:
    """Return what is known where no sign has told whether one is in a town."""
    kinds = [kind for kind in (RoadKind.TOWN, RoadKind.OUTSIDE) if kind in rules.limits]
    if not kinds:
        return sign
    exemptions = tuple(
        Exemption(rules.limits[kind].limit, (Condition(ConditionKind.PLACE, text=WHERE[kind]),)) for kind in kinds
    )
    message = sign.message.replace(GENERAL_LIMIT, "the general limit applies")
    return replace(sign, message=message, exemptions=exemptions, unit=rules.unit)
