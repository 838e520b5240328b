"""What stands along the road of a simulated drive, and where."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from signpipe.catalogue import Catalogue, SignClass
from signpipe.errors import SettingsError
from signpipe.lab.simulation.camera import Points, Road
from signpipe.lab.simulation.ground import LANE
from signpipe.lab.simulation.uncatalogued import render_face

SIGN_LATERAL = 5.1  # metres from the centre line to a pole at the roadside
CLEARANCE = 2.1  # metres from the ground to the lower edge of a sign
ISLAND_CLEARANCE = 0.7  # the same for a sign on a traffic island
STACK_GAP = 0.06  # metres between two signs on one pole
LEAD_IN = 42.0  # metres from the start to the first pole
LEAD_OUT = 6.0  # metres from the last pole to the end of the drive
CLOSEST = 12.0  # metres; poles nearer to each other would hide one another's signs
HIDING_GAP = 6.0  # metres from a sign back to the plant that hides it
MODIFIERS = ("left", "island", "hidden", "overgrown")


@dataclass(frozen=True, slots=True)
class Pole:
    """A pole with signs, as the user asks for it.

    Attributes:
        signs: The signs from top to bottom.
        side: "right", "left" (of the road) or "island" (in the middle).
        hidden: True to put a plant in front of it, which hides it for a stretch of the approach.
        overgrown: True to let leaves grow over the left half of the topmost sign, which hide it for good.
    """

    signs: tuple[SignClass, ...]
    side: str = "right"
    hidden: bool = False
    overgrown: bool = False


@dataclass(frozen=True, slots=True)
class PlacedSign:
    """A sign in the world.

    Attributes:
        id: Number of the sign, from 0 in the order of the road.
        sign: Its class.
        centre: Centre of the face in metres.
        yaw: Direction of view in which the face is seen head-on, radians, to the right positive.
        roll: How far it hangs askew, radians, clockwise positive.
        hidden: True if a plant stands in front of it.
        overgrown: True if leaves have grown over the left half of it.
    """

    id: int
    sign: SignClass
    centre: tuple[float, float, float]
    yaw: float
    roll: float
    hidden: bool
    overgrown: bool = False

    def at(self, face: Points) -> Points:
        """Place points of the face in the world.

        Args:
            face: (N, 2), x to the right and y down, 0..1 over the face.

        Returns:
            (N, 3) in metres.
        """
        right = (face[:, 0] - 0.5) * self.sign.width
        down = (face[:, 1] - 0.5) * self.sign.height
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        right, down = right * cos - down * sin, right * sin + down * cos
        offset = np.stack([right * np.cos(self.yaw), -down, -right * np.sin(self.yaw)], axis=1)
        placed: Points = offset + np.asarray(self.centre)
        return placed


@dataclass(frozen=True, slots=True)
class Upright:
    """Anything flat that stands on the ground and faces the camera: a pole, a plant, a marker post.

    Attributes:
        kind: Name of its artwork.
        foot: Where it stands, (x, z) in metres.
        width: Metres.
        height: Metres.
    """

    kind: str
    foot: tuple[float, float]
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A road and what stands along it.

    Attributes:
        road: Where the road lies.
        signs: In the order of the road.
        uprights: In no particular order.
        islands: z of the middle of each traffic island, metres.
    """

    road: Road
    signs: tuple[PlacedSign, ...]
    uprights: tuple[Upright, ...]
    islands: tuple[float, ...]


@lru_cache(maxsize=64)
def outline(name: str) -> Points:
    """Return the convex outline of a sign's face, (N, 2), x right and y down, 0..1 over the face."""
    alpha = np.pad(render_face(name, 1024)[..., 3], 1)
    contours, _ = cv2.findContours((alpha >= 128).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.convexHull(np.concatenate(contours))[:, 0].astype(np.float64) - 1
    unit: Points = hull / hull.max(axis=0)
    return unit


def parse_poles(text: str, catalogue: Catalogue) -> list[Pole]:
    """Read a list of poles such as "stop,left:no_entry,roundabout+give_way".

    Args:
        text: Poles along the road, separated by commas. A plus sign puts signs on one pole, from top to bottom;
            `left:` and `island:` before them say where the pole stands, `hidden:` and `overgrown:` what hides it.
        catalogue: Where the names come from.

    Raises:
        SettingsError: A name or modifier is unknown, or the list is empty.
    """
    poles = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        *modifiers, names = (part.strip() for part in item.split(":"))
        for modifier in modifiers:
            if modifier not in MODIFIERS:
                raise SettingsError(
                    f"A sign can't be '{modifier}'; put one of {', '.join(MODIFIERS)} before the colon."
                )
        signs = tuple(sign_named(name.strip(), catalogue) for name in names.split("+"))
        side = next((modifier for modifier in modifiers if modifier in ("left", "island")), "right")
        poles.append(Pole(signs, side, "hidden" in modifiers, "overgrown" in modifiers))
    if not poles:
        raise SettingsError("A drive needs at least one sign; name some, such as --signs stop,give_way.")
    return poles


def sign_named(name: str, catalogue: Catalogue) -> SignClass:
    """Look up a class.

    Raises:
        SettingsError: There is none of that name; it suggests others.
    """
    try:
        return catalogue.by_name(name)
    except KeyError:
        near = difflib.get_close_matches(name, catalogue.names, 3, 0.5) or catalogue.names[:3]
        raise SettingsError(f"There is no sign '{name}'; did you mean {' or '.join(near)}?") from None


def lay_out(poles: list[Pole], length: float, rng: np.random.Generator) -> Scene:
    """Spread poles evenly along a road and plant its sides.

    Args:
        poles: In the order of the road.
        length: Metres that the vehicle drives.
        rng: Source of chance.

    Raises:
        SettingsError: The drive is too short for so many poles.
    """
    stretch = length - LEAD_IN - LEAD_OUT
    most = int(max(stretch, 0) // CLOSEST) + 1
    if len(poles) > most or stretch < 0:
        needed = LEAD_IN + LEAD_OUT + CLOSEST * (len(poles) - 1)
        raise SettingsError(
            f"A drive of {length:.0f} m is too short: poles for the signs asked for need {needed:.0f} m;"
            " raise --seconds or name fewer signs."
        )
    road = winding_road(rng)
    signs: list[PlacedSign] = []
    uprights = _plants(road, length, rng) + _markers(road, length)
    stations = np.linspace(LEAD_IN, length - LEAD_OUT, len(poles)) if len(poles) > 1 else [length - LEAD_OUT]
    for pole, z in zip(poles, stations, strict=True):
        placed = _hang(pole, float(z), road, len(signs), rng)
        signs += placed
        top = placed[0].centre[1] + pole.signs[0].height * 0.4
        uprights.append(Upright("pole", (placed[0].centre[0], float(z) + 0.06), 0.076, top))
        if pole.hidden:
            uprights.append(_hide(placed[0], road))
    islands = tuple(float(z) for pole, z in zip(poles, stations, strict=True) if pole.side == "island")
    return Scene(road, tuple(signs), tuple(uprights), islands)


def winding_road(rng: np.random.Generator) -> Road:
    """Draw a road; it is the first thing of a drive that is left to chance, so the seed alone gives it back."""
    return Road(rng.uniform(1.5, 3.0), rng.uniform(380, 520), rng.uniform(0, 2 * np.pi))


def _hang(pole: Pole, z: float, road: Road, first_id: int, rng: np.random.Generator) -> list[PlacedSign]:
    """Hang the signs of a pole, the lowest at the legal clearance."""
    side = {"right": SIGN_LATERAL + rng.uniform(-0.15, 0.15), "left": -SIGN_LATERAL, "island": 0.0}[pole.side]
    x = float(road.centre(z)) + side
    yaw = road.heading(z) + rng.uniform(-0.05, 0.05) + (0.05 if pole.side == "right" else -0.03)
    y = ISLAND_CLEARANCE if pole.side == "island" else CLEARANCE + rng.uniform(-0.08, 0.08)
    placed = []
    for number, sign in reversed(list(enumerate(pole.signs))):
        centre = (x, y + sign.height / 2, z)
        roll, overgrown = rng.uniform(-0.025, 0.025), pole.overgrown and number == 0
        placed.append(PlacedSign(first_id + number, sign, centre, yaw, roll, pole.hidden, overgrown))
        y += sign.height + STACK_GAP
    return placed[::-1]


def _hide(sign: PlacedSign, road: Road) -> Upright:
    """Plant a slender bush where it covers part of a sign for a stretch of the approach."""
    z = sign.centre[2] - HIDING_GAP
    eye = float(road.centre(z)) + LANE / 2
    target = sign.centre[0] - float(road.centre(sign.centre[2])) + float(road.centre(z))
    x = eye + (target - eye) * 0.76  # on the line of sight from 25 m before the sign
    return Upright("shrub", (x, z), 1.1, sign.centre[1] + 0.10)


def _plants(road: Road, length: float, rng: np.random.Generator) -> list[Upright]:
    """Plant trees and bushes on both sides, clear of the signs."""
    plants = []
    for side in (-1, 1):
        z = rng.uniform(0, 8)
        while z < length + 260:
            bush = rng.random() < 0.45
            height = rng.uniform(1.0, 2.6) if bush else rng.uniform(6, 12)
            away = rng.uniform(8.5, 16) if bush else rng.uniform(13, 34)
            x = float(road.centre(z)) + side * away
            kind = f"bush{rng.integers(2)}" if bush else f"tree{rng.integers(4)}"
            plants.append(Upright(kind, (x, z), height * rng.uniform(0.9, 1.3), height))
            z += rng.uniform(3, 13)
    return plants


def _markers(road: Road, length: float) -> list[Upright]:
    """Set marker posts every 50 m on both sides."""
    return [
        Upright("marker", (float(road.centre(z)) + side * 4.35, float(z)), 0.12, 1.0)
        for z in np.arange(25.0, length + 150, 50.0)
        for side in (-1, 1)
    ]
