"""Placing the signs of a drive: robust nonlinear least squares over the signs and the drive's errors together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import least_squares
from scipy.sparse.linalg import splu

from signpipe.geodesy import Values
from signpipe.mapping.delay import SURE, find_delay
from signpipe.mapping.looks import Looks, Sizes, choose_looks, whole_looks
from signpipe.mapping.optics import CAMERA_HEIGHT, HEIGHT_SPREAD, Optics, project, seen_width
from signpipe.mapping.placed import PlacedSign
from signpipe.mapping.recording import Recording, Rows, SeenSign
from signpipe.mapping.torn import join_torn
from signpipe.mapping.trajectory import Trajectory

KNOTS = 1.0  # seconds between the places at which the drive's errors are told
# Errors of the course that last for some seconds (the road bends, the vehicle slips), and of the slope.
TURN, TURN_SPEED, TURN_TIME = math.radians(0.5), 0.15, 3.0  # spread, m/s across that add to it, seconds
TURN_SHARE = 0.08  # seconds by which a path's course may be early or late in a bend
SHARPEST = math.radians(12.0)  # a second; in a sharper bend fixes tell too little of the course
SLOPE, SLOPE_TIME = math.radians(0.4), 6.0
SHAKE = (math.radians(0.3), math.radians(0.3))  # within a second, to the side and up
SIZE = 0.15  # spread of the logarithm of a sign's size around its class's
FACING = math.radians(15.0)  # spread of the direction in which signs look around against the traffic
HEIGHT, HEIGHT_MEAN = 2.0, 1.2  # metres over the camera
ROBUST = 1.5  # spreads from which a residual counts less than its square
BATCH = 24  # signs that are placed together
LEARNING = 60  # signs from which focal length and mounting are learned
FEWEST = 2  # looks that place a sign
OPTICS, SIGN, KNOT = 3, 5, 4  # parameters of the camera, a sign, and a knot


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Least squares over some signs; parameters are optics, then knots, then signs."""

    looks: Looks
    trajectory: Trajectory
    optics: Optics
    knots: Values  # (K,), seconds
    before: Rows  # (N,), the knot before each look
    share: Values  # (N,), how far to the next one
    path: tuple[Values, Values, Values]  # position, course and speed at the looks
    scales: Values  # (K, 4), spreads of the knots' east, north, turn and slope
    kept: Values  # (K - 1, 4), how much of each error the next knot keeps
    facing: Values  # (S,), against the traffic

    @property
    def signs(self) -> int:
        return len(self.facing)

    @property
    def ranged(self) -> Rows:
        """Numbers of the looks whose range a LiDAR told."""
        return np.flatnonzero(np.isfinite(self.looks.depth))

    def split(self, parameters: Values) -> tuple[Values, Values, Values]:
        """Return optics (3,), knots (K, 4) and signs (S, 5): east, north, over the camera, log of size, facing."""
        end = OPTICS + KNOT * len(self.knots)
        return (
            parameters[:OPTICS], parameters[OPTICS:end].reshape(-1, KNOT), parameters[end:].reshape(-1, SIGN)
        )  # fmt: skip

    def residuals(self, parameters: Values) -> Values:
        optics, knots, signs = self.split(parameters)
        errors = knots[self.before] * (1 - self.share)[:, None] + knots[self.before + 1] * self.share[:, None]
        sign = signs[self.looks.sign]
        position, course, _ = self.path
        place = np.column_stack([sign[:, :2] - position - errors[:, :2], sign[:, 2]])
        axis = course + optics[1] + errors[:, 2]
        right, down, depth = project(place, axis, optics[2] + errors[:, 3])
        focal = np.exp(optics[0]) * self.looks.focal_unit
        # The weights must not depend on what is looked for: a longer focal length would excuse itself.
        shake = self.optics.focal * self.looks.focal_unit[:, None] * np.array(SHAKE)
        middle = (focal[:, None] * np.column_stack([right, down]) - self.looks.middle) / np.hypot(
            self.looks.middle_sigma[:, None], shake
        )
        real = self.looks.real[self.looks.sign] + sign[:, 3:4]
        apparent = np.log(focal)[:, None] + np.column_stack([
            np.log(seen_width(right, depth, axis, sign[:, 4])), -np.log(depth)
        ])  # fmt: skip
        size = (real + apparent - self.looks.size) / self.looks.size_sigma
        far = self.ranged
        ranges = (depth[far] - self.looks.depth[far]) / self.looks.depth_sigma[far]
        return np.concatenate([middle.ravel(), size.ravel(), ranges, self._known(optics, knots, signs)])

    def _known(self, optics: Values, knots: Values, signs: Values) -> Values:
        """Return the residuals of what is known without looking."""
        usual, spread = self.optics.known
        steps = (knots[1:] - self.kept * knots[:-1]) / (self.scales[1:] * np.sqrt(1 - self.kept**2))
        return np.concatenate([
            (optics - usual) / spread, knots[0] / self.scales[0], steps.ravel(), signs[:, 3] / SIZE,
            (signs[:, 4] - self.facing) / FACING, (signs[:, 2] - HEIGHT_MEAN) / HEIGHT,
        ])  # fmt: skip

    def sparsity(self) -> sparse.csr_matrix:
        """Return which residual depends on which parameter."""
        looks, knots = len(self.looks), len(self.knots)
        first_sign = OPTICS + KNOT * knots
        look = np.arange(looks)
        columns = np.column_stack([
            np.broadcast_to(np.arange(OPTICS), (looks, OPTICS)),
            *[OPTICS + KNOT * (self.before + after)[:, None] + np.arange(KNOT) for after in (0, 1)],
            first_sign + SIGN * self.looks.sign[:, None] + np.arange(SIGN),
        ])  # fmt: skip
        rows = [np.repeat(2 * look + offset, columns.shape[1]) for offset in (0, 1, 2 * looks, 2 * looks + 1)]
        far = self.ranged
        rows.append(np.repeat(4 * looks + np.arange(len(far)), columns.shape[1]))
        parts = [(np.concatenate(rows), np.concatenate([np.tile(columns.ravel(), 4), columns[far].ravel()]))]
        start = 4 * looks + len(far)
        chained = np.arange(KNOT * (knots - 1))
        begin = start + OPTICS + KNOT
        own = np.arange(OPTICS + KNOT)
        parts += [(start + own, own), (begin + chained, OPTICS + chained), (begin + chained, OPTICS + KNOT + chained)]
        begin += len(chained)
        for number, parameter in enumerate((3, 4, 2)):
            sign = np.arange(self.signs)
            parts.append((begin + number * self.signs + sign, first_sign + SIGN * sign + parameter))
        row, column = (np.concatenate(part) for part in zip(*parts, strict=True))
        shape = (begin + 3 * self.signs, first_sign + SIGN * self.signs)
        return sparse.csr_matrix((np.ones(len(row), np.int8), (row, column)), shape=shape)

    def start(self) -> Values:
        """Return the parameters from which the search starts: each sign where its largest look puts it."""
        signs = np.zeros((self.signs, SIGN))
        largest = np.full(self.signs, -np.inf)
        nearest = np.zeros(self.signs, np.int64)
        for look, (sign, height) in enumerate(
            zip(self.looks.sign.tolist(), self.looks.size[:, 1].tolist(), strict=True)
        ):
            if height > largest[sign]:
                largest[sign], nearest[sign] = height, look
        focal = self.optics.focal * self.looks.focal_unit[nearest]
        depth = np.exp(self.looks.real[:, 1] - largest) * focal
        depth = np.where(np.isfinite(self.looks.depth[nearest]), self.looks.depth[nearest], depth)
        axis = self.path[1][nearest] + self.optics.yaw
        right, down = (self.looks.middle[nearest] / focal[:, None] * depth[:, None]).T
        signs[:, 0] = self.path[0][nearest, 0] + depth * np.sin(axis) + right * np.cos(axis)
        signs[:, 1] = self.path[0][nearest, 1] + depth * np.cos(axis) - right * np.sin(axis)
        signs[:, 2] = depth * self.optics.pitch - down
        signs[:, 4] = self.facing
        return np.concatenate([self.optics.known[0], np.zeros(KNOT * len(self.knots)), signs.ravel()])


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    problem: _Problem
    parameters: Values
    optics_sigma: Values  # (3,)
    covariance: Values  # (S, 5, 5)
    misfit: Values  # (S,)


def put_in_time(
    recording: Recording, trajectory: Trajectory, optics: Optics, sizes: Sizes
) -> tuple[Trajectory, tuple[float, float] | None]:
    """Look for a delay between a drive's pictures and positions, and make up for it where it is sure.

    Args:
        recording: The drive.
        trajectory: Its path.
        optics: What is known of its camera.
        sizes: Width and height of each class in metres.

    Returns:
        The path in the time of the pictures; and by how many seconds the positions are ahead of them, with the spread,
        where that is told.
    """
    signs = _usable(recording, trajectory)
    delay = find_delay(
        recording, signs, trajectory, lambda asked, path: _misfitting(recording, asked, path, optics, sizes)
    )
    if delay is None or abs(delay[0]) <= SURE * delay[1]:
        return trajectory, delay
    return trajectory.later(delay[0]), delay


def place_signs(
    recording: Recording, trajectory: Trajectory, optics: Optics, sizes: Sizes
) -> tuple[list[PlacedSign], Optics]:
    """Place the signs of a drive.

    Args:
        recording: The drive.
        trajectory: Its path.
        optics: What is known of its camera.
        sizes: Width and height of each class in metres.

    Returns:
        The signs that could be placed, in order of time, and what was learned of the camera.
    """
    signs = _usable(recording, trajectory)
    if not signs:
        return [], optics
    signs = join_torn(recording, signs, trajectory, optics, sizes)
    signs.sort(key=lambda sign: (int(sign.frame[-1]), sign.track))
    by_looks = sorted(signs, key=lambda sign: -len(sign.frame))[:LEARNING]
    telling = sorted(by_looks, key=lambda sign: int(sign.frame[-1]))
    solved = _solve(recording, telling, trajectory, optics, sizes)
    learned = optics.learned(solved.parameters[:OPTICS], solved.optics_sigma)
    placed: list[PlacedSign] = []
    for batch in _batches(signs):
        placed += _placed(recording, batch, _solve(recording, batch, trajectory, learned, sizes))
    return placed, learned


def _usable(recording: Recording, trajectory: Trajectory) -> list[SeenSign]:
    """Return the signs with their looks from known places, not in sharp bends; those of which enough are left."""
    usable = []
    for sign in recording.signs:
        time = recording.frames["time"][sign.frame]
        known = np.isfinite(trajectory.at(time)[0]).all(axis=1) & (trajectory.turning(time) <= SHARPEST)
        kept = replace(
            sign, frame=sign.frame[known], xyxy=sign.xyxy[known], depth=sign.depth[known],
            depth_sigma=sign.depth_sigma[known],
        )  # fmt: skip
        if len(whole_looks(kept, recording.frames)) >= FEWEST:
            usable.append(kept)
    return usable


def _misfitting(
    recording: Recording, signs: Sequence[SeenSign], trajectory: Trajectory, optics: Optics, sizes: Sizes
) -> float:
    """Return how badly looks fit a path, of those that it places."""
    problem = _problem(choose_looks(recording, signs, sizes), trajectory, optics)
    found = least_squares(
        problem.residuals, problem.start(), jac_sparsity=problem.sparsity(), x_scale="jac", loss="soft_l1",
        f_scale=ROBUST, ftol=1e-3, max_nfev=25,
    )  # fmt: skip
    return float(found.cost)


def _batches(signs: Sequence[SeenSign]) -> Iterator[Sequence[SeenSign]]:
    for first in range(0, len(signs), BATCH):
        yield signs[first : first + BATCH]


def _solve(
    recording: Recording, signs: Sequence[SeenSign], trajectory: Trajectory, optics: Optics, sizes: Sizes
) -> _Solved:
    """Place some signs together."""
    looks = choose_looks(recording, signs, sizes)
    problem = _problem(looks, trajectory, optics)
    pattern = problem.sparsity()
    found = least_squares(
        problem.residuals, problem.start(), jac_sparsity=pattern, x_scale="jac", loss="soft_l1", f_scale=ROBUST,
        xtol=1e-6, ftol=1e-6, gtol=1e-8, max_nfev=60,
    )  # fmt: skip
    covariance, optics_sigma = _covariances(problem, found.jac)
    return _Solved(problem, found.x, optics_sigma, covariance, _misfit(problem, found.fun))


def _problem(looks: Looks, trajectory: Trajectory, optics: Optics) -> _Problem:
    knots = np.unique(np.concatenate([np.floor(looks.time / KNOTS), np.floor(looks.time / KNOTS) + 1])) * KNOTS
    before = np.searchsorted(knots, looks.time, side="right") - 1
    before = np.minimum(before, len(knots) - 2)
    share = (looks.time - knots[before]) / (knots[before + 1] - knots[before])
    path = trajectory.at(looks.time)
    speed = np.interp(knots, trajectory.time, np.hypot(*trajectory.velocity.T))
    sigma = trajectory.sigma_at(knots)
    turn = np.hypot(np.hypot(TURN, TURN_SPEED / np.maximum(speed, 2.0)), TURN_SHARE * trajectory.turning(knots))
    scales = np.column_stack([sigma, sigma, turn, np.full(len(knots), SLOPE)])
    reach = np.array([trajectory.reach, trajectory.reach, TURN_TIME, SLOPE_TIME])
    kept = np.exp(-np.diff(knots)[:, None] / reach)
    last = np.zeros(len(looks.real), np.int64)
    last[looks.sign] = np.arange(len(looks))  # looks are in order of time
    facing = path[1][last] + np.pi
    return _Problem(looks, trajectory, optics, knots, before, share, path, scales, kept, facing)


def _covariances(problem: _Problem, jacobian: Any) -> tuple[Values, Values]:
    """Return the covariances (S, 5, 5) of the signs' parameters, and the spreads (3,) of the optics."""
    information = (jacobian.T @ jacobian).tocsc()
    count = information.shape[0]
    solver = splu(information + 1e-12 * sparse.identity(count, format="csc"))
    wanted = np.r_[np.arange(OPTICS), np.arange(count - SIGN * problem.signs, count)]
    units = np.zeros((count, len(wanted)))
    units[wanted, np.arange(len(wanted))] = 1.0
    inverse = solver.solve(units)[wanted]
    signs = [inverse[at : at + SIGN, at : at + SIGN] for at in range(OPTICS, len(wanted), SIGN)]
    return np.array(signs), np.sqrt(np.diag(inverse)[:OPTICS])


def _misfit(problem: _Problem, residuals: Values) -> Values:
    """Return the root mean square (S,) of each sign's residuals."""
    count = len(problem.looks)
    squares = (residuals[: 4 * count] ** 2).reshape(2, count, 2).sum(axis=(0, 2)) / 4
    totals = np.bincount(problem.looks.sign, squares, problem.signs)
    return np.asarray(np.sqrt(totals / np.maximum(np.bincount(problem.looks.sign, minlength=problem.signs), 1)))


def _placed(recording: Recording, signs: Sequence[SeenSign], solved: _Solved) -> Iterator[PlacedSign]:
    """Yield the signs with their places."""
    problem, trajectory = solved.problem, solved.problem.trajectory
    _, _, values = problem.split(solved.parameters)
    frames = recording.frames
    for number, (sign, value, covariance) in enumerate(zip(signs, values, solved.covariance, strict=True)):
        rows = np.flatnonzero(problem.looks.sign == number)
        last = rows[-1]
        position, course = problem.path[0][last], problem.path[1][last]
        away = value[:2] - position
        latitude, longitude = trajectory.globe(value[:2])
        utc = frames["utc"][sign.frame[-1]]
        side = np.exp(problem.looks.size[rows].mean(axis=1)).max()
        # A face and its back are as wide: of the two directions, the one against the traffic.
        facing = value[4] - math.pi * round((value[4] - problem.facing[number]) / math.pi)
        yield PlacedSign(
            recording.name, sign.track, float(latitude), float(longitude), float(value[2] + CAMERA_HEIGHT),
            float(covariance[0, 0]), float(covariance[1, 1]), float(covariance[0, 1]),
            math.hypot(math.sqrt(covariance[2, 2]), HEIGHT_SPREAD),
            float(trajectory.sigma_at(frames["time"][sign.frame[-1]])), trajectory.reach,
            math.degrees(facing) % 360, math.degrees(math.sqrt(covariance[4, 4])), math.degrees(course) % 360,
            float(away[0] * np.cos(course) - away[1] * np.sin(course)), math.exp(value[3]),
            sign.belief, sign.category, sign.sure, sign.novelty,
            float(frames["time"][sign.frame[0]]), float(frames["time"][sign.frame[-1]]),
            float(utc) if np.isfinite(utc) else None, len(rows), float(side), float(solved.misfit[number]),
            sign.crop, None if sign.embedding is None else sign.embedding.tolist(),
        )  # fmt: skip
