"""A LiDAR scanner of 64 rings in a scene of plates: each ray returns from the nearest plate, or from the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Shape, SignClass
from signpipe.lidar import Calibration
from signpipe.types import FloatArray, Frame, SignTrack, TrackState

Floats = npt.NDArray[np.float64]

SENSOR = 1.73  # metres over the ground
FOCAL, PICTURE = 1000.0, (720, 1280)
PAINT, FILM = 0.3, 0.95

CALIBRATION = Calibration(
    np.array([[640, -FOCAL, 0, 0], [360, 0, -FOCAL, 0], [1, 0, 0, 0]], np.float32), (FOCAL, FOCAL), 640.0
)


@dataclass(frozen=True)
class Plate:
    """An upright plate: its middle (metres ahead, to the left, over the ground), size, turn in degrees, and film."""

    ahead: float
    left: float
    up: float
    width: float
    height: float
    turn: float = 0.0
    reflectance: float = PAINT
    shape: Shape | None = None  # None is a rectangle

    def hits(self, across: Floats, up: Floats) -> npt.NDArray[np.bool_]:
        """Tell which places of the plate (metres from its middle, to the left and up) are on it."""
        x, y = across / self.width * 2, up / self.height * 2
        inside = (np.abs(x) <= 1) & (np.abs(y) <= 1)
        match self.shape:
            case Shape.CIRCLE:
                inside &= np.hypot(x, y) <= 1
            case Shape.OCTAGON:
                inside &= np.abs(x) + np.abs(y) <= 1.414
            case Shape.DIAMOND:
                inside &= np.abs(x) + np.abs(y) <= 1
            case Shape.TRIANGLE:
                inside &= np.abs(x) <= (1 - y) / 2
            case Shape.TRIANGLE_DOWN:
                inside &= np.abs(x) <= (1 + y) / 2
        return np.asarray(inside, bool)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Its box in pixels."""
        half = self.width / 2 * np.cos(np.radians(self.turn))
        u = [640 - FOCAL * (self.left + side * half) / self.ahead for side in (1, -1)]
        v = [360 - FOCAL * (self.up - SENSOR + side * self.height / 2) / self.ahead for side in (1, -1)]
        return u[0], v[0], u[1], v[1]

    def part(self, left: float, up: float, side: float) -> tuple[float, float, float, float]:
        """The box of a picture printed on it, metres from its middle."""
        return Plate(self.ahead, self.left + left, self.up + up, side, side, self.turn).box


def sign(real: SignClass, ahead: float, left: float, up: float, size: float = 1.0, turn: float = 0.0) -> list[Plate]:
    """Return a sign of a class on its post."""
    plate = Plate(ahead, left, up, real.width * size, real.height * size, turn, FILM, real.shape)
    return [plate, Plate(ahead + 0.06, left, up / 2, 0.08, up)]


def scan(plates: list[Plate], rng: np.random.Generator, noise: float = 0.02, top: float = 2.0) -> FloatArray:
    """Return a sweep float32 (N, 4).

    Args:
        plates: What stands on the ground.
        rng: For the noise of ranges.
        noise: Its standard deviation in metres.
        top: The highest ring in degrees; the lowest is 26.8 below it.
    """
    rings, columns = np.radians(np.linspace(top - 26.8, top, 64)), np.radians(np.arange(-35, 35, 0.17))
    up, turn = (angle.ravel() for angle in np.meshgrid(rings, columns, indexing="ij"))
    x, y, z = np.cos(up) * np.cos(turn), np.cos(up) * np.sin(turn), np.sin(up)
    reach = np.where(z < 0, SENSOR / np.maximum(-z, 1e-9), np.inf)
    reflectance = np.full(len(reach), 0.2)
    for plate in plates:
        yaw = np.radians(plate.turn)
        along = np.array([np.sin(yaw), np.cos(yaw)])  # the plate's own axis, towards the left
        normal = np.array([np.cos(yaw), -np.sin(yaw)])
        hit = (plate.ahead * normal[0] + plate.left * normal[1]) / np.maximum(x * normal[0] + y * normal[1], 1e-9)
        across = (hit * x - plate.ahead) * along[0] + (hit * y - plate.left) * along[1]
        nearer = (hit < reach) & plate.hits(across, hit * z + SENSOR - plate.up)
        reach[nearer], reflectance[nearer] = hit[nearer], plate.reflectance
    seen = reach < 80
    reach, reflectance = reach[seen] + rng.normal(0, noise, int(seen.sum())), reflectance[seen]
    return np.stack([reach * x[seen], reach * y[seen], reach * z[seen], reflectance], axis=1).astype(np.float32)


def shown(sweep: FloatArray | None, box: tuple[float, float, float, float]) -> tuple[SignTrack, Frame]:
    """Return a track with this box, in a frame with this sweep."""
    frame = Frame(np.zeros((*PICTURE, 3), np.uint8), 0, 0.0, 0.0, "scan", lidar=sweep)
    even = np.full(43, 1 / 43, np.float32)
    track = SignTrack(1, np.array(box, np.float32), TrackState.CONFIRMED, 0.9, 1.0, 0.0, 5, np.log(even), even, 0)
    return track, frame
