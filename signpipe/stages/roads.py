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
SLOWER = (RoadKind.TOWN, RoadKind.OUTSIDE, RoadKind.EXPRESSWAY)
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

        A limit tells something of the road, too, for the sign that begins it may have been missed, and what it says
        would be told for kilometres. One above the general limit of its kind makes the kind doubtful: above that of
        towns, one may be out of the town. Where the kind is open, one above the general limits of all but motorways
        tells a motorway; so it takes two signs to come from one kind to another, since one may be misread.

        Args:
            sign: What was passed.
            rules: Of the country.
        """
        match sign.effect:
            case Effect.LIMIT | Effect.END_LIMIT:
                return self._told_by(sign, rules)
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

    def _told_by(self, sign: SignClass, rules: Rules) -> Road:
        """Return where one is by a limit, or the end of one."""
        is_fast = _is_above(sign, rules, *SLOWER)
        if self.kind is None:
            return Road(RoadKind.MOTORWAY) if is_fast and self.zone is None else self
        if self.kind is RoadKind.TOWN and _is_above(sign, rules, RoadKind.TOWN):
            return replace(self, kind=None)
        return Road() if self.kind is RoadKind.OUTSIDE and is_fast else self


def _is_above(sign: SignClass, rules: Rules, *kinds: RoadKind) -> bool:
    """Return whether a sign's limit is above the general ones of all kinds of road, as far as these are known."""
    if not isinstance(sign.value, int | float):
        return False
    limits = [rules.limits[kind].limit if kind in rules.limits else None for kind in kinds]
    value = sign.value * KILOMETRES[sign.unit]
    return all(limit is not None and value > limit + 0.5 for limit in limits)


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
