"""Range, real size, height and surroundings of the object in a box, from the sweep of the same moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from signpipe.lidar.ground import ground_height
from signpipe.lidar.surface import REACH, surface_extent
from signpipe.lidar.view import View
from signpipe.types import FloatArray

FEWEST: Final = 5  # points of a face, below which nothing is said
SENSOR_HEIGHT: Final = 1.73  # metres of the LiDAR over the road, where no ground is seen: KITTI's car
_MARGIN: Final = 0.12  # of the box's sides, where the background shows and beams split
_GAP: Final = 0.3  # metres of depth between two things
_MOST: Final = 0.5  # share of the box's points on a face; a triangle fills 0.64 of the box inside its margin
_SOME: Final = 0.25  # the same of a face that shines, and may be half hidden
_SPANS: Final = (0.75, 0.6)  # share of the points' spread across and down that a face has which doesn't shine
_BRIGHT: Final = 0.7  # reflectance of retroreflective film, over that of paint
_BOX_ERROR: Final = 1.5  # pixels, of a box's width or height
_RING: Final = 0.009  # radians between two rings of a 64-ring scanner, with some slack


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a sweep says of the object in a box.

    Attributes:
        depth: Metres along the camera's axis (the range by which pixels become metres).
        spread: Robust standard deviation of the face's depths, metres.
        points: Number of points on the face.
        width: Width of the box there, metres.
        height: Height of the box there, metres.
        uncertainty: Relative standard deviation of width and height.
        above_road: Height of the box's centre over the road around it, metres.
        road_seen: False if no ground was seen there and the sensor's height stands for it.
        surface: How far the face's surface goes on beyond the box in metres, left and right together, up and down too.
        bright: Share of the face's points that reflect like a road sign's film.
        bright_around: The same share of the surface around the box.
    """

    depth: float
    spread: float
    points: int
    width: float
    height: float
    uncertainty: float
    above_road: float
    road_seen: bool
    surface: tuple[float, float]
    bright: float
    bright_around: float


def sight(view: View, xyxy: Sequence[float] | FloatArray, sensor_height: float = SENSOR_HEIGHT) -> Sighting | None:
    """Range the object in a box.

    Args:
        view: The sweep as the camera sees it.
        xyxy: The box in pixels of the picture.
        sensor_height: Metres of the LiDAR over the road, taken where no ground is seen.

    Returns:
        What was found, or None if the box is empty or too few points lie on one thing.
    """
    x1, y1, x2, y2 = (float(value) for value in xyxy)
    box_width, box_height = x2 - x1, y2 - y1
    if min(box_width, box_height) < 1:
        return None
    dx, dy = _MARGIN * box_width, _MARGIN * box_height
    inside = _window(view, x1 + dx, y1 + dy, x2 - dx, y2 - dy)
    face = inside[_nearest_face(view.u[inside], view.v[inside], view.depth[inside], view.points[3, inside])]
    if len(face) < FEWEST:
        return None
    depths = view.depth[face]
    depth = float(np.median(depths))
    spread = 1.4826 * float(np.median(np.abs(depths - depth)))
    width, height = box_width * depth / view.focal[0], box_height * depth / view.focal[1]
    centre = ((x1 + x2) / 2, (y1 + y2) / 2)
    extents, bright_around = _surroundings(view, face, depth, centre, (width / 2, height / 2))
    place = np.median(view.points[:3, face], axis=1)
    place[2] += (float(np.median(view.v[face])) - centre[1]) * depth / view.focal[1]
    ground = ground_height(view.points, place, max(4.0, 0.25 * depth))
    return Sighting(
        depth,
        spread,
        len(face),
        width,
        height,
        float(np.hypot(_BOX_ERROR / max(box_width, box_height), spread / depth)),
        float(place[2]) + sensor_height if ground is None else float(place[2]) - ground,
        ground is not None,
        (extents[0] + extents[1], extents[2] + extents[3]),
        float((view.points[3, face] >= _BRIGHT).mean()),
        bright_around,
    )


def _window(view: View, x1: float, y1: float, x2: float, y2: float) -> npt.NDArray[np.int64]:
    """Return which points lie in a part of the picture."""
    columns = np.flatnonzero((view.u > x1) & (view.u < x2))
    v = view.v[columns]
    return np.asarray(columns[(v > y1) & (v < y2)])


def _nearest_face(u: FloatArray, v: FloatArray, depths: FloatArray, reflectance: FloatArray) -> npt.NDArray[np.int64]:
    """Return which points are the sign's face: the thing that shines like one, else the nearest if it fills the box.

    Twigs and posts before a sign are nearer and can be as dense, but don't shine. Where nothing shines and the
    nearest thing fills little of the box, what lies behind may be the background: none is taken.
    """
    if len(depths) < FEWEST:
        return np.zeros(0, np.int64)
    order = np.argsort(depths, kind="stable")
    things = np.split(order, np.flatnonzero(np.diff(depths[order]) > _GAP) + 1)
    for thing in things:
        if len(thing) >= max(FEWEST, _SOME * len(depths)) and (reflectance[thing] >= _BRIGHT).mean() >= 0.4:
            return np.asarray(thing)
    nearest = next((thing for thing in things if len(thing) > 1), things[0])  # single points are stray
    fills = len(nearest) >= max(FEWEST, _MOST * len(depths)) and all(
        np.ptp(axis[nearest]) >= share * np.ptp(axis) for axis, share in zip((u, v), _SPANS, strict=True)
    )
    return np.asarray(nearest if fills else nearest[:0])


def _surroundings(
    view: View, face: npt.NDArray[np.int64], depth: float, centre: tuple[float, float], half: tuple[float, float]
) -> tuple[tuple[float, float, float, float], float]:
    """Return how far the face's surface goes on to each side, and the share of it there that shines."""
    metre = depth / view.focal[0], depth / view.focal[1]
    across, down = (half[0] + REACH) / metre[0], (half[1] + REACH) / metre[1]
    near = _window(view, centre[0] - across, centre[1] - down, centre[0] + across, centre[1] + down)
    extents, on = surface_extent(
        (view.u[near] - np.float32(centre[0])) * np.float32(metre[0]),
        (view.v[near] - np.float32(centre[1])) * np.float32(metre[1]),
        np.float32(depth) - np.float32(depth**2) / view.depth[near],
        np.isin(near, face, assume_unique=True),
        half,
        max(0.25, _RING * depth),
    )
    around = view.points[3, near[on]]
    return extents, float((around >= _BRIGHT).mean()) if len(around) else 0.0
