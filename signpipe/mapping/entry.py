"""One sign on the map, as all drives together know it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """What has become of a sign, by all drives that passed it."""

    PRESENT = "present"
    NEW = "new"  # drives before passed the place in plain view, and it wasn't there
    CHANGED = "changed"  # another sign stands in its place
    HIDDEN = "hidden"  # the last drives passed and didn't see it, too few to say that it is gone
    GONE = "gone"  # the last drives passed in plain view, often enough, and it wasn't there
    DAMAGED = "damaged"  # it is there, and can hardly be read: damaged or overgrown, a job for maintenance


class Side(StrEnum):
    """Where a sign stands, seen by the traffic that it faces."""

    RIGHT = "right"
    LEFT = "left"
    ABOVE = "above"


@dataclass(slots=True)
class Entry:
    """A sign on the map. All fields are plain values.

    Attributes:
        id: Made of its place and class: the same from the same drives.
        latitude: WGS 84 degrees of the face's middle.
        longitude: Likewise.
        east_variance: Square metres.
        north_variance: Likewise.
        covariance: Of east and north, square metres.
        height: Metres of the face's middle over the road.
        height_sigma: Metres.
        facing: Degrees clockwise from north in which the face looks.
        facing_sigma: Their spread.
        side: Where it stands.
        aside: Metres to the right of the vehicles' path, negative to the left.
        scale: Its size as a share of the usual one of its class.
        class_name: The likeliest class.
        probability: Of it, over all drives.
        sure: Whether any drive was sure of a class and all together are.
        category: Category that is sure, or None.
        state: What has become of it.
        before: Of a changed sign, the class that stood there before.
        first_seen: Seconds since 1970, or None where no clock is known.
        last_seen: Likewise.
        seen: Number of passes that saw it.
        passed: Number of passes that had it in plain view, whether they saw it or not.
        missed: Number of the last passes that didn't see it.
        looks: Number of looks that placed it.
        members: Drive and track of each sighting.
        crop: JPEG or PNG of its largest look, or None.
    """

    id: str
    latitude: float
    longitude: float
    east_variance: float
    north_variance: float
    covariance: float
    height: float
    height_sigma: float
    facing: float
    facing_sigma: float
    side: Side
    aside: float
    scale: float
    class_name: str
    probability: float
    sure: bool
    category: str | None
    state: State = State.PRESENT
    before: str | None = None
    first_seen: float | None = None
    last_seen: float | None = None
    seen: int = 1
    passed: int = 1
    missed: int = 0
    looks: int = 0
    members: list[tuple[str, int]] = field(default_factory=list)
    crop: bytes | None = field(default=None, repr=False)

    @property
    def error(self) -> float:
        """Metres within which it stands, as a root mean square."""
        return float((self.east_variance + self.north_variance) ** 0.5)
