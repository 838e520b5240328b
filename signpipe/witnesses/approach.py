"""How a box grows as the car drives, as a witness: what stays as large on the way doesn't stand by the road."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.opinion import Opinion, Role
from signpipe.settings import CameraSettings
from signpipe.types import Frame, SignTrack

LARGEST = 3.0  # times its usual size that no sign is, gantries and a focal length that isn't known included
SIZE_ERROR = 0.05  # spread of a box's side as a share of it
PIXEL_ERROR = 1.0  # and in pixels, which tells on small signs
SIGMAS = 2.5  # by which it must grow too slowly
LONGEST_STEP = 1.0  # seconds between two looks, after which what was driven between them isn't known
GROWN = 1.3  # times its first side from which a box has grown, whatever hides a part of it later
EDGE = 2.0  # pixels from the picture's edge within which a box is cut, and tells no size
REMEMBERED = 256  # tracks that are remembered


@dataclass(slots=True)
class _Growth:
    """Weighted sums over the looks at one track: over metres driven, and over the inverse of its side in pixels.

    The side of what stands by the road is focal length times size over distance, so that its inverse falls by the same
    amount with each metre, however far it is: by 1 / (focal length times size).
    """

    weight: float = 0.0
    metres: float = 0.0
    squares: float = 0.0
    inverse: float = 0.0
    product: float = 0.0
    first: float = 0.0
    last: float = 0.0
    smallest: float = math.inf
    largest: float = 0.0

    def add(self, metres: float, side: float) -> None:
        """Take a look; small boxes count less."""
        if not self.weight:
            self.first = metres
        self.last = metres
        self.smallest, self.largest = min(self.smallest, side), max(self.largest, side)
        weight = (side**2 / math.hypot(SIZE_ERROR * side, PIXEL_ERROR)) ** 2
        self.weight += weight
        self.metres += weight * metres
        self.squares += weight * metres**2
        self.inverse += weight / side
        self.product += weight * metres / side

    def slope(self) -> tuple[float, float]:
        """Return by how much the inverse rises a metre, and the spread of that; infinite where nothing was driven."""
        if not self.weight:
            return 0.0, math.inf
        spread = self.squares - self.metres**2 / self.weight
        if spread <= 1e-6 * self.weight:
            return 0.0, math.inf
        return (self.product - self.metres * self.inverse / self.weight) / spread, 1 / math.sqrt(spread)


class ApproachWitness:
    """Rules out what doesn't come nearer as the car drives: drops on the glass, reflections, what another car carries.

    It needs the car's speed, and says nothing without. What it takes for no sign would have to be `LARGEST` times as
    large as a sign of its class to grow so slowly.

    Args:
        camera: The optics.
        catalogue: The classes with their real sizes.

    Attributes:
        name: "approach".
        role: MEASURES.
        weight: 1; it has no say in what class a sign is of.
        expensive: False.
    """

    name = "approach"
    role = Role.MEASURES
    weight = 1.0
    expensive = False

    def __init__(self, camera: CameraSettings, catalogue: Catalogue) -> None:
        self._camera = camera
        self._largest = np.array([LARGEST * math.sqrt(sign.width * sign.height) for sign in catalogue])
        self._nothing = np.zeros(len(catalogue), np.float32)
        self._growth: OrderedDict[int, _Growth] = OrderedDict()
        self._ruled_out: set[int] = set()
        self._metres, self._now = 0.0, math.nan

    def __call__(self, track: SignTrack, frame: Frame, /) -> Opinion | None:
        """Give an opinion on a sign; see `Witness`. None without a speed, and for what may well be a sign."""
        if frame.speed is None or not math.isfinite(frame.speed):
            self._now = math.nan
            return None
        self._advance(frame.media_time, frame.speed)
        growth = self._growth.setdefault(track.id, _Growth())
        if len(self._growth) > REMEMBERED:
            self._ruled_out.discard(self._growth.popitem(last=False)[0])
        height, width = frame.image.shape[:2]
        if track.xyxy[:2].min() > EDGE and (track.xyxy[2:] < (width - EDGE, height - EDGE)).all() and track.side > 0:
            growth.add(self._metres, track.side)
        slope, error = growth.slope()
        least = 1 / (self._camera.focal_for(width) * self._largest[track.class_id])
        impossible = slope - SIGMAS * error > -least and growth.largest < GROWN * growth.smallest
        if not impossible and track.id not in self._ruled_out:
            return None
        self._ruled_out.add(track.id)
        driven = abs(growth.last - growth.first)
        text = f"doesn't come nearer in {driven:.0f} m" if impossible else "comes nearer"
        return Opinion(self.name, self._nothing, text, impossible=impossible)

    def _advance(self, now: float, speed: float) -> None:
        """Move on to a frame; after a pause, what was driven isn't known, and all begins anew."""
        elapsed = now - self._now
        if 0 <= elapsed <= LONGEST_STEP:
            self._metres += speed * elapsed
        else:
            self._growth.clear()
            self._ruled_out.clear()
        self._now = now
