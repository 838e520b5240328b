"""One thing that a map says about signs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MapKind(StrEnum):
    """What an entry stands for."""

    SIGN = "sign"  # a sign stands here
    LIMIT = "limit"  # this limit holds here, whether a sign stands here or not


@dataclass(frozen=True, slots=True)
class MapSign:
    """A mapped sign, or a point of a road with a limit.

    Attributes:
        latitude: WGS 84 degrees, north positive.
        longitude: WGS 84 degrees, east positive.
        class_id: Index in the catalogue.
        heading: Direction of travel for which it holds, degrees clockwise from true north; None if the map doesn't say.
        source: Where it is in the map, such as "node 123".
        kind: Whether a sign stands here or a limit holds here.
    """

    latitude: float
    longitude: float
    class_id: int
    heading: float | None
    source: str
    kind: MapKind = MapKind.SIGN
