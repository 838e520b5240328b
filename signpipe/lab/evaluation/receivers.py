"""How well any map could place signs with a drive's receiver: what no use of the pictures can better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from signpipe.geodesy import Values
from signpipe.lab.simulation.drives import SLOW_TIME, Errors, Receiver, Run, drive_along
from signpipe.lab.simulation.streets import Street, StreetSign
from signpipe.mapping.trajectory import RADIUS_68

AHEAD, TURNED = 2.0, 0.35  # metres, and cosine to the face, from which a sign is seen


@dataclass(frozen=True, slots=True, eq=False)
class BestPath:
    """The best linear estimate of a drive's path, for which the receiver's errors are known exactly but for their draw.

    Attributes:
        run: The drive.
        off: float64 (S, 2), metres that the estimate of each second is off.
        variance: float64 (S,), its expected square along each axis.
    """

    run: Run
    off: Values
    variance: Values

    def at(self, sign: StreetSign) -> tuple[Values, float]:
        """Return by how much (2,) a sign is off that stands just where it was seen from nearby, and the variance."""
        away = np.array(sign.place[:2]) - self.run.position
        course = self.run.course
        seen = away[:, 0] * np.sin(course) + away[:, 1] * np.cos(course) > AHEAD
        seen &= np.cos(np.arctan2(-away[:, 0], -away[:, 1]) - sign.facing) > TURNED
        nearest = int(np.argmin(np.where(seen, np.hypot(*away.T), np.inf)))
        second = min(round(float(self.run.time[nearest])), len(self.off) - 1)
        return self.off[second], float(self.variance[second])


def best_path(street: Street, rng: np.random.Generator, errors: Errors) -> BestPath:
    """Return the best estimate of a drive's path: from its positions, whose errors last, and its velocities.

    Args:
        street: Where it goes.
        rng: In the same state as that of the recorded drive.
        errors: What goes wrong in it.
    """
    run, receiver = drive_along(street, rng, errors)
    count = len(receiver.off)
    course = np.interp(np.arange(count), run.time, run.course)
    velocity = np.stack([
        receiver.along * np.sin(course) + receiver.across * np.cos(course),
        receiver.along * np.cos(course) - receiver.across * np.sin(course),
    ], axis=1)  # fmt: skip
    positions = np.linalg.inv(_covariance(receiver, errors.jitter))
    steps = np.diff(np.eye(count), axis=0) / errors.doppler**2
    covariance = np.linalg.inv(positions + steps.T @ np.diff(np.eye(count), axis=0))
    off = covariance @ (positions @ receiver.off + steps.T @ (velocity[1:] + velocity[:-1]) / 2)
    return BestPath(run, off, np.diag(covariance))


def least_errors(signs: Sequence[StreetSign], paths: Sequence[BestPath], first: int) -> list[float]:
    """Return by how many metres signs are off on the best map of some drives.

    Args:
        signs: The signs.
        paths: Of the drives, in order.
        first: Number of the first drive.
    """
    errors = []
    for sign in signs:
        told = [path.at(sign) for drive, path in enumerate(paths, first) if sign.since <= drive < sign.until]
        weights = [1 / variance for _, variance in told]
        errors.append(float(np.hypot(*np.average([off for off, _ in told], axis=0, weights=weights))))
    return errors


def _covariance(receiver: Receiver, jitter: float) -> Values:
    """Return the covariance (S, S) of a receiver's positions along one axis."""
    sigma, slow = receiver.radius / RADIUS_68, receiver.slow_share
    seconds = np.arange(len(receiver.off))
    apart = np.abs(np.subtract.outer(seconds, seconds))
    lasting = slow * np.exp(-apart / SLOW_TIME) + (1 - slow) * np.exp(-apart / receiver.quick_time)
    return np.asarray(sigma**2 * lasting + jitter**2 * np.eye(len(seconds)))
