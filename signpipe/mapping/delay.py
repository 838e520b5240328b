"""By how much a recording's pictures and positions are apart in time, told by bends and by changes of speed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np

from signpipe.mapping.recording import Recording, SeenSign
from signpipe.mapping.trajectory import Trajectory

STEPS = (-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0)  # seconds that are tried at first
FINE = 0.5  # seconds around the best of them
SIGNS = 16  # that are asked, those where the vehicle turned or changed its speed most
FEWEST = 5
CAREFUL = 1.2  # the spread is so many times what the misfit's curvature says: looks share their errors
LEAST = 0.1  # seconds; no spread is smaller
SURE = 3.0  # spreads from which a delay is believed

logger = logging.getLogger(__name__)
Misfit = Callable[[Sequence[SeenSign], Trajectory], float]


def find_delay(
    recording: Recording, signs: Sequence[SeenSign], trajectory: Trajectory, misfit: Misfit
) -> tuple[float, float] | None:
    """Return by how many seconds positions are ahead of the pictures, and the spread; None where nothing tells it.

    Args:
        recording: The drive.
        signs: Its tracks.
        trajectory: Its path, in the time of its positions.
        misfit: How badly looks at some signs fit a path: half a sum of squares, in spreads.
    """
    asked = _telling(recording, signs, trajectory)
    if len(asked) < FEWEST:
        return None
    costs = {step: misfit(asked, trajectory.later(step)) for step in STEPS}
    best = min(costs, key=lambda step: costs[step])
    if best in (STEPS[0], STEPS[-1]):
        logger.warning(
            "Pictures and positions of %s fit best when moved by %g s, and more may fit better: see that they are "
            "of one drive, and set position.offset.", recording.name, best,
        )  # fmt: skip
        return None
    for step in (best - FINE, best + FINE):
        costs[step] = misfit(asked, trajectory.later(step))
    best = min(costs, key=lambda step: costs[step])
    tried = sorted(costs, key=lambda step: (abs(step - best), step))[:3]
    curve, slope, _ = np.polyfit(np.array(tried) - best, [costs[step] for step in tried], 2)
    if curve <= 0:
        return None
    spread = max(CAREFUL / float(np.sqrt(2 * curve)), LEAST)
    return best - float(np.clip(slope / (2 * curve), -FINE, FINE)), spread


def _telling(recording: Recording, signs: Sequence[SeenSign], trajectory: Trajectory) -> list[SeenSign]:
    """Return the signs whose looks would fit worst at another time."""
    scored = []
    for sign in signs:
        time = recording.frames["time"][sign.frame]
        if not all(np.isfinite(trajectory.later(step).at(time)[0]).all() for step in (STEPS[0], 0.0, STEPS[-1])):
            continue
        _, course, speed = trajectory.at(time)
        told = np.ptp(course) + np.ptp(speed) / max(float(speed.mean()), 1.0)
        scored.append((float(told) * min(len(time), 20), sign.track, sign))
    chosen = sorted(scored, key=lambda one: (-one[0], one[1]))[:SIGNS]
    return [sign for _, _, sign in sorted(chosen, key=lambda one: (int(one[2].frame[-1]), one[1]))]
