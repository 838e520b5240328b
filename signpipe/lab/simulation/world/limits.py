"""The limit in force at every metre of a scene, by its signs and the country's rules: the truth, not what is told."""

from __future__ import annotations

import math
from dataclasses import dataclass

from signpipe.catalogue import KILOMETRES, Effect
from signpipe.catalogue.countries import load_country
from signpipe.catalogue.rules import RoadKind, Rules, read_rules
from signpipe.lab.simulation.world.scene import RoadScene, RoadSign

_KINDS = {
    Effect.TOWN: RoadKind.TOWN,
    Effect.END_TOWN: RoadKind.OUTSIDE,
    Effect.MOTORWAY: RoadKind.MOTORWAY,
    Effect.END_MOTORWAY: RoadKind.OUTSIDE,
    Effect.EXPRESSWAY: RoadKind.EXPRESSWAY,
    Effect.END_EXPRESSWAY: RoadKind.OUTSIDE,
}


@dataclass(frozen=True, slots=True)
class InForce:
    """What is true from a place on.

    Attributes:
        begin: Metres from the start.
        limit: km/h, infinite where it is known that there is none, None where none is known.
        kind: Of the road.
        sign: Number of the scene's sign that brings it, or None at the start.
    """

    begin: float
    limit: float | None
    kind: RoadKind
    sign: int | None


@dataclass(slots=True)
class _State:
    kind: RoadKind
    limit: float | None
    zone: float | None = None


def limits_of(scene: RoadScene) -> list[InForce]:
    """Return what is in force along a scene, one entry wherever that changes, the start first.

    A limit ends with its end, with a sign of another limit, of a zone or of another kind of road, not with a junction,
    as German courts have it. A sign under which a plate hangs changes nothing here: whether it holds isn't a matter of
    the road alone.
    """
    country = load_country(scene.country)
    rules = read_rules(country.rules, country.unit, country.languages)
    plates = {(sign.at, sign.right) for sign in scene.signs if sign.sign.effect is Effect.PLATE}
    state = _State(scene.kind, scene.limit)
    found = [InForce(0.0, state.limit, state.kind, None)]
    for number in sorted(range(len(scene.signs)), key=lambda one: scene.signs[one].at):
        sign = scene.signs[number]
        if not sign.applies or (sign.at, sign.right) in plates:
            continue
        _pass(state, sign, rules)
        if (state.limit, state.kind) != (found[-1].limit, found[-1].kind):
            found.append(InForce(sign.at, state.limit, state.kind, number))
    return found


def _pass(state: _State, sign: RoadSign, rules: Rules) -> None:
    """Let a sign take effect."""
    effect, value = sign.sign.effect, sign.sign.value
    speed = float(value) * KILOMETRES[sign.sign.unit] if isinstance(value, int | float) else None
    kind = _KINDS.get(effect)
    if kind is not None:
        state.kind, state.zone = kind, None
        state.limit = _general(state, rules)
    elif effect is Effect.LIMIT:
        state.limit = speed
    elif effect is Effect.ZONE_LIMIT:
        state.limit = state.zone = speed
    elif effect is Effect.END_ZONE_LIMIT:
        state.zone = None
        state.limit = _general(state, rules)
    elif effect in (Effect.END_ALL, Effect.GENERAL_LIMIT) or (effect is Effect.END_LIMIT and speed == state.limit):
        state.limit = _general(state, rules)


def _general(state: _State, rules: Rules) -> float | None:
    """Return the limit that holds where none is posted."""
    if state.zone is not None:
        return state.zone
    rule = rules.limits.get(state.kind)
    if rule is None:
        return None
    return math.inf if rule.limit is None else rule.limit
