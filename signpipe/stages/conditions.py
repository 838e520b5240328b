"""Whether what a plate or a rule asks for is so: yes, no, or not known."""

from __future__ import annotations

from collections.abc import Iterable

from signpipe.settings import VehicleSettings
from signpipe.types import Condition, ConditionKind, Surroundings

# Conditions that stay as they are for a whole drive: those on the vehicle.
STATIC = (ConditionKind.ONLY, ConditionKind.EXCEPT, ConditionKind.HEAVIER)
# What doesn't say whether the sign holds, but from where, how far or why.
UNCONDITIONAL = (ConditionKind.LENGTH, ConditionKind.NOTE, ConditionKind.END)
# Conditions that could be anything, or that nearly everyone meets: the sign holds unless it is known not to.
BROAD = (ConditionKind.UNREAD, ConditionKind.EXCEPT)
# A vehicle without a known weight, of a kind that may be driven with a licence for cars, is no heavier (tonnes).
HEAVIEST_CAR = 3.5
LIGHT = ("car", "van", "motorcycle", "moped", "bicycle")


def holds(condition: Condition, vehicle: VehicleSettings, around: Surroundings) -> bool | None:
    """Return whether one condition is met; None if that isn't known."""
    match condition.kind:
        case ConditionKind.WET:
            return _either(around.wet, around.snow)  # snow is wet too
        case ConditionKind.SNOW:
            return around.snow
        case ConditionKind.FOG:
            return around.fog
        case ConditionKind.TIME:
            return None if around.clock is None else any(span.includes(around.clock) for span in condition.spans)
        case ConditionKind.ONLY:
            return concerns(condition.vehicles, vehicle)
        case ConditionKind.EXCEPT:
            concerned = concerns(condition.vehicles, vehicle)
            return None if concerned is None else not concerned
        case ConditionKind.HEAVIER:
            return _is_heavier(condition.value, vehicle)
        case kind if kind in UNCONDITIONAL:
            return True
    return None


def all_hold(conditions: Iterable[Condition], vehicle: VehicleSettings, around: Surroundings) -> bool | None:
    """Return whether all of some conditions are met: no as soon as one isn't; None if that isn't known."""
    states = [holds(condition, vehicle, around) for condition in conditions]
    if False in states:
        return False
    return None if None in states else True


def restricting(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Return those conditions on which it depends whether a sign holds."""
    return tuple(condition for condition in conditions if condition.kind not in UNCONDITIONAL)


def concerns(vehicles: Iterable[str], vehicle: VehicleSettings) -> bool | None:
    """Return whether a vehicle is one of those that are named; None if that isn't known."""
    states = [_is_a(name, vehicle) for name in vehicles]
    if True in states:
        return True
    return None if None in states else False


def _is_a(name: str, vehicle: VehicleSettings) -> bool | None:
    """Return whether a vehicle is what a plate calls it."""
    if name in ("trailer", "caravan"):
        return None if vehicle.trailer and name == "caravan" else vehicle.trailer
    if name in ("residents", "delivery", "disabled", "authorised", "emergency"):
        return None  # who drives, and why, isn't known
    if vehicle.kind is None:
        return None
    if vehicle.kind == "van":
        return None if name == "goods" else name == "car"  # which it is differs from country to country
    return name == vehicle.kind


def _is_heavier(tonnes: float | None, vehicle: VehicleSettings) -> bool | None:
    if tonnes is None:
        return None
    if vehicle.weight is not None:
        return vehicle.weight > tonnes
    return False if vehicle.kind in LIGHT and tonnes >= HEAVIEST_CAR else None


def _either(*states: bool | None) -> bool | None:
    """Return the disjunction: true if one is, unknown if none is and one isn't known."""
    return True if True in states else None if states[0] is None else False
