"""The camera as a pinhole on a vehicle: where a place appears, and how large a sign."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from signpipe.geodesy import Values
from signpipe.settings import CameraSettings

CAMERA_HEIGHT, HEIGHT_SPREAD = 1.4, 0.2  # metres of a windscreen's camera over the road, where nothing is said
GIVEN = 0.01  # spread of the logarithm of a focal length that was given
GUESSED = 0.25  # and of one that was guessed from a usual field of view
MOUNTING = (math.radians(3.0), math.radians(4.0))  # spread of the directions to the side and up


@dataclass(frozen=True, slots=True)
class Optics:
    """A camera and how it is mounted, as far as known.

    Attributes:
        focal: Focal length as a share of the picture's width.
        focal_sigma: Spread of its logarithm.
        yaw: Radians that it looks to the right of straight on.
        yaw_sigma: Their spread.
        pitch: Radians that it looks up.
        pitch_sigma: Their spread.
    """

    focal: float
    focal_sigma: float = GUESSED
    yaw: float = 0.0
    yaw_sigma: float = MOUNTING[0]
    pitch: float = 0.0
    pitch_sigma: float = MOUNTING[1]

    @classmethod
    def of(cls, camera: CameraSettings, width: int, height: int) -> Optics:
        """Return what the settings say of a camera whose pictures have some size."""
        focal = camera.focal_for(width)
        return cls(
            focal / width,
            GIVEN if camera.focal is not None else GUESSED,
            math.atan((0.5 - camera.vanishing_x) * width / focal),
            MOUNTING[0],
            math.atan((camera.vanishing_y - 0.5) * height / focal),
            MOUNTING[1],
        )

    @property
    def known(self) -> tuple[Values, Values]:
        """Logarithm of the focal length, yaw and pitch, and their spreads, float64 (3,) each."""
        return (
            np.array([math.log(self.focal), self.yaw, self.pitch]),
            np.array([self.focal_sigma, self.yaw_sigma, self.pitch_sigma]),
        )

    def learned(self, values: Values, sigmas: Values) -> Optics:
        """Return the optics with what was learned; see `known`."""
        focal, yaw, pitch = (float(value) for value in values)
        return replace(
            self, focal=math.exp(focal), yaw=yaw, pitch=pitch,
            focal_sigma=float(sigmas[0]), yaw_sigma=float(sigmas[1]), pitch_sigma=float(sigmas[2]),
        )  # fmt: skip


def project(place: Values, axis: Values, pitch: Values) -> tuple[Values, Values, Values]:
    """Return where places appear, in focal lengths right of and under the picture's middle, and their depth in metres.

    Args:
        place: float64 (N, 3), metres east, north and up from the camera.
        axis: float64 (N,), direction of view in radians clockwise from north.
        pitch: float64 (N,), radians that the camera looks up.
    """
    sin, cos = np.sin(axis), np.cos(axis)
    ahead = place[:, 0] * sin + place[:, 1] * cos
    right = place[:, 0] * cos - place[:, 1] * sin
    depth = np.maximum(ahead * np.cos(pitch) + place[:, 2] * np.sin(pitch), 0.5)
    up = place[:, 2] * np.cos(pitch) - ahead * np.sin(pitch)
    return right / depth, -up / depth, depth


def seen_width(right: Values, depth: Values, axis: Values, facing: Values) -> Values:
    """Return how wide a face of one metre appears, in focal lengths.

    Args:
        right: float64 (N,), where its middle appears, in focal lengths right of the picture's middle.
        depth: float64 (N,), metres.
        axis: float64 (N,), direction of view in radians clockwise from north.
        facing: float64 (N,), direction in which the face looks, likewise.
    """
    turned = facing - axis
    return np.maximum(np.abs(-np.cos(turned) - np.sin(turned) * right), 0.15) / depth
