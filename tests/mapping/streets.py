"""A street and drives along it, for tests: small, with the errors that a test asks for."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from signpipe.catalogue import load_catalogue
from signpipe.geodesy import offset
from signpipe.lab.simulation.drives import Errors, record_drive
from signpipe.lab.simulation.streets import ORIGIN, Street, make_street
from signpipe.mapping.driven import place_recording, sizes_of
from signpipe.mapping.entry import Entry
from signpipe.mapping.placed import DrivenRoad, PlacedSign
from signpipe.mapping.recording import Recording, gather
from signpipe.settings import CameraSettings

CATALOGUE = load_catalogue()
NONE = Errors(
    receiver=(0.05, 0.06), jitter=0.01, doppler=0.01, focal=(1.0, 1.0), mounting=0.0, shake=(0.0, 0.0), missed=0.0,
    hidden=0.0, unseen=0.0, wrong=0.0, unsure=0.0, torn=0.0, strays=0.0,
    boxes=0.0,
)  # fmt: skip
USUAL = Errors(receiver=(1.5, 2.5), unseen=0.0, wrong=0.0, unsure=0.0)


@lru_cache(maxsize=4)
def street(seed: int = 3, length: float = 420.0, drives: int = 1, change: float = 0.0) -> Street:
    """Return a street."""
    return make_street(np.random.default_rng(seed), CATALOGUE, length, drives, change)


def recorded(along: Street, number: int = 0, errors: Errors = USUAL) -> Recording:
    """Return a drive along a street."""
    return gather(f"drive-{number + 1}", record_drive(along, CATALOGUE, number, np.random.default_rng(number), errors))


def driven(along: Street, number: int = 0, errors: Errors = USUAL) -> DrivenRoad:
    """Return what a drive along a street tells."""
    return place_recording(recorded(along, number, errors), CameraSettings(), sizes_of(CATALOGUE))


def nearest(along: Street, sign: PlacedSign | Entry) -> tuple[int, float]:
    """Return which of a street's signs one is of, and how many metres it is off."""
    east, north = offset(*ORIGIN, sign.latitude, sign.longitude)
    places = np.array([one.place for one in along.signs])
    turned = np.array([abs((np.degrees(one.facing) - sign.facing + 180) % 360 - 180) for one in along.signs])
    away = np.hypot(places[:, 0] - east, places[:, 1] - north)
    number = int(np.argmin(away + 3 * np.abs(places[:, 2] - sign.height) + np.where(turned > 90, 100, 0)))
    return number, float(away[number])
