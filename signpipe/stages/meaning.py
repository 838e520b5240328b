"""What a sign tells the driver: topic, wording, value, and for how long it may be relied on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from signpipe.catalogue import KILOMETRES, MEASURES, Category, Effect, SignClass
from signpipe.catalogue.rules import Exemption
from signpipe.settings import DecideSettings
from signpipe.types import Condition

SPEED_LIMIT = "speed_limit"
ROAD = "road"
OVERTAKING = {"all": "overtaking", "goods": "overtaking:goods"}
GENERAL_LIMIT = "the general limit applies, which signpipe doesn't know"
POSTED, ZONE, IMPLICIT = "posted", "zone", "implicit"

# Limits of speed that a sign names; of two that are seen together, the lower stands.
LIMITS = (Effect.LIMIT, Effect.ZONE_LIMIT, Effect.LANE_LIMIT)
# Signs after which another general limit holds than before, or holds again.
ROADS = (
    Effect.TOWN, Effect.END_TOWN, Effect.MOTORWAY, Effect.END_MOTORWAY, Effect.EXPRESSWAY, Effect.END_EXPRESSWAY,
    Effect.LIVING_STREET, Effect.END_LIVING_STREET, Effect.PEDESTRIAN_ZONE, Effect.END_PEDESTRIAN_ZONE,
)  # fmt: skip
ENDS_OF_LIMITS = (Effect.END_LIMIT, Effect.END_ALL, Effect.END_ZONE_LIMIT, Effect.GENERAL_LIMIT)
# What else ends something that another sign began, and on which topic.
ENDS = {
    Effect.END_ADVISORY_LIMIT: "advisory_limit",
    Effect.END_MINIMUM_SPEED: "minimum_speed",
    Effect.END_PARKING_ZONE: "parking:zone",
    Effect.END_BUS_LANE: "bus_lane",
    Effect.END_SNOW_CHAINS: "snow_chains",
    Effect.END_PRIORITY_ROAD: "priority",
    Effect.END_PATH: "path",
}
MEASURE_UNITS = {Effect.WEIGHT_LIMIT: "t", Effect.AXLE_LIMIT: "t"}  # the others are metres


@dataclass(frozen=True, slots=True)
class Validity:
    """How an advisory ages.

    Attributes:
        seconds: Until it goes stale, or None if it doesn't age.
        metres: Until it goes stale, or None if distance doesn't matter.
        kept: Seconds for which it is still shown as stale.
    """

    seconds: float | None = None
    metres: float | None = None
    kept: float = 0.0


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a sign says.

    Attributes:
        topic: The advisory's topic.
        message: For the driver, such as "stop ahead".
        value: Machine-readable value; None for the end of a restriction.
        label: Short name of the sign for remarks, such as "end of limit 80".
        validity: How the advisory ages.
        lifts: Topics on which the sign can take back a restriction.
        origin: Of a speed limit: `POSTED`, `ZONE` or `IMPLICIT`; None where no limit is known.
        unit: In which the message tells the value, or None.
        conditions: What the plates under the sign say.
        exemptions: Other limits that hold instead under conditions.
    """

    topic: str
    message: str
    value: float | str | None
    label: str
    validity: Validity
    lifts: tuple[str, ...] = ()
    origin: str | None = None
    unit: str | None = None
    conditions: tuple[Condition, ...] = ()
    exemptions: tuple[Exemption, ...] = ()

    def under(self, conditions: Iterable[Condition]) -> Meaning:
        """Return the meaning with what plates say of it."""
        said = tuple(conditions)
        return replace(self, message=" ".join([self.message, *map(str, said)]), conditions=said) if said else self


LIMIT_UNKNOWN = Meaning(SPEED_LIMIT, "limit unknown", None, "nothing", Validity())


def told(kmh: float, unit: str) -> str:
    """Return a speed in km/h as it is told in a unit: "80", or "30 mph"."""
    return f"{round(kmh / KILOMETRES['mph']):g} mph" if unit == "mph" else f"{kmh:g}"


class Dictionary:
    """Translate classes and categories into meanings.

    Args:
        settings: How long each kind of advisory stays valid.
    """

    def __init__(self, settings: DecideSettings) -> None:
        kept = settings.stale_kept
        self.limit = Validity(settings.limit_expiry, settings.limit_expiry_metres, kept)
        self.ended = Validity(settings.limit_expiry, settings.limit_expiry_metres)
        self._ban = ban = Validity(settings.ban_expiry, None, kept)
        # What lay just ahead has been passed soon: its warning is shown as stale for as long as it was valid.
        ahead = Validity(settings.ahead_expiry, settings.ahead_expiry_metres, settings.ahead_expiry)
        self._ahead = ahead
        self._uncertain = Validity(settings.uncertain_expiry, None, settings.uncertain_expiry)
        # Topic, message and validity of what a sign says with its title alone.
        self._plain = {
            Effect.PRIORITY_ROAD: ("priority", "{title}", Validity(settings.priority_expiry, None, kept)),
            Effect.PRIORITY_NEXT: ("priority:next", "{title}", ahead),
            Effect.STOP: ("stop", "{title} ahead", ahead),
            Effect.GIVE_WAY: ("give_way", "{title} ahead", ahead),
            Effect.DANGER: ("danger:{value}", "{title} ahead", ahead),
            Effect.DIRECTION: ("direction:{value}", "{title}", ahead),
            Effect.ACCESS_BAN: ("access:{value}", "{title}", ahead),
            Effect.INFORMATION: ("information:{value}", "{title}", ahead),
            Effect.TURN_BAN: ("turn:{value}", "{title}", ahead),
            Effect.PARKING_BAN: ("parking", "{title}", ahead),
            Effect.STOPPING_BAN: ("parking", "{title}", ahead),
            Effect.PARKING: ("parking", "{title}", ahead),
            Effect.PARKING_ZONE: ("parking:zone", "{title}", ban),
            Effect.ONE_WAY: ("one_way", "{title}", ahead),
            Effect.PATH: ("path", "{title}", ahead),
            Effect.BUS_LANE: ("bus_lane", "{title}", ban),
            Effect.SNOW_CHAINS: ("snow_chains", "{title}", ban),
            Effect.ONCOMING_PRIORITY: ("oncoming", "{title}", ahead),
            Effect.GIVE_WAY_ONCOMING: ("oncoming", "{title}", ahead),
            Effect.CROSSING: ("crossing", "{title} ahead", ahead),
            Effect.LEVEL_CROSSING: ("level_crossing", "{title} ahead", ahead),
            Effect.DEAD_END: ("dead_end", "{title} ahead", ahead),
            Effect.TUNNEL: ("tunnel", "{title} ahead", ahead),
            Effect.GUIDE: ("guide:{value}", "{title}", ahead),
            Effect.PLATE: ("plate:{value}", "{title}", ahead),
        }

    def of_sign(self, sign: SignClass) -> Meaning:
        """Return what a sign of this class says."""
        title, value = sign.title.lower(), sign.name if sign.value is None else sign.value
        ban = OVERTAKING[sign.vehicles]
        match sign.effect:
            case effect if effect in LIMITS:
                return self._posted(sign)
            case effect if effect in ENDS_OF_LIMITS or effect in ROADS:
                return self._end_of_limit(sign)
            case Effect.OVERTAKING_BAN:
                return Meaning(ban, title, value, title, self._ban)
            case Effect.END_OVERTAKING_BAN:
                return Meaning(ban, title, None, title, self._ban, (ban,))
            case effect if effect in ENDS:
                return Meaning(ENDS[effect], title, None, title, self._ban, (ENDS[effect],))
            case Effect.ADVISORY_LIMIT | Effect.MINIMUM_SPEED:
                return self._other_speed(sign)
            case effect if effect in MEASURES:
                return self.of_measure(sign, None if sign.value is None else float(sign.value))
        topic, message, validity = self._plain[sign.effect]
        return Meaning(topic.format(value=value), message.format(title=title), value, title, validity)

    def of_measure(self, sign: SignClass, value: float | None) -> Meaning:
        """Return what a limit of weight or size, or a distance to keep, says.

        Args:
            sign: Its class.
            value: Tonnes or metres, or None if its figures could not be read.
        """
        unit, title = MEASURE_UNITS.get(sign.effect, "m"), sign.title.lower()
        if value is None:
            return Meaning(sign.effect.value, f"{title}, which could not be read", sign.name, title, self._ahead)
        text = title if f"{value:g}" in title else f"{title} {value:g} {unit}"
        return Meaning(sign.effect.value, text, value, text, self._ahead, unit=unit)

    def of_category(self, category: Category) -> Meaning:
        """Return what is said of a sign whose category alone is sure."""
        word = "end-of-restriction" if category is Category.END_OF else category.value
        message = f"unknown {word} sign"
        return Meaning(f"unknown:{category.value}", message, category.value, message, self._uncertain)

    def of_road(self, sign: SignClass) -> Meaning | None:
        """Return on what kind of road one is after a sign, if it tells."""
        if sign.effect not in ROADS:
            return None
        title, ends = sign.title.lower(), sign.effect.value.startswith("end_")
        return Meaning(ROAD, title, sign.effect.value, title, self._ahead if ends else self._ban)

    def _posted(self, sign: SignClass) -> Meaning:
        assert isinstance(sign.value, int | float)
        number = f"{sign.value:g} mph" if sign.unit == "mph" else f"{sign.value:g}"
        value = sign.value * KILOMETRES[sign.unit] if sign.unit == "mph" else sign.value
        is_zone = sign.effect is Effect.ZONE_LIMIT
        text = f"limit {number} (zone)" if is_zone else f"limit {number}"
        label = f"zone {number}" if is_zone else text
        return Meaning(
            SPEED_LIMIT, text, value, label, self.limit, (SPEED_LIMIT,), ZONE if is_zone else POSTED, sign.unit
        )  # fmt: skip

    def _end_of_limit(self, sign: SignClass) -> Meaning:
        """Return what the end of a limit says where no rules of a country tell what holds then."""
        lifts: tuple[str, ...] = (SPEED_LIMIT,)
        label = sign.title.lower()
        if sign.effect is Effect.END_LIMIT:
            ended = f"limit {sign.value:g}"
            label = f"end of limit {sign.value:g}"
        elif sign.effect is Effect.END_ALL:
            ended, lifts = "all limits", (SPEED_LIMIT, *OVERTAKING.values())
        elif sign.effect is Effect.END_ZONE_LIMIT and sign.value is not None:
            ended = f"zone {sign.value:g}"
        else:
            return Meaning(SPEED_LIMIT, f"{label}: {GENERAL_LIMIT}", None, label, self.ended, lifts)
        return Meaning(SPEED_LIMIT, f"{ended} ended; {GENERAL_LIMIT}", None, label, self.ended, lifts)

    def _other_speed(self, sign: SignClass) -> Meaning:
        assert isinstance(sign.value, int | float)
        word = "advised speed" if sign.effect is Effect.ADVISORY_LIMIT else "minimum speed"
        kmh = sign.value * KILOMETRES[sign.unit]
        text = f"{word} {told(kmh, sign.unit)}"
        return Meaning(sign.effect.value, text, kmh, text, self._ban, unit=sign.unit)
