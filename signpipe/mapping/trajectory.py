"""The path of a drive, from positions that err by metres: smooth as a vehicle moves, with its errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from filterpy.kalman import KalmanFilter
from scipy.interpolate import CubicHermiteSpline

from signpipe.errors import SourceError
from signpipe.geodesy import Values, bearing, offset, place

# How a receiver errs: slowly, with satellites and air, and within a minute, with what reflects its signals; shares of
# the variance, and seconds after which an error is another one. What is left jumps from fix to fix.
SLOW_SHARE, SLOW_TIME = 0.4, 600.0
QUICK_TIME = 30.0
JITTER = 0.3  # metres
# The spread that a receiver states is the radius of a circle that holds 68 % of its positions; so many times one axis'.
RADIUS_68 = 1.51
USUAL_SIGMA = 4.5  # metres, of a receiver that says nothing
DOPPLER = 0.1  # m/s, spread of velocities along each axis
# How a vehicle accelerates: spread at first, and how fast that changes, in m/s2 and in m/s2 a root second.
ACCELERATION, JERK = 2.0, 0.5
DERIVED = 0.03  # m/s; velocities nearer than this to those of the positions were computed from these
BASELINE = 1.0  # seconds to both sides, between which positions tell a velocity
SPACING = 1.0  # seconds between the positions that are used
LONGEST_GAP = 10.0  # seconds without a position, over which nothing is known of where the vehicle was
STANDING = 1.0  # m/s, below which movement tells no direction
JUMP = 25.0  # squared spreads from which a position is taken for a jump


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """Where a vehicle was, as a smooth path in a plane of metres.

    Attributes:
        origin: Latitude and longitude of the plane's zero.
        time: float64 (K,), seconds in the recording, of the nodes.
        position: float64 (K, 2), metres east and north of the origin.
        velocity: float64 (K, 2), m/s.
        sigma: float64 (K,), spread of a position along each axis in metres.
        course: float64 (K,), direction of movement in radians clockwise from north, without turns over pi.
        reach: Seconds after which the path's error is another one.
    """

    origin: tuple[float, float]
    time: Values
    position: Values
    velocity: Values
    sigma: Values
    course: Values
    reach: float

    def at(self, time: Values) -> tuple[Values, Values, Values]:
        """Return position (N, 2), course (N,) in radians and speed (N,) at some times, and nan outside the path."""
        time = np.asarray(time, np.float64)
        spline = CubicHermiteSpline(self.time, self.position, self.velocity, axis=0, extrapolate=False)
        course = np.interp(time, self.time, self.course)
        speed = np.interp(time, self.time, np.hypot(*self.velocity.T))
        position = np.where(self._known(time)[:, None], spline(time), np.nan)
        return position, course, speed

    def later(self, seconds: float) -> Trajectory:
        """Return the same path, driven so many seconds later."""
        return replace(self, time=self.time + seconds)

    def turning(self, time: Values) -> Values:
        """Return how fast the course changes at some times, in radians a second whatever the direction."""
        return np.asarray(np.interp(time, self.time, np.abs(np.gradient(self.course, self.time))))

    def sigma_at(self, time: float | Values) -> Values:
        """Return the spread of the position along each axis, in metres."""
        return np.asarray(np.interp(time, self.time, self.sigma))

    def globe(self, local: Values) -> tuple[Values, Values]:
        """Return latitudes and longitudes of places (N, 2) in metres."""
        return place(*self.origin, local[..., 0], local[..., 1])

    def _known(self, time: Values) -> Any:
        after = np.clip(np.searchsorted(self.time, time), 1, len(self.time) - 1)
        near = self.time[after] - self.time[after - 1] <= LONGEST_GAP
        return near & (time >= self.time[0]) & (time <= self.time[-1])


def find_trajectory(frames: dict[str, Values], name: str) -> Trajectory:
    """Return the path of a recording.

    Args:
        frames: Its frames, see `Recording`.
        name: Of the recording, for messages.

    Raises:
        SourceError: It has no positions, or too few to make a path.
    """
    rows = _used(frames)
    if len(rows) < 3:
        what = "no positions" if not np.isfinite(frames["latitude"]).any() else "positions in less than three seconds"
        raise SourceError(f"The recording {name} has {what}, so its signs have no place; give its track (--gpx).")
    time = frames["time"][rows]
    latitude, longitude = frames["latitude"][rows], frames["longitude"][rows]
    origin = float(latitude[0]), float(longitude[0])
    measured = np.stack(offset(*origin, latitude, longitude), axis=1)
    velocity = _velocity(frames, rows, measured)
    sigma = np.where(np.isfinite(frames["sigma"][rows]), frames["sigma"][rows], USUAL_SIGMA) / RADIUS_68
    position, smooth, spread = _smoothed(time, measured, velocity, sigma)
    reach = float(2 * np.median(spread) ** 2 / DOPPLER**2) if np.isfinite(velocity).any() else QUICK_TIME
    return Trajectory(origin, time, position, smooth, spread, _course(smooth), max(reach, QUICK_TIME))


def _used(frames: dict[str, Values]) -> Values:
    """Return the rows of the frames whose positions are used: about one a second."""
    known = np.flatnonzero(np.isfinite(frames["latitude"]) & np.isfinite(frames["longitude"]))
    rows: list[int] = []
    for row in known.tolist():
        if not rows or frames["time"][row] - frames["time"][rows[-1]] >= SPACING - 1e-3:
            rows.append(row)
    if rows and known[-1] != rows[-1] and frames["time"][known[-1]] - frames["time"][rows[-1]] > SPACING / 2:
        rows.append(int(known[-1]))
    return np.array(rows, np.int64)


def _velocity(frames: dict[str, Values], rows: Values, measured: Values) -> Values:
    """Return the velocities (N, 2) that were measured apart from the positions, nan where there are none."""
    time, heading = frames["time"][rows], np.radians(frames["heading"][rows])
    wheels = frames["wheels"][rows]
    speed = np.where(np.isfinite(wheels), np.abs(wheels), frames["speed"][rows])
    stated = np.stack([speed * np.sin(heading), speed * np.cos(heading)], axis=1)
    before, after = np.maximum(time - BASELINE, time[0]), np.minimum(time + BASELINE, time[-1])
    moved = [(np.interp(after, time, axis) - np.interp(before, time, axis)) / (after - before) for axis in measured.T]
    apart = np.hypot(*(stated - np.stack(moved, axis=1)).T)
    apart = apart[np.isfinite(apart)]
    if not len(apart) or np.median(apart) < DERIVED:
        return np.full_like(stated, np.nan)
    return stated


def _smoothed(time: Values, measured: Values, velocity: Values, sigma: Values) -> tuple[Values, Values, Values]:
    """Return positions (N, 2), velocities (N, 2) and spreads (N,) by a Kalman smoother (Rauch, Tung and Striebel).

    The state of each axis is position, velocity, acceleration, and the receiver's slow and quick errors.
    """
    variance = float(np.median(sigma)) ** 2
    states, spreads = [], []
    for axis in range(2):
        kalman = KalmanFilter(dim_x=5, dim_z=1)
        first = velocity[0, axis] if np.isfinite(velocity[0, axis]) else 0.0
        kalman.x = np.array([[measured[0, axis]], [first], [0.0], [0.0], [0.0]])
        kalman.P = np.diag(
            [4 * variance + 25.0, 400.0, ACCELERATION**2, SLOW_SHARE * variance, (1 - SLOW_SHARE) * variance]
        )
        means, covariances, moves, noises = [], [], [], []
        for number, moment in enumerate(time):
            move, noise = _step(moment - time[number - 1] if number else 0.0, variance)
            kalman.predict(F=move, Q=noise)
            _observe(kalman, measured[number, axis], velocity[number, axis])
            means.append(kalman.x.copy())
            covariances.append(kalman.P.copy())
            moves.append(move)
            noises.append(noise)
        # filterpy's method takes the matrices that lead to each state, its function of the same name those from it.
        smooth, spread, _, _ = kalman.rts_smoother(np.array(means), np.array(covariances), moves, noises)
        states.append(smooth[:, :2, 0])
        spreads.append(np.sqrt(spread[:, 0, 0]))
    east, north = states
    return (
        np.stack([east[:, 0], north[:, 0]], axis=1),
        np.stack([east[:, 1], north[:, 1]], axis=1),
        np.sqrt((spreads[0] ** 2 + spreads[1] ** 2) / 2),
    )


def _step(elapsed: float, variance: float) -> tuple[Values, Values]:
    """Return the matrices of motion and of its noise over some seconds."""
    slow, quick = np.exp(-elapsed / SLOW_TIME), np.exp(-elapsed / QUICK_TIME)
    move = np.diag([1.0, 1.0, 1.0, slow, quick])
    move[0, 1] = move[1, 2] = elapsed
    move[0, 2] = elapsed**2 / 2
    noise = np.zeros((5, 5))
    lever = np.array([[5, 4, 3], [4, 3, 2], [3, 2, 1]])  # exponents of white jerk, integrated up to three times
    share = np.array([[20, 8, 6], [8, 3, 2], [6, 2, 1]])
    noise[:3, :3] = JERK**2 * elapsed**lever / share
    noise[3, 3] = SLOW_SHARE * variance * (1 - slow**2)
    noise[4, 4] = (1 - SLOW_SHARE) * variance * (1 - quick**2)
    return move, noise


def _observe(kalman: Any, position: float, velocity: float) -> None:
    """Take in a position and, where it is known, a velocity; a position that jumps is passed over."""
    rows = np.array([[1.0, 0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0, 0.0]])
    known = np.array([True, bool(np.isfinite(velocity))])
    off = np.array([position, velocity]) - (rows @ kalman.x)[:, 0]
    spread = np.array([JITTER, DOPPLER]) ** 2
    known[0] &= off[0] ** 2 < JUMP * ((rows @ kalman.P @ rows.T)[0, 0] + spread[0])
    for value, row, noise in zip(np.array([position, velocity])[known], rows[known], spread[known], strict=True):
        kalman.update(np.array([[value]]), R=np.array([[noise]]), H=row[None])


def _course(velocity: Values) -> Values:
    """Return directions (N,) in radians; a vehicle that stands keeps its own."""
    course = np.radians(bearing(velocity[:, 0], velocity[:, 1]))
    moving = np.hypot(*velocity.T) >= STANDING
    if not moving.any():
        return np.zeros(len(course))
    last = np.maximum.accumulate(np.where(moving, np.arange(len(course)), -1))
    return np.unwrap(course[np.where(last < 0, int(np.argmax(moving)), last)])
