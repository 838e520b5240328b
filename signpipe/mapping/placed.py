"""What one drive tells of signs: where each is, and from where the drive looked."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from signpipe.geodesy import Values

LEAST_OWN = 0.3  # metres that a place errs by at least, besides what its drive's signs share


@dataclass(slots=True)
class PlacedSign:
    """One sign of one drive, placed. All fields are plain values, so that it can be a row of a table.

    Attributes:
        drive: Name of the recording.
        track: Number of the track in it.
        latitude: WGS 84 degrees of the face's middle.
        longitude: Likewise.
        height: Metres of the face's middle over the road.
        east_variance: Square metres, all errors together.
        north_variance: Likewise.
        covariance: Of east and north, square metres.
        height_sigma: Metres.
        shared: Metres, the part of the spread along each axis that all signs nearby in this drive share: the
            receiver's error.
        reach: Seconds of the drive after which that error is another one.
        facing: Degrees clockwise from north in which the face looks.
        facing_sigma: Their spread.
        travel: Direction of the vehicle at the last look, degrees clockwise from north.
        aside: Metres that the sign stands to the right of the vehicle's path, negative to the left.
        scale: Its size as a share of the usual one of its class.
        belief: Fused probability of each class that was told.
        category: Category that is sure, or None.
        sure: Whether the class may be published.
        novelty: 0..1.
        first: Seconds in the recording of the first look.
        last: Of the last one.
        utc: Seconds since 1970 of the last look, or None where no clock is known.
        looks: Number of looks that were used.
        side: Pixels of the largest one.
        misfit: Root mean square of the looks' residuals, in spreads.
        crop: JPEG or PNG of the largest look, or None.
        embedding: Unit vector of the same, or None.
    """

    drive: str
    track: int
    latitude: float
    longitude: float
    height: float
    east_variance: float
    north_variance: float
    covariance: float
    height_sigma: float
    shared: float
    reach: float
    facing: float
    facing_sigma: float
    travel: float
    aside: float
    scale: float
    belief: dict[str, float]
    category: str | None
    sure: bool
    novelty: float
    first: float
    last: float
    utc: float | None
    looks: int
    side: float
    misfit: float
    crop: bytes | None = field(default=None, repr=False)
    embedding: list[float] | None = field(default=None, repr=False)

    @property
    def spread(self) -> Values:
        """float64 (2, 2), covariance of the place to the east and north in square metres."""
        return np.array([[self.east_variance, self.covariance], [self.covariance, self.north_variance]])

    @property
    def own(self) -> Values:
        """float64 (2, 2), the same without what the drive's signs share."""
        values, vectors = np.linalg.eigh(self.spread - self.shared**2 * np.eye(2))
        return np.asarray(vectors @ np.diag(np.maximum(values, LEAST_OWN**2)) @ vectors.T)

    @property
    def best(self) -> str:
        """The likeliest class."""
        return max(self.belief, key=lambda name: self.belief[name])


@dataclass(slots=True)
class Waypoint:
    """A place from which a drive looked; one every few metres.

    Attributes:
        drive: Name of the recording.
        time: Seconds in it.
        utc: Seconds since 1970, or None where no clock is known.
        latitude: WGS 84 degrees.
        longitude: Likewise.
        course: Direction of movement, degrees clockwise from north.
        half_view: Degrees that the camera sees to each side of it.
    """

    drive: str
    time: float
    utc: float | None
    latitude: float
    longitude: float
    course: float
    half_view: float


@dataclass(slots=True)
class DrivenRoad:
    """What a drive tells: its signs, from where it looked, and what was learned of its camera and clock.

    Attributes:
        name: Of the recording.
        signs: In order of time.
        waypoints: Likewise.
        limits: Stretches with one limit each.
        focal: Focal length in pixels, and its relative spread.
        mounting: Degrees that the camera looks to the right and up, and their spreads.
        delay: Seconds by which the positions are ahead of the pictures, and their spread; None where it wasn't looked
            for or nothing tells it. It is made up for where it is more than three spreads.
    """

    name: str
    signs: list[PlacedSign]
    waypoints: list[Waypoint]
    limits: list[LimitStretch]
    focal: tuple[float, float]
    mounting: tuple[float, float, float, float]
    delay: tuple[float, float] | None = None


@dataclass(slots=True)
class LimitStretch:
    """A stretch of a drive under one limit.

    Attributes:
        drive: Name of the recording.
        value: km/h, or None for no limit.
        message: As the driver was told it.
        sure: False while it was the last known one only.
        path: Latitude and longitude every few metres.
        length: Metres.
    """

    drive: str
    value: float | None
    message: str
    sure: bool
    path: list[tuple[float, float]]
    length: float
